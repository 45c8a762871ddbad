import { A71CH_VARIANTS, STORAGE_SEGMENT } from "../apdu/a71ch/index.ts";
import { HawserError, toHex } from "../codec/index.ts";
import {
  createObject,
  eraseObject,
  type ObjectName,
  readObject,
  readStorage,
  type StoredObject,
  updateObject,
  writeStorage,
} from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import { hexLines, readCertificateFile, readHexLines, writeOutput } from "./a71ch-files.ts";
import { type A71chHandlersOf, done } from "./a71ch-keys.ts";
import { checkNotFrozen, checkPlace, FEW, lookUp, onObject } from "./a71ch-lookup.ts";
import { hex16, type ToolSession } from "./a71ch-session.ts";

/** The larger of the two variants' storage: what a certificate is measured by before a chip is asked. */
const MOST_STORAGE = A71CH_VARIANTS.B.storageBytes;

const DELETED_INDEX = 0xff;

type CertificateSource = {
  readonly certificateFile?: string;
  readonly pemFile?: string;
  readonly data?: Uint8Array;
};

type DataSource = { readonly dataFile?: string; readonly digits?: number; readonly data?: Uint8Array };

/** Commands for certificates, data objects and raw storage. A71CH Configure tool */
export const objectHandlers: A71chHandlersOf<
  | "wcrt"
  | "ucrt"
  | "rcrt"
  | "ecrt"
  | "obj write"
  | "obj update"
  | "obj get"
  | "obj erase"
  | "set gp"
  | "info gp"
  | "lock gp"
> = {
  wcrt: async (tool, { index, padding = 0, ...source }) => {
    const bytes = certificateOf(source);
    const room = (Math.ceil(bytes.length / STORAGE_SEGMENT) + padding) * STORAGE_SEGMENT;
    if (isNobodys(tool, index)) return;
    await onObject(tool, async (access) => {
      await checkPlace(tool, { kind: "certificate", index }, room);
      await createObject(access, { kind: "certificate", index, bytes, room });
    });
    done(
      tool,
      { index, length: bytes.length, reservedBytes: room },
      `stored certificate ${index}: ${bytes.length} bytes, room for ${room}`,
    );
  },
  ucrt: async (tool, { index, padding, ...source }) => {
    const bytes = certificateOf(source);
    if (padding !== undefined) tool.output.warn("-n was passed over: a certificate keeps the room that wcrt gave it");
    const { index: found } = await certificateToReplace(tool, index);
    await onObject(tool, (access) => updateObject(access, { kind: "certificate", index: found, bytes }));
    done(tool, { index: found, length: bytes.length }, `replaced certificate ${found}: ${bytes.length} bytes`);
  },
  rcrt: async (tool, { index: given, certificateFile }) => {
    const found = await lookUp(tool, { kind: "certificate", index: given });
    const { index } = found;
    const der = await certificateBytes(tool, found);
    done(tool, { index, certificate: toHex(der) }, `certificate ${index}: ${toHex(der)}`);
    if (certificateFile !== undefined) writeOutput(certificateFile, der, "tool-certificate-write");
  },
  ecrt: async (tool, { index: given }) => {
    const name = await lookUp(tool, { kind: "certificate", index: given });
    const { index } = name;
    try {
      await checkNotFrozen(tool, name);
      await onObject(tool, (access) => eraseObject(access, name));
    } catch (cause) {
      if (!(cause instanceof HawserError)) throw cause;
      throw toolError("tool-certificate-erase", `certificate ${index} cannot be erased`, { cause });
    }
    done(tool, { index }, `erased certificate ${index}`);
  },
  "obj write": async (tool, { index, segments, ...source }) => {
    const bytes = segments === undefined ? dataOf(tool, source) : new Uint8Array(segments * STORAGE_SEGMENT);
    if (bytes.length === 0) throw toolError("tool-no-data", `there is nothing to store as data object ${index}`);
    if (isNobodys(tool, index)) return;
    await onObject(tool, async (access) => {
      await checkPlace(tool, { kind: "data", index }, bytes.length);
      await createObject(access, { kind: "data", index, bytes });
    });
    done(tool, { index, length: bytes.length }, `stored data object ${index}: ${bytes.length} bytes`);
  },
  "obj update": async (tool, { index: given, offset, ...source }) => {
    const bytes = dataOf(tool, source);
    const { kind, index } = await lookUp(tool, { kind: "data", index: given }, FEW);
    if (bytes.length === 0) throw toolError("tool-no-data", `there is nothing to write into data object ${index}`);
    await onObject(tool, (access) => updateObject(access, { kind, index, offset, bytes }));
    const text = `wrote ${bytes.length} bytes into data object ${index} from byte ${offset} on`;
    done(tool, { index, offset, length: bytes.length }, text);
  },
  "obj get": async (tool, { index: given, offset = 0, size = 0, dataFile, digits }) => {
    if (digits !== undefined && dataFile === undefined)
      throw toolError("tool-count", "-t is for a file, and -f is missing");
    // A size of nothing asks for everything, as in the original tool.
    const range = size === 0 ? {} : { offset, length: size };
    if (size === 0 && offset > 0)
      tool.output.warn(`-h was passed over: without -s the whole object is read; give -s, too`);
    const { kind, index } = await lookUp(tool, { kind: "data", index: given }, FEW);
    const bytes = await onObject(tool, (access) => readObject(access, { kind, index, ...range }));
    done(tool, { index, offset: range.offset ?? 0, data: toHex(bytes) }, `data object ${index}: ${toHex(bytes)}`);
    if (dataFile === undefined) return;
    writeOutput(dataFile, hexLines(bytes, digits ?? 64).toUpperCase(), "tool-data-write");
  },
  "obj erase": async (tool, { index }) => {
    const name = await lookUp(tool, { kind: "data", index }, FEW);
    await checkNotFrozen(tool, name);
    await onObject(tool, (access) => eraseObject(access, name));
    done(tool, { index: name.index }, `erased data object ${name.index}`);
  },
  "set gp": async (tool, { offset, data, pemFile }) => {
    const bytes = data ?? certificateOf(pemFile === undefined ? {} : { pemFile });
    const end = offset + bytes.length;
    if (!data && end > MOST_STORAGE) throw toolError("tool-too-long", `storage ends at ${MOST_STORAGE}, not at ${end}`);
    await checkFits(tool, offset, bytes.length);
    await writeStorage(tool.chip, offset, bytes);
    const text = `wrote ${bytes.length} bytes of storage from 0x${hex16(offset)} on`;
    done(tool, { offset, length: bytes.length }, text);
  },
  "info gp": async (tool, { offset, segments }) => {
    await checkFits(tool, offset, segments * STORAGE_SEGMENT);
    await showStorage(tool, offset, segments * STORAGE_SEGMENT);
  },
  "lock gp": async (tool, { offset, segments }) => {
    const length = segments * STORAGE_SEGMENT;
    await tool.chip.send("freezeStorage", { offset, length });
    done(tool, { offset, length }, `froze ${segments} segments of storage from 0x${hex16(offset)} on`);
  },
};

/** Prints bytes of storage, a segment a line. */
export async function showStorage(tool: ToolSession, offset: number, length: number): Promise<void> {
  const bytes = await readStorage(tool.chip, offset, length);
  const lines = hexLines(bytes, STORAGE_SEGMENT * 2).split("\n");
  const text = lines.map((line, i) => `  0x${hex16(offset + i * STORAGE_SEGMENT)}  ${line}`).join("\n");
  tool.output.line({ event: "storage", offset, data: toHex(bytes) }, `general purpose storage:\n${text}`);
}

/** The bytes of a certificate without what is kept free behind it. */
async function certificateBytes(tool: ToolSession, { offset, reservedBytes }: StoredObject): Promise<Uint8Array> {
  const length = elementLength(await readStorage(tool.chip, offset, ELEMENT_HEADER));
  return readStorage(tool.chip, offset, reservedBytes === 0 ? length : Math.min(reservedBytes, length));
}

const ELEMENT_HEADER = 6;

/** How long an element is that begins with these bytes, whatever they are, as the original tool reads it. X.690, section 8.1 */
function elementLength(header: Uint8Array): number {
  const [first = 0, second = 0] = header;
  const at = (first & 0x1f) !== 0x1f ? 1 : second < 0x80 ? 2 : 3;
  const [length = 0, high = 0, low = 0] = header.subarray(at);
  if (length < 0x80) return at + 1 + length;
  return length === 0x81 ? at + 2 + high : (at + 3 + high * 256 + low) & 0xffff;
}

/** The certificate that `ucrt` replaces. Throws `tool-nothing-to-update` and `tool-many-certificates`, which have other exit statuses than elsewhere. */
async function certificateToReplace(tool: ToolSession, index: number): Promise<ObjectName> {
  try {
    return await lookUp(tool, { kind: "certificate", index }, FEW);
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    const { code, message } = cause;
    if (code === "tool-many-objects") throw toolError("tool-many-certificates", message, { cause });
    if (code === "tool-object" || code === "tool-index") throw toolError("tool-nothing-to-update", message, { cause });
    throw code === "tool-objects" && cause.cause ? cause.cause : cause;
  }
}

/** Index 255 marks a deleted entry: what the original tool stores there, nobody finds again, and it ends well. */
function isNobodys(tool: ToolSession, index: number): boolean {
  if (index !== DELETED_INDEX) return false;
  tool.output.warn(
    "nothing was stored: index 255 marks deleted objects, and nobody could find it; take one of 0 to 254",
  );
  return true;
}

function certificateOf({ certificateFile, pemFile, data }: CertificateSource): Uint8Array {
  if (data) return data;
  if (certificateFile !== undefined) return readCertificateFile(certificateFile, "der");
  if (pemFile !== undefined) return readCertificateFile(pemFile, "pem");
  throw toolError("tool-count", "a certificate is missing");
}

function dataOf(tool: ToolSession, { dataFile, digits = 64, data }: DataSource): Uint8Array {
  if (data) return data;
  if (dataFile !== undefined) return readHexLines(dataFile, digits, (text) => tool.output.warn(text));
  throw toolError("tool-count", "the data is missing");
}

async function checkFits(tool: ToolSession, offset: number, length: number): Promise<void> {
  const { storageBytes } = A71CH_VARIANTS[await tool.variant()];
  if (offset + length > storageBytes) {
    throw toolError("tool-size", `storage ends at ${storageBytes}, not at ${offset + length}`);
  }
}
