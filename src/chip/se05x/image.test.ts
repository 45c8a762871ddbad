/** Images of chips that former code wrote, and images that are none. */
import assert from "node:assert/strict";
import { createHmac, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { bytesOf, newSe05x } from "../../../test/chip/se05x.ts";
import { fromHex, toHex, UsageError } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { decodeImage } from "./image.ts";

const FIXTURES = join(import.meta.dirname, "../../../test/chip");
const [PAIR, AES, HMAC, FILE, COUNTER, REGISTER, USER, PASSING] = [1, 2, 3, 4, 5, 6, 7, 8].map(
  (n) => 0x2000_0000 + n,
) as [number, number, number, number, number, number, number, number];
/** Every place to cut at in the deep run. */
const STEP = process.env.HAWSER_DEEP === "1" ? 1 : 7;
const PIN = fromHex("c001020304");

/** The image of a fixture, whose first lines say how it was made. */
function stateOf(version: number | string): Uint8Array {
  const lines = readFileSync(join(FIXTURES, `se051-state-${version}.hex`), "utf8").split("\n");
  return fromHex(lines.filter((line) => !line.startsWith("#")).join(""));
}

function memoryWith(image: Uint8Array): MemoryInRam {
  const memory = new MemoryInRam();
  memory.store(image);
  return memory;
}

for (const version of [4, 5, 6]) {
  test(`Se05xChip takes up a state that version ${version} wrote: keys, values, attempts and owners as they were`, async () => {
    const memory = memoryWith(stateOf(version));
    assert.equal(memory.load()?.[5], version);
    const { chip, host } = await newSe05x({ memory });
    // The scalar of the pair is 1, so its point is the curve's generator, and other programs know both.
    const jwk = {
      kty: "EC",
      crv: "P-256",
      x: "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
      y: "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    };
    const digest = nodeHash.digest("sha256", fromHex("00"));
    const { signature } = host.send("sign", { objectId: PAIR, algorithm: 0x21, digest });
    assert.equal(verify("sha256", fromHex("00"), { key: jwk, format: "jwk" }, signature), true);
    assert.equal(host.sw("agree", { objectId: PAIR, peerPoint: fromHex("04") }), "6986", "its policy came along");
    // SP 800-38B, appendix D.1
    const block = fromHex("6bc1bee22e409f96e93d7e117393172a");
    assert.equal(
      toHex(host.send("mac", { objectId: AES, algorithm: 0x31, input: block }).mac),
      "070a16b46b4d4144f79bdd9dd04a287c",
    );
    const code = createHmac("sha256", new Uint8Array(20).fill(0x0b)).update("Hi There").digest("hex");
    const input = Uint8Array.from(Buffer.from("Hi There"));
    assert.equal(toHex(host.send("mac", { objectId: HMAC, algorithm: 0x19, input }).mac), code);
    assert.equal(toHex(host.send("readObject", { objectId: FILE }).bytes), "01020304");
    assert.equal(toHex(host.send("readObject", { objectId: COUNTER }).bytes), "00000005");
    assert.deepEqual(
      host.send("readObject", { objectId: REGISTER }).bytes,
      nodeHash.digest("sha256", new Uint8Array(32)),
    );
    assert.equal(host.send("readType", { objectId: PASSING }).memory, 2);
    assert.match(chip.facts()[`object ${USER.toString(16)}`] ?? "", /authenticates, 1 failed attempts/);
    assert.equal(toHex(host.send("readCurveList", {}).curves).slice(8, 10), "01", "made, without its parameters");
    assert.equal(host.sw("createCurve", { curve: 5 }), "6985");
    assert.deepEqual(
      chip.wear.filter(({ place }) => place.startsWith("object 2000")).map(({ writes }) => writes),
      Array.from({ length: 8 }, () => 0),
    );
    const session = host.inSession(host.send("createSession", { objectId: USER }).sessionId);
    session.send("verifySessionUserId", { value: PIN });
    const owned = bytesOf("digestInit", { cryptoObjectId: 0x0102 });
    // Before version 5 nobody owned a crypto object.
    assert.equal(session.raw(owned).sw === 0x9000, version >= 5);
    assert.equal(host.raw(owned).sw === 0x9000, version < 5);
    host.send("digestInit", { cryptoObjectId: 0x0101 });
    // The next change is stored in the present version, and taken up again.
    host.send("deleteObject", { objectId: PAIR });
    assert.equal(memory.load()?.[5], 7);
    const { host: later } = await newSe05x({ memory });
    assert.equal(later.sw("readObject", { objectId: PAIR }), "6985");
    assert.equal(toHex(later.send("readObject", { objectId: COUNTER }).bytes), "00000005");
  });
}

test("Se05xChip takes up the first state of version 4 that had curves, and refuses the one before it by its layout", async () => {
  const { host } = await newSe05x({ memory: memoryWith(stateOf("4-first")) });
  assert.equal(toHex(host.send("readObject", { objectId: FILE }).bytes), "01020304");
  assert.equal(toHex(host.send("readObject", { objectId: COUNTER }).bytes), "00000005");
  assert.equal(host.send("readObject", { objectId: REGISTER }).bytes.length, 32);
  const block = fromHex("6bc1bee22e409f96e93d7e117393172a");
  const { mac } = host.send("mac", { objectId: AES, algorithm: 0x31, input: block });
  assert.equal(toHex(mac), "070a16b46b4d4144f79bdd9dd04a287c", "SP 800-38B, appendix D.1");
  assert.equal(host.sw("agree", { objectId: PAIR, peerPoint: fromHex("04") }), "6986");
  assert.equal(host.send("exists", { objectId: PASSING }).result, 2, "transient objects were not kept then");
  const inside = host.inSession(host.send("createSession", { objectId: USER }).sessionId);
  assert.equal(inside.sw("verifySessionUserId", { value: PIN }), "9000");
  const former = stateOf("4-refused");
  assert.equal(former[5], 4);
  await assert.rejects(
    newSe05x({ memory: memoryWith(former) }),
    (error) => error instanceof UsageError && error.code === "state-version" && /layout/.test(error.message),
  );
});

test("Se05xChip refuses a state of a version before 4 or after its own, of another model, or cut anywhere", async () => {
  const image = stateOf(5);
  const refused = (bytes: Uint8Array, model: "se051" | "a5000" = "se051") =>
    assert.rejects(
      newSe05x({ model, memory: memoryWith(bytes) }),
      (error) => error instanceof UsageError && error.code === "state-version",
    );
  for (const version of [0, 1, 2, 3, 8, 255]) await refused(image.with(5, version));
  await refused(image, "a5000");
  // Where it ends with an object an image is whole to its reader: the seal of the file is what notices that.
  let whole = 0;
  for (let length = 0; length < image.length; length += STEP) {
    try {
      decodeImage("se051", image.subarray(0, length), nodeSe05xCrypto);
      whole++;
    } catch (error) {
      assert.ok(error instanceof UsageError && error.code === "state-version", String(error));
    }
  }
  const { chip } = await newSe05x({ memory: memoryWith(image) });
  const objects = Object.keys(chip.facts()).filter((name) => name.startsWith("object "));
  assert.ok(whole <= objects.length + 1, `${whole} of them`);
  await refused(Uint8Array.from([...image, 0]));
});
