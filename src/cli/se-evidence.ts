import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { AttestationEvidence } from "../agent/index.ts";
import { attestation } from "../apdu/se05x/index.ts";
import { decode, encode, fromHex, toHex } from "../codec/index.ts";
import { certificatesFromPem, certificateToPem } from "../pki/index.ts";
import { badOption } from "./errors.ts";

const FILES = { answer: "answer.json", chain: "attestation.pem", signed: "signed.bin", signature: "signature.bin" };

/**
 * Keeps evidence in a folder: the answer and its certificates for `hawser se attest --verify`; and what was signed, with
 * its signature, for `openssl dgst -verify`.
 */
export function writeEvidenceFolder(folder: string, evidence: AttestationEvidence, signed: Uint8Array): void {
  const { answer, algorithm, chain } = evidence;
  mkdirSync(folder, { recursive: true });
  const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
  put(FILES.answer, `${JSON.stringify({ algorithm, answer: toHex(encode(attestation, answer)) }, undefined, 2)}\n`);
  put(FILES.chain, chain.map((der) => certificateToPem({ der })).join(""));
  put(FILES.signed, signed);
  put(FILES.signature, answer.signature);
}

/** Evidence that was kept. Throws `UsageError` `bad-option` where it is not there, or is something else. */
export function readEvidenceFolder(folder: string): AttestationEvidence {
  try {
    const kept: unknown = JSON.parse(readFileSync(join(folder, FILES.answer), "utf8"));
    if (!isKept(kept)) throw badOption(`--verify ${folder}: ${FILES.answer} holds no answer`);
    const chain = certificatesFromPem(readFileSync(join(folder, FILES.chain), "utf8"));
    return {
      algorithm: kept.algorithm,
      answer: decode(attestation, fromHex(kept.answer)),
      chain: chain.map(({ der }) => der),
    };
  } catch (cause) {
    throw badOption(`--verify ${folder} cannot be read: ${cause instanceof Error ? cause.message : "unknown reason"}`);
  }
}

function isKept(value: unknown): value is { readonly algorithm: number; readonly answer: string } {
  if (typeof value !== "object" || value === null) return false;
  return (
    "algorithm" in value && typeof value.algorithm === "number" && "answer" in value && typeof value.answer === "string"
  );
}
