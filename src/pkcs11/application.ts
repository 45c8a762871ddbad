import { DecodeError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { correlated, silentTrace, type Trace } from "../trace/index.ts";
import { ApplicationState } from "./application-state.ts";
import { callName, type CallName, type ResponseOf } from "./calls.ts";
import { CKR, ckrName } from "./cryptoki.ts";
import { ckrFor, CryptokiError, refuse, TokenFailure } from "./errors.ts";
import { HANDLERS } from "./handlers.ts";
import { encodeError, encodeResponse, openRequest, readArguments, requestId } from "./messages.ts";
import type { Token } from "./token.ts";

export type ApplicationOptions = {
  readonly token: Token;
  readonly clock: Clock;
  /** The protocol version that the client announced. */
  readonly clientVersion: number;
  readonly trace?: Trace;
  /** How the trace names this connection. */
  readonly connection?: string;
};

/** Calls that may come before C_Initialize. PKCS #11 v2.40, section 11.4 */
const BEFORE_INITIALIZE: readonly CallName[] = ["C_Initialize"];

/** Answers one connected program: one request at a time; a request, whatever it holds, gets an answer. */
export class Application {
  readonly #state: ApplicationState;
  readonly #clock: Clock;
  readonly #trace: Trace;

  constructor({ token, clock, clientVersion, trace = silentTrace, connection }: ApplicationOptions) {
    this.#state = new ApplicationState({ token, clientVersion });
    this.#clock = clock;
    this.#trace = connection === undefined ? trace : correlated(trace, { connection });
  }

  /** The body that answers a request's body; a promise only where the chip has to be asked. Never throws. */
  answer(body: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const started = this.#trace.isSilent ? 0 : this.#clock.now();
    try {
      const { name, values } = this.#carryOut(body);
      if (!(values instanceof Promise)) return this.#succeeded(name, values, started);
      return values
        .then((each) => this.#succeeded(name, each, started))
        .catch((error) => this.#failed(body, error, started));
    } catch (error) {
      return this.#failed(body, error, started);
    }
  }

  /** The program is gone: its sessions are closed and its login ends. */
  finalize(): void {
    this.#state.finalize();
  }

  #carryOut(body: Uint8Array): { name: CallName; values: ReturnType<AnyHandler> } {
    if (callName(requestId(body)) === undefined) throw refuse("function-not-supported", "a call of unknown number");
    const { name, body: rest } = openRequest(body);
    // The values were read by the row that the handler is typed from, and so is the answer written.
    const handler = HANDLERS[name] as AnyHandler | undefined;
    if (!handler) throw refuse("function-not-supported", `${name} is not carried out`);
    if (!this.#state.isInitialized && !BEFORE_INITIALIZE.includes(name)) {
      throw refuse("not-initialized", `${name} before C_Initialize`);
    }
    return { name, values: handler(this.#state, ...readArguments(name, rest, this.#state.clientVersion)) };
  }

  #succeeded(name: CallName, values: ResponseOf<CallName>, started: number): Uint8Array {
    const response = encodeResponse(name, values, this.#state.clientVersion);
    if (!this.#trace.isSilent) this.#tell(name, CKR.CKR_OK, started, "");
    return response;
  }

  #failed(body: Uint8Array, error: unknown, started: number): Uint8Array {
    const ckr = ckrFor(error);
    this.#tell(nameIn(body), ckr, started, error instanceof Error ? error.message : "unknown reason");
    this.#warn(error);
    return encodeError(ckr);
  }

  #tell(call: string, ckr: number, started: number, detail: string): void {
    const durationMs = this.#clock.now() - started;
    this.#trace.emit("host", { kind: "pkcs11.call", call, result: ckrName(ckr), durationMs, detail });
  }

  /** What nobody has foreseen is a defect of ours: it must not hide behind a return value. */
  #warn(error: unknown): void {
    if (error instanceof CryptokiError || error instanceof TokenFailure || error instanceof DecodeError) return;
    const detail = `the token failed inside: ${error instanceof Error ? error.message : "unknown reason"}`;
    this.#trace.emit("host", { kind: "process", what: "warning", detail });
  }
}

type AnyHandler = (
  application: ApplicationState,
  ...values: readonly unknown[]
) => ResponseOf<CallName> | Promise<ResponseOf<CallName>>;

function nameIn(body: Uint8Array): string {
  try {
    const id = requestId(body);
    return callName(id) ?? `call ${id}`;
  } catch {
    return "no call";
  }
}
