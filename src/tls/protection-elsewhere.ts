import { Writer } from "../codec/index.ts";
import type { AeadName, RecordInput } from "../crypto/index.ts";
import { AEADS, type AeadRow } from "./aead-suites.ts";
import type { ClientConfig } from "./client-config.ts";
import { LocalFailure, TlsError } from "./errors.ts";
import { directionKeys12, protection12 } from "./key-schedule12.ts";
import {
  Aead13Protection,
  type DirectionKeys,
  type OpenedRecord,
  type RecordProtection,
  sequenceBytes,
  unwrapped13,
} from "./protection.ts";
import { CONTENT_TYPES, encodeRecord, MAX_PLAINTEXT, type TlsRecord } from "./records.ts";
import type { Suite12 } from "./suites.ts";

/** Which traffic key a record needs: one that the engine derived, or one that the keeper has of its own. The same object means the same key. */
export type TrafficKeyOf =
  | { readonly kind: "given"; readonly cipher: AeadName; readonly keys: DirectionKeys }
  | { readonly kind: "kept"; readonly sender: "client" | "server" };

/** A record on its way to be sealed, and how the result becomes the record. */
export type Sealing = { readonly input: RecordInput; readonly finish: (sealed: Uint8Array) => Uint8Array };

/** A record on its way to be opened; `finish` throws `bad-record-mac` where it was not genuine. */
export type Opening = {
  readonly input: RecordInput;
  readonly finish: (plaintext: Uint8Array | undefined) => OpenedRecord;
};

/** One direction's record protection whose key is elsewhere; it counts the records itself. */
export interface KeptProtection {
  readonly key: TrafficKeyOf;
  readonly maxFragment: number;
  readonly recordsLeft: number;
  /** The longest plaintext that the keeper can seal. */
  readonly maxPlaintext: number;
  beginSeal(type: number, plaintext: Uint8Array): Sealing;
  /** The record itself where it is not protected. */
  beginOpen(record: TlsRecord): Opening | OpenedRecord;
}

/** Protection of either kind. */
export type AnyProtection = RecordProtection | KeptProtection;

/** Whether records go through somebody else's hands. */
export function isKept(protection: AnyProtection): protection is KeptProtection {
  return "beginSeal" in protection;
}

/** One sender's protection in TLS 1.2; `block` is absent where the keeper made the keys. RFC 5246, section 6.3 */
export function protect12(
  config: ClientConfig,
  suite: Suite12,
  keys: {
    readonly block: Uint8Array | undefined;
    readonly sender: "client" | "server";
    readonly encryptThenMac: boolean;
  },
): AnyProtection {
  const { block = new Uint8Array(0), sender } = keys;
  const { cipher } = suite;
  if (!config.recordsElsewhere || cipher === "aes-128-cbc-sha256") {
    return protection12(config, suite, { ...keys, block });
  }
  const { maxPlaintext } = config.recordsElsewhere;
  const key: TrafficKeyOf = keys.block
    ? { kind: "given", cipher, keys: directionKeys12(block, cipher, sender) }
    : { kind: "kept", sender };
  return new Kept12(key, cipher, maxPlaintext);
}

/** One sender's protection in TLS 1.3. RFC 8446, section 5.2 */
export function protect13(config: ClientConfig, cipher: AeadName, keys: DirectionKeys): AnyProtection {
  const { aead, recordsElsewhere } = config;
  if (!recordsElsewhere) return new Aead13Protection(aead, cipher, keys);
  return new Kept13({ kind: "given", cipher, keys }, cipher, recordsElsewhere.maxPlaintext);
}

const TLS12 = 0x0303;

/** The count of records under one key. */
abstract class Kept {
  readonly key: TrafficKeyOf;
  protected readonly row: AeadRow;
  #sequence = 0;

  constructor(key: TrafficKeyOf, cipher: AeadName) {
    this.key = key;
    this.row = AEADS[cipher];
  }

  get recordsLeft(): number {
    return this.row.maxRecords - this.#sequence;
  }

  protected nextSequence(): Uint8Array {
    if (this.recordsLeft <= 0) throw new LocalFailure("keys-exhausted", `${this.#sequence} records under one key`);
    return sequenceBytes(this.#sequence++);
  }

  protected demandTag(length: number, fragment: Uint8Array): void {
    if (length < 0) throw new TlsError("bad-record-mac", `a protected record of ${fragment.length} bytes`);
  }
}

/** RFC 5246, section 6.2.3.3; RFC 5288, section 3; RFC 7905, section 2 */
class Kept12 extends Kept implements KeptProtection {
  readonly maxFragment: number;
  readonly maxPlaintext: number;

  constructor(key: TrafficKeyOf, cipher: AeadName, keeperMax: number) {
    super(key, cipher);
    this.maxPlaintext = Math.min(keeperMax, MAX_PLAINTEXT);
    this.maxFragment = this.maxPlaintext + this.row.explicitNonceLength + this.row.tagLength;
  }

  beginSeal(type: number, plaintext: Uint8Array): Sealing {
    const nonce = this.nextSequence();
    const explicit = nonce.subarray(0, this.row.explicitNonceLength);
    return {
      // The caller's memory may be used again before the keeper comes to it.
      input: { nonce, content: plaintext.slice(), associated: associated(nonce, type, plaintext.length) },
      finish: (sealed) => {
        demandSealed(sealed, plaintext.length + this.row.tagLength);
        const fragment = new Uint8Array(explicit.length + sealed.length);
        fragment.set(explicit);
        fragment.set(sealed, explicit.length);
        return encodeRecord({ type, version: TLS12, fragment });
      },
    };
  }

  beginOpen({ type, fragment }: TlsRecord): Opening {
    const { explicitNonceLength, tagLength } = this.row;
    const length = fragment.length - explicitNonceLength - tagLength;
    this.demandTag(length, fragment);
    const sequence = this.nextSequence();
    const nonce = explicitNonceLength > 0 ? fragment.slice(0, explicitNonceLength) : sequence;
    const content = fragment.slice(explicitNonceLength);
    return {
      input: { nonce, content, associated: associated(sequence, type, length) },
      finish: (plaintext) => ({ type, plaintext: genuine(plaintext, fragment) }),
    };
  }
}

/** RFC 8446, section 5.2 */
class Kept13 extends Kept implements KeptProtection {
  readonly maxFragment: number;
  readonly maxPlaintext: number;

  constructor(key: TrafficKeyOf, cipher: AeadName, keeperMax: number) {
    super(key, cipher);
    // The byte of the content type goes through the keeper as well.
    this.maxPlaintext = Math.min(keeperMax - 1, MAX_PLAINTEXT);
    this.maxFragment = this.maxPlaintext + 1 + this.row.tagLength;
  }

  beginSeal(type: number, plaintext: Uint8Array): Sealing {
    const content = new Uint8Array(plaintext.length + 1);
    content.set(plaintext);
    content[plaintext.length] = type;
    const length = content.length + this.row.tagLength;
    const header = recordHeader(CONTENT_TYPES.application_data, TLS12, length);
    return {
      input: { nonce: this.nextSequence(), content, associated: header },
      finish: (sealed) => {
        demandSealed(sealed, length);
        return encodeRecord({ type: CONTENT_TYPES.application_data, version: TLS12, fragment: sealed });
      },
    };
  }

  beginOpen({ type, version, fragment }: TlsRecord): Opening | OpenedRecord {
    if (type === CONTENT_TYPES.change_cipher_spec) return { type, plaintext: fragment };
    if (type !== CONTENT_TYPES.application_data) {
      throw new TlsError("unexpected-message", `an unprotected record of type ${type} where protection is on`);
    }
    this.demandTag(fragment.length - this.row.tagLength, fragment);
    const header = recordHeader(type, version, fragment.length);
    return {
      input: { nonce: this.nextSequence(), content: fragment.slice(), associated: header },
      finish: (plaintext) => unwrapped13(genuine(plaintext, fragment)),
    };
  }
}

/** additional_data. RFC 5246, section 6.2.3.3 */
function associated(sequence: Uint8Array, type: number, length: number): Uint8Array {
  return new Writer(13)
    .bytes(sequence)
    .bytes(recordHeader(type, TLS12, length))
    .finish();
}

/** The header that TLS 1.3 authenticates. RFC 8446, section 5.2 */
function recordHeader(type: number, version: number, length: number): Uint8Array {
  return new Writer(5).u8(type).u16(version).u16(length).finish();
}

function genuine(plaintext: Uint8Array | undefined, fragment: Uint8Array): Uint8Array {
  if (plaintext) return plaintext;
  throw new TlsError("bad-record-mac", `a record of ${fragment.length} bytes does not verify`);
}

/** A keeper that gives another length than the cipher's would put plaintext, or nothing, on the wire. */
function demandSealed(sealed: Uint8Array, length: number): void {
  if (sealed.length === length) return;
  throw new LocalFailure("operation-failed", `a sealed record has ${sealed.length} bytes, not ${length}`);
}
