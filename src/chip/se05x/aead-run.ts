import { concat } from "../../codec/index.ts";
import type { AeadRequest, RunningAead, Se05xArithmetic } from "./arithmetic.ts";
import { refuse } from "./refuse.ts";
import type { Secret } from "./secrets.ts";

/** How a streamed authenticated encryption begins. Lengths are for CCM, which needs them first. */
export type AeadRunRequest = Omit<AeadRequest, "key"> & {
  readonly secret: Secret;
  readonly encrypts: boolean;
  readonly lengths: { readonly associated: number; readonly input: number } | undefined;
};

/** A text on its way through authenticated encryption: associated data, then text, then the tag. SP 800-38C; SP 800-38D */
export interface AeadRun {
  readonly mode: "gcm" | "ccm";
  readonly encrypts: boolean;
  readonly tagLength: number;
  associate(data: Uint8Array): void;
  /** As much as can be told by now, or undefined where all comes at the end. */
  update(input: Uint8Array): Uint8Array | undefined;
  /** Seals; what was not told before comes along. */
  seal(): { readonly output?: Uint8Array; readonly tag: Uint8Array };
  /** Opens; what was not told before comes along, undefined where the tag is wrong. */
  open(tag: Uint8Array, same: (a: Uint8Array, b: Uint8Array) => boolean): { readonly output?: Uint8Array } | undefined;
}

/** Begins one. */
export function startAeadRun(arithmetic: Se05xArithmetic, request: AeadRunRequest): AeadRun {
  return request.mode === "gcm" ? new GcmRun(arithmetic, request) : new CcmRun(arithmetic, request);
}

class GcmRun implements AeadRun {
  readonly mode = "gcm";
  readonly encrypts: boolean;
  readonly tagLength: number;
  readonly #begin: (associated: Uint8Array) => RunningAead;
  #associated: Uint8Array[] = [];
  #running: RunningAead | undefined;

  constructor(arithmetic: Se05xArithmetic, { secret, iv, encrypts, tagLength }: AeadRunRequest) {
    this.encrypts = encrypts;
    this.tagLength = tagLength;
    this.#begin = (associated) =>
      secret.use((key) => arithmetic.startGcm({ key, iv, tagLength: 16, encrypts, associated }));
  }

  associate(data: Uint8Array): void {
    if (this.#running) throw refuse(0x6985, "associated data comes before the text");
    this.#associated.push(data.slice());
  }

  update(input: Uint8Array): Uint8Array {
    return this.#text.update(input);
  }

  seal() {
    return { tag: this.#text.tag().slice(0, this.tagLength) };
  }

  open(tag: Uint8Array, same: (a: Uint8Array, b: Uint8Array) => boolean) {
    return same(this.#text.tag().slice(0, tag.length), tag) ? {} : undefined;
  }

  get #text(): RunningAead {
    this.#running ??= this.#begin(concat(...this.#associated));
    return this.#running;
  }
}

/** CCM binds the lengths first and takes all of the text at once, so it is held until the end. SP 800-38C, section 6 */
class CcmRun implements AeadRun {
  readonly mode = "ccm";
  readonly encrypts: boolean;
  readonly tagLength: number;
  readonly #arithmetic: Se05xArithmetic;
  readonly #request: AeadRunRequest;
  readonly #associated: Uint8Array[] = [];
  readonly #input: Uint8Array[] = [];

  constructor(arithmetic: Se05xArithmetic, request: AeadRunRequest) {
    this.encrypts = request.encrypts;
    this.tagLength = request.tagLength;
    this.#arithmetic = arithmetic;
    this.#request = request;
  }

  associate(data: Uint8Array): void {
    if (this.#input.length > 0) throw refuse(0x6985, "associated data comes before the text");
    this.#take(this.#associated, data, this.#request.lengths?.associated);
  }

  update(input: Uint8Array): undefined {
    this.#take(this.#input, input, this.#request.lengths?.input);
  }

  seal() {
    const [output, tag] = this.#whole((request, input, data) => this.#arithmetic.seal(request, input, data));
    return { output, tag };
  }

  open(tag: Uint8Array) {
    if (tag.length !== this.tagLength) return undefined;
    const output = this.#whole((request, input, data) => this.#arithmetic.open(request, input, data, tag));
    return output && { output };
  }

  #take(parts: Uint8Array[], part: Uint8Array, most = 0): void {
    if (lengthOf(parts) + part.length > most) throw refuse(0x6985, "more than was announced");
    parts.push(part.slice());
  }

  #whole<T>(work: (request: AeadRequest, input: Uint8Array, associated: Uint8Array) => T): T {
    const { secret, iv, tagLength, lengths } = this.#request;
    if (lengthOf(this.#associated) !== lengths?.associated || lengthOf(this.#input) !== lengths.input) {
      throw refuse(0x6985, "less than was announced");
    }
    return secret.use((key) =>
      work({ mode: "ccm", key, iv, tagLength }, concat(...this.#input), concat(...this.#associated)),
    );
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
