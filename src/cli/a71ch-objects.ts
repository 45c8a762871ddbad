import { A71CH_VARIANTS, STORAGE_SEGMENT } from "../apdu/a71ch/index.ts";
import { HawserError, ProtocolError, toHex } from "../codec/index.ts";
import {
  createObject,
  eraseObject,
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
    await onObject(tool, (access) => createObject(access, { kind: "certificate", index, bytes, room }));
    done(
      tool,
      { index, length: bytes.length, reservedBytes: room },
      `stored certificate ${index}: ${bytes.length} bytes, room for ${room}`,
    );
  },
  ucrt: async (tool, { index, ...source }) => {
    const bytes = certificateOf(source);
    await onObject(tool, (access) => updateObject(access, { kind: "certificate", index, bytes }));
    done(tool, { index, length: bytes.length }, `replaced certificate ${index}: ${bytes.length} bytes`);
  },
  rcrt: async (tool, { index, certificateFile }) => {
    const der = await onObject(tool, (access) => readObject(access, { kind: "certificate", index }));
    done(tool, { index, certificate: toHex(der) }, `certificate ${index}: ${toHex(der)}`);
    if (certificateFile !== undefined) writeOutput(certificateFile, der, "tool-certificate-write");
  },
  ecrt: async (tool, { index }) => {
    try {
      await onObject(tool, (access) => eraseObject(access, { kind: "certificate", index }));
    } catch (cause) {
      if (!(cause instanceof HawserError) || cause.code !== "status-word") throw cause;
      throw toolError("tool-certificate-erase", `certificate ${index} cannot be erased`, { cause });
    }
    done(tool, { index }, `erased certificate ${index}`);
  },
  "obj write": async (tool, { index, segments, ...source }) => {
    const bytes = segments === undefined ? dataOf(source) : new Uint8Array(segments * STORAGE_SEGMENT);
    await onObject(tool, (access) => createObject(access, { kind: "data", index, bytes }));
    done(tool, { index, length: bytes.length }, `stored data object ${index}: ${bytes.length} bytes`);
  },
  "obj update": async (tool, { index, offset, ...source }) => {
    const bytes = dataOf(source);
    await onObject(tool, (access) => updateObject(access, { kind: "data", index, offset, bytes }));
    const text = `wrote ${bytes.length} bytes into data object ${index} from byte ${offset} on`;
    done(tool, { index, offset, length: bytes.length }, text);
  },
  "obj get": async (tool, { index, offset = 0, size = 0, dataFile, digits = 64 }) => {
    // A size of nothing asks for everything.
    const range = size === 0 ? { offset } : { offset, length: size };
    const bytes = await onObject(tool, (access) => readObject(access, { kind: "data", index, ...range }));
    done(tool, { index, offset, data: toHex(bytes) }, `data object ${index}: ${toHex(bytes)}`);
    if (dataFile !== undefined) writeOutput(dataFile, hexLines(bytes, digits), "tool-file-write");
  },
  "obj erase": async (tool, { index }) => {
    await onObject(tool, (access) => eraseObject(access, { kind: "data", index }));
    done(tool, { index }, `erased data object ${index}`);
  },
  "set gp": async (tool, { offset, data, pemFile }) => {
    const bytes = data ?? certificateOf(pemFile === undefined ? {} : { pemFile });
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

function certificateOf({ certificateFile, pemFile, data }: CertificateSource): Uint8Array {
  if (data) return data;
  if (certificateFile !== undefined) return readCertificateFile(certificateFile, "der");
  if (pemFile !== undefined) return readCertificateFile(pemFile, "pem");
  throw toolError("tool-count", "a certificate is missing");
}

function dataOf({ dataFile, digits = 64, data }: DataSource): Uint8Array {
  if (data) return data;
  if (dataFile !== undefined) return readHexLines(dataFile, digits);
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
