import type { BlockCipher } from "../apdu/index.ts";
import type { Hash } from "../crypto/index.ts";

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

/** What a chip is to its bus: something that is reset and then answers commands one by one. */
export interface Card {
  /** What lists of readers call it. */
  readonly readerName?: string;
  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array;
  /** Answers one command; never throws, whatever the bytes are. */
  exchange(command: Uint8Array): Uint8Array;
  /** Whether the last command began something that another client's command now would spoil. */
  readonly isMidSequence?: boolean;
}
