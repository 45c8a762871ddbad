/** What the tests of OCSP share: a CA, certificates, and responses of any content. */
import { concat, fromHex, utf8Bytes } from "../../codec/index.ts";
import { contextTag, TAG } from "../der.ts";
import { derElement } from "../der-write.ts";
import { DAY, newCa, newLeaf, newRoot, NOW, oidDer } from "../fixtures.test.ts";
import type { Certificate, Issuer } from "../index.ts";
import { certIdDer, type CertIdHash } from "./cert-id.ts";

export const root = await newRoot();
export const ca = await newCa(root, "CN=Intermediate");
export const leaf = await newLeaf(ca, "server", "CN=server", { names: { dns: ["a.example"] } });
export const other = await newLeaf(ca, "server", "CN=other", { names: { dns: ["b.example"] } });
export const asked = { certificate: leaf, issuer: ca.certificate };

const ECDSA_SHA256 = fromHex("300a06082a8648ce3d040302");
export const NONCE_OID = "1.3.6.1.5.5.7.48.1.2";
export const explicit = (n: number, ...parts: Uint8Array[]) => derElement(contextTag(n, "constructed"), ...parts);
const nothing = new Uint8Array(0);
export const GOOD = fromHex("8000");
export const UNKNOWN = fromHex("8200");

export function time(at: number): Uint8Array {
  return derElement(TAG.generalizedTime, utf8Bytes(new Date(at).toISOString().replace(/[-T:]|\.\d+/g, "")));
}

export function extension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  const flag = critical ? fromHex("0101ff") : nothing;
  return derElement(TAG.sequence, oidDer(oid), flag, derElement(TAG.octetString, value));
}

export type Parts = {
  readonly status?: number;
  readonly type?: string;
  readonly certificate?: Certificate;
  readonly hash?: CertIdHash;
  readonly answer?: Uint8Array;
  readonly producedAt?: number;
  readonly thisUpdate?: number;
  readonly nextUpdate?: number | undefined;
  readonly single?: Uint8Array[];
  readonly more?: Uint8Array[];
  readonly extensions?: Uint8Array[];
  readonly responderId?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly certificates?: Uint8Array[];
  readonly signer?: Issuer;
};

/** A response of any content, signed by anybody. */
export async function respond(parts: Parts = {}): Promise<Uint8Array> {
  const { status = 0, type = "1.3.6.1.5.5.7.48.1.1", certificate = leaf, hash = "sha1", answer = GOOD } = parts;
  const { thisUpdate = NOW, producedAt = thisUpdate, single = [], more = [], extensions = [], signer = ca } = parts;
  const nextUpdate = "nextUpdate" in parts ? parts.nextUpdate : NOW + DAY;
  const wrap = (n: number, list: Uint8Array[]) =>
    list.length === 0 ? nothing : explicit(n, derElement(TAG.sequence, ...list));
  const response = derElement(
    TAG.sequence,
    certIdDer({ certificate, issuer: ca.certificate }, hash),
    answer,
    time(thisUpdate),
    nextUpdate === undefined ? nothing : explicit(0, time(nextUpdate)),
    wrap(1, single),
  );
  const data = derElement(
    TAG.sequence,
    parts.responderId ?? explicit(1, signer.certificate.subject.der),
    time(producedAt),
    derElement(TAG.sequence, ...more, response),
    wrap(1, extensions),
  );
  const signature = await signer.signer.sign("ecdsa_sha256", data);
  const basic = derElement(
    TAG.sequence,
    data,
    parts.algorithm ?? ECDSA_SHA256,
    derElement(TAG.bitString, concat(Uint8Array.of(0), signature)),
    wrap(0, parts.certificates ?? []),
  );
  const bytes = explicit(0, derElement(TAG.sequence, oidDer(type), derElement(TAG.octetString, basic)));
  return derElement(TAG.sequence, derElement(TAG.enumerated, Uint8Array.of(status)), status === 0 ? bytes : nothing);
}
