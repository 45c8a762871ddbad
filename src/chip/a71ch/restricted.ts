import { concat, fromHex } from "../../codec/index.ts";
import { STORAGE_SEGMENT } from "../../apdu/a71ch/index.ts";
import type { A71chInside } from "./handler.ts";
import { contentOf, refuse, type Restriction } from "./objects.ts";

/** Certificates of 256 bytes and more have a header of this size, whatever their signature's length. X.690, section 8.1.3 */
export const CERTIFICATE_HEADER = 4;

/** The most bytes that a DER signature of P-256 and its bit string's header take. */
export const SIGNATURE_ROOM = 3 + 72;

/** The AlgorithmIdentifier of ecdsa-with-SHA256. RFC 5758, section 3.2 */
export const ECDSA_WITH_SHA256 = fromHex("300a06082a8648ce3d040302");

/** The most that the answer's one byte can count to; a pair without limit stays there. */
const MAX_COUNT = 0xff;

/**
 * Puts a host's bytes into the certificate's blocks, signs the certificate anew in its place, and gives the number of
 * uses so far. Refused with 6700 where the bytes do not fill the blocks, 6985 where no use is left.
 */
export function signRestricted(inside: A71chInside, restriction: Restriction, update: Uint8Array): number {
  const { keyPair, maxUses, uses, room, blocks } = restriction;
  const expected = blocks.reduce((sum, { length }) => sum + length, 0);
  if (update.length !== expected)
    throw refuse(0x6700, `key pair ${keyPair} is restricted to updates of ${expected} bytes`);
  if (maxUses !== 0 && uses >= maxUses)
    throw refuse(0x6985, `key pair ${keyPair} was used ${uses} times and signs no more`);
  let taken = 0;
  for (const { offset, length } of blocks) {
    inside.objects.storage.set(update.subarray(taken, taken + length), offset);
    taken += length;
  }
  putSignature(inside, restriction);
  restriction.uses = Math.min(MAX_COUNT, uses + 1);
  // The host cannot write these segments; the chip's own writes wear them all the same.
  for (let at = room.offset; at < room.offset + room.length; at += STORAGE_SEGMENT) {
    inside.changed(`storage segment ${at / STORAGE_SEGMENT}`);
  }
  inside.changed(`uses of key pair ${keyPair}`);
  return restriction.uses;
}

/** Signs what the certificate's place holds, and writes the signature behind it. RFC 5280, section 4.1 */
function putSignature(inside: A71chInside, { keyPair, room, signedLength }: Restriction): void {
  const { objects, crypto, entropy } = inside;
  const start = room.offset + CERTIFICATE_HEADER;
  const signed = objects.storage.slice(start, start + signedLength);
  const pair = contentOf(objects.keyPairs, keyPair, "key pair");
  const signature = pair.sign(crypto, entropy, crypto.hash.digest("sha256", signed));
  const body = concat(signed, ECDSA_WITH_SHA256, Uint8Array.of(0x03, signature.length + 1, 0x00), signature);
  const certificate = concat(Uint8Array.of(0x30, 0x82, body.length >> 8, body.length & 0xff), body);
  objects.storage.fill(0, room.offset, room.offset + room.length);
  objects.storage.set(certificate, room.offset);
}

/** The restriction of a key pair, if it has one. */
export function restrictionOf({ objects }: Pick<A71chInside, "objects">, slot: number): Restriction | undefined {
  return objects.restriction?.keyPair === slot ? objects.restriction : undefined;
}

/** Refused with 6985 where the key pair is restricted: it signs its certificate and does nothing else. */
export function refuseRestricted(inside: Pick<A71chInside, "objects">, slot: number): void {
  if (restrictionOf(inside, slot)) throw refuse(0x6985, `key pair ${slot} is restricted to signing its certificate`);
}
