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
type Registers = (id: number) => Uint8Array | undefined;

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

/** Refuses with 6986 where what is derived from an object may not go to the host. SE05x policy table */
export function demandOutput(object: SecureObject, caller: Caller): void {
  const mine = object.policy.filter(({ authObjectId }) => authObjectId === 0 || authObjectId === caller.authObjectId);
  if (mine.some(({ rights }) => has(rights, "forbidDerivedOutput"))) {
    throw refuse(0x6986, `what is derived from object ${hexId(object.id)} stays in the chip`);
  }
}

/** The register and its value that an entry depends on. Throws `DecodeError` where it names none. SE05x policy table */
export function pcrCondition({ extension }: PolicyEntry): { readonly id: number; readonly value: Uint8Array } {
  const reader = new Reader(extension);
  const condition = { id: reader.u32(), value: reader.bytes(32) };
  reader.end();
  return condition;
}

/** Refuses with 6A80 a policy whose entries have a condition that is not whole, or bytes for none. */
export function demandWholePolicy(policy: readonly PolicyEntry[]): void {
  for (const entry of policy) {
    if (!has(entry.rights, "requirePcr")) {
      if (entry.extension.length > 0) throw refuse(0x6a80, "a policy entry with bytes for no condition");
      continue;
    }
    try {
      pcrCondition(entry);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw refuse(0x6a80, "a policy entry whose register is not named whole");
    }
  }
}

function conditionsHold(entry: PolicyEntry, { secured }: Caller, registers: Registers): boolean {
  if (has(entry.rights, "requireSecureMessaging") && !secured) return false;
  if (!has(entry.rights, "requirePcr")) return true;
  const { id, value } = pcrCondition(entry);
  const held = registers(id);
  return held !== undefined && equal(held, value);
}

function has(rights: number, right: Right): boolean {
  return (rights & RIGHT[right]) !== 0;
}
