import { readFileSync, writeFileSync } from "node:fs";

import { keyPairFromPem } from "../agent/node.ts";
import type { Scp03Keys } from "../apdu/index.ts";
import { fromHex, HawserError, parsePem, toHex } from "../codec/index.ts";
import { ecPublicPoint, type PlainKeyPair } from "../crypto/index.ts";
import { referenceInPem } from "../host/a71ch/index.ts";
import { certificatesFromPem, parseCertificate } from "../pki/index.ts";
import { type A71chToolErrorCode, toolError } from "./a71ch-errors.ts";

/** The P-256 key pair of a PEM file, for injection. Throws `tool-file`, `tool-key-file`, `tool-no-private-key` and `tool-curve`. */
export function readKeyPair(path: string): PlainKeyPair {
  const pem = readText(path);
  const reference = parsed(path, () => referenceInPem(pem));
  if (reference) {
    throw toolError("tool-key-file", `${path} is a reference to key ${reference.index} of a chip, not a key`);
  }
  const labels = parsed(path, () => parsePem(pem)).map(({ label }) => label);
  if (labels.includes("PUBLIC KEY") && !labels.some((label) => label.endsWith("PRIVATE KEY"))) {
    throw toolError("tool-no-private-key", `${path} holds a public key only`);
  }
  return parsed(path, () => keyPairFromPem(pem));
}

/** The public point of a PEM file with a public key, a private key or a reference key. Throws as `readKeyPair` does. */
export function readPublicPoint(path: string): Uint8Array {
  const pem = readText(path);
  const publicKey = parsed(path, () => parsePem(pem)).find(({ label }) => label === "PUBLIC KEY");
  if (!publicKey) return parsed(path, () => keyPairFromPem(pem)).point;
  const found = ecPublicPoint(publicKey.bytes);
  if (!found) throw toolError("tool-key-file", `${path} holds no EC public key in uncompressed form`);
  if (found.curve !== "P-256") throw toolError("tool-curve", `the key in ${path} is on ${found.curve}`);
  return found.point;
}

/** The DER of the certificate in a file. Throws `tool-file` and `tool-key-file`. */
export function readCertificateFile(path: string, form: "der" | "pem"): Uint8Array {
  return parsed(path, () => {
    if (form === "der") return parseCertificate(derIn(path)).der;
    const [first] = certificatesFromPem(readText(path));
    if (!first) throw toolError("tool-key-file", `${path} holds no certificate`);
    return first.der;
  });
}

/** OpenSSL gives PEM unless it is asked, under any name. */
function derIn(path: string): Uint8Array {
  const bytes = readBytes(path);
  if (!new TextDecoder().decode(bytes).includes("-----BEGIN CERTIFICATE-----")) return bytes;
  throw toolError("tool-key-file", `${path} is PEM, and -c takes DER: give it with -p`);
}

/** The keys of a secure channel: the lines ENC, MAC and DEK, `#` begins a remark. Throws `tool-file` and `tool-file-format`. */
export function readChannelKeys(path: string): Scp03Keys {
  const keys = new Map<string, Uint8Array>();
  const lines = readText(path)
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, "").trim());
  lines.forEach((line, at) => {
    if (line === "") return;
    const match = /^(ENC|MAC|DEK)\s+([0-9a-fA-F]{32})$/.exec(line);
    const [, name = "", digits = ""] = match ?? [];
    if (!match || keys.has(name))
      throw toolError("tool-file-format", `${path}, line ${at + 1}: no new ENC, MAC or DEK`);
    keys.set(name, fromHex(digits.toLowerCase()));
  });
  const [enc, mac, dek] = [keys.get("ENC"), keys.get("MAC"), keys.get("DEK")];
  if (!enc || !mac || !dek) throw toolError("tool-file-format", `${path} lacks ENC, MAC or DEK`);
  return { enc, mac, dek };
}

/** The bytes of a file of hex digits, so many a line; the last line may be shorter. Throws `tool-file` and `tool-file-format`. */
export function readHexLines(path: string, digits: number): Uint8Array {
  const lines = readText(path)
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  lines.forEach((line, at) => {
    const isLast = at === lines.length - 1;
    const fits = isLast ? line.length <= digits && line.length % 2 === 0 && line !== "" : line.length === digits;
    if (fits && /^[0-9a-fA-F]*$/.test(line)) return;
    throw toolError("tool-file-format", `${path}, line ${at + 1}: not ${digits} hex digits`);
  });
  return fromHex(lines.join("").toLowerCase());
}

/** Bytes as lines of hex digits. */
export function hexLines(bytes: Uint8Array, digits: number): string {
  return (toHex(bytes).match(new RegExp(`.{1,${digits}}`, "g")) ?? []).join("\n");
}

/** A script's text. Throws `tool-file`. */
export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/** Writes a file; where that is impossible, throws with the code that belongs to the command. */
export function writeOutput(path: string, content: string | Uint8Array, code: A71chToolErrorCode): void {
  try {
    writeFileSync(path, content);
  } catch (cause) {
    throw toolError(code, `${path} cannot be written`, { cause });
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path));
  } catch (cause) {
    throw toolError("tool-file", `${path} cannot be read`, { cause });
  }
}

function parsed<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof HawserError && cause.code.startsWith("tool-")) throw cause;
    if (!(cause instanceof HawserError)) throw cause;
    if (cause.code === "not-p256") throw toolError("tool-curve", `the key in ${path} is not on P-256`, { cause });
    throw toolError("tool-key-file", `${path} cannot be used`, { cause });
  }
}
