import assert from "node:assert/strict";
import { test } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto } from "../chip/node.ts";
import { Se05xChip } from "../chip/se05x/index.ts";
import { fromHex, HawserError, toHex } from "../codec/index.ts";
import { hkdfExpand, hkdfExtract, SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { secretObject, Se05x } from "../host/se05x/index.ts";
import { earlySecretRequest } from "../tls/index.ts";
import {
  CHIP_OPERATIONS,
  chipEarlySecrets,
  type ChipOperation,
  chipOperations,
  type ChipOperationsOptions,
} from "./node.ts";

const clock = new VirtualClock();
const entropy = new SeededEntropy(nodeHash, "operations");
const ports = { hash: nodeHash, clock };
const a71ch = await A71ch.open(localTransport(new A71chChip({ crypto: nodeChipCrypto, entropy, clock })), ports);
const se05x = await Se05x.open(
  localTransport(await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock })),
  ports,
);

function parts(element: A71ch | Se05x, list: string, more: Partial<ChipOperationsOptions> = {}) {
  const operations = new Set(list.split(",") as ChipOperation[]);
  return chipOperations({ element, operations, agreementSlot: 3, clock, ...more });
}

test("chipOperations give exactly the ports of what a chip is to do", () => {
  assert.deepEqual(Object.keys(parts(a71ch, "sign")), []);
  assert.deepEqual(Object.keys(parts(a71ch, "random,key-share")), ["random", "keyAgreement"]);
  assert.deepEqual(parts(a71ch, "verify").schemes, ["ecdsa_secp256r1_sha256"]);
  assert.deepEqual(parts(se05x, "verify").schemes, ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384"]);
  const all = Object.keys(CHIP_OPERATIONS).join(",");
  const kinds = ["chainVerifier", "keyAgreement", "random", "schemes", "secrets", "verifier"];
  assert.deepEqual(Object.keys(parts(se05x, all)).toSorted(), kinds);
  assert.deepEqual(Object.keys(parts(a71ch, all, { psk: { slot: 0 } })).toSorted(), kinds);
  assert.equal(parts(se05x, all).secrets?.extendedMasterSecret, true);
  assert.equal(parts(se05x, all, { derivation: "prf" }).secrets?.extendedMasterSecret, false);
  assert.deepEqual(parts(a71ch, all, { psk: { slot: 0 } }).secrets?.sources, ["psk", "ecdhe_psk"]);
});

test("an A71CH keeps the server's key only where it was given a slot for it, since that wears", () => {
  assert.ok(!("keep" in (parts(a71ch, "chain").chainVerifier ?? {})));
  assert.ok("keep" in (parts(a71ch, "chain", { serverKeySlot: 1 }).chainVerifier ?? {}));
  assert.ok("keep" in (parts(se05x, "chain").chainVerifier ?? {}));
});

const psk = { psk: { slot: 2 } };
const REFUSED: readonly (readonly [A71ch | Se05x, string, Partial<ChipOperationsOptions>, RegExp])[] = [
  [se05x, "key-share,premaster", {}, /the premaster secret does not leave the chip/],
  [se05x, "premaster,master", {}, /premaster needs something of the chip's/],
  [se05x, "key-share,master", {}, /premaster is made there as well/],
  [se05x, "random", psk, /needs premaster and master there as well/],
  [se05x, "master", { derivation: "prf" }, /the chip's PRF command takes its own client random/],
  [se05x, "key-share,premaster,master", { only13: true }, /no commands for those of TLS 1\.3/],
  [a71ch, "random,master", {}, /an A71CH makes master secrets of pre-shared keys only/],
  [a71ch, "premaster,master", psk, /an A71CH takes its own client random only/],
];

test("chipOperations name what a chip cannot, and what it can only together", () => {
  for (const [element, list, more, message] of REFUSED) {
    assert.throws(
      () => parts(element, list, more),
      (error: unknown) => error instanceof HawserError && error.code === "not-in-chip" && message.test(error.message),
    );
  }
});

test("chipEarlySecrets are those that the key schedule makes of the same key, in either chip", async () => {
  const key = fromHex("00112233445566778899aabbccddeeff");
  await a71ch.send("setSecret", { slot: 4, key });
  await se05x.send("writeSymmKey", { kind: 0x05, objectId: secretObject(4), value: key });
  const early = hkdfExtract(nodeHash, "sha256", new Uint8Array(32), key);
  const { binderKey: info } = earlySecretRequest(nodeHash, "sha256");
  const expected = hkdfExpand(nodeHash, "sha256", { key: early, info, length: 32 });
  const [first, second] = [await chipEarlySecrets(a71ch, { slot: 4 }), await chipEarlySecrets(se05x, { slot: 4 })];
  assert.equal(toHex(first.binderKey), toHex(expected));
  assert.deepEqual(first, second);
  assert.notDeepEqual(first.binderKey, first.derivedSecret);
  assert.deepEqual(Object.keys(parts(se05x, "random", { psk: { slot: 4 }, only13: true })), ["random"]);
});

test("a chip of neither family makes no secrets, and verifies with keys that come along", async () => {
  const unknown = {
    identify: () => a71ch.identify(),
    random: a71ch.random,
    verifier: a71ch.verifier,
    keyAgreement: (slot: number) => a71ch.keyAgreement(slot),
  } as unknown as A71ch;
  assert.throws(() => parts(unknown, "random,master"), /this chip makes no secrets of TLS/);
  assert.ok(!("keep" in (parts(unknown, "chain").chainVerifier ?? {})));
  await assert.rejects(chipEarlySecrets(unknown, { slot: 0 }), /this chip derives no keys/);
});
