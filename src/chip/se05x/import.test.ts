import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { decodeExtendedCommand, encodeExtendedCommand, Scp03Session } from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { objectAttributes, RIGHT, SE05X_AID, SE05X_OBJECT, sessionOffer, signedOffer } from "../../apdu/se05x/index.ts";
import { concat, decode, encode, fromHex } from "../../codec/index.ts";
import { SeededEntropy } from "../../crypto/index.ts";
import { nodeHash as hash } from "../../crypto/node.ts";
import { signDigest } from "../ec-curve.ts";
import { nodeSe05xCrypto } from "../node.ts";

const [OWNER, KEY, FILE] = [0x20000001, 0x20000002, 0x20000003];
const { p256 } = nodeSe05xCrypto;
const IDENTITY = new Uint8Array(32).fill(0x21);
const EPHEMERAL = new Uint8Array(32).fill(0x22);
const VALUE = fromHex("404142434445464748494a4b4c4d4e4f");

/** An import as NXP's host program makes it: keys agreed with the chip's import key and no random, the command in its channel. */
function importOf(chipPoint: Uint8Array, counter: string, command: Uint8Array) {
  const template = { aid: SE05X_AID, scp: fromHex("ab0133"), keyType: 0x88, keyLength: 0x10 };
  const offer = encode(sessionOffer, { ...template, ephemeralPoint: p256.publicPoint(EPHEMERAL) });
  const entropy = new SeededEntropy(hash, "importer");
  const signature = signDigest(p256, { hash, entropy }, IDENTITY, hash.digest("sha256", offer));
  const shared = p256.sharedX(EPHEMERAL, chipPoint) ?? assert.fail();
  const parts = concat(fromHex(counter), shared, new Uint8Array(16), fromHex("01338810"));
  const scp = Scp03Session.agreed(aes, hash.digest("sha256", parts).slice(0, 16), { extendedLengths: true });
  return {
    offer,
    signature,
    authentication: encode(signedOffer, { offer, signature }),
    authObjectId: OWNER,
    command: encodeExtendedCommand(scp.protectCommand(decodeExtendedCommand(command))),
  };
}

async function ready(model: "se050" | "se051" | "a5000") {
  const { host } = await newSe05x({ model });
  const publicKey = p256.publicPoint(IDENTITY);
  host.send("writeEcKey", { part: 0x20, insFlags: 0x40, objectId: OWNER, curve: 3, publicKey });
  const chipPoint = host.send("readObject", { objectId: SE05X_OBJECT.importKey }).bytes;
  const make = (command: Uint8Array) => importOf(chipPoint, model === "se050" ? "" : "00000001", command);
  return { host, make };
}

function send(host: Host, { authentication, authObjectId, command }: ReturnType<typeof importOf>): string {
  return host.sw("importExternal", { authentication, authObjectId, command });
}

for (const model of ["a5000", "se050", "se051"] as const) {
  test(`An ${model} takes an import of whoever signed the offer, and makes the object as his`, async () => {
    const { host, make } = await ready(model);
    const policy = [
      { authObjectId: 0, rights: (RIGHT.read | RIGHT.encrypt | RIGHT.delete) >>> 0, extension: new Uint8Array(0) },
    ];
    assert.equal(send(host, make(bytesOf("writeSymmKey", { kind: 3, objectId: KEY, value: VALUE, policy }))), "9000");
    const { output } = host.send("cipher", { objectId: KEY, mode: 0x0e, direction: 0x37, input: new Uint8Array(16) });
    assert.deepEqual(output, aes.encrypt(VALUE, new Uint8Array(16)));
    assert.equal(
      send(host, make(bytesOf("writeBinary", { objectId: FILE, length: 5, data: fromHex("0102030405") }))),
      "9000",
    );
    assert.deepEqual(host.send("readObject", { objectId: FILE }).bytes, fromHex("0102030405"));
    if (model === "se050") return;
    const { madeBy, policy: kept } = decode(
      objectAttributes,
      host.send("readAttributes", { objectId: KEY }).attributes,
    );
    assert.deepEqual([madeBy, kept], [OWNER, policy]);
  });
}

test("An import changes what a policy lets only its owner change, and nothing that is another's", async () => {
  const { host, make } = await ready("se051");
  const rights = (RIGHT.read | RIGHT.write) >>> 0;
  const of = (authObjectId: number) => [{ authObjectId, rights, extension: new Uint8Array(0) }];
  host.send("writeBinary", { objectId: KEY, length: 2, policy: of(OWNER) });
  host.send("writeBinary", { objectId: FILE, length: 2, policy: of(OWNER + 9) });
  const data = fromHex("aabb");
  assert.equal(host.sw("writeBinary", { objectId: KEY, data }), "6986");
  assert.equal(send(host, make(bytesOf("writeBinary", { objectId: KEY, data }))), "9000");
  assert.equal(send(host, make(bytesOf("writeBinary", { objectId: FILE, data }))), "6986");
  assert.equal(send(host, make(bytesOf("writeBinary", { objectId: 0x7fff0206, data }))), "6986");
});

test("An import is refused with a wrong signature, a wrong key, without protection, or with what is no write", async () => {
  const { host, make } = await ready("se051");
  const good = make(bytesOf("writeSymmKey", { kind: 3, objectId: KEY, value: VALUE }));
  const { offer, signature } = good;
  const wrong = encode(signedOffer, { offer, signature: signature.with(20, (signature[20] ?? 0) ^ 1) });
  assert.equal(send(host, { ...good, authentication: wrong }), "6982");
  const flipped = good.command.with(good.command.length - 1, (good.command.at(-1) ?? 0) ^ 1);
  assert.equal(send(host, { ...good, command: flipped }), "6982");
  assert.equal(
    send(host, { ...good, command: bytesOf("writeSymmKey", { kind: 3, objectId: KEY, value: VALUE }) }),
    "6982",
  );
  assert.equal(send(host, { ...good, authObjectId: SE05X_OBJECT.deviceKey }), "6985", "no authentication object");
  assert.equal(send(host, { ...good, authObjectId: KEY }), "6985", "no object");
  assert.equal(send(host, { ...good, authentication: fromHex("a600") }), "6a80");
  assert.equal(send(host, { ...good, authentication: good.authentication.slice(0, 40) }), "6a80");
  for (const each of [
    bytesOf("deleteObject", { objectId: OWNER }),
    bytesOf("readObject", { objectId: SE05X_OBJECT.uniqueId }),
    bytesOf("createSession", { objectId: OWNER }),
    bytesOf("importExternal", { authentication: good.authentication, authObjectId: OWNER, command: good.command }),
  ]) {
    assert.equal(send(host, make(each)), "6985");
  }
  assert.equal(host.send("exists", { objectId: KEY }).result, 2);
  assert.equal(send(host, good), "9000");
  assert.equal(host.send("exists", { objectId: KEY }).result, 1);
});
