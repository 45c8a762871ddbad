/** Looks for a private key where none may be: in files, outputs, captures and snapshots. */
import { createECDH } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Something to look through, with the name that a finding bears. */
export type Artefact = { readonly name: string; readonly bytes: Uint8Array };

/** All files below a directory. */
export function filesBelow(directory: string): Artefact[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
    .map((name) => ({ name, bytes: readFileSync(name) }));
}

/**
 * The names of the artefacts that hold a known scalar: as bytes (DER holds them so, too), as hex in either case, in
 * base64 at any of its three offsets, or as a list of decimal numbers.
 */
export function holdersOf(scalar: Uint8Array, artefacts: readonly Artefact[]): string[] {
  const bytes = Buffer.from(scalar);
  const hex = bytes.toString("hex");
  const needles = [
    bytes,
    ...[hex, hex.toUpperCase(), [...bytes].join(","), ...base64Forms(bytes)].map((text) => Buffer.from(text)),
  ];
  return artefacts
    .filter(({ bytes: content }) => {
      // Encodings break lines; a search that stops at them would miss most PEM files.
      const joined = Buffer.from(
        Buffer.from(content)
          .toString("latin1")
          .replace(/[\s]+|\\[nr]/g, ""),
        "latin1",
      );
      return needles.some((needle) => Buffer.from(content).includes(needle) || joined.includes(needle));
    })
    .map(({ name }) => name);
}

/**
 * The names of the artefacts that hold the private key of a public point, found without knowing it: every 32 bytes, as
 * they are and as hex and base64 say, are tried as the scalar. Text and runs of zeros, which no random key looks like, are skipped.
 */
export function holdersOfKeyFor(
  point: Uint8Array,
  artefacts: readonly Artefact[],
): { holders: string[]; tried: number } {
  const wanted = Buffer.from(point);
  const ecdh = createECDH("prime256v1");
  const seen = new Map<string, boolean>();
  const isKey = (candidate: Buffer): boolean => {
    const name = candidate.toString("latin1");
    const known = seen.get(name);
    if (known !== undefined) return known;
    let found = false;
    try {
      ecdh.setPrivateKey(candidate);
      found = ecdh.getPublicKey().equals(wanted);
    } catch {
      // Not a number within the group's order: no key at all.
    }
    seen.set(name, found);
    return found;
  };
  const holders = artefacts.filter(({ bytes }) =>
    readings(Buffer.from(bytes)).some((reading) => windows(reading).some(isKey)),
  );
  return { holders: holders.map(({ name }) => name), tried: seen.size };
}

function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    // The first and last characters also hold bits of the neighbours.
    const inner = text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The bytes themselves, and what their hex and base64 runs stand for. */
function readings(bytes: Buffer): Buffer[] {
  const text = bytes.toString("latin1");
  const hex = [...text.matchAll(/[0-9a-fA-F]{64,}/g)].flatMap(([run]) => [
    Buffer.from(run.slice(0, run.length & ~1), "hex"),
    Buffer.from(run.slice(1, 1 + ((run.length - 1) & ~1)), "hex"),
  ]);
  const base64 = [...text.matchAll(/(?:[A-Za-z0-9+/_-]{4,}={0,2}(?:\r?\n|\\n)?)+/g)]
    .map(([run]) => run.replace(/\r?\n|\\n/g, ""))
    .filter((run) => run.length >= 43)
    .flatMap((run) => [0, 1, 2, 3].map((offset) => Buffer.from(run.slice(offset), "base64")));
  return [bytes, ...hex, ...base64];
}

/** Every 32 bytes in a row that could be random. */
function windows(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 32 <= bytes.length; at++) {
    const window = bytes.subarray(at, at + 32);
    const dull = window.filter((byte) => byte === 0 || (byte >= 0x20 && byte < 0x7f)).length;
    // Of 32 random bytes, 12 are of this kind on average; 28 or more once in a billion.
    if (dull < 28) found.push(window);
  }
  return found;
}
