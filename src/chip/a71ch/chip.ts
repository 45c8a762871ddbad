import { A71CH_COMMAND_SET, A71CH_VARIANTS, type A71chVariant } from "../../apdu/a71ch/index.ts";
import {
  type Command,
  type CommandApdu,
  decodeCommand,
  describeExchange,
  encodeResponse,
  type Fields,
  SW_OK,
} from "../../apdu/index.ts";
import { concat, DecodeError, fromHex, ProtocolError, Refused, toHex } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import { MemoryInRam } from "../memory.ts";
import type { Card, ChipCrypto, NonVolatileMemory } from "../ports.ts";
import { a71chHandlers, type A71chHandlers, type A71chInside } from "./handlers.ts";
import { decodeImage, encodeImage } from "./image.ts";
import { freshObjects } from "./objects.ts";

export type A71chChipOptions = {
  readonly crypto: ChipCrypto;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** B, the product, where absent. */
  readonly variant?: A71chVariant;
  /** Memory that is lost with the object, where absent. */
  readonly memory?: NonVolatileMemory;
  readonly trace?: Trace;
};

/**
 * A simulated A71CH secure element: it answers command bytes with answer bytes, one at a time, and keeps its keys.
 *
 * A command that changes what the chip holds is stored in its memory before it is answered; where storing fails, the
 * command has not happened. Throws `UsageError` where the memory holds something other than this chip's state.
 */
export class A71chChip implements Card {
  readonly variant: A71chVariant;
  readonly #inside: A71chInside;
  readonly #handlers: A71chHandlers;
  readonly #memory: NonVolatileMemory;
  readonly #clock: Clock;
  readonly #trace: Trace;
  #image: Uint8Array;
  #changed = false;

  constructor({
    crypto,
    entropy,
    clock,
    variant = "B",
    memory = new MemoryInRam(),
    trace = silentTrace,
  }: A71chChipOptions) {
    this.variant = variant;
    this.#memory = memory;
    this.#clock = clock;
    this.#trace = trace;
    const stored = memory.load();
    const capacity = A71CH_VARIANTS[variant];
    const objects = stored ? decodeImage(variant, stored) : freshObjects(capacity, newUniqueId(entropy));
    this.#inside = { objects, capacity, crypto, entropy, changed: () => void (this.#changed = true) };
    this.#handlers = a71chHandlers(this.#inside);
    this.#image = stored ?? encodeImage(variant, objects);
    if (!stored) memory.store(this.#image);
  }

  /** The chip's unique identifier, 36 hex digits. */
  get uniqueId(): string {
    return toHex(this.#inside.objects.uniqueId);
  }

  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array {
    return ANSWER_TO_RESET.slice();
  }

  /** Answers one command. Never throws: what goes wrong inside answers 6F00 and is told to the trace. */
  exchange(command: Uint8Array): Uint8Array {
    const started = this.#clock.now();
    const response = this.#answer(command);
    const description = describeExchange(A71CH_COMMAND_SET, command, response);
    const durationMs = this.#clock.now() - started;
    this.#trace.emit("chip", { kind: "chip.command", ...description, durationMs }, { device: this.uniqueId });
    return response;
  }

  #answer(command: Uint8Array): Uint8Array {
    try {
      // A copy: what is stored must not change with the caller's buffer.
      const data = this.#carryOut(decodeCommand(Uint8Array.from(command)));
      this.#store();
      return encodeResponse({ data, sw: SW_OK });
    } catch (error) {
      this.#rollBack();
      return encodeResponse({ data: NOTHING, sw: this.#statusWordFor(error) });
    }
  }

  #carryOut(apdu: CommandApdu): Uint8Array {
    const { key, row, request } = A71CH_COMMAND_SET.recognise(apdu);
    // The request was decoded by the row that the handler is typed from.
    const handler = this.#handlers[key] as (request: Fields) => Fields;
    return A71CH_COMMAND_SET.writeResponse(row satisfies Command, handler(request));
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

const NOTHING = new Uint8Array(0);

/** As a chip of this type gave it on its own bus; hosts do not look into it. A71CH state bytes */
const ANSWER_TO_RESET = fromHex("b803110105b9020101ba0101bb0c413730303543473234325231bc00");

/**
 * 18 bytes in the layout of a real identifier: IC type, fabrication data, serial number and batch at their places.
 * What tells chips apart, bytes 8 to 15, comes from the entropy. A71CH state bytes
 */
function newUniqueId(entropy: Entropy): Uint8Array {
  return concat(fromHex("4790516847911210"), entropy.bytes(8), fromHex("4812"));
}
