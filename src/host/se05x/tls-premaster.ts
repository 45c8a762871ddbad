import { type PolicyEntry, RIGHT, SE05X_INS_FLAG, SE05X_MAC, SE05X_RESULT } from "../../apdu/se05x/index.ts";
import { concat, utf8Bytes } from "../../codec/index.ts";
import type { HashName } from "../../crypto/index.ts";
import { notInChip } from "../kept-master.ts";
import type { Se05xSession } from "./session.ts";

/** How many handshakes may have objects in the chip at once; more than that replace the oldest. */
const PLACES = 4;
const HMAC = 0x05;
const MACS = { sha256: SE05X_MAC.hmacSha256, sha384: SE05X_MAC.hmacSha384, sha512: SE05X_MAC.hmacSha512 } as const;

/** The identifiers of one kind of transient objects, used in turn. */
export class Places {
  readonly #first: number;
  #next = 0;

  constructor(first: number) {
    this.#first = first;
  }

  next(): number {
    return this.#first + (this.#next++ % PLACES);
  }
}

/** Makes a transient HMAC key for a premaster secret, gives it to `work`, and deletes it whatever happens. */
export async function withPremaster<T>(
  session: Se05xSession,
  objectId: number,
  value: Uint8Array,
  work: (objectId: number) => Promise<T>,
): Promise<T> {
  // Whoever comes next can use it for nothing but what it is for, and cannot read it.
  const policy = policyOf(RIGHT.write | RIGHT.sign | RIGHT.tlsKdf | RIGHT.delete);
  await removeObject(session, objectId);
  await session.send("writeSymmKey", { kind: HMAC, objectId, value, policy, insFlags: SE05X_INS_FLAG.transient });
  try {
    return await work(objectId);
  } finally {
    await session.send("deleteObject", { objectId });
  }
}

/** A policy that gives everybody these rights, and nobody more. */
export function policyOf(rights: number): readonly PolicyEntry[] {
  return [{ authObjectId: 0, rights: rights >>> 0, extension: new Uint8Array(0) }];
}

/** Does nothing where there is no such object. */
export async function removeObject(session: Se05xSession, objectId: number): Promise<void> {
  const { result } = await session.send("exists", { objectId });
  if (result === SE05X_RESULT.yes) await session.send("deleteObject", { objectId });
}

/** The pseudo-random function of TLS 1.2 by codes of a key in the chip, two commands for each block. RFC 5246, section 5 */
export async function prfByCodes(
  session: Se05xSession,
  objectId: number,
  request: {
    readonly hash: HashName;
    readonly label: string;
    readonly seed: Uint8Array;
    readonly length: number;
  },
): Promise<Uint8Array> {
  const { hash, label, seed, length } = request;
  const algorithm = MACS[hash];
  const code = async (input: Uint8Array) => (await session.send("mac", { objectId, algorithm, input })).mac;
  const labelAndSeed = concat(utf8Bytes(label), seed);
  let output: Uint8Array = new Uint8Array(0);
  for (let a = labelAndSeed; output.length < length;) {
    a = await code(a);
    const block = await code(concat(a, labelAndSeed));
    if (block.length === 0) throw notInChip("the chip answered with an empty code");
    output = concat(output, block);
  }
  return output.slice(0, length);
}
