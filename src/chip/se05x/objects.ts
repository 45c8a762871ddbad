import { type PolicyEntry, RIGHT, type Right, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import type { EcKey, Secret } from "./secrets.ts";
import { refuse } from "./refuse.ts";

/** What an object holds. */
export type Content =
  /** `whole` is false for a private key whose public half was not given and is not told. */
  | { readonly kind: "ecPair"; readonly curve: number; readonly key: EcKey; readonly whole: boolean }
  | { readonly kind: "ecPublic"; readonly curve: number; readonly point: Uint8Array }
  | { readonly kind: "aes" | "userId"; readonly secret: Secret }
  | { readonly kind: "hmac"; readonly secret: Secret; readonly minOutputLength: number }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "counter"; readonly size: number; readonly value: bigint };

/** An object of the store: immutable, replaced as a whole. */
export type SecureObject = {
  readonly id: number;
  readonly content: Content;
  /** Empty for the default policy. */
  readonly policy: readonly PolicyEntry[];
  readonly origin: number;
  /** Gone with the next reset or selection. */
  readonly transient: boolean;
  /** 0 for no limit. */
  readonly maxAttempts: number;
  readonly failedAttempts: number;
};

/** What everybody may do with an object that was made without a policy: all but what needs a condition. */
const DEFAULT_POLICY: readonly PolicyEntry[] = [{ authObjectId: 0, rights: 0xdffc_8000, extension: new Uint8Array(0) }];

/** Refuses with 6986 unless one who is authenticated with `user`, 0 for nobody, has the right. SE05x policy table */
export function demandRight(object: SecureObject, user: number, right: Right): void {
  const policy = object.policy.length === 0 ? DEFAULT_POLICY : object.policy;
  const mine = policy.filter(({ authObjectId }) => authObjectId === 0 || authObjectId === user);
  const forbidden = mine.some(({ rights }) => has(rights, "forbidAll"));
  // No secure messaging is built: what an entry grants only inside it, nobody gets.
  const granted = mine.some(({ rights }) => has(rights, right) && !has(rights, "requireSecureMessaging"));
  if (forbidden || !granted) throw refuse(0x6986, `the policy of object ${hexId(object.id)} does not allow ${right}`);
}

/** The type of an object as attributes and filters name it. */
export function typeOf({ content }: SecureObject): number {
  return content.kind === "ecPair" && !content.whole ? 0x02 : SE05X_TYPE[content.kind];
}

/** Bytes of user memory that an object takes: its content, and a head for identifier, attributes and policy. */
export function footprintOf({ content, policy }: SecureObject): number {
  const HEAD = 24;
  return HEAD + lengthOf(content) + policy.reduce((sum, { extension }) => sum + 9 + extension.length, 0);
}

/** The size that hosts are told: of a key its length, of a file its bytes. */
export function sizeOf({ content }: SecureObject): number {
  switch (content.kind) {
    case "ecPair":
      return content.key.curve.scalarLength;
    case "ecPublic":
      return (content.point.length - 1) / 2;
    default:
      return lengthOf(content);
  }
}

/** An identifier as people write it. */
export function hexId(id: number): string {
  return id.toString(16).padStart(8, "0");
}

function lengthOf(content: Content): number {
  switch (content.kind) {
    case "ecPair":
      return 3 * content.key.curve.scalarLength + 1;
    case "ecPublic":
      return content.point.length;
    case "binary":
      return content.bytes.length;
    case "counter":
      return content.size;
    default:
      return content.secret.length;
  }
}

function has(rights: number, right: Right): boolean {
  return (rights & RIGHT[right]) !== 0;
}
