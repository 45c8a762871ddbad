import { A71CH_VARIANTS, credentialMap, STORAGE_SEGMENT } from "../apdu/a71ch/index.ts";
import { decode, HawserError, ProtocolError } from "../codec/index.ts";
import { listObjects, type ObjectAccess, type ObjectName, storageMap, type StoredObject } from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import type { ToolSession } from "./a71ch-session.ts";

/** Bits of an index by which the original tool finds an object. A71CH Configure tool */
const INDEX_MASK = 0x0f;

/** How many objects of a kind most commands look among; the others look among 128. A71CH Configure tool */
export const FEW = 5;

/** One entry of the object table takes six bytes, and two more stand behind all. A71CH object table */
const tableSegments = (entries: number) => Math.ceil((entries * 6 + 2) / STORAGE_SEGMENT);

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

/**
 * The object that the original tool takes an index for: of those of its kind, the first in storage whose index has the
 * same low four bits; a warning where that is another. `most` is how many it looks among. Throws `tool-objects` where the
 * chip does not list them, `tool-many-objects`, `tool-index` and `tool-object`. A71CH Configure tool
 */
export async function lookUp(tool: ToolSession, { kind, index }: ObjectName, most = 128): Promise<StoredObject> {
  const all = (await listed(tool)).filter((each) => each.kind === kind).sort((a, b) => a.offset - b.offset);
  if (all.length > most) {
    throw toolError(
      "tool-many-objects",
      `there are ${all.length} ${kind} objects, and no more than ${most} are looked among`,
    );
  }
  const found = all.find((each) => (each.index & INDEX_MASK) === index);
  if (found) {
    const title = objectTitle(found);
    if (found.index !== index) {
      tool.output.warn(
        `-x ${index} is taken for ${title}: the first in storage whose index has the same low four bits, as in the original tool; 'info objects' lists all`,
      );
    }
    return found;
  }
  const name = objectTitle({ kind, index });
  if (index <= INDEX_MASK) throw toolError("tool-object", `there is no ${name}`);
  throw toolError("tool-index", `${name} is not found by its number; try -x ${index & INDEX_MASK}`);
}

/**
 * The objects in storage. A chip that does not tell its state has another exit status than one that does not give the table
 * of objects: there, the original tool finds none. Throws `tool-objects` and `tool-object`.
 */
async function listed(tool: ToolSession): Promise<readonly StoredObject[]> {
  try {
    await tool.chip.send("readCredentialMap", {});
  } catch (cause) {
    if (!(cause instanceof HawserError)) throw cause;
    throw toolError("tool-objects", `the chip does not list its objects: ${cause.message}`, { cause });
  }
  try {
    return await onObject(tool, listObjects);
  } catch (cause) {
    if (!(cause instanceof HawserError) || cause.code === "tool-objects") throw cause;
    throw toolError("tool-object", `the chip does not give the table of its objects: ${cause.message}`, { cause });
  }
}

/**
 * Checks that the original tool would find a place for a new object of so many bytes, and warns of what it will not find
 * afterwards. Throws `tool-place`, and `tool-frozen-table` before anything is written. A71CH Configure tool
 */
export async function checkPlace(tool: ToolSession, name: ObjectName, length: number): Promise<void> {
  const access = await tool.objects();
  const objects = await listObjects(access);
  if (objects.some(({ kind, index }) => kind === name.kind && index === name.index)) return;
  const { offsets, frozen } = await storageMap(access);
  const [needed, first = Number.POSITIVE_INFINITY] = [Math.ceil(length / STORAGE_SEGMENT), offsets[0]];
  if (first >= needed * STORAGE_SEGMENT && frozen.slice(0, needed).includes(true)) {
    throw toolError(
      "tool-place",
      `segment ${frozen.indexOf(true)} of the storage is frozen, and ${needed} are needed from 0 on`,
    );
  }
  if (frozen.slice(-tableSegments(offsets.length + 1)).includes(true)) {
    throw toolError("tool-frozen-table", `${objectTitle(name)} cannot be added to the list of objects`);
  }
  warnOfLookUp(tool, name, 1 + objects.filter(({ kind }) => kind === name.kind).length);
}

function warnOfLookUp(tool: ToolSession, { kind, index }: ObjectName, count: number): void {
  const title = objectTitle({ kind, index });
  if (index > INDEX_MASK) {
    tool.output.warn(
      `${title} will be found as -x ${index & INDEX_MASK} alone: the tool compares four bits of an index; take one of 0 to 15`,
    );
  }
  const lost = kind === "data" ? "'obj get', 'obj update' and 'obj erase' find none" : "'ucrt' finds none";
  if (count > FEW) tool.output.warn(`with ${title} there are ${count} of its kind: among more than ${FEW}, ${lost}`);
}

/** Throws `tool-frozen-object` where an object's beginning is frozen: it stays in the table. */
export async function checkNotFrozen(tool: ToolSession, object: StoredObject): Promise<void> {
  const { map } = await tool.chip.send("readCredentialMap", {});
  const { storage } = decode(credentialMap(A71CH_VARIANTS[await tool.variant()]), map);
  if (!storage[Math.floor(object.offset / STORAGE_SEGMENT)]?.frozen) return;
  throw toolError("tool-frozen-object", `${objectTitle(object)} is frozen`);
}

/** What an object is called in the table that `info objects` prints. */
export function objectTitle({ kind, index }: ObjectName): string {
  return kind === "certificate" ? `certificate ${index}` : `data object ${index}`;
}
