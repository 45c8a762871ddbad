import type { NoFields } from "../../apdu/index.ts";
import { encode, equal, Refused } from "../../codec/index.ts";
import { policyEntries, type PolicyEntry, SE05X_INS_FLAG, SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { DEFAULT_POLICY, demandWholePolicy } from "./access.ts";
import { type Content, contentSize, kindOfContent } from "./contents.ts";
import type { Se05xInside } from "./handler.ts";
import type { SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";

/** The attributes that a command gives an object besides its content. */
export type GivenAttributes = {
  readonly objectId: number;
  readonly insFlags?: number;
  readonly policy?: readonly PolicyEntry[] | undefined;
  readonly policyCheck?: readonly PolicyEntry[] | undefined;
  readonly maxAttempts?: number | undefined;
  readonly version?: number | undefined;
};

/** Makes an object. Refused with 6986 under a reserved identifier, 6A80 for a broken policy, 6985 without memory. */
export function createObject(inside: Se05xInside, given: GivenAttributes, content: Content, origin: number): NoFields {
  const { objectId, insFlags, policy = [], policyCheck, maxAttempts = 0, version = 0 } = given;
  inside.demandMaking();
  if (policyCheck) throw refuse(0x6985, "there is no object whose policy could be checked");
  inside.store.demandOpenId(objectId, isAuthentication(insFlags));
  demandWholePolicy(policy);
  inside.store.put({
    id: objectId,
    content,
    policy,
    origin,
    transient: isTransient(insFlags),
    authentication: isAuthentication(insFlags),
    maxAttempts,
    failedAttempts: 0,
    madeBy: inside.caller.authObjectId,
    version,
  });
  return {};
}

/** Changes an object's content. What an object is and who may use it was settled when it was made. */
export function replaceContent(
  inside: Se05xInside,
  given: GivenAttributes,
  former: SecureObject,
  change: Pick<SecureObject, "content" | "origin">,
): NoFields {
  inside.demandChanging();
  if (given.policy) throw refuse(0x6985, "the policy of an object that exists stays");
  const policy = encode(policyEntries, former.policy.length > 0 ? former.policy : DEFAULT_POLICY);
  if (given.policyCheck && !equal(encode(policyEntries, given.policyCheck), policy))
    throw refuse(0x6985, "the object's policy is another one");
  if (kindOfContent(former.content) !== kindOfContent(change.content)) throw refuse(0x6985, "an object keeps its type");
  inside.store.put({ ...former, ...change, version: given.version ?? former.version });
  return {};
}

/**
 * Puts what the chip derived into a key object that exists: an HMAC key takes any length, another its own.
 * Refused with 6985 where the object is no such key.
 */
export function replaceSecret(inside: Se05xInside, targetId: number, bytes: Uint8Array): NoFields {
  inside.demandChanging();
  const target = demandDerivedInput(inside, targetId);
  const { content } = target;
  const kind = kindOfContent(content);
  if (kind !== "hmac" && kind !== "aes" && kind !== "des") {
    throw refuse(0x6985, "what is derived goes into a symmetric key");
  }
  const fits = kind === "hmac" || contentSize(content) === bytes.length;
  if (!fits) throw refuse(0x6985, "the key takes another length");
  const limits = { minTagLength: 0, minOutputLength: 0 };
  const changed: Content = { ...limits, ...content, kind, secret: new Secret(bytes) };
  inside.store.put({ ...target, origin: SE05X_ORIGIN.internal, content: changed });
  return {};
}

/** A key that takes what is derived. Refused with 6986 where its policy allows neither that nor writing. SE05x policy table */
export function demandDerivedInput(inside: Se05xInside, targetId: number): SecureObject {
  if (!inside.model.policiesNameUses) return inside.demand(targetId, "write");
  try {
    return inside.demand(targetId, "derivedInput");
  } catch (error) {
    if (!(error instanceof Refused) || error.wire !== 0x6986) throw error;
    return inside.demand(targetId, "write");
  }
}

/** Refuses with 6A80 what cannot authenticate anybody but was to be made for it. */
export function refuseAuthentication(insFlags: number | undefined): void {
  if (isAuthentication(insFlags)) throw refuse(0x6a80, "no session can be opened with this kind of object");
}

/** Whether an instruction's flags ask for an object that does not outlive power. */
export function isTransient(insFlags = 0): boolean {
  return (insFlags & SE05X_INS_FLAG.transient) !== 0;
}

/** Whether an instruction's flags ask for an object to authenticate with. */
export function isAuthentication(insFlags = 0): boolean {
  return (insFlags & SE05X_INS_FLAG.authentication) !== 0;
}
