import {
  type PolicyEntry,
  SE05X_CURVE,
  SE05X_INS_FLAG,
  SE05X_PART,
  SE05X_RESULT,
  SE05X_SIGNATURE,
} from "../../apdu/se05x/index.ts";
import { Refused } from "../../codec/index.ts";
import {
  type CurveName,
  ecPublicPoint,
  ed25519PublicKey,
  type Hash,
  hashOf,
  isEcdsa,
  type SignatureCheck,
  type SignatureVerifier,
} from "../../crypto/index.ts";
import { notInChip } from "../kept-master.ts";
import { se05xPolicy } from "./families/policies.ts";
import { MAX_INPUT } from "./families/sender.ts";
import { curveOfPoint } from "./key-curves.ts";
import { SCRATCH_OBJECT } from "./object-ids.ts";
import type { Se05xSession } from "./session.ts";
import { edwardsHalves } from "./signers.ts";

/** Runs several commands with nobody else's in between. */
type Chip = { exclusive<T>(work: (session: Se05xSession) => Promise<T>): Promise<T> };

/** @table Checked by any part, since each is born with them. */
const CURVES: readonly CurveName[] = ["P-256", "P-384"];
const MAX_DIGEST = 64;

/**
 * Checks signatures in the chip: ECDSA on P-256 and P-384 over messages of any length, Ed25519 over those that a command
 * takes whole. Throws `not-in-chip` for others, RSA among them.
 */
export function se05xSignatureVerifier(chip: Chip, hash: Hash): SignatureVerifier {
  return {
    performer: "chip",
    async verify({ publicKey, algorithm, content, signature }: SignatureCheck): Promise<boolean> {
      const okp = ed25519PublicKey(publicKey);
      if (okp && algorithm === "ed25519") {
        if (content.length > MAX_INPUT) throw notInChip(`Ed25519 over ${content.length} bytes, more than ${MAX_INPUT}`);
        const key = { curve: SE05X_CURVE.ed25519, publicKey: okp.toReversed() };
        const checked = { algorithm: SE05X_SIGNATURE.ed25519, digest: content, signature: edwardsHalves(signature) };
        return chip.exclusive((session) => holds(session, key, checked));
      }
      const ec = ecPublicPoint(publicKey);
      if (!ec || !CURVES.includes(ec.curve) || !isEcdsa(algorithm)) {
        throw notInChip(`an SE05x checks ECDSA on P-256 and P-384 and Ed25519 here, not ${algorithm} with this key`);
      }
      return verifyDigestIn(chip, ec.point, { digest: hash.digest(hashOf(algorithm), content), signature });
    },
  };
}

/** Whether a signature in DER holds over a digest, under a point on P-256, P-384 or, where the chip has it, P-521. */
export function verifyDigestIn(
  chip: Chip,
  point: Uint8Array,
  { digest, signature }: { readonly digest: Uint8Array; readonly signature: Uint8Array },
): Promise<boolean> {
  const curve = curveOfPoint(point);
  const checked = { algorithm: SE05X_SIGNATURE.plain, digest: digest.subarray(0, MAX_DIGEST), signature };
  return chip.exclusive((session) => holds(session, { curve, publicKey: point }, checked));
}

/** The chip checks with keys that it holds: the key goes into a transient object for the time of the command. */
async function holds(
  session: Se05xSession,
  key: { readonly curve: number; readonly publicKey: Uint8Array },
  checked: { readonly algorithm: number; readonly digest: Uint8Array; readonly signature: Uint8Array },
): Promise<boolean> {
  const objectId = SCRATCH_OBJECT;
  const policy: readonly PolicyEntry[] = se05xPolicy({ may: ["verify", "delete"] });
  const flags = { part: SE05X_PART.public, insFlags: SE05X_INS_FLAG.transient };
  const write = () => session.send("writeEcKey", { objectId, ...key, policy, ...flags });
  await write().catch(async (error: unknown) => {
    // Power was cut in an earlier check, and what is left of its key is in the way.
    if (!(error instanceof Refused) || error.wire !== 0x6985) throw error;
    await session.send("deleteObject", { objectId });
    return write();
  });
  try {
    return (await session.send("verify", { objectId, ...checked })).result === SE05X_RESULT.yes;
  } finally {
    await session.send("deleteObject", { objectId });
  }
}
