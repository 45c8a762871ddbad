import { A71CH_VARIANTS, type A71chVariant, STORAGE_SEGMENT } from "../../apdu/a71ch/index.ts";
import { concat, equal, fromHex, toHex, UsageError, Writer } from "../../codec/index.ts";
import { ecPublicKeyInfo, type Entropy, type Signer } from "../../crypto/index.ts";
import {
  type Certificate,
  issueCertificate,
  issueRootCertificate,
  keyIdentifierOf,
  nameFromAttributes,
} from "../../pki/index.ts";
import type { ChipErrorCode } from "../errors.ts";
import { KeyPair } from "../key-pair.ts";
import type { ChipCrypto, NonVolatileMemory } from "../ports.ts";
import { decodeImage, encodeImage } from "./image.ts";
import { type A71chObjects, freshObjects, newUniqueId } from "./objects.ts";
import { CERTIFICATE_HEADER, ECDSA_WITH_SHA256, SIGNATURE_ROOM } from "./restricted.ts";
import type { Restriction, StorageRange } from "./objects.ts";

/** Which key pair of a part is restricted, and how often it signs; 0 for no limit. */
export type RestrictedPair = { readonly slot: number; readonly maxUses: number };

export type RestrictedBirthOptions = RestrictedPair & {
  readonly crypto: ChipCrypto;
  readonly entropy: Entropy;
  readonly variant: A71chVariant;
  /** Where the part's state goes. A part that is there already must have been born with the same restriction. */
  readonly memory: NonVolatileMemory;
};

/**
 * Makes a part with a restricted key pair, as a factory would: no command makes one. The pair is new, frozen, and signs
 * one certificate at the beginning of storage, which is frozen too and listed in the object table under index 0.
 *
 * Its host may replace the last eight bytes of the serial number, the public key and the key's identifier. Throws
 * `UsageError` `restricted-pair` for a slot or count that no such part has, or a part that was born otherwise.
 */
export async function bearRestricted(options: RestrictedBirthOptions): Promise<void> {
  const { slot, maxUses, crypto, entropy, variant, memory } = options;
  const capacity = A71CH_VARIANTS[variant];
  if (slot >= capacity.keyPairs || maxUses > 0xff) {
    throw refused(`an A71CH ${variant} has key pairs 0 to ${capacity.keyPairs - 1}, and counts 255 uses at most`);
  }
  const stored = memory.load();
  if (stored) {
    const { restriction } = decodeImage(variant, stored);
    if (restriction?.keyPair === slot && restriction.maxUses === maxUses) return;
    throw refused(`the part is there already, and was not born with key pair ${slot} restricted so`);
  }
  const objects = freshObjects(capacity, newUniqueId(entropy));
  const pair = KeyPair.generate(crypto, entropy);
  objects.keyPairs[slot] = { content: pair, frozen: true };
  place(objects, { slot, maxUses }, await firstCertificate(options, pair, objects.uniqueId));
  memory.store(encodeImage(variant, objects));
}

/** The certificate as it is born: for a key that nobody has, since a CA's own key certified as a device's serves nobody. */
async function firstCertificate(
  { crypto, entropy, slot }: RestrictedBirthOptions,
  pair: KeyPair,
  uniqueId: Uint8Array,
): Promise<Certificate> {
  const signer: Signer = {
    performer: "chip",
    publicKey: ecPublicKeyInfo(pair.point),
    algorithms: ["ecdsa_sha256"],
    sign: async (_algorithm, content) => pair.sign(crypto, entropy, crypto.hash.digest("sha256", content)),
  };
  const name = (what: string) => nameFromAttributes([["CN", `A71CH ${toHex(uniqueId)} ${what}`]]);
  const subject = name(`key pair ${slot}`);
  // It only lends the issuer its name and key identifier; whoever trusts the part certifies its public key himself.
  const certificate = await issueRootCertificate({ subject, validity: VALIDITY, entropy, signer });
  const order = { subject: name("certified key"), validity: VALIDITY, entropy };
  const issuer = { certificate, signer };
  return issueCertificate({
    ...order,
    profile: "device",
    publicKey: ecPublicKeyInfo(KeyPair.generate(crypto, entropy).point),
    issuer,
  });
}

const VALIDITY = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 11, 31) };

/** The extension's object identifier and the headers of its 20 bytes. RFC 5280, section 4.2.1.2 */
const SUBJECT_KEY_IDENTIFIER = fromHex("0603551d0e04160414");

/** How many bytes of the serial number a host chooses; the first ones keep it positive and minimal. */
const SERIAL_BYTES = 8;

function place(objects: A71chObjects, { slot, maxUses }: RestrictedPair, certificate: Certificate): void {
  const { der } = certificate;
  const signedLength = certificate.tbs.length;
  const needed = CERTIFICATE_HEADER + signedLength + ECDSA_WITH_SHA256.length + SIGNATURE_ROOM;
  const room = { offset: 0, length: Math.ceil(needed / STORAGE_SEGMENT) * STORAGE_SEGMENT };
  const { serialNumber, publicKey } = certificate;
  const blocks = [
    rangeBehind(der, concat(fromHex(serialNumber).slice(0, -SERIAL_BYTES)), SERIAL_BYTES),
    rangeBehind(der, publicKey.der.slice(0, -publicKey.subjectPublicKey.length), publicKey.subjectPublicKey.length),
    rangeBehind(der, SUBJECT_KEY_IDENTIFIER, keyIdentifierOf(publicKey).length),
  ];
  const restriction: Restriction = { keyPair: slot, maxUses, uses: 0, room, signedLength, blocks };
  objects.restriction = restriction;
  objects.storage.set(der, room.offset);
  objects.frozenSegments.fill(true, 0, room.length / STORAGE_SEGMENT);
  // A host's object table, so that host libraries find the certificate and put nothing over it. A71CH object table
  const entry = new Writer(8).u8(0x09).u8(0).u16(room.length).u16(room.offset).u8(1).u8(1).finish();
  objects.storage.set(entry, objects.storage.length - entry.length);
}

/** The bytes behind the first ones like these. */
function rangeBehind(der: Uint8Array, before: Uint8Array, length: number): StorageRange {
  const at = der.findIndex((_, from) => equal(der.subarray(from, from + before.length), before));
  return { offset: at + before.length, length };
}

function refused(message: string): UsageError<ChipErrorCode> {
  return new UsageError<ChipErrorCode>("restricted-pair", message);
}
