import { type A71chCapacity, type ObjectState, STORAGE_SEGMENT, TRANSPORT_LOCK } from "../../apdu/a71ch/index.ts";
import { concat, fromHex, Refused, utf8Bytes } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import type { KeyPair } from "../key-pair.ts";
import type { SecretKey } from "../secret-key.ts";

/** A numbered place for an object. A frozen place keeps what it holds, or its emptiness. */
export type Slot<T> = { content: T | undefined; frozen: boolean };

/** A part of storage, in bytes. */
export type StorageRange = { readonly offset: number; readonly length: number };

/** A key pair that signs nothing but one certificate in the chip's own storage. A71CH APDU table */
export type Restriction = {
  readonly keyPair: number;
  /** 0 for no limit. */
  readonly maxUses: number;
  uses: number;
  /** Where the certificate lies, with room for the longest signature. */
  readonly room: StorageRange;
  /** The length of what is signed, which begins behind the certificate's header of four bytes. */
  readonly signedLength: number;
  /** What a host may replace, in the order in which it sends it. */
  readonly blocks: readonly StorageRange[];
};

/** Everything in a chip that outlives power. */
export type A71chObjects = {
  readonly uniqueId: Uint8Array;
  readonly keyPairs: Slot<KeyPair>[];
  readonly publicKeys: Slot<Uint8Array>[];
  readonly storage: Uint8Array;
  /** One a segment of 32 bytes. */
  readonly frozenSegments: boolean[];
  /** 0 for the transport lock, 1 for private keys, 2 for public keys. */
  readonly configKeys: Slot<SecretKey>[];
  readonly secrets: Slot<SecretKey>[];
  /** Monotonic, of 32 bits. */
  readonly counters: number[];
  tlsLabel: Uint8Array;
  injectionLocked: boolean;
  transportLock: (typeof TRANSPORT_LOCK)[keyof typeof TRANSPORT_LOCK];
  debugAvailable: boolean;
  channelKeys: ChannelKeys | undefined;
  /** The chip answers nobody outside a secure channel. */
  channelMandatory: boolean;
  /** What a factory restricted; commands do not. */
  restriction: Restriction | undefined;
  /** How often each place was written; nothing sets it back. */
  readonly writes: Map<string, number>;
};

/** The keys of the secure channel. */
export type ChannelKeys = { readonly enc: SecretKey; readonly mac: SecretKey; readonly dek: SecretKey };

/**
 * The objects of a chip that nobody has used. Its storage is all zero, which is also an object table without entries;
 * NXP's host library takes a last byte of FF, "no table", for 255 entries and never gets out of it.
 */
export function freshObjects(capacity: A71chCapacity, uniqueId: Uint8Array): A71chObjects {
  return {
    uniqueId,
    keyPairs: emptySlots(capacity.keyPairs),
    publicKeys: emptySlots(capacity.publicKeys),
    storage: new Uint8Array(capacity.storageBytes),
    frozenSegments: Array.from({ length: capacity.storageBytes / STORAGE_SEGMENT }, () => false),
    configKeys: emptySlots(capacity.configKeys),
    secrets: emptySlots(capacity.symmetricSecrets),
    counters: Array.from({ length: capacity.counters }, () => 0),
    tlsLabel: utf8Bytes("master secret"),
    injectionLocked: false,
    transportLock: TRANSPORT_LOCK.notYetSet,
    debugAvailable: true,
    channelKeys: undefined,
    channelMandatory: false,
    restriction: undefined,
    writes: new Map(),
  };
}

/**
 * 18 bytes in the layout of a real identifier: IC type, fabrication data, serial number and batch at their places.
 * What tells chips apart, bytes 8 to 15, comes from the entropy. A71CH state bytes
 */
export function newUniqueId(entropy: Entropy): Uint8Array {
  return concat(fromHex("4790516847911210"), entropy.bytes(8), fromHex("4812"));
}

/** What a slot holds. Refused with 6A86 where there is no such slot, 6985 where it is empty. */
export function contentOf<T>(slots: readonly Slot<T>[], index: number, what: string): T {
  const { content } = slotOf(slots, index, what);
  if (content === undefined) throw refuse(0x6985, `${what} ${index} is empty`);
  return content;
}

/** Replaces what a slot holds. Refused with 6A86 where there is no such slot, 6986 where it is frozen. */
export function replace<T>(slots: readonly Slot<T>[], index: number, content: T | undefined, what: string): void {
  openSlot(slots, index, what).content = content;
}

/** A slot that can still change. Refused with 6A86 where there is no such slot, 6986 where it is frozen. */
export function openSlot<T>(slots: readonly Slot<T>[], index: number, what: string): Slot<T> {
  const slot = slotOf(slots, index, what);
  if (slot.frozen) throw refuse(0x6986, `${what} ${index} is frozen`);
  return slot;
}

/** Refused with 6A86 where there is no such slot: what else a command lacks comes after that. */
export function checkSlot(slots: readonly Slot<unknown>[], index: number, what: string): void {
  slotOf(slots, index, what);
}

/** Freezes a slot, full or empty; twice is once. */
export function freeze<T>(slots: readonly Slot<T>[], index: number, what: string): void {
  slotOf(slots, index, what).frozen = true;
}

/** How the credential map shows slots. */
export function statesOf(slots: readonly Slot<unknown>[]): ObjectState[] {
  return slots.map(({ content, frozen }) => ({ present: content !== undefined, frozen }));
}

/** A refusal with a status word. */
export function refuse(statusWord: number, message: string): Refused<ChipErrorCode> {
  return new Refused<ChipErrorCode>("status-word", message, statusWord);
}

function slotOf<T>(slots: readonly Slot<T>[], index: number, what: string): Slot<T> {
  const slot = slots[index];
  if (!slot) throw refuse(0x6a86, `there is no ${what} ${index}`);
  return slot;
}

function emptySlots<T>(count: number): Slot<T>[] {
  return Array.from({ length: count }, () => ({ content: undefined, frozen: false }));
}
