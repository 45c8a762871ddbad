import assert from "node:assert/strict";
import { createECDH, createHash, createPublicKey, createVerify } from "node:crypto";
import { test } from "node:test";

import { nodeSe05xCrypto } from "../chip/node.ts";
import { Se05xChip, type Se05xModelName } from "../chip/se05x/index.ts";
import { fromHex, utf8Bytes } from "../codec/index.ts";
import { ecdsaRawToDer, ecPublicPoint, SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { localTransport } from "../host/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import { Application, type CallName, CKA, CKM, CKO, type RequestOf, type ResponseOf, Token } from "./index.ts";
import { encodeRequest, readAnswer } from "./messages.ts";

const NO_PARAMETER = { kind: "none" } as const;
const P384 = fromHex("06052b81040022");

async function bench(model: Se05xModelName = "se051") {
  const clock = new VirtualClock(0);
  const entropy = new SeededEntropy(nodeHash, "pkcs11 se051");
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock });
  const device = await Se05x.open(localTransport(chip), { hash: nodeHash, clock });
  const open = async () => ({ element: device, close: async () => undefined });
  const application = new Application({
    token: new Token({ open, hash: nodeHash, label: "SE" }),
    clock,
    clientVersion: 1,
  });
  const ask = async <Name extends CallName>(name: Name, ...values: RequestOf<Name>) =>
    readAnswer(name, await application.answer(encodeRequest(name, values, 1)), 1);
  const call = async <Name extends CallName>(name: Name, ...values: RequestOf<Name>): Promise<ResponseOf<Name>> => {
    const answer = await ask(name, ...values);
    return answer.ok ? answer.values : assert.fail(`${name} answered 0x${answer.ckr.toString(16)}`);
  };
  await call("C_Initialize", utf8Bytes("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"), 0, Uint8Array.of(0));
  const [session] = await call("C_OpenSession", 1n, 6n);
  const find = async (type: number, value: bigint | Uint8Array): Promise<readonly bigint[]> => {
    await call("C_FindObjectsInit", session, [{ type, state: "value", value }]);
    const [found] = await call("C_FindObjects", session, 100);
    await call("C_FindObjectsFinal", session);
    return "needed" in found ? assert.fail("room for 100") : found;
  };
  return { device, session, ask, call, find };
}

test("a key on P-384 that another tool put into the chip signs, verifies and agrees with its own lengths", async () => {
  const { device, session, ask, call, find } = await bench();
  const own = createECDH("secp384r1");
  own.generateKeys();
  const pair = { scalar: new Uint8Array(own.getPrivateKey()), point: new Uint8Array(own.getPublicKey()) };
  await device.injectKeyPair(2, pair);
  const found = await find(CKA.EC_PARAMS, P384);
  assert.equal(found.length, 2);
  const [secret, open] = found as [bigint, bigint];
  const spki = (await device.keySlots()).find(({ slot }) => slot === 2)?.publicKey ?? assert.fail("slot 2");
  assert.deepEqual(ecPublicPoint(spki)?.point, pair.point);

  const mechanism = { type: CKM.ECDSA_SHA384, parameter: NO_PARAMETER };
  await call("C_SignInit", session, mechanism, secret);
  assert.deepEqual(await call("C_Sign", session, utf8Bytes("reading"), 64), [{ needed: 96 }]);
  const [signature] = await call("C_Sign", session, utf8Bytes("reading"), 96);
  assert.ok(signature instanceof Uint8Array);
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  assert.ok(createVerify("sha384").update("reading").verify(key, ecdsaRawToDer(signature)));
  await call("C_VerifyInit", session, mechanism, open);
  await call("C_Verify", session, utf8Bytes("reading"), signature);
  await call("C_VerifyInit", session, mechanism, open);
  const short = await ask("C_Verify", session, utf8Bytes("reading"), signature.subarray(32));
  assert.equal(short.ok ? 0 : short.ckr, 0xc1);

  const peer = createECDH("secp384r1");
  peer.generateKeys();
  const publicData = new Uint8Array(peer.getPublicKey());
  const parameter = { kind: "ecdh1", kdf: 1n, shared: undefined, publicData } as const;
  const [derived] = await call("C_DeriveKey", session, { type: CKM.ECDH1_DERIVE, parameter }, secret, []);
  const [[value]] = await call("C_GetAttributeValue", session, derived, [{ type: CKA.VALUE, room: 64 }]);
  const expected = new Uint8Array(peer.computeSecret(own.getPublicKey()));
  assert.deepEqual(value, { type: CKA.VALUE, state: "value", value: expected });
  assert.equal((await call("C_GetMechanismInfo", 1n, BigInt(CKM.ECDSA)))[1], 521n);
});

test("binary files are data objects: those of other tools by their identifiers, new ones in Hawser's own range", async () => {
  const { device, session, call, find } = await bench();
  const before = await find(CKA.CLASS, CKO.DATA);
  const bytes = Uint8Array.from({ length: 1500 }, (_, i) => i & 0xff);
  await call("C_CreateObject", session, [
    { type: CKA.CLASS, state: "value", value: CKO.DATA },
    { type: CKA.TOKEN, state: "value", value: 1 },
    { type: CKA.LABEL, state: "value", value: utf8Bytes("big") },
    { type: CKA.VALUE, state: "value", value: bytes },
  ]);
  assert.deepEqual(
    (await device.send("readObject", { objectId: 0x4857_0400, offset: 0, length: 16 })).bytes.length,
    16,
  );
  await device.send("writeBinary", { objectId: 0x2000_0001, length: 3, offset: 0, data: Uint8Array.of(1, 2, 3) });
  await call("C_CloseSession", session);
  const [again] = await call("C_OpenSession", 1n, 6n);
  await call("C_FindObjectsInit", again, [{ type: CKA.CLASS, state: "value", value: CKO.DATA }]);
  const [found] = await call("C_FindObjects", again, 100);
  assert.ok(!("needed" in found));
  assert.equal(found.length, before.length + 2);
  const values = await Promise.all(
    found.map(
      async (each) => (await call("C_GetAttributeValue", again, each, [{ type: CKA.VALUE, room: 2000 }]))[0][0],
    ),
  );
  const read = values.flatMap((each) => (each?.state === "value" ? [each.value] : []));
  assert.ok(read.some((each) => Buffer.from(each as Uint8Array).equals(bytes)));
  assert.ok(read.some((each) => Buffer.from(each as Uint8Array).equals(Uint8Array.of(1, 2, 3))));
  for (const each of found.slice(before.length)) await call("C_DestroyObject", again, each);
  assert.equal((await device.data.list()).length, before.length);
  // Index 7 is Hawser's own file of that number: this one cannot be named.
  await device.send("writeBinary", { objectId: 7, length: 1, offset: 0, data: Uint8Array.of(1) });
  assert.equal((await device.data.list()).length, before.length);
  await assert.rejects(device.data.read(0), { code: "object-missing" });
  // As much as one file may have, until nothing more fits.
  const fill = async (index: number): Promise<void> =>
    device.data.write(index, new Uint8Array(0x7000).fill(1)).then(() => fill(index + 1));
  await assert.rejects(fill(0), { code: "storage-full" });
});

test("CKM_ECDSA_SHA1 and shorter digests are signed by the chip as they are", async () => {
  const { device, session, call } = await bench();
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  const p256 = { type: CKA.EC_PARAMS, state: "value", value: fromHex("06082a8648ce3d030107") } as const;
  const [, secret] = await call("C_GenerateKeyPair", session, make, [p256], []);
  await call("C_SignInit", session, { type: CKM.ECDSA_SHA1, parameter: NO_PARAMETER }, secret);
  const [signature] = await call("C_Sign", session, utf8Bytes("reading"), 64);
  const spki = (await device.keySlots())[0]?.publicKey ?? assert.fail("slot 0");
  const digest = new Uint8Array(createHash("sha1").update("reading").digest());
  const point = ecPublicPoint(spki)?.point ?? assert.fail("a point");
  assert.ok(await device.verifier.verifyDigest(point, digest, ecdsaRawToDer(signature as Uint8Array)));
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  assert.ok(
    createVerify("sha1")
      .update("reading")
      .verify(key, ecdsaRawToDer(signature as Uint8Array)),
  );
});

test("key pairs are made on P-384 and P-521, whose curve the chip is given first, and sign, verify and agree", async () => {
  const { device, session, ask, call } = await bench();
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  for (const [oid, name, hash, bytes] of [
    ["06052b81040022", "secp384r1", "sha384", 48],
    ["06052b81040023", "secp521r1", "sha512", 66],
  ] as const) {
    const params = { type: CKA.EC_PARAMS, state: "value", value: fromHex(oid) } as const;
    const [open, secret] = await call("C_GenerateKeyPair", session, make, [params], []);
    const spki =
      (await device.keySlots()).findLast(({ slot, publicKey }) => slot < 4 && publicKey)?.publicKey ??
      assert.fail(name);
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    assert.equal(key.asymmetricKeyDetails?.namedCurve, name);
    const [[shown, point]] = await call("C_GetAttributeValue", session, open, [
      { type: CKA.EC_PARAMS, room: 64 },
      { type: CKA.EC_POINT, room: 200 },
    ]);
    assert.deepEqual(shown, params);
    const ofKey = ecPublicPoint(spki)?.point ?? assert.fail("a point");
    const head = ofKey.length < 0x80 ? [0x04, ofKey.length] : [0x04, 0x81, ofKey.length];
    assert.deepEqual(point, { type: CKA.EC_POINT, state: "value", value: Uint8Array.of(...head, ...ofKey) });

    const mechanism = { type: hash === "sha384" ? CKM.ECDSA_SHA384 : CKM.ECDSA_SHA512, parameter: NO_PARAMETER };
    await call("C_SignInit", session, mechanism, secret);
    const [signature] = await call("C_Sign", session, utf8Bytes("reading"), 2 * bytes);
    assert.ok(signature instanceof Uint8Array && signature.length === 2 * bytes);
    assert.ok(createVerify(hash).update("reading").verify(key, ecdsaRawToDer(signature)));
    await call("C_VerifyInit", session, mechanism, open);
    await call("C_Verify", session, utf8Bytes("reading"), signature);
    await call("C_VerifyInit", session, mechanism, open);
    const bent = signature.with(2 * bytes - 1, (signature.at(-1) ?? 0) ^ 1);
    const answer = await ask("C_Verify", session, utf8Bytes("reading"), bent);
    assert.equal(answer.ok ? 0 : answer.ckr, 0xc0);

    const peer = createECDH(name);
    peer.generateKeys();
    const publicData = new Uint8Array(peer.getPublicKey());
    const parameter = { kind: "ecdh1", kdf: 1n, shared: undefined, publicData } as const;
    const [derived] = await call("C_DeriveKey", session, { type: CKM.ECDH1_DERIVE, parameter }, secret, []);
    const [[value]] = await call("C_GetAttributeValue", session, derived, [{ type: CKA.VALUE, room: 80 }]);
    const expected = new Uint8Array(peer.computeSecret(ofKey));
    assert.deepEqual(value, { type: CKA.VALUE, state: "value", value: expected });
  }
});

test("an A5000 makes key pairs on P-256 and P-384, and answers CKR_CURVE_NOT_SUPPORTED for P-521", async () => {
  const { session, ask, call } = await bench("a5000");
  const make = { type: CKM.EC_KEY_PAIR_GEN, parameter: NO_PARAMETER } as const;
  const on = (oid: string) => [{ type: CKA.EC_PARAMS, state: "value", value: fromHex(oid) } as const];
  await call("C_GenerateKeyPair", session, make, on("06052b81040022"), []);
  const answer = await ask("C_GenerateKeyPair", session, make, on("06052b81040023"), []);
  assert.equal(answer.ok ? 0 : answer.ckr, 0x140);
  assert.deepEqual((await call("C_GetMechanismInfo", 1n, BigInt(CKM.EC_KEY_PAIR_GEN))).slice(0, 2), [256n, 384n]);
});
