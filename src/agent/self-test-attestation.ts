import {
  attestedResult,
  SE05X_COMMAND_SET,
  SE05X_OBJECT,
  SE05X_RESULT,
  SE05X_SIGNATURE,
  type Se05xResponse,
} from "../apdu/se05x/index.ts";
import { concat, encode, toHex, Writer } from "../codec/index.ts";
import type { Hash } from "../crypto/index.ts";
import { readCertificates, type Se05x } from "../host/se05x/index.ts";
import { holds, type MakerDemands, makersCertificate, notAttested } from "./attestation.ts";

/** What a chip says about a test of itself, signed, with the certificates that say whose signature it is. */
export type SelfTestEvidence = {
  readonly answer: Se05xResponse<"triggerSelfTestAttested">;
  /** DER: the attestation key's certificate first. */
  readonly chain: readonly Uint8Array[];
};

export type SelfTestDemands = MakerDemands & {
  /** NXP's number of the test that was asked for. */
  readonly mode: number;
  /** The 16 bytes that were asked with, by whoever demands. */
  readonly freshness: Uint8Array;
  /** 36 hex digits; any chip of the maker's where absent. */
  readonly chipId?: string;
  readonly hash: Hash;
};

type Question = Pick<SelfTestDemands, "mode" | "freshness">;

/** Has a chip test itself and sign the result; from applet 7 on. Throws `Refused` where the chip says no. */
export async function readSelfTest(chip: Se05x, question: Question): Promise<SelfTestEvidence> {
  const answer = await chip.send("triggerSelfTestAttested", requestOf(question));
  return { answer, chain: await readCertificates(chip, [SE05X_OBJECT.attestationCertificate]) };
}

/**
 * Checks that this chip's attestation key signed the result of this very test, and gives whether the test held. Throws
 * `ProtocolError` `not-attested`. SE05x command table, section 4.5
 */
export async function verifySelfTest({ answer, chain }: SelfTestEvidence, demands: SelfTestDemands): Promise<boolean> {
  const chipId = toHex(answer.chipId);
  const certificate = await makersCertificate(chain, chipId, demands);
  if (demands.freshness.length !== 16) throw notAttested("stale", `${demands.freshness.length} bytes of freshness`);
  const { cla, ins, p1, p2, data } = SE05X_COMMAND_SET.build("triggerSelfTestAttested", requestOf(demands));
  // This command goes out with a short length, and so it is hashed.
  const given = new Writer(data.length + 5).u8(cla).u8(ins).u8(p1).u8(p2).u8(data.length).bytes(data);
  const { signature, ...signed } = answer;
  const content = concat(demands.hash.digest("sha256", given.finish()), encode(attestedResult, signed));
  const check = { publicKey: certificate.publicKey.der, algorithm: "ecdsa_sha256", content, signature } as const;
  if (!(await holds(demands.verifier, check))) {
    throw notAttested("signature", "the signature is not of this result of this test");
  }
  if (demands.chipId !== undefined && demands.chipId !== chipId) throw notAttested("other-chip", `chip ${chipId}`);
  return answer.result === SE05X_RESULT.yes;
}

function requestOf({ mode, freshness }: Question) {
  return { mode, freshness, attestationId: SE05X_OBJECT.attestationKey, algorithm: SE05X_SIGNATURE.sha256 };
}
