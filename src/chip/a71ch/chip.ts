import {
  A71CH_COMMAND_SET,
  A71CH_VARIANTS,
  type A71chCommandName,
  type A71chVariant,
  STORAGE_CHUNK,
  TRANSPORT_LOCK,
} from "../../apdu/a71ch/index.ts";
import {
  type CommandApdu,
  decodeCommand,
  describeExchange,
  encodeCommand,
  encodeResponse,
  type Fields,
  type ResponseApdu,
  type Scp03Session,
  SECURE_CLASS,
  SW_OK,
} from "../../apdu/index.ts";
import { concat, DecodeError, fromHex, ProtocolError, Refused, toHex } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import { MemoryInRam } from "../memory.ts";
import type { ChipCrypto, Consequence, NonVolatileMemory, Rehearsable, Wear } from "../ports.ts";
import { consequencesOf } from "./consequences.ts";
import { a71chHandlers } from "./handlers.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { decodeImage, encodeImage } from "./image.ts";
import { freshObjects, newUniqueId, refuse } from "./objects.ts";
import { freshSession } from "./session-state.ts";
import { stateFacts } from "./state-facts.ts";

export type A71chChipOptions = {
  readonly crypto: ChipCrypto;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** B, the product, where absent. */
  readonly variant?: A71chVariant;
  /** Memory that is lost with the object, where absent. */
  readonly memory?: NonVolatileMemory;
  readonly trace?: Trace;
  /** How often each place of the memory can be written; 500,000 where absent, as for common EEPROM. */
  readonly enduranceWrites?: number;
};

/**
 * A simulated A71CH secure element: it answers command bytes with answer bytes, one at a time, and keeps its keys.
 *
 * A command that changes what the chip holds is stored in its memory before it is answered; where storing fails, the
 * command has not happened. Throws `UsageError` where the memory holds something other than this chip's state.
 */
export class A71chChip implements Rehearsable {
  readonly readerName = "A71CH";
  readonly variant: A71chVariant;
  readonly #inside: A71chInside;
  readonly #handlers: A71chHandlers;
  readonly #memory: NonVolatileMemory;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #enduranceWrites: number;
  #image: Uint8Array;
  #changed = false;

  constructor(options: A71chChipOptions) {
    const { crypto, entropy, clock, variant = "B", memory = new MemoryInRam(), trace = silentTrace } = options;
    const { enduranceWrites = ENDURANCE_WRITES } = options;
    this.variant = variant;
    this.#enduranceWrites = enduranceWrites;
    this.#memory = memory;
    this.#clock = clock;
    this.#trace = trace;
    const stored = memory.load();
    const capacity = A71CH_VARIANTS[variant];
    const objects = stored ? decodeImage(variant, stored) : freshObjects(capacity, newUniqueId(entropy));
    const changed = (place: string) => this.#write(place);
    this.#inside = { objects, session: freshSession(), capacity, crypto, entropy, changed };
    this.#handlers = a71chHandlers(this.#inside);
    this.#image = stored ?? encodeImage(variant, objects);
    if (!stored) memory.store(this.#image);
  }

  /** The chip's unique identifier, 36 hex digits. */
  get uniqueId(): string {
    return toHex(this.#inside.objects.uniqueId);
  }

  /** The places that were ever written, with how often. */
  get wear(): readonly Wear[] {
    const enduranceWrites = this.#enduranceWrites;
    return Array.from(this.#inside.objects.writes, ([place, writes]) => ({ place, writes, enduranceWrites }));
  }

  /** A client random, codes' challenges, a digest and an HMAC that wait for the command that takes them. */
  get openSequences(): readonly object[] {
    const { challenges, nextClientRandom, runningDigest, runningHmac } = this.#inside.session;
    // Asked twice a command, and mostly there is nothing.
    if (challenges.size === 0 && !nextClientRandom && !runningDigest && !runningHmac) return NO_SEQUENCES;
    const others = [nextClientRandom, runningDigest, runningHmac].filter((each) => each !== undefined);
    return challenges.size === 0 ? others : [...challenges.values(), ...others];
  }

  consequencesOf(command: Uint8Array): readonly Consequence[] {
    try {
      const { key, request } = A71CH_COMMAND_SET.recognise(decodeCommand(withoutEmptyData(command)));
      return consequencesOf(key, request, this.#inside.objects);
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof DecodeError) return [];
      throw error;
    }
  }

  facts(): Readonly<Record<string, string>> {
    return stateFacts(this.#inside.objects);
  }

  fork(entropy: Entropy): A71chChip {
    const memory = new MemoryInRam();
    this.saveTo(memory);
    const { variant } = this;
    const enduranceWrites = this.#enduranceWrites;
    return new A71chChip({
      crypto: this.#inside.crypto,
      entropy,
      clock: this.#clock,
      variant,
      memory,
      enduranceWrites,
    });
  }

  saveTo(memory: NonVolatileMemory): void {
    memory.store(this.#image);
  }

  /** Throws `UsageError` `state-version` where the memory holds no state of this model and variant. */
  restoreFrom(memory: NonVolatileMemory): void {
    const image = memory.load() ?? NOTHING;
    const objects = decodeImage(this.variant, image);
    this.#memory.store(image);
    this.#image = image;
    this.#inside.objects = objects;
    this.reset();
  }

  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array {
    this.#inside.session = freshSession();
    return ANSWER_TO_RESET.slice();
  }

  /** Answers one command. Never throws: what goes wrong inside answers 6F00 and is told to the trace. */
  exchange(command: Uint8Array): Uint8Array {
    const started = this.#trace.isSilent ? 0 : this.#clock.now();
    const { seen, answer, channel } = this.#answer(copyOf(command));
    const plain = encodeResponse(answer);
    if (!this.#trace.isSilent) {
      const description = describeExchange(A71CH_COMMAND_SET, seen, plain);
      const durationMs = this.#clock.now() - started;
      this.#trace.emit("chip", { kind: "chip.command", ...description, durationMs }, { device: this.uniqueId });
    }
    return channel ? encodeResponse(channel.protectResponse(answer)) : plain;
  }

  exchangeInside(command: Uint8Array): Uint8Array {
    return encodeResponse(this.#answer(copyOf(command), this.#inside.objects.channelMandatory).answer);
  }

  /** `seen` is the command without its protection, `channel` the one that the answer goes into. */
  #answer(bytes: Uint8Array, isInside = false): { seen: Uint8Array; answer: ResponseApdu; channel?: Scp03Session } {
    let [seen, channel]: [Uint8Array, Scp03Session | undefined] = [bytes, undefined];
    try {
      let command = decodeCommand(bytes);
      if (command.cla === SECURE_CLASS && command.ins !== EXTERNAL_AUTHENTICATE) {
        channel = this.#inside.session.channel;
        command = this.#openCommand(command);
        seen = encodeCommand(command);
      }
      const data = this.#carryOut(command, isInside || channel !== undefined);
      this.#store();
      return { seen, answer: { data, sw: SW_OK }, ...(channel ? { channel } : {}) };
    } catch (error) {
      this.#rollBack();
      return { seen, answer: { data: NOTHING, sw: this.#statusWordFor(error) } };
    }
  }

  #openCommand(command: CommandApdu): CommandApdu {
    const { session } = this.#inside;
    const { channel } = session;
    if (!channel) throw refuse(0x6882, "no secure channel is open");
    // Closed unless the command proves to belong to it: out of step once is out of step for good.
    session.channel = undefined;
    const opened = channel.openCommand(command);
    session.channel = channel;
    return opened;
  }

  #carryOut(apdu: CommandApdu, secured: boolean): Uint8Array {
    const { session } = this.#inside;
    // A client random serves the command directly behind the one that made it, whatever becomes of that.
    session.clientRandom = session.nextClientRandom;
    session.nextClientRandom = undefined;
    const { key, row, request } = A71CH_COMMAND_SET.recognise(apdu);
    this.#checkLocks(key, secured);
    // The request was decoded by the row that the handler is typed from.
    const handler = this.#handlers[key] as (request: Fields) => Fields;
    const data = A71CH_COMMAND_SET.writeResponse(row, handler(request));
    if (secured && data.length > STORAGE_CHUNK) throw refuse(0x6a80, "the answer does not fit the secure channel");
    return data;
  }

  #checkLocks(key: A71chCommandName, secured: boolean): void {
    const { transportLock, channelMandatory } = this.#inside.objects;
    if (channelMandatory && !secured && !OUTSIDE_CHANNEL.has(key)) {
      throw refuse(0x6982, "the chip answers only inside a secure channel");
    }
    if (transportLock === TRANSPORT_LOCK.locked && !WHILE_LOCKED.has(key)) {
      throw refuse(0x6985, "the chip is locked for transport");
    }
  }

  /** Counts a write. Refused with 6581 where the place has had all its writes: the command then has not happened. */
  #write(place: string): void {
    this.#changed = true;
    const { writes } = this.#inside.objects;
    const count = writes.get(place) ?? 0;
    if (count >= this.#enduranceWrites) {
      const detail = `wear-out: ${place} was written ${count} times and takes no more`;
      this.#trace.emit("chip", { kind: "process", what: "warning", detail }, { device: this.uniqueId });
      throw refuse(0x6581, detail);
    }
    writes.set(place, count + 1);
  }

  #store(): void {
    if (!this.#changed) return;
    const image = encodeImage(this.variant, this.#inside.objects);
    this.#memory.store(image);
    this.#image = image;
    this.#changed = false;
  }

  /** A command that failed half-way has not happened. */
  #rollBack(): void {
    if (!this.#changed) return;
    this.#inside.objects = decodeImage(this.variant, this.#image);
    this.#inside.session = freshSession();
    this.#changed = false;
  }

  /** The one place where errors become status words. */
  #statusWordFor(error: unknown): number {
    if (error instanceof Refused && typeof error.wire === "number") return error.wire;
    if (error instanceof ProtocolError && typeof error.reply === "number") return error.reply;
    if (error instanceof DecodeError) return 0x6700;
    const detail = `A71CH failed inside: ${error instanceof Error ? error.message : "unknown reason"}`;
    this.#trace.emit("chip", { kind: "process", what: "warning", detail }, { device: this.uniqueId });
    return 0x6f00;
  }
}

/** A command's bytes, as the chip takes them: what is stored must not change with the caller's buffer. */
function copyOf(command: Uint8Array): Uint8Array {
  return withoutEmptyData(new Uint8Array(command));
}

/** Behind a command's header, NXP's host library writes a data field of no bytes as its length, 00, and then Le. */
function withoutEmptyData(command: Uint8Array): Uint8Array {
  return command.length === 6 && command[4] === 0x00 ? concat(command.subarray(0, 4), command.subarray(5)) : command;
}

/** Not a figure of this chip's data sheet, but a common one for its kind of memory. */
const ENDURANCE_WRITES = 500_000;

const NOTHING = new Uint8Array(0);
const NO_SEQUENCES: readonly object[] = [];

/** The one command that comes in the class of the secure channel before there is one. GPC SCP03, section 7.1.2 */
const EXTERNAL_AUTHENTICATE = 0x82;

/** Who the chip is, its life cycle, and the way into a secure channel: every lock lets these through. */
const ALWAYS: readonly A71chCommandName[] = [
  "selectCardManager",
  "select",
  "readUniqueId",
  "readModuleInfo",
  "initializeUpdate",
  "externalAuthenticate",
];

/**
 * What is answered outside a mandatory secure channel. Hosts send the debug commands in the clear whether a channel is
 * open or not: they get a part in development going again. A71CH state bytes
 */
const OUTSIDE_CHANNEL: ReadonlySet<A71chCommandName> = new Set([
  ...ALWAYS,
  "debugReset",
  "endDebugMode",
  "readFreeMemory",
]);

/** What is answered under transport lock; the secure channel carries it where it is mandatory. A71CH state bytes */
const WHILE_LOCKED: ReadonlySet<A71chCommandName> = new Set([...ALWAYS, "readChallenge", "unlockTransport"]);

/** As a chip of this type gave it on its own bus; hosts do not look into it. A71CH state bytes */
const ANSWER_TO_RESET = fromHex("b803110105b9020101ba0101bb0c413730303543473234325231bc00");
