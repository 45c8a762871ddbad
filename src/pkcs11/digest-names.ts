import { sha1 } from "@noble/hashes/legacy.js";
import { sha224 } from "@noble/hashes/sha2.js";

import type { Hash, HashName, RunningHash } from "../crypto/index.ts";

/**
 * The hash functions that programs may ask for. SHA-1 and SHA-224 are theirs alone: nothing else here hashes with them,
 * so the port does not have them. FIPS 180-4
 */
export type DigestName = HashName | "sha1" | "sha224";

/** A hash in progress. */
export function startDigest(hash: Hash, name: DigestName): RunningHash {
  if (name === "sha1") return running(sha1.create());
  if (name === "sha224") return running(sha224.create());
  return hash.start(name);
}

type Running = { update(data: Uint8Array): unknown; clone(): Running; digest(): Uint8Array };

function running(state: Running): RunningHash {
  return {
    update: (data) => void state.update(data),
    // Its digest ends it: the copy's end is nobody's loss.
    digest: () => state.clone().digest(),
    copy: () => running(state.clone()),
  };
}
