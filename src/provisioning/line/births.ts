import { Denied, UsageError } from "../../codec/index.ts";
import type { SignatureVerifier } from "../../crypto/index.ts";
import {
  type Certificate,
  certificateFromPem,
  certificatesFromPem,
  certificateToPem,
  validatePath,
} from "../../pki/index.ts";
import type { LineErrorCode } from "./errors.ts";
import type { PartIdentity } from "./journal.ts";
import { LINE_MODELS, type LineModelName } from "./models.ts";

/** What a part was given by those who made it ready: its identifier, and its identities. */
export type BirthRecord = { readonly uniqueId: string; readonly identities: readonly PartIdentity[] };

/** The records of a batch, as its maker or its line hands them to a cloud. `issuers` are the CAs below the root. */
export type BirthBatch = {
  readonly batch: string;
  readonly model: LineModelName;
  readonly chipModel: string;
  readonly issuers: readonly Certificate[];
  readonly parts: readonly BirthRecord[];
};

/** A batch whose every record was verified under a root of the verifier's own choice. */
export type TrustedBatch = { readonly batch: BirthBatch; readonly certificates: readonly Certificate[] };

const FORMAT = "hawser births";
/** More than any factory delivers in one file. */
const MAX_PARTS = 1_000_000;

/** The batch as a JSON document with certificates in PEM. */
export function encodeBirths({ batch, model, chipModel, issuers, parts }: BirthBatch): string {
  const document = {
    format: FORMAT,
    version: 1,
    batch,
    model,
    chipModel,
    issuers: issuers.map(certificateToPem).join(""),
    parts: parts.map(({ uniqueId, identities }) => ({
      uniqueId,
      identities: identities.map(({ name, slot, certificate }) => ({
        name,
        slot,
        certificate: certificateToPem(certificate),
      })),
    })),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

/** Reads what `encodeBirths` writes; nothing is verified yet. Throws `UsageError` `births-malformed`. */
export function decodeBirths(text: string): BirthBatch {
  try {
    const document = recordOf(JSON.parse(text));
    if (document["format"] !== FORMAT || document["version"] !== 1) throw malformed("it is of another format");
    const { model, parts } = document;
    if (typeof model !== "string" || !Object.hasOwn(LINE_MODELS, model)) throw malformed("model");
    const issuers = textOf(document, "issuers");
    return {
      batch: textOf(document, "batch"),
      model: model as LineModelName,
      chipModel: textOf(document, "chipModel"),
      issuers: issuers === "" ? [] : certificatesFromPem(issuers),
      parts: listOf(parts, MAX_PARTS).map((part) => ({
        uniqueId: textOf(part, "uniqueId"),
        identities: listOf(part["identities"], 16).map((identity) => ({
          name: textOf(identity, "name"),
          slot: slotOf(identity),
          certificate: certificateFromPem(textOf(identity, "certificate")),
        })),
      })),
    };
  } catch (cause) {
    if (cause instanceof UsageError && cause.code === "births-malformed") throw cause;
    throw malformed(cause instanceof Error ? cause.message : "unknown reason", cause);
  }
}

/**
 * Verifies every certificate of a batch under the caller's roots, and that identifiers, serial numbers and keys are each
 * one part's own. Throws `Denied` `birth-untrusted` with the first part that fails: a batch is trusted whole or not at all.
 */
export async function verifyBirths(
  batch: BirthBatch,
  trust: { readonly anchors: readonly Certificate[]; readonly verifier: SignatureVerifier; readonly time: number },
): Promise<TrustedBatch> {
  const seen = new Set<string>();
  const demandNew = (what: string, value: string, uniqueId: string) => {
    if (seen.has(`${what} ${value}`)) throw untrusted(`${what} ${value} of part ${uniqueId} occurs twice`);
    seen.add(`${what} ${value}`);
  };
  const certificates: Certificate[] = [];
  for (const { uniqueId, identities } of batch.parts) {
    demandNew("identifier", uniqueId, uniqueId);
    for (const { certificate } of identities) {
      demandNew("serial number", `${certificate.issuer.text} ${certificate.serialNumber}`, uniqueId);
      demandNew("public key", certificate.publicKey.subjectPublicKey.join(), uniqueId);
      await verifyBirthCertificate(uniqueId, [certificate, ...batch.issuers], trust);
      certificates.push(certificate);
    }
  }
  return { batch, certificates };
}

/** Throws `Denied` `birth-untrusted` where the first of the chain is no client certificate under the anchors. */
export async function verifyBirthCertificate(
  uniqueId: string,
  chain: readonly Certificate[],
  trust: { readonly anchors: readonly Certificate[]; readonly verifier: SignatureVerifier; readonly time: number },
): Promise<void> {
  try {
    await validatePath({ chain: chain.map(({ der }) => der), ...trust, purpose: "clientAuth" });
  } catch (cause) {
    throw untrusted(`the certificate of part ${uniqueId} does not verify`, cause);
  }
}

/** Says why a part, or the batch that it is of, is not to be trusted. */
export function untrusted(message: string, cause?: unknown): Denied<LineErrorCode> {
  return new Denied<LineErrorCode>("birth-untrusted", message, { cause });
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed("an object is missing");
}

function listOf(value: unknown, most: number): readonly Fields[] {
  if (!Array.isArray(value) || value.length > most) throw malformed("a list is missing, or too long");
  return value.map(recordOf);
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw malformed(`${name} is missing`);
}

function slotOf({ slot }: Fields): number {
  if (typeof slot === "number" && Number.isInteger(slot) && slot >= 0 && slot <= 0xffff_ffff) return slot;
  throw malformed("slot is missing");
}

function malformed(what: string, cause?: unknown): UsageError<LineErrorCode> {
  return new UsageError<LineErrorCode>("births-malformed", `these are no birth records: ${what}`, { cause });
}
