import { A71CH_VARIANTS, credentialMap, STORAGE_SEGMENT } from "../apdu/a71ch/index.ts";
import { decode, HawserError, ProtocolError, toHex } from "../codec/index.ts";
import {
  createObject,
  eraseObject,
  listObjects,
  type ObjectAccess,
  type ObjectName,
  readObject,
  readStorage,
  updateObject,
  writeStorage,
} from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import { hexLines, readCertificateFile, readHexLines, writeOutput } from "./a71ch-files.ts";
import { type A71chHandlersOf, done } from "./a71ch-keys.ts";
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
    await onObject(tool, (access) => createObject(access, { kind: "certificate", index, bytes, room }));
    done(
      tool,
      { index, length: bytes.length, reservedBytes: room },
      `stored certificate ${index}: ${bytes.length} bytes, room for ${room}`,
    );
  },
  ucrt: async (tool, { index, padding, ...source }) => {
    const bytes = certificateOf(source);
    if (padding !== undefined) tool.output.warn("-n was passed over: a certificate keeps the room that wcrt gave it");
    try {
      await onObject(tool, (access) => updateObject(access, { kind: "certificate", index, bytes }));
    } catch (cause) {
      if (!(cause instanceof HawserError) || cause.code !== "tool-object") throw cause;
      throw toolError("tool-nothing-to-update", cause.message, { cause });
    }
    done(tool, { index, length: bytes.length }, `replaced certificate ${index}: ${bytes.length} bytes`);
  },
  rcrt: async (tool, { index, certificateFile }) => {
    const der = await onListed(tool, (access) => readObject(access, { kind: "certificate", index }));
    done(tool, { index, certificate: toHex(der) }, `certificate ${index}: ${toHex(der)}`);
    if (certificateFile !== undefined) writeOutput(certificateFile, der, "tool-certificate-write");
  },
  ecrt: async (tool, { index }) => {
    try {
      await erase(tool, { kind: "certificate", index });
    } catch (cause) {
      const isRefused = cause instanceof HawserError && ["status-word", "tool-frozen-object"].includes(cause.code);
      if (!isRefused) throw cause;
      throw toolError("tool-certificate-erase", `certificate ${index} cannot be erased`, { cause });
    }
    done(tool, { index }, `erased certificate ${index}`);
  },
  "obj write": async (tool, { index, segments, ...source }) => {
    const bytes = segments === undefined ? dataOf(tool, source) : new Uint8Array(segments * STORAGE_SEGMENT);
    if (bytes.length === 0) throw toolError("tool-no-data", `there is nothing to store as data object ${index}`);
    if (isNobodys(tool, index)) return;
    await onObject(tool, (access) => createObject(access, { kind: "data", index, bytes }));
    done(tool, { index, length: bytes.length }, `stored data object ${index}: ${bytes.length} bytes`);
  },
  "obj update": async (tool, { index, offset, ...source }) => {
    const bytes = dataOf(tool, source);
    if (bytes.length === 0) throw toolError("tool-no-data", `there is nothing to write into data object ${index}`);
    await onListed(tool, (access) => updateObject(access, { kind: "data", index, offset, bytes }));
    const text = `wrote ${bytes.length} bytes into data object ${index} from byte ${offset} on`;
    done(tool, { index, offset, length: bytes.length }, text);
  },
  "obj get": async (tool, { index, offset = 0, size = 0, dataFile, digits }) => {
    if (digits !== undefined && dataFile === undefined)
      throw toolError("tool-count", "-t is for a file, and -f is missing");
    // A size of nothing asks for everything, as in the original tool.
    const range = size === 0 ? {} : { offset, length: size };
    if (size === 0 && offset > 0)
      tool.output.warn(`-h was passed over: without -s the whole object is read; give -s, too`);
    const bytes = await onListed(tool, (access) => readObject(access, { kind: "data", index, ...range }));
    done(tool, { index, offset: range.offset ?? 0, data: toHex(bytes) }, `data object ${index}: ${toHex(bytes)}`);
    if (dataFile === undefined) return;
    writeOutput(dataFile, hexLines(bytes, digits ?? 64).toUpperCase(), "tool-data-write");
  },
  "obj erase": async (tool, { index }) => {
    await erase(tool, { kind: "data", index });
    done(tool, { index }, `erased data object ${index}`);
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

/** Runs work on named objects; what it cannot find and what is no object table have exit statuses of their own. */
export async function onObject<T>(tool: ToolSession, work: (access: ObjectAccess) => Promise<T>): Promise<T> {
  const access = await tool.objects();
  try {
    return await work(access);
  } catch (cause) {
    if (cause instanceof HawserError && cause.code === "object-missing") {
      throw toolError("tool-object", cause.message, { cause });
    }
    if (cause instanceof ProtocolError && cause.code === "malformed-answer") {
      throw toolError("tool-objects", "the chip's storage holds no object table", { cause });
    }
    throw cause;
  }
}

/** As `onObject`, for commands that look up an object first: a chip that does not list them has its own exit status. */
async function onListed<T>(tool: ToolSession, work: (access: ObjectAccess) => Promise<T>): Promise<T> {
  try {
    await listObjects(await tool.objects());
  } catch (cause) {
    if (!(cause instanceof HawserError) || cause.code === "malformed-answer") return onObject(tool, work);
    throw toolError("tool-objects", `the chip does not list its objects: ${cause.message}`, { cause });
  }
  return onObject(tool, work);
}

/** Takes an object out of the table. Throws `tool-frozen-object` where it lies in frozen storage. */
async function erase(tool: ToolSession, name: ObjectName): Promise<void> {
  await onListed(tool, async (access) => {
    const { map } = await tool.chip.send("readCredentialMap", {});
    const { storage } = decode(credentialMap(A71CH_VARIANTS[access.variant]), map);
    const found = (await listObjects(access)).find(({ kind, index }) => kind === name.kind && index === name.index);
    if (found && storage[Math.floor(found.offset / STORAGE_SEGMENT)]?.frozen) {
      throw toolError("tool-frozen-object", `${objectTitle(name)} is frozen`);
    }
    await eraseObject(access, name);
  });
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

/** What an object is called in the table that `info objects` prints. */
export function objectTitle({ kind, index }: ObjectName): string {
  return kind === "certificate" ? `certificate ${index}` : `data object ${index}`;
}
