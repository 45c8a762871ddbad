import {
  type BlockCipher,
  type CommandApdu,
  decodeExtendedCommand,
  describeExchange,
  encodeResponse,
  type Fields,
  type ResponseApdu,
  SW_OK,
} from "../../apdu/index.ts";
import {
  SE05X_AID,
  SE05X_COMMAND_SET,
  SE05X_OBJECT,
  type Right,
  type Se05xCommandName,
} from "../../apdu/se05x/index.ts";
import { DecodeError, equal, fromHex, ProtocolError, Refused, toHex } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Issuer } from "../../pki/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import type { EcCurve } from "../ec-curve.ts";
import { MemoryInRam } from "../memory.ts";
import type { Card, NonVolatileMemory } from "../ports.ts";
import { demandRight, NOBODY } from "./access.ts";
import { newBirth } from "./birth.ts";
import { se05xHandlers, type CarrierCommand, type Se05xHandlers, type Se05xInside } from "./handlers.ts";
import { curveTable } from "./contents.ts";
import { decodeImage, encodeImage } from "./image.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { ObjectStore } from "./store.ts";
import { SE05X_MODELS, type Se05xModelName } from "./variants.ts";

/** The arithmetic of a chip: two curves, hashes and AES. */
export type Se05xCrypto = {
  readonly p256: EcCurve;
  readonly p384: EcCurve;
  readonly hash: Hash;
  readonly aes: BlockCipher;
};

export type Se05xChipOptions = {
  readonly model: Se05xModelName;
  readonly crypto: Se05xCrypto;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Memory that is lost with the object, where absent. */
  readonly memory?: NonVolatileMemory;
  /** Who certifies a new part; the public test root where absent. */
  readonly issuer?: Issuer;
  readonly trace?: Trace;
};

/**
 * A simulated secure element of the SE05x family: it answers command bytes with answer bytes, and keeps its keys.
 *
 * A command that changes something is stored before it is answered; where storing fails, it has not happened.
 */
export class Se05xChip implements Card {
  readonly model: Se05xModelName;
  readonly readerName: string;
  readonly #inside: Se05xInside;
  readonly #handlers: Se05xHandlers;
  readonly #memory: NonVolatileMemory;
  readonly #trace: Trace;
  #selected = true;

  private constructor(options: Se05xChipOptions, memory: NonVolatileMemory, objects: Iterable<SecureObject>) {
    const { model, crypto, entropy, clock, trace = silentTrace } = options;
    this.model = model;
    this.readerName = SE05X_MODELS[model].name;
    this.#memory = memory;
    this.#trace = trace;
    const state = { poweredAt: clock.now(), caller: NOBODY, tlsRandom: undefined, keep: () => this.#store() };
    const store = new ObjectStore(SE05X_MODELS[model], objects);
    const sessions = { open: new Map(), current: undefined };
    const ports = { curves: curveTable(crypto), hash: crypto.hash, aes: crypto.aes, entropy, clock };
    const demand = (id: number, right: Right) => this.#demand(id, right);
    this.#inside = { model: SE05X_MODELS[model], store, sessions, demand, ...ports, ...state };
    this.#handlers = se05xHandlers(this.#inside);
  }

  /**
   * The chip whose state the memory holds, or a new one, born with identifier, keys and certificates. Throws
   * `UsageError` where the memory holds something other than the state of such a chip.
   */
  static async open(options: Se05xChipOptions): Promise<Se05xChip> {
    const { model, crypto, entropy, issuer, memory = new MemoryInRam() } = options;
    const stored = memory.load();
    if (stored) return new Se05xChip(options, memory, decodeImage(model, stored, curveTable(crypto)));
    const objects = await newBirth(SE05X_MODELS[model].name, { ...crypto, entropy }, issuer);
    memory.store(encodeImage(model, objects));
    return new Se05xChip(options, memory, objects);
  }

  /** The chip's unique identifier, 36 hex digits. */
  get uniqueId(): string {
    const content = this.#inside.store.find(SE05X_OBJECT.uniqueId)?.content;
    return content?.kind === "binary" ? toHex(content.bytes) : "";
  }

  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array {
    this.#forget();
    this.#selected = true;
    this.#inside.poweredAt = this.#inside.clock.now();
    return ANSWER_TO_RESET.slice();
  }

  /** Answers one command. Never throws: what goes wrong inside answers 6F00 and is told to the trace. */
  exchange(command: Uint8Array): Uint8Array {
    const { clock } = this.#inside;
    const started = clock.now();
    // A copy: what is stored must not change with the caller's buffer.
    const { seen, answer } = this.#answer(Uint8Array.from(command));
    const bytes = encodeResponse(answer);
    const description = describeExchange(SE05X_COMMAND_SET, seen, bytes);
    const durationMs = clock.now() - started;
    this.#trace.emit("chip", { kind: "chip.command", ...description, durationMs }, { device: this.uniqueId });
    return bytes;
  }

  /** `seen` is the command that was carried out: the inner one where a session carried it. */
  #answer(bytes: Uint8Array): { seen: Uint8Array; answer: ResponseApdu } {
    let seen = bytes;
    try {
      this.#inside.caller = NOBODY;
      this.#inside.sessions.current = undefined;
      let recognised = this.#recognise(decodeExtendedCommand(bytes));
      if (recognised.key === "processSession") {
        const { sessionId, command } = recognised.request as { sessionId: Uint8Array; command: Uint8Array };
        seen = command;
        recognised = this.#recognise(decodeExtendedCommand(command));
        this.#enter(toHex(sessionId), recognised.key);
      }
      const { key, row, request } = recognised;
      const data = SE05X_COMMAND_SET.writeResponse(row, this.#carryOut(key, request));
      this.#store();
      return { seen, answer: { data, sw: SW_OK } };
    } catch (error) {
      this.#inside.store.rollBack();
      return { seen, answer: { data: new Uint8Array(0), sw: this.#statusWordFor(error) } };
    }
  }

  #recognise(apdu: CommandApdu): {
    readonly key: Se05xCommandName;
    readonly row: RowOfTable;
    readonly request: Fields;
  } {
    const recognised = SE05X_COMMAND_SET.recognise(apdu);
    const { key } = recognised;
    if (!this.#selected && key !== "select" && key !== "selectCardManager") {
      throw refuse(0x6d00, "the application is not selected");
    }
    return recognised;
  }

  #enter(sessionId: string, key: Se05xCommandName): void {
    const { sessions } = this.#inside;
    const session = sessions.open.get(sessionId);
    if (!session) throw refuse(0x6985, "there is no such session");
    if (CARRIERS.has(key)) throw refuse(0x6985, `${key} goes into no session`);
    if (!session.authenticated && !BEFORE_PROOF.has(key)) throw refuse(0x6982, "the session is not authenticated");
    sessions.current = sessionId;
    this.#inside.caller = { authObjectId: session.authenticated ? session.authObjectId : 0, secured: false };
  }

  #carryOut(key: Se05xCommandName, request: Fields): Fields {
    switch (key) {
      case "select":
        return this.#select(request as { readonly aid: Uint8Array });
      case "selectCardManager":
        this.#forget();
        this.#selected = false;
        return {};
      case "processSession":
        throw refuse(0x6985, "a session goes into no session");
      default:
        // The request was decoded by the row that the handler is typed from.
        return (this.#handlers[key] as (request: Fields) => Fields)(request);
    }
  }

  #select({ aid }: { readonly aid: Uint8Array }): Fields {
    if (!equal(aid, SE05X_AID)) throw refuse(0x6a82, "there is no such application");
    this.#forget();
    this.#selected = true;
    const { appletVersion, features, secureBoxVersion } = this.#inside.model;
    return { appletVersion, features, secureBoxVersion };
  }

  #demand(id: number, right: Right): SecureObject {
    const { store, caller } = this.#inside;
    const object = store.present(id);
    demandRight(object, caller, right, (registerId) => {
      const content = store.find(registerId)?.content;
      return content?.kind === "pcr" ? content.value : undefined;
    });
    return object;
  }

  #forget(): void {
    this.#inside.sessions.open.clear();
    this.#inside.tlsRandom = undefined;
    this.#inside.store.dropTransient();
  }

  #store(): void {
    const { store } = this.#inside;
    if (!store.changed) return;
    this.#memory.store(encodeImage(this.model, store));
    store.commit();
  }

  /** The one place where errors become status words. SE05x coding rules */
  #statusWordFor(error: unknown): number {
    if (error instanceof Refused && typeof error.wire === "number") return error.wire;
    if (error instanceof ProtocolError) {
      // Here P1 and P2 belong to the instruction; and what is wrong with TLVs is wrong data.
      if (error.code === "wrong-parameters") return 0x6d00;
      if (error.code === "wrong-request") return 0x6a80;
      if (typeof error.reply === "number") return error.reply;
    }
    if (error instanceof DecodeError) return 0x6700;
    const detail = `${this.readerName} failed inside: ${error instanceof Error ? error.message : "unknown reason"}`;
    this.#trace.emit("chip", { kind: "process", what: "warning", detail }, { device: this.uniqueId });
    return 0x6f00;
  }
}

type RowOfTable = Parameters<(typeof SE05X_COMMAND_SET)["writeResponse"]>[0];

const CARRIERS: ReadonlySet<Se05xCommandName> = new Set<CarrierCommand>([
  "select",
  "selectCardManager",
  "processSession",
]);

/** What a session takes before its user has proven who it is. */
const BEFORE_PROOF: ReadonlySet<Se05xCommandName> = new Set(["verifySessionUserId", "closeSession"]);

/** As a real SE050 gave it over its bus; hosts do not look into it. JRCP table */
const ANSWER_TO_RESET = fromHex("00a0000003960403e800fe020b03e80801000000006400000a4a434f5034204154504f");
