import { Inflate } from "fflate";

import { concat, UsageError } from "../../codec/index.ts";
import type { FunctionErrorCode } from "./errors.ts";

/** Bounds of a function's code. AWS allows 250 MB unzipped; nothing that only talks to our API needs that. */
export const CODE_LIMITS = {
  zippedBytes: 50 * 1024 * 1024,
  unzippedBytes: 50 * 1024 * 1024,
  files: 500,
  pathBytes: 255,
  /** The zips of all functions and their versions together. */
  allBytes: 2 * 1024 * 1024 * 1024,
} as const;

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const ENCRYPTED = 0x0001;
const UNIX = 3;
const FILE_TYPE = 0xf000;
const REGULAR = 0x8000;

const STORED = 0;
const DEFLATED = 8;

/** A line of the central directory. `at` is the offset of the file's local header. */
type Entry = {
  readonly path: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
};

/**
 * The files of a zip, by path. Folders are left out.
 * Throws `UsageError` `function-code` for what is no zip, exceeds `CODE_LIMITS`, leaves the folder, or is no plain file.
 * APPNOTE.TXT (PKWARE) 6.3.10, sections 4.3.12 and 4.3.16
 */
export function unzipCode(zip: Uint8Array): ReadonlyMap<string, Uint8Array> {
  if (zip.length > CODE_LIMITS.zippedBytes)
    throw unusable(`is ${zip.length} bytes, at most ${CODE_LIMITS.zippedBytes}`);
  const entries = directoryOf(zip);
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > CODE_LIMITS.unzippedBytes)
    throw unusable(`unzips to ${total} bytes, at most ${CODE_LIMITS.unzippedBytes}`);
  const wanted = new Set(entries.map(({ path }) => path));
  if (wanted.size !== entries.length) throw unusable("holds one path twice");
  if (wanted.size === 0) throw unusable("holds no file");
  for (const path of wanted) {
    const parents = path.split("/").slice(0, -1);
    const above = parents.map((_, i) => parents.slice(0, i + 1).join("/")).find((folder) => wanted.has(folder));
    if (above) throw unusable(`holds ${above} both as a file and as a folder`);
  }
  return new Map(entries.map((entry) => [entry.path, contentOf(zip, entry)]));
}

function contentOf(zip: Uint8Array, entry: Entry): Uint8Array {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const { at, path, method, packed, size } = entry;
  if (at + 30 > zip.length || view.getUint32(at, true) !== LOCAL_HEADER) throw unusable(`holds ${path} damaged`);
  const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (start + packed > zip.length) throw unusable(`holds ${path} cut short`);
  const bytes = zip.subarray(start, start + packed);
  if (method !== STORED && method !== DEFLATED) throw unusable(`holds ${path} packed by the unknown method ${method}`);
  const content = method === STORED ? bytes : inflate(bytes, entry);
  if (content.length !== size || crc32(content) !== entry.crc) throw unusable(`holds ${path} damaged`);
  return content;
}

const SLICE = 16 * 1024;

/** Inflates in slices, so that a stream that grows beyond its declared size costs at most one slice of work. */
function inflate(packed: Uint8Array, { path, size }: Entry): Uint8Array {
  const out = { parts: [] as Uint8Array[], length: 0 };
  const stream = new Inflate((part) => {
    out.parts.push(part);
    out.length += part.length;
  });
  try {
    for (let i = 0; i < packed.length && out.length <= size; i += SLICE) {
      stream.push(packed.subarray(i, i + SLICE), i + SLICE >= packed.length);
    }
  } catch (cause) {
    throw unusable(`holds ${path} damaged`, cause);
  }
  if (out.length > size) throw unusable(`holds ${path}, which is larger than it says`);
  return concat(...out.parts);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** APPNOTE.TXT 6.3.10, section 4.4.7 */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** The plain files that the central directory lists, each one checked. */
function directoryOf(zip: Uint8Array): Entry[] {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const end = endOfDirectory(view);
  const count = view.getUint16(end + 10, true);
  if (count > CODE_LIMITS.files) throw unusable(`has ${count} entries, at most ${CODE_LIMITS.files}`);
  const entries: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL_HEADER) throw unusable("has a damaged directory");
    const nameLength = view.getUint16(at + 28, true);
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) throw unusable("has a damaged directory");
    const entry = entryAt(view, at, zip.subarray(at + 46, at + 46 + nameLength));
    if (entry) entries.push(entry);
    at = next;
  }
  return entries;
}

function endOfDirectory(view: DataView): number {
  const first = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= first; at--) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  }
  throw unusable("is not a zip file");
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function entryAt(view: DataView, at: number, name: Uint8Array): Entry | undefined {
  let path: string;
  try {
    path = strictUtf8.decode(name);
  } catch (cause) {
    throw unusable("holds a path that is not UTF-8", cause);
  }
  if (path.endsWith("/") && isInside(path.slice(0, -1))) return undefined;
  if (name.length > CODE_LIMITS.pathBytes || !isInside(path)) {
    throw unusable(
      `holds the path ${JSON.stringify(path.slice(0, 80))}, which is absolute, too long or leaves its folder`,
    );
  }
  const mode = view.getUint32(at + 38, true) >>> 16;
  if (view.getUint8(at + 5) === UNIX && (mode & FILE_TYPE) !== 0 && (mode & FILE_TYPE) !== REGULAR) {
    throw unusable(`holds ${path}, which is a link or a device`);
  }
  if (view.getUint16(at + 8, true) & ENCRYPTED) throw unusable(`holds ${path} encrypted`);
  const [crc, packed, size] = [16, 20, 24].map((offset) => view.getUint32(at + offset, true)) as [
    number,
    number,
    number,
  ];
  const header = view.getUint32(at + 42, true);
  if (size === 0xffffffff || packed === 0xffffffff || header === 0xffffffff) {
    throw unusable(`holds ${path} in the ZIP64 form`);
  }
  return { path, method: view.getUint16(at + 10, true), crc, packed, size, at: header };
}

function isInside(path: string): boolean {
  const isPlain = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  // eslint-disable-next-line no-control-regex
  return isPlain && !/[\\:\u0000-\u001f]/.test(path);
}

function unusable(why: string, cause?: unknown): UsageError<FunctionErrorCode> {
  return new UsageError("function-code", `Could not unzip uploaded file: it ${why}`, { cause });
}
