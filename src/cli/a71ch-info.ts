import {
  A71CH_VARIANTS,
  type A71chResponse,
  credentialMap,
  DEBUG_AVAILABLE,
  INJECT_LOCK,
  NO_RESTRICTED_KEY_PAIR,
  type ObjectState,
  SECURE_CHANNEL,
  STORAGE_SEGMENT,
  TRANSPORT_LOCK,
} from "../apdu/a71ch/index.ts";
import { decode, HawserError, Refused, toHex } from "../codec/index.ts";
import { listObjects } from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import type { A71chHandlersOf } from "./a71ch-keys.ts";
import { objectTitle, onObject } from "./a71ch-lookup.ts";
import { showStorage } from "./a71ch-objects.ts";
import { hex16, type ToolSession } from "./a71ch-session.ts";

type ModuleInfo = A71chResponse<"readModuleInfo">;

/** Commands that say what is in the chip. A71CH Configure tool */
export const infoHandlers: A71chHandlersOf<
  "info all" | "info cnt" | "info device" | "info objects" | "info pair" | "info pub" | "info status" | "info sym"
> = {
  "info device": async (tool) => showDevice(tool, await moduleInfo(tool)),
  "info pair": async (tool) => {
    await checkReadable(tool);
    await showKeys(tool, "pair");
  },
  "info pub": async (tool) => {
    await checkReadable(tool);
    await showKeys(tool, "pub");
  },
  "info cnt": async (tool) => {
    await checkReadable(tool);
    await showCounters(tool);
  },
  "info objects": async (tool) => {
    await checkReadable(tool);
    await showObjects(tool);
  },
  "info status": showStatus,
  "info sym": async (tool) => {
    await checkReadable(tool);
    throw toolError("tool-secret", "symmetric secrets cannot be shown");
  },
  "info all": async (tool) => {
    const info = await moduleInfo(tool);
    await showDevice(tool, info);
    await checkReadable(tool);
    await showKeys(tool, "pair");
    await showKeys(tool, "pub");
    await showCounters(tool);
    await showStorage(tool, 0, A71CH_VARIANTS[await tool.variant()].storageBytes);
  },
};

const WORDS = {
  transportLock: {
    [TRANSPORT_LOCK.locked]: "locked for transport",
    [TRANSPORT_LOCK.unlockedForGood]: "unlocked; the transport lock cannot be set any more",
    [TRANSPORT_LOCK.notYetSet]: "not locked yet",
  },
  secureChannel: {
    [SECURE_CHANNEL.mandatory]: "mandatory",
    [SECURE_CHANNEL.keysNotSet]: "keys not set",
    [SECURE_CHANNEL.keysSet]: "keys set, not mandatory",
  },
  injectLock: {
    [INJECT_LOCK.locked]: "locked",
    [INJECT_LOCK.unlocked]: "unlocked",
  },
} as const satisfies Record<string, Readonly<Record<number, string>>>;

function moduleInfo(tool: ToolSession): Promise<ModuleInfo> {
  return tool.chip.send("readModuleInfo", {});
}

async function showDevice(tool: ToolSession, info: ModuleInfo): Promise<void> {
  const uniqueId = await tool.chip.send("readUniqueId", {}).then(
    (answer) => answer.uniqueId,
    (error: unknown) => {
      if (error instanceof Refused) return undefined;
      throw error;
    },
  );
  const isDebug = (info.selectResponse & DEBUG_AVAILABLE) !== 0;
  const restricted = info.restrictedKeyPair === NO_RESTRICTED_KEY_PAIR ? null : info.restrictedKeyPair;
  const [uid, certUid] = [uniqueId && toHex(uniqueId), uniqueId && toHex(certificateUid(uniqueId))];
  const lines = [
    `debug mode:       ${isDebug ? "available" : "ended for good"}`,
    `secure channel:   ${named("secureChannel", info.secureChannel)}`,
    `selectResponse:   0x${hex16(info.selectResponse)}`,
    ...(restricted === null ? [] : [`restricted key:   key pair ${restricted}`]),
    `transport lock:   ${info.transportLock}, ${named("transportLock", info.transportLock)}`,
    `inject lock:      ${info.injectLock}, ${named("injectLock", info.injectLock)}`,
    `gpStorageSize:    ${info.storageBytes}`,
    `uid:              ${uid ?? "protected by the secure channel"}`,
    `certUid:          ${certUid ?? "protected by the secure channel"}`,
  ];
  const fields = {
    ...info,
    restrictedKeyPair: restricted,
    debugMode: isDebug,
    uid: uid ?? null,
    certUid: certUid ?? null,
  };
  tool.output.line({ event: "device", ...fields }, lines.join("\n"));
}

/** The ten bytes that certificates name a chip by: IC type, fabrication date, serial number, batch. A71CH state bytes */
function certificateUid(uniqueId: Uint8Array): Uint8Array {
  return Uint8Array.from([2, 3, 8, 9, 10, 11, 12, 13, 14, 15], (at) => uniqueId[at] ?? 0);
}

async function showKeys(tool: ToolSession, kind: "pair" | "pub"): Promise<void> {
  const capacity = A71CH_VARIANTS[await tool.variant()];
  const keys: { index: number; publicKey: string | null }[] = [];
  for (let index = 0; index < (kind === "pair" ? capacity.keyPairs : capacity.publicKeys); index++) {
    keys.push({ index, publicKey: await pointOrNull(tool, kind, index) });
  }
  const title = kind === "pair" ? "public halves of the key pairs:" : "public keys:";
  const lines = keys.map(({ index, publicKey }) => `  ${index}: ${publicKey ?? "n.a."}`);
  tool.output.line({ event: kind === "pair" ? "key-pairs" : "public-keys", keys }, [title, ...lines].join("\n"));
}

/** An empty slot answers 6985, on some chips nothing at all; as in the original tool, no failure ends the list. */
async function pointOrNull(tool: ToolSession, kind: "pair" | "pub", slot: number): Promise<string | null> {
  try {
    const { point } = await tool.chip.send(kind === "pair" ? "readKeyPairPoint" : "readPublicKey", { slot });
    return toHex(point);
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    const isEmpty = error.code === "malformed-answer" || (error instanceof Refused && error.wire === 0x6985);
    if (!isEmpty) tool.output.warn(`slot ${slot} is shown as n.a.: ${error.message}`);
    return null;
  }
}

async function showCounters(tool: ToolSession): Promise<void> {
  const values: (number | null)[] = [];
  const { counters } = A71CH_VARIANTS[await tool.variant()];
  for (let slot = 0; slot < counters; slot++) {
    values.push(await counterOrNull(tool, slot));
  }
  const shown = (value: number | null) => (value === null ? "n.a." : `0x${value.toString(16).padStart(8, "0")}`);
  const lines = values.map((value, index) => `  ${index}: ${shown(value)}`);
  tool.output.line({ event: "counters", values }, ["monotonic counters:", ...lines].join("\n"));
}

async function counterOrNull(tool: ToolSession, slot: number): Promise<number | null> {
  try {
    return (await tool.chip.send("readCounter", { slot })).value;
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    // A counter is never empty: it is the chip's state that does not allow this, or nobody answers any more.
    tool.output.warn(`counter ${slot} is shown as n.a.: ${error.message}`);
    return null;
  }
}

/** What the original tool lists objects from: as many bytes from the storage's end as the largest table takes. */
const LARGEST_TABLE = 1536;

/**
 * Lists the objects. Throws `tool-unlisted` where the connection breaks before the table is read, and `tool-listing` where it
 * breaks later, or the chip refuses to have the largest table read, as the smaller ones do.
 */
async function showObjects(tool: ToolSession): Promise<void> {
  const variant = await listing(() => tool.variant(), tool.isJrcp2 ? "tool-listing" : "tool-unlisted");
  const { storageBytes } = A71CH_VARIANTS[variant];
  await listing(async () => {
    const objects = await onObject(tool, listObjects);
    const lines = objects.map(
      (each) => `  ${objectTitle(each)}: at 0x${hex16(each.offset)}, room for ${each.reservedBytes} bytes`,
    );
    tool.output.line({ event: "objects", objects }, ["objects in storage:", ...listed(lines)].join("\n"));
    if (storageBytes >= LARGEST_TABLE) return;
    await tool.chip.send("readStorage", { offset: (storageBytes - LARGEST_TABLE) & 0xffff, length: STORAGE_SEGMENT });
  }, "tool-listing");
}

/** Work for a list of objects, whose failures have exit statuses of their own. */
async function listing<T>(work: () => Promise<T>, whenLost: "tool-unlisted" | "tool-listing"): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof HawserError) || cause.code.startsWith("tool-")) throw cause;
    throw toolError(cause instanceof Refused ? "tool-listing" : whenLost, cause.message, { cause });
  }
}

async function showStatus(tool: ToolSession): Promise<void> {
  const { map } = await tool.chip.send("readCredentialMap", {});
  const { secureChannel, ...kinds } = decode(credentialMap(A71CH_VARIANTS[await tool.variant()]), map);
  const lines = Object.entries(kinds).flatMap(([kind, states]) => [
    `${kind}:`,
    ...states.map((state, i) => `  ${kind === "storage" ? `0x${hex16(i * STORAGE_SEGMENT)}` : i}: ${stateText(state)}`),
  ]);
  const text = [`secure channel: ${named("secureChannel", secureChannel)}`, ...lines].join("\n");
  tool.output.line({ event: "status", secureChannel, ...kinds }, text);
}

function stateText({ present, frozen }: ObjectState): string {
  return `${present ? "initialised" : "empty"}, ${frozen ? "locked" : "open"}`;
}

/** Throws `tool-needs-channel` where the chip would refuse every question. */
async function checkReadable(tool: ToolSession): Promise<void> {
  const { secureChannel } = await moduleInfo(tool);
  if (secureChannel === SECURE_CHANNEL.mandatory && !tool.hasChannel) {
    throw toolError("tool-needs-channel", "the chip answers only inside a secure channel");
  }
}

function named(what: keyof typeof WORDS, value: number): string {
  const words: Readonly<Record<number, string>> = WORDS[what];
  return words[value] ?? `unknown state ${value}`;
}

function listed(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ["  none"] : lines;
}
