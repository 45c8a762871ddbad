import { type PolicyEntry, SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { type Content, contentLength, contentSize, contentType } from "./contents.ts";

/** An object of the store: immutable, replaced as a whole. */
export type SecureObject = {
  readonly id: number;
  readonly content: Content;
  /** Empty for the default policy. */
  readonly policy: readonly PolicyEntry[];
  readonly origin: number;
  /** Its value goes with the next reset or selection; the object stays. */
  readonly transient: boolean;
  /** Made to open sessions with, and for nothing else. */
  readonly authentication: boolean;
  /** 0 for no limit. */
  readonly maxAttempts: number;
  readonly failedAttempts: number;
  /** What the session that made it was authenticated with; 0 for none. */
  readonly madeBy: number;
  /** A number of the host's own. */
  readonly version: number;
  /** How often its place in the persistent memory was written; what goes without power wears nothing. */
  readonly writes: number;
};

/** An object that its maker gives a part: everybody has these rights to it, and no session. */
export function bornObject(id: number, content: Content, rights: number): SecureObject {
  return {
    id,
    content,
    policy: [{ authObjectId: 0, rights, extension: new Uint8Array(0) }],
    origin: SE05X_ORIGIN.provisioned,
    transient: false,
    authentication: false,
    maxAttempts: 0,
    failedAttempts: 0,
    madeBy: 0,
    version: 0,
    writes: 1,
  };
}

/** The type of an object as attributes and filters name it. */
export function typeOf({ content }: SecureObject): number {
  return contentType(content);
}

/** Bytes of user memory that an object takes: a head for identifier, attributes and policy, and its content, of a transient object in the other memory. */
export function footprintOf({ content, policy, transient }: SecureObject): Footprint {
  const HEAD = 24;
  const head = HEAD + policy.reduce((sum, { extension }) => sum + 9 + extension.length, 0);
  const length = contentLength(content);
  return transient ? { persistent: head, transient: length } : { persistent: head + length, transient: 0 };
}

/** Bytes of both memories. */
export type Footprint = { readonly persistent: number; readonly transient: number };

/** The size that hosts are told: of a key its length, of a file its bytes. */
export function sizeOf({ content }: SecureObject): number {
  return contentSize(content);
}

/** An identifier as people write it. */
export function hexId(id: number): string {
  return id.toString(16).padStart(8, "0");
}
