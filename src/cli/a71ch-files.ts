import { createPublicKey, type webcrypto } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";

import { keyPairFromPem } from "../agent/node.ts";
import type { Scp03Keys } from "../apdu/index.ts";
import { concat, fromHex, HawserError, parsePem, toHex } from "../codec/index.ts";
import type { PlainKeyPair } from "../crypto/index.ts";
import { referenceInPem } from "../host/a71ch/index.ts";
import { certificatesFromPem, parseCertificate } from "../pki/index.ts";
import { type A71chToolErrorCode, toolError } from "./a71ch-errors.ts";

/** As `readPairFile`, for injection: a reference, whose private half everybody knows, is `tool-key-file`. */
export function readKeyPair(path: string): PlainKeyPair {
  const reference = parsed(path, () => referenceInPem(readText(path, "tool-key-file")));
  if (!reference) return readPairFile(path);
  throw toolError("tool-key-file", `${path} is a reference to key ${reference.index} of a chip, not a key`);
}

/**
 * The P-256 key pair of a PEM file, which may be a reference key. Throws `tool-file`, `tool-key-file`, `tool-pkcs8`,
 * `tool-no-private-key` and `tool-curve`.
 */
export function readPairFile(path: string): PlainKeyPair {
  const pem = readText(path, "tool-key-file");
  const key = keyBlock(path, pem);
  if (key.label === "PUBLIC KEY") {
    ecKey(path, key.bytes);
    throw toolError("tool-no-private-key", `${path} holds a public key only`);
  }
  try {
    return parsed(path, () => keyPairFromPem(key.text));
  } catch (error) {
    // Of another kind, and not only of another curve.
    const isOther =
      error instanceof HawserError &&
      error.code === "tool-curve" &&
      /^the key is (rsa|dsa|dh|ed|x)/.test(reason(error));
    if (isOther) throw toolError("tool-key-file", `${path} holds no EC key`, { cause: error });
    throw error;
  }
}

/** The public point of a PEM file with a public key, a private key or a reference key. Throws as `readKeyPair` does. */
export function readPublicPoint(path: string): Uint8Array {
  const key = keyBlock(path, readText(path, "tool-key-file"));
  if (key.label !== "PUBLIC KEY") return parsed(path, () => keyPairFromPem(key.text)).point;
  const { crv, x, y } = ecKey(path, key.bytes);
  if (crv !== "P-256") throw toolError("tool-curve", `the key in ${path} is on ${crv}`);
  return concat(Uint8Array.of(4), Buffer.from(x ?? "", "base64url"), Buffer.from(y ?? "", "base64url"));
}

const PKCS8_LABELS: readonly string[] = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];

/**
 * What the original tool takes from a key file, whatever else is in it: EC PRIVATE KEY, or else PUBLIC KEY. Throws
 * `tool-pkcs8` where there is only a private key of the other form. RFC 5915, section 4; RFC 5208, section 5
 */
function keyBlock(path: string, pem: string) {
  const blocks = parsed(path, () => parsePem(pem));
  for (const label of ["EC PRIVATE KEY", "PUBLIC KEY"]) {
    const block = blocks.find((each) => each.label === label);
    const [text = pem] = new RegExp(`-----BEGIN ${label}-----.*?-----END ${label}-----`, "s").exec(pem) ?? [];
    if (block) return { ...block, text };
  }
  if (!blocks.some(({ label }) => PKCS8_LABELS.includes(label))) {
    throw toolError("tool-key-file", `${path} holds no EC PRIVATE KEY and no PUBLIC KEY`);
  }
  const converted = `${path.replace(/\.(pem|key|p8)$/, "")}-ec.pem`;
  throw toolError("tool-pkcs8", `${path} is PKCS #8; convert it: openssl ec -in ${path} -out ${converted}`);
}

/** The numbers of an EC public key, whose point may be compressed. Throws `tool-key-file` for another kind. RFC 5480, section 2.2 */
function ecKey(path: string, spki: Uint8Array): webcrypto.JsonWebKey {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }).export({ format: "jwk" });
    if (key.kty === "EC") return key;
  } catch (cause) {
    throw toolError("tool-key-file", `${path} holds no usable public key`, { cause });
  }
  throw toolError("tool-key-file", `${path} holds no EC key`);
}

function reason(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : "";
}

/** The DER of the certificate in a file; what follows it is not part of it. Throws `tool-file` and `tool-key-file`. */
export function readCertificateFile(path: string, form: "der" | "pem"): Uint8Array {
  return parsed(path, () => {
    if (form === "der") return parseCertificate(derIn(path)).der;
    const [first] = certificatesFromPem(readText(path, "tool-key-file"));
    if (!first) throw toolError("tool-key-file", `${path} holds no certificate`);
    return first.der;
  });
}

/** OpenSSL gives PEM unless it is asked, under any name. */
function derIn(path: string): Uint8Array {
  const bytes = readBytes(path, "tool-key-file");
  if (!new TextDecoder().decode(bytes).includes("-----BEGIN CERTIFICATE-----")) return firstElement(bytes);
  throw toolError("tool-key-file", `${path} is PEM, and -c takes DER: give it with -p`);
}

/** A file's first DER element, as `d2i` readers take it; all of it where it does not begin like a certificate. X.690, section 8.1.3 */
function firstElement(bytes: Uint8Array): Uint8Array {
  const [tag, length, high = 0, low = 0] = bytes;
  return tag === 0x30 && length === 0x82 ? bytes.subarray(0, 4 + high * 256 + low) : bytes;
}

/**
 * The keys of a secure channel: the lines ENC, MAC and DEK; `#` begins a remark, and no line is empty. Throws `tool-file`
 * and `tool-file-format`.
 */
export function readChannelKeys(path: string): Scp03Keys {
  const keys = new Map<string, Uint8Array>();
  const lines = readText(path, "tool-file-format").replace(/\n$/, "").split("\n");
  lines.forEach((line, at) => {
    if (/^\s*#/.test(line)) return;
    const match = /^ *(ENC|MAC|DEK) +([0-9a-fA-F]{32})[ \r]*(#.*)?$/.exec(line);
    const [, name = "", digits = ""] = match ?? [];
    if (!match || keys.has(name))
      throw toolError("tool-file-format", `${path}, line ${at + 1}: no new ENC, MAC or DEK`);
    keys.set(name, fromHex(digits.toLowerCase()));
  });
  const [enc, mac, dek] = [keys.get("ENC"), keys.get("MAC"), keys.get("DEK")];
  if (!enc || !mac || !dek) throw toolError("tool-file-format", `${path} lacks ENC, MAC or DEK`);
  return { enc, mac, dek };
}

/**
 * The bytes of a file of hex digits, so many a line. What is shorter than a line at the file's end counts up to its last
 * pair of digits, whatever follows, as in the original tool; `remark` is told. Throws `tool-file` and `tool-file-format`.
 */
export function readHexLines(path: string, digits: number, remark: (text: string) => void): Uint8Array {
  const text = readText(path, "tool-file-format");
  const parts: string[] = [];
  let at = 0;
  for (; at + digits <= text.length; at += /^\r?\n/.exec(text.slice(at))?.[0].length ?? 0) {
    const line = text.slice(at, at + digits);
    at += digits;
    if (!/^[0-9a-fA-F]*$/.test(line) || !/^(\r?\n|$)/.test(text.slice(at, at + 2))) {
      throw toolError("tool-file-format", `${path}, line ${parts.length + 1}: not ${digits} hex digits`);
    }
    parts.push(line);
  }
  const rest = text.slice(at);
  const [taken = ""] = /^([0-9a-fA-F]{2})*/.exec(rest) ?? [];
  if (rest.trimEnd() !== taken) {
    remark(
      `${path}, line ${parts.length + 1}: only ${taken.length} of ${rest.trimEnd().length} characters up to the end were taken, as pairs of hex digits; correct the file, or give -t`,
    );
  }
  return fromHex([...parts, taken].join("").toLowerCase());
}

/** Bytes as lines of hex digits. */
export function hexLines(bytes: Uint8Array, digits: number): string {
  return (toHex(bytes).match(new RegExp(`.{1,${digits}}`, "g")) ?? []).join("\n");
}

/** A file's text. Throws `tool-file`, and for a folder the code that its content would have had. */
export function readText(path: string, forFolder: A71chToolErrorCode): string {
  return new TextDecoder().decode(readBytes(path, forFolder));
}

/** Whether this is a folder, which the original tool opens like a file with nothing in it. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Writes a file; where that is impossible, throws with the code that belongs to the command. */
export function writeOutput(path: string, content: string | Uint8Array, code: A71chToolErrorCode): void {
  try {
    writeFileSync(path, content);
  } catch (cause) {
    throw toolError(code, `${path} cannot be written`, { cause });
  }
}

/** A file's bytes. Throws as `readText` does. */
export function readBytes(path: string, forFolder: A71chToolErrorCode): Uint8Array {
  if (isFolder(path)) throw toolError(forFolder, `${path} is a folder`);
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
