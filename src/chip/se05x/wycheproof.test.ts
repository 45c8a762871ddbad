/** Project Wycheproof's vectors (Apache-2.0), through the chip's own commands. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { decodeLongResponse, encodeExtendedCommand } from "../../apdu/index.ts";
import { SE05X_COMMAND_SET, type Se05xCommandName, type Se05xRequest } from "../../apdu/se05x/index.ts";
import { fromHex, toHex } from "../../codec/index.ts";
import { type HashName, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { Se05xChip } from "./index.ts";

type SignatureFile = {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly result: string;
      readonly msg: string;
      readonly sig: string;
    }[];
  }[];
};

const KEY = 0x20000001;

async function newChip() {
  const entropy = new SeededEntropy(nodeHash, "wycheproof");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: new VirtualClock() });
  return <Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>) =>
    decodeLongResponse(chip.exchange(encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request))));
}

for (const [name, curve, algorithm, hash] of [
  ["ecdsa_secp256r1_sha256_test.json", 0x03, 0x21, "sha256"],
  ["ecdsa_secp384r1_sha384_test.json", 0x04, 0x22, "sha384"],
] as const satisfies readonly (readonly [string, number, number, HashName])[]) {
  test(`Se05xChip verify accepts exactly the valid Wycheproof signatures of ${name}`, async (t) => {
    const path = join(import.meta.dirname, "../../../../shared/vectors/wycheproof", name);
    if (!existsSync(path)) return t.skip(`${name} is not here`);
    const file = JSON.parse(readFileSync(path, "utf8")) as SignatureFile;
    const send = await newChip();
    const counts = { accepted: 0, refused: 0 };
    for (const { publicKey, tests } of file.testGroups) {
      send("deleteObject", { objectId: KEY });
      const point = fromHex(publicKey.uncompressed);
      assert.equal(send("writeEcKey", { part: 0x20, objectId: KEY, curve, publicKey: point }).sw, 0x9000);
      for (const { tcId, msg, sig, result } of tests) {
        const digest = nodeHash.digest(hash, fromHex(msg));
        const { data, sw } = send("verify", { objectId: KEY, algorithm, digest, signature: fromHex(sig) });
        assert.equal(sw, 0x9000, `case ${tcId}`);
        assert.equal(toHex(data), result === "valid" ? "410101" : "410102", `case ${tcId}`);
        counts[result === "valid" ? "accepted" : "refused"]++;
      }
    }
    assert.ok(counts.accepted >= 100 && counts.refused >= 200, JSON.stringify(counts));
  });
}
