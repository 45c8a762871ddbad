import { concat } from "../codec/index.ts";
import type { Output } from "./effects.ts";
import { isKept, type AnyProtection, type Sealing } from "./protection-elsewhere.ts";

/** What waits for its turn: a whole record, one to be sealed, the end of a flight, or an output that must not overtake them. */
type Item =
  | { readonly bytes: Uint8Array }
  | { readonly sealing: Sealing; readonly key: Extract<Output, { do: "seal" }>["key"] }
  | { readonly output: Output | "flush" };

/**
 * What is to be sent, in order. Where the engine seals, everything goes straight through; where a keeper of traffic keys
 * does, records wait for it one behind the other, and so does all that comes after them.
 */
export class Outbox {
  readonly #emit: (output: Output) => void;
  #items: Item[] = [];
  #sealing: Sealing | undefined;
  #flight: Uint8Array[] = [];

  constructor(emit: (output: Output) => void) {
    this.#emit = emit;
  }

  /** Whether a record is with the keeper. */
  get isSealing(): boolean {
    return this.#sealing !== undefined;
  }

  /** A record under this protection; it joins the flight. */
  seal(protection: AnyProtection, type: number, plaintext: Uint8Array): void {
    if (isKept(protection)) {
      this.#items.push({ sealing: protection.beginSeal(type, plaintext), key: protection.key });
      return this.#advance();
    }
    const bytes = protection.seal(type, plaintext);
    if (this.#sealing) this.#items.push({ bytes });
    else this.#flight.push(bytes);
  }

  /** The flight goes out in one write. */
  flush(): void {
    this.behind("flush");
  }

  /** An output that must not overtake what was to be sent before. */
  behind(output: Output | "flush"): void {
    if (this.#sealing) this.#items.push({ output });
    else this.#put(output);
  }

  /** The keeper has sealed the record that it was given. */
  onSealed(sealed: Uint8Array): void {
    const sealing = this.#sealing;
    this.#sealing = undefined;
    if (sealing) this.#flight.push(sealing.finish(sealed));
    this.#advance();
  }

  /** Nothing more can be sent; what was waiting behind it is told all the same. */
  giveUp(): void {
    const waiting = this.#items;
    this.#items = [];
    this.#sealing = undefined;
    this.#flight = [];
    for (const item of waiting) if ("output" in item) this.#put(item.output);
  }

  #advance(): void {
    while (!this.#sealing) {
      const item = this.#items.shift();
      if (!item) return;
      if ("bytes" in item) this.#flight.push(item.bytes);
      else if ("output" in item) this.#put(item.output);
      else {
        this.#sealing = item.sealing;
        this.#emit({ do: "seal", key: item.key, input: item.sealing.input });
      }
    }
  }

  #put(output: Output | "flush"): void {
    if (output !== "flush") return this.#emit(output);
    const [first] = this.#flight;
    if (first) this.#emit({ do: "write", bytes: this.#flight.length === 1 ? first : concat(...this.#flight) });
    this.#flight = [];
  }
}
