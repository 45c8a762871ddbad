/** Project Wycheproof's vectors (Apache-2.0), through the chip's own commands. */
import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { A71CH_COMMAND_SET, type A71chCommandName, type A71chRequest } from "../../apdu/a71ch/index.ts";
import { decodeResponse, encodeCommand, type ResponseApdu } from "../../apdu/index.ts";
import { fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

type Vector = { readonly tcId: number; readonly result: "valid" | "invalid" | "acceptable" };
type SignatureFile = {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly (Vector & { readonly msg: string; readonly sig: string })[];
  }[];
};
type AgreementFile = {
  readonly testGroups: readonly {
    readonly tests: readonly (Vector & {
      readonly public: string;
      readonly private: string;
      readonly shared: string;
    })[];
  }[];
};

function vectors(t: TestContext, name: string): unknown {
  const path = join(import.meta.dirname, "../../../../shared/vectors/wycheproof", name);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  t.skip(`${name} is not here`);
  return undefined;
}

function newChip() {
  const entropy = new SeededEntropy(nodeHash, "wycheproof");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock() });
  return <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): ResponseApdu =>
    decodeResponse(chip.exchange(encodeCommand(A71CH_COMMAND_SET.build(key, request))));
}

test("A71chChip verify accepts exactly the valid Wycheproof signatures of ecdsa_secp256r1_sha256", (t) => {
  const file = vectors(t, "ecdsa_secp256r1_sha256_test.json") as SignatureFile | undefined;
  if (!file) return;
  const send = newChip();
  const counts = { accepted: 0, refused: 0, tooLong: 0 };
  for (const { publicKey, tests } of file.testGroups) {
    assert.equal(send("setPublicKey", { slot: 0, point: fromHex(publicKey.uncompressed) }).sw, 0x9000);
    for (const { tcId, msg, sig, result } of tests) {
      const digest = nodeHash.digest("sha256", fromHex(msg));
      const signature = fromHex(sig);
      if (signature.length > 255 - 32) {
        // No short command can carry it.
        assert.equal(result, "invalid");
        counts.tooLong++;
        continue;
      }
      const { data, sw } = send("verify", { slot: 0, digest, signature });
      assert.equal(sw, 0x9000, `case ${tcId}`);
      assert.equal(toHex(data), result === "valid" ? "01" : "02", `case ${tcId}`);
      counts[result === "valid" ? "accepted" : "refused"]++;
    }
  }
  assert.ok(counts.accepted >= 170 && counts.refused >= 290, JSON.stringify(counts));
});

test("A71chChip agree gives the shared secrets of Wycheproof ecdh_secp256r1_ecpoint and refuses its bad points", (t) => {
  const file = vectors(t, "ecdh_secp256r1_ecpoint_test.json") as AgreementFile | undefined;
  if (!file) return;
  const send = newChip();
  const counts = { agreed: 0, refused: 0 };
  for (const { tests } of file.testGroups) {
    for (const { tcId, public: peer, private: scalar, shared, result } of tests) {
      // The scalars of other curves do not fit; their points must be refused with any key.
      const digits = scalar.replace(/^(00)+/, "").padStart(64, "0");
      const own = createECDH("prime256v1");
      own.setPrivateKey(digits.length > 64 ? "01".padStart(64, "0") : digits, "hex");
      const point = new Uint8Array(own.getPublicKey());
      const bytes = fromHex(own.getPrivateKey("hex").padStart(64, "0"));
      assert.equal(send("setKeyPair", { slot: 0, scalar: bytes, point }).sw, 0x9000);
      const peerPoint = fromHex(peer);
      if (peerPoint.length !== 65) {
        // A compressed or cut point does not fit the command at all.
        assert.notEqual(result, "valid");
        continue;
      }
      const { data, sw } = send("agree", { slot: 0, peerPoint });
      assert.deepEqual([sw, toHex(data)], result === "valid" ? [0x9000, shared] : [0x6a80, ""], `case ${tcId}`);
      counts[result === "valid" ? "agreed" : "refused"]++;
    }
  }
  assert.ok(counts.agreed >= 325 && counts.refused >= 16, JSON.stringify(counts));
});
