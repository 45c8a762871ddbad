import { UsageError } from "../codec/index.ts";
import type { SecureElement } from "../crypto/index.ts";
import { chipAnswer, type Purpose } from "./chip-errors.ts";
import { chipFailure, CryptokiError, TokenFailure } from "./errors.ts";

/** A secure element that was reached, and how to let go of it. */
export type OpenedElement = { readonly element: SecureElement; readonly close: () => Promise<void> };

/** Reaches the secure element anew; rejects where it is not there. */
export type OpenElement = () => Promise<OpenedElement>;

/** What is done with the element, and what for. */
export type Work<T> = {
  readonly doing: string;
  readonly purpose: Purpose;
  readonly run: (element: SecureElement) => Promise<T>;
};

/**
 * The way to one secure element that may go away and come back. It is opened when first needed and shared by all
 * callers. A failure that is not the element's own refusal ends it, and the next use opens it again; work that does no
 * harm twice, or that did not begin, is tried once more at once, so that a chip that was restarted is not noticed.
 *
 * All that it throws is `TokenFailure`, or a `CryptokiError` that `work` threw.
 */
export class ElementLink {
  readonly #open: OpenElement;
  #opened: Promise<OpenedElement> | undefined;
  /** What `#opened` gave: nobody waits again for what is there. */
  #current: OpenedElement | undefined;

  constructor(open: OpenElement) {
    this.#open = open;
  }

  async use<T>(work: Work<T>): Promise<T> {
    const wasOpen = this.#opened !== undefined;
    const current = this.#current ?? (await this.#reach());
    try {
      return await work.run(current.element);
    } catch (error) {
      if (error instanceof TokenFailure || error instanceof CryptokiError) throw error;
      if (chipAnswer(error, work.purpose).isLinkGood) throw chipFailure(error, work);
      await this.#drop(current);
      // A driver's UsageError means that nothing was sent: its connection had ended while nobody looked.
      const isRepeatable = work.purpose !== "make" && work.purpose !== "erase";
      if (wasOpen && (isRepeatable || error instanceof UsageError)) return this.use(work);
      throw chipFailure(error, work);
    }
  }

  /** Lets go of the element; a later use reaches it again. */
  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    if (opened) await this.#drop(opened);
  }

  async #reach(): Promise<OpenedElement> {
    const opening = (this.#opened ??= this.#open());
    try {
      const reached = await opening;
      if (this.#opened === opening) this.#current = reached;
      return reached;
    } catch (cause) {
      if (this.#opened === opening) this.#opened = undefined;
      const detail = cause instanceof Error ? cause.message : "unknown reason";
      throw new TokenFailure("device-removed", `the chip cannot be reached: ${detail}`, { cause });
    }
  }

  async #drop(opened: OpenedElement): Promise<void> {
    if (this.#current === opened) this.#current = this.#opened = undefined;
    // What is wrong with the element was told already; closing it may well fail too.
    await opened.close().catch(() => undefined);
  }
}
