import { DecodeError } from "../codec/index.ts";
import type { Clock } from "../crypto/index.ts";
import { correlated, silentTrace, type Trace } from "../trace/index.ts";
import { callName, type CallName, type RequestOf, type ResponseOf } from "./calls.ts";
import { CKR, ckrName, CKS } from "./cryptoki.ts";
import { ckrFor, CryptokiError, refuse, TokenFailure } from "./errors.ts";
import { HANDLERS } from "./handlers.ts";
import { encodeError, encodeResponse, openRequest, readArguments, requestId } from "./messages.ts";
import { PROTOCOL_VERSION } from "./mechanisms.ts";
import type { ObjectFacts, TokenObject } from "./objects.ts";
import { Session } from "./session.ts";
import type { Contents, Token } from "./token.ts";

/** A call carried out for an application; what it throws becomes the return value. */
export type Handler<Name extends CallName> = (
  application: Application,
  ...values: RequestOf<Name>
) => ResponseOf<Name> | Promise<ResponseOf<Name>>;

/** The calls that are carried out; every other one answers CKR_FUNCTION_NOT_SUPPORTED. */
export type Handlers = { readonly [Name in CallName]?: Handler<Name> };

type AnyHandler = (
  application: Application,
  ...values: readonly unknown[]
) => ResponseOf<CallName> | Promise<ResponseOf<CallName>>;

export type ApplicationOptions = {
  readonly token: Token;
  readonly clock: Clock;
  /** The protocol version that the client announced. */
  readonly clientVersion: number;
  readonly trace?: Trace;
  /** How the trace names this connection. */
  readonly connection?: string;
};

/** More than any program needs at a time: p11tool opens twelve. */
export const MAX_SESSIONS = 256;

/** More secrets than any program derives before it uses them, and more data than any keeps in a session. */
const MAX_KEPT = 256;

/** Calls that may come before C_Initialize. PKCS #11 v2.40, section 11.4 */
const BEFORE_INITIALIZE: readonly CallName[] = ["C_Initialize"];

/**
 * One connected program: its sessions and its login, which end with it. One request at a time; a request, whatever it
 * holds, gets an answer. PKCS #11 v2.40, section 6.6
 */
export class Application {
  readonly token: Token;
  /** The protocol version by which requests are read. */
  readonly clientVersion: number;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #sessions = new Map<bigint, Session>();
  /** Derived secrets and data that are in no chip, by the session that they end with. */
  readonly #kept = new Map<TokenObject, Session>();
  /** Public keys that went with the private ones that this program erased, until it erases them too. */
  readonly #gone = new Set<bigint>();
  #nextSession = 1n;
  #isInitialized = false;
  #isLoggedIn = false;

  constructor({ token, clock, clientVersion, trace = silentTrace, connection }: ApplicationOptions) {
    this.token = token;
    this.#clock = clock;
    this.clientVersion = Math.min(clientVersion, PROTOCOL_VERSION);
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

  /** Begins. Throws where it has begun already. */
  initialize(): void {
    if (this.#isInitialized) throw refuse("already-initialized", "C_Initialize a second time");
    this.#isInitialized = true;
  }

  /** Ends: all sessions are closed, nobody is logged in. */
  finalize(): void {
    this.#isInitialized = false;
    this.closeAll();
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get writableSessionCount(): number {
    return [...this.#sessions.values()].filter(({ isWritable }) => isWritable).length;
  }

  get isLoggedIn(): boolean {
    return this.#isLoggedIn;
  }

  openSession(isWritable: boolean): Session {
    if (this.#sessions.size >= MAX_SESSIONS) throw refuse("session-count", `${MAX_SESSIONS} sessions are open`);
    // A program that starts sees the chip as it is now, not as another program left it.
    if (this.#sessions.size === 0) this.token.forgetContents();
    const session = new Session(this.#nextSession++, isWritable);
    this.#sessions.set(session.handle, session);
    return session;
  }

  /** Throws `session-handle-invalid`. */
  session(handle: bigint): Session {
    const session = this.#sessions.get(handle);
    if (!session) throw refuse("session-handle-invalid", `there is no session ${handle}`);
    return session;
  }

  /** A session in which the token may be changed now. */
  writableSession(handle: bigint): Session {
    const session = this.session(handle);
    if (!session.isWritable) throw refuse("session-read-only", `session ${handle} is read-only`);
    if (this.token.pin && !this.#isLoggedIn) throw refuse("not-logged-in", "only a logged-in user changes the token");
    return session;
  }

  /** Closing the last session logs the user out. PKCS #11 v2.40, section 11.6 */
  closeSession(handle: bigint): void {
    const closed = this.session(handle);
    this.#sessions.delete(handle);
    for (const [secret, session] of this.#kept) if (session === closed) this.#kept.delete(secret);
    if (this.#sessions.size === 0) this.#isLoggedIn = false;
  }

  closeAll(): void {
    this.#sessions.clear();
    this.#kept.clear();
    this.#gone.clear();
    this.#isLoggedIn = false;
  }

  login(): void {
    this.#isLoggedIn = true;
  }

  logout(): void {
    if (!this.#isLoggedIn) throw refuse("not-logged-in", "C_Logout without a login");
    this.#isLoggedIn = false;
    // What private objects were found or used until now is out of reach. PKCS #11 v2.40, section 11.6
    for (const session of this.#sessions.values()) session.abandon();
  }

  stateOf({ isWritable }: Session): bigint {
    if (isWritable) return this.#isLoggedIn ? CKS.RW_USER : CKS.RW_PUBLIC;
    return this.#isLoggedIn ? CKS.RO_USER : CKS.RO_PUBLIC;
  }

  /** The objects that the program may see: those of the token, and those that it keeps in its sessions. A promise only where they are to be read. */
  objects(): readonly TokenObject[] | Promise<readonly TokenObject[]> {
    const { knownContents } = this.token;
    return knownContents
      ? this.#visible(knownContents)
      : this.token.contents().then((contents) => this.#visible(contents));
  }

  /** Keeps an object for this program until its session ends. Throws `device-memory` beyond MAX_KEPT. */
  keepInSession(facts: ObjectFacts, session: Session): TokenObject {
    if (this.#kept.size >= MAX_KEPT)
      throw new TokenFailure("device-memory", `${MAX_KEPT} objects are kept in sessions`);
    const kept = { ...facts, handle: this.token.newHandle() };
    this.#kept.set(kept, session);
    return kept;
  }

  /** Whether there was such an object. */
  forgetKept(handle: bigint): boolean {
    const secret = [...this.#kept.keys()].find((each) => each.handle === handle);
    return secret !== undefined && this.#kept.delete(secret);
  }

  /** The chip has no half of a key pair: with the private key the public one with this handle went. */
  noteGone(handle: bigint): void {
    this.#gone.add(handle);
  }

  /** Whether an object went with its private key; programs that erase both learn so once. */
  wentWithItsPair(handle: bigint): boolean {
    return this.#gone.delete(handle);
  }

  /** Throws `object-handle-invalid`. */
  async object(handle: bigint): Promise<TokenObject> {
    const found = (await this.objects()).find((each) => each.handle === handle);
    if (!found) throw refuse("object-handle-invalid", `there is no object ${handle}`);
    return found;
  }

  #visible({ objects }: Contents): readonly TokenObject[] {
    const visible = this.#isLoggedIn ? objects : objects.filter(({ isPrivate }) => !isPrivate);
    return this.#kept.size === 0 ? visible : [...visible, ...this.#kept.keys()];
  }

  #carryOut(body: Uint8Array): { name: CallName; values: ReturnType<AnyHandler> } {
    if (callName(requestId(body)) === undefined) throw refuse("function-not-supported", "a call of unknown number");
    const { name, body: rest } = openRequest(body);
    // The values were read by the row that the handler is typed from, and so is the answer written.
    const handler = HANDLERS[name] as AnyHandler | undefined;
    if (!handler) throw refuse("function-not-supported", `${name} is not carried out`);
    if (!this.#isInitialized && !BEFORE_INITIALIZE.includes(name)) {
      throw refuse("not-initialized", `${name} before C_Initialize`);
    }
    return { name, values: handler(this, ...readArguments(name, rest, this.clientVersion)) };
  }

  #succeeded(name: CallName, values: ResponseOf<CallName>, started: number): Uint8Array {
    const response = encodeResponse(name, values, this.clientVersion);
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

function nameIn(body: Uint8Array): string {
  try {
    const id = requestId(body);
    return callName(id) ?? `call ${id}`;
  } catch {
    return "no call";
  }
}
