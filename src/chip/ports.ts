import type { BlockCipher } from "../apdu/index.ts";
import type { Entropy, Hash } from "../crypto/index.ts";

/** The arithmetic that a simulated chip needs, on P-256 and below, synchronous as silicon is to its firmware. */
export interface ChipCrypto {
  /** The uncompressed point of a scalar within 1..n-1. SEC 1, section 3.2.1 */
  publicPoint(scalar: Uint8Array): Uint8Array;
  /** The shared X coordinate, 32 bytes, or undefined where the peer's point is not on the curve. SEC 1, section 3.3.1 */
  sharedX(scalar: Uint8Array, peerPoint: Uint8Array): Uint8Array | undefined;
  /** Whether 65 bytes are an uncompressed point on the curve. SEC 1, section 3.2.2 */
  isPoint(point: Uint8Array): boolean;
  /** Checks `r ‖ s` over a digest as given; any r and s outside 1..n-1 is wrong. FIPS 186-5, section 6.4.2 */
  verifyDigest(point: Uint8Array, digest: Uint8Array, rawSignature: Uint8Array): boolean;
  readonly hash: Hash;
  readonly aes: BlockCipher;
}

/**
 * Memory that outlives power. A chip stores its whole state as one image, private keys included, so whatever
 * implements this keeps images sealed.
 */
export interface NonVolatileMemory {
  /** The image stored last, or undefined where there was none. Throws where it cannot be trusted. */
  load(): Uint8Array | undefined;
  /** Replaces the image: after a failure at any moment, `load` gives the old image or the new one. */
  store(image: Uint8Array): void;
}

/** How often a place of a chip's memory was written, and how often it can be. */
export type Wear = { readonly place: string; readonly writes: number; readonly enduranceWrites: number };

/** Something that a command would make impossible. */
export type Consequence = {
  /** Completes "it will be impossible …". */
  readonly impossible: string;
  /** What takes it back, or "nothing". */
  readonly undoneBy: string;
  /** A command that is carried out now and refused afterwards, where there is one. */
  readonly probe?: Uint8Array;
};

/** What only a simulated chip can do: say what a command would lead to, be copied, and be set back. */
export interface Rehearsable extends Card {
  readonly uniqueId: string;
  /** What a command would make impossible; nothing for one that can be taken back, or that is no command. */
  consequencesOf(command: Uint8Array): readonly Consequence[];
  /** The state by name, as far as it is no secret. */
  facts(): Readonly<Record<string, string>>;
  /**
   * Answers one command as `exchange` does, and as if it had come through the secure channel where the chip demands one:
   * for copies that a rehearsal throws away.
   */
  exchangeInside?(command: Uint8Array): Uint8Array;
  /** A chip with the same contents that lives on its own, in memory that is lost with it. */
  fork(entropy: Entropy): Rehearsable;
  /** Stores the whole state elsewhere; whatever implements the memory keeps it sealed. */
  saveTo(memory: NonVolatileMemory): void;
  /** Takes the state from elsewhere; sessions end as by a reset. Throws where the memory holds none of this model. */
  restoreFrom(memory: NonVolatileMemory): void;
}

/** What a chip is to its bus: something that is reset and then answers commands one by one. */
export interface Card {
  /** What lists of readers call it. */
  readonly readerName?: string;
  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array;
  /** Answers one command; never throws, whatever the bytes are. */
  exchange(command: Uint8Array): Uint8Array;
  /**
   * What commands so far have begun and another client's command now could spoil: one object for each sequence, the same
   * one until it ends.
   */
  readonly openSequences?: readonly object[];
}
