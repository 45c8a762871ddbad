import { type PolicyEntry, RIGHT, type Right } from "../../apdu/se05x/index.ts";
import { DecodeError, equal, Reader } from "../../codec/index.ts";
import { hexId, type SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";

/** Whom a command comes from. */
export type Caller = {
  /** What the session is authenticated with; 0 for nobody. */
  readonly authObjectId: number;
  /** Whether the command came encrypted and authenticated, in a session or in the platform's channel. */
  readonly secured: boolean;
};

/** One who has proven nothing. */
export const NOBODY: Caller = { authObjectId: 0, secured: false };

/** The value of a register, or undefined where there is none of this identifier. */
export type Registers = (id: number) => Uint8Array | undefined;

/** What may be done with an object that opens sessions, besides opening them. SE05x policy table */
const OF_AUTHENTICATION: ReadonlySet<Right> = new Set(["read", "write", "delete"]);

/** What everybody may do with an object that was made without a policy: all but what needs a condition. */
export const DEFAULT_POLICY: readonly PolicyEntry[] = [
  { authObjectId: 0, rights: 0xdffc_9080, extension: new Uint8Array(0) },
];

/**
 * Refuses with 6986 unless the object's policy gives this caller the right. An entry counts when it is for everybody or
 * for the caller's authentication object, and its conditions hold. SE05x policy table
 */
export function demandRight(object: SecureObject, caller: Caller, right: Right, registers: Registers): void {
  if (object.authentication && !OF_AUTHENTICATION.has(right)) {
    throw refuse(0x6986, `object ${hexId(object.id)} opens sessions, and serves nothing else`);
  }
  const policy = object.policy.length === 0 ? DEFAULT_POLICY : object.policy;
  const mine = policy.filter(({ authObjectId }) => authObjectId === 0 || authObjectId === caller.authObjectId);
  const forbidden = mine.some(({ rights }) => has(rights, "forbidAll"));
  const granted = mine.some((entry) => has(entry.rights, right) && conditionsHold(entry, caller, registers));
  if (forbidden || !granted) throw refuse(0x6986, `the policy of object ${hexId(object.id)} does not allow ${right}`);
}

/** Whether an entry names a list of files to sign. SE05x policy table */
export function namesList({ rights }: PolicyEntry): boolean {
  return has(rights, "internalSign");
}

/**
 * The file that lists what this caller may have a key sign: of the first entry that lets him. Refused with 6986 where
 * none does. SE05x command table, section 4.5
 */
export function listToSign(object: SecureObject, caller: Caller, registers: Registers): number {
  demandRight(object, caller, "internalSign", registers);
  const mine = object.policy.filter(({ authObjectId }) => authObjectId === 0 || authObjectId === caller.authObjectId);
  const granting = mine.find((entry) => has(entry.rights, "internalSign") && conditionsHold(entry, caller, registers));
  // The right is granted, and an entry that grants it names its list.
  return granting ? (extensionOf(granting).listId ?? 0) : 0;
}

/** Refuses with 6986 where what is derived from an object may not go to the host. SE05x policy table */
export function demandOutput(object: SecureObject, caller: Caller): void {
  demandNot(object, caller, "forbidDerivedOutput");
}

/** Refuses with 6986 where an initial block or nonce for what a key encrypts has to be the chip's. SE05x policy table */
export function demandExternalIv(object: SecureObject, caller: Caller): void {
  demandNot(object, caller, "forbidExternalIv");
}

function demandNot({ id, policy }: SecureObject, caller: Caller, forbidden: Right): void {
  const mine = policy.filter(({ authObjectId }) => authObjectId === 0 || authObjectId === caller.authObjectId);
  if (mine.some(({ rights }) => has(rights, forbidden))) {
    throw refuse(0x6986, `the policy of object ${hexId(id)} says ${forbidden}`);
  }
}

/** What an entry's extension says: on which register's value it depends, and which file lists what its key signs. */
export type EntryExtension = {
  readonly register?: { readonly id: number; readonly value: Uint8Array };
  readonly listId?: number;
};

/** Throws `DecodeError` where the extension is not what the entry's header announces. SE05x policy table */
export function extensionOf(entry: PolicyEntry): EntryExtension {
  const reader = new Reader(entry.extension);
  const register = has(entry.rights, "requirePcr") ? { register: { id: reader.u32(), value: reader.bytes(32) } } : {};
  const list = has(entry.rights, "internalSign") ? { listId: reader.u32() } : {};
  reader.end();
  return { ...register, ...list };
}

/** Refuses with 6A80 a policy whose entries have a condition that is not whole, or bytes for none. */
export function demandWholePolicy(policy: readonly PolicyEntry[]): void {
  for (const entry of policy) {
    try {
      extensionOf(entry);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw refuse(0x6a80, "a policy entry whose extension is not what its header announces");
    }
  }
}

function conditionsHold(entry: PolicyEntry, { secured }: Caller, registers: Registers): boolean {
  if (has(entry.rights, "requireSecureMessaging") && !secured) return false;
  if (!has(entry.rights, "requirePcr")) return true;
  const { register } = extensionOf(entry);
  const held = register && registers(register.id);
  return register !== undefined && held !== undefined && equal(held, register.value);
}

function has(rights: number, right: Right): boolean {
  return (rights & RIGHT[right]) !== 0;
}
