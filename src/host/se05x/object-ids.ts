import { SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { UsageError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";

/** Identifiers of Hawser's own: outside the ranges that NXP, its cloud services and its examples use. SE05x object ids */
const KEYS = 0x4857_0000;
const CERTIFICATES = 0x4857_0100;
const OWN_COUNT = 0x100;
const RESERVED = { from: 0x7fff_0200, to: 0x7fff_02ff } as const;

/** A transient object of the host library's own. */
export const SCRATCH_OBJECT = 0x4857_0200;

/** Transient objects of TLS handshakes: premaster secrets, ephemeral keys, and servers' public keys. */
export const TLS_OBJECTS = { premaster: 0x4857_0210, ephemeral: 0x4857_0220, serverKey: 0x4857_0230 } as const;
const SECRETS = 0x4857_0300;
const DATA = 0x4857_0400;

/** The object of a pre-shared key or another secret, by the rule of key slots. Throws `bad-argument`. */
export function secretObject(slot: number): number {
  return objectAt(slot, SECRETS, "secret");
}

/** The object of a key slot: one of Hawser's own below 256, else the identifier itself. Throws `bad-argument`. */
export function keyObject(slot: number): number {
  return objectAt(slot, KEYS, "slot");
}

/** The slot of a key object. */
export function slotOf(objectId: number): number {
  return objectId >= KEYS && objectId < KEYS + OWN_COUNT ? objectId - KEYS : objectId;
}

/** Whether an object of others has an identifier that, as a slot or index, means one of Hawser's own. */
export function meansAnother(objectId: number): boolean {
  return objectId < OWN_COUNT;
}

/** The object of a certificate index, by the same rule. */
export function certificateObject(index: number): number {
  return objectAt(index, CERTIFICATES, "certificate");
}

/** Certificates that parts are born with, for keys on curves. SE05x object ids */
const BIRTH_CERTIFICATES: readonly number[] = [
  SE05X_OBJECT.connectionCertificate,
  SE05X_OBJECT.attestationCertificate,
  SE05X_OBJECT.deviceCertificate,
  SE05X_OBJECT.gatewayCertificate,
];

/** The same for RSA keys. SE05x object ids */
const RSA_BIRTH_CERTIFICATES: readonly number[] = [
  SE05X_OBJECT.connectionRsaCertificate,
  SE05X_OBJECT.attestationRsaCertificate,
  SE05X_OBJECT.deviceRsa2048Certificate,
  SE05X_OBJECT.gatewayRsa2048Certificate,
  SE05X_OBJECT.deviceRsa4096Certificate,
  SE05X_OBJECT.gatewayRsa4096Certificate,
];

/** The index of a file among Hawser's own certificates and those of a part's birth, or undefined where it is another file. */
export function certificateIndexOf(objectId: number): number | undefined {
  const index = objectId - CERTIFICATES;
  if (index >= 0 && index < OWN_COUNT) return index;
  return BIRTH_CERTIFICATES.includes(objectId) || isRsaBirth(objectId) ? objectId : undefined;
}

/**
 * Whether a file is the certificate of an RSA key that a part was born with. Those are there for whoever names them, and
 * not listed, as their keys are not: what lists certificates reads them, and a simulated part makes a key for each.
 */
export function isRsaBirth(objectId: number): boolean {
  return RSA_BIRTH_CERTIFICATES.includes(objectId);
}

/** The file of a data index, by the same rule. */
export function dataFile(index: number): number {
  return objectAt(index, DATA, "data");
}

/** The data index of a file, or undefined where it is a certificate's or the chip's own, or its identifier means another file. */
export function dataIndexOf(objectId: number): number | undefined {
  if (isReserved(objectId) || certificateIndexOf(objectId) !== undefined || meansAnother(objectId)) return undefined;
  return objectId >= DATA && objectId < DATA + OWN_COUNT ? objectId - DATA : objectId;
}

/** Whether an object is the chip's own, and no key of its user. SE05x object ids */
export function isReserved(objectId: number): boolean {
  return objectId >= RESERVED.from && objectId <= RESERVED.to;
}

function objectAt(place: number, first: number, what: string): number {
  if (!Number.isInteger(place) || place < 0 || place > 0xffff_ffff) {
    throw new UsageError<HostErrorCode>("bad-argument", `${what} ${place} is not within 0..4294967295`);
  }
  return place < OWN_COUNT ? first + place : place;
}
