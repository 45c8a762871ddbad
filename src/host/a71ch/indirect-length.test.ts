import assert from "node:assert/strict";
import { test } from "node:test";

import { A71chChip } from "../../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../chip/node.ts";
import { fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { silentTrace } from "../../trace/index.ts";
import { localTransport } from "../index.ts";
import { A71ch, A71chSession, createObject, listObjects, readObject, readStorage, writeStorage } from "./index.ts";

const clock = new VirtualClock();

/** A certificate of 300 bytes at the storage's begin, whose table entry says that it tells its length itself. */
async function provisioned(first = "30820128") {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "indirect"), clock });
  const transport = localTransport(chip);
  const access = { session: new A71chSession(transport, clock, silentTrace), variant: "B" as const };
  const certificate = fromHex(`${first}${"5a".repeat(300 - first.length / 2)}`);
  await writeStorage(access.session, 0, certificate);
  await writeStorage(access.session, 4096 - 8, fromHex("0900800000000101"));
  return { access, transport, certificate };
}

test("nothing is stored over a certificate that tells its length itself, and the table then tells it, too", async () => {
  const { access, transport, certificate } = await provisioned();
  await createObject(access, { kind: "data", index: 0, bytes: fromHex("0102") });
  assert.deepEqual(await readObject(access, { kind: "certificate", index: 0 }), certificate);
  assert.equal((await listObjects(access)).find(({ kind }) => kind === "data")?.offset, 320);
  const device = await A71ch.open(transport, { hash: nodeHash, clock });
  await device.writeCertificate(1, fromHex("3003010203"));
  assert.deepEqual(await device.readCertificate(0), certificate);
  // As NXP's host library leaves it: 8000 becomes 812c.
  assert.match(toHex(await readStorage(access.session, 4096 - 32, 32)), /0900812c00000303$/);
});

test("a certificate that tells no length keeps everything else out of the storage", async () => {
  const { access } = await provisioned("3084");
  const stored = createObject(access, { kind: "data", index: 0, bytes: fromHex("0102") });
  await assert.rejects(stored, { code: "malformed-answer" });
});
