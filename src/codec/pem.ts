import { fromBase64, toBase64 } from "./base64.ts";
import { DecodeError } from "./errors.ts";

/** One block of a PEM file. */
export type PemBlock = { readonly label: string; readonly bytes: Uint8Array };

const MAX_TEXT = 4 * 1024 * 1024;

/** Textual encoding with 64 columns. RFC 7468, section 3 */
export function toPem(label: string, bytes: Uint8Array): string {
  const base64 = toBase64(bytes);
  let lines = "";
  for (let at = 0; at < base64.length; at += 64) lines += `${base64.slice(at, at + 64)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/**
 * All blocks of a text, in order. RFC 7468, section 2
 *
 * Explanatory text around the blocks, CRLF and a byte-order mark are accepted, since files made by `openssl -text` and
 * by Windows editors have them. Throws `DecodeError` `encoding` where a block is malformed.
 */
export function parsePem(text: string): PemBlock[] {
  if (text.length > MAX_TEXT) throw new DecodeError("length", `PEM text of ${text.length} characters`, MAX_TEXT);
  const blocks: PemBlock[] = [];
  const boundary = /-----BEGIN ([^\r\n]*?)-----/g;
  for (let begin = boundary.exec(text); begin; begin = boundary.exec(text)) {
    const label = begin[1] ?? "";
    const end = `-----END ${label}-----`;
    const from = begin.index + begin[0].length;
    const to = text.indexOf(end, from);
    if (to < 0) throw new DecodeError("encoding", `no ${JSON.stringify(end)} follows`, begin.index);
    blocks.push({ label, bytes: blockBytes(text.slice(from, to), from) });
    boundary.lastIndex = to + end.length;
  }
  return blocks;
}

function blockBytes(body: string, at: number): Uint8Array {
  const header = /^[\w-]+:/m.exec(body);
  // RFC 1421 headers mean legacy encryption, whose key derivation is a single MD5.
  if (header) throw new DecodeError("encoding", `encapsulated header ${JSON.stringify(header[0])}`, at + header.index);
  const base64 = body.replace(/[\s]+/g, "");
  try {
    return fromBase64(base64);
  } catch (cause) {
    throw new DecodeError("encoding", "PEM body is not base64", at, { cause });
  }
}
