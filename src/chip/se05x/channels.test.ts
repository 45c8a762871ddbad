import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { APPLET_72_KEYS, bytesOf, DEVELOPMENT_KIT_KEYS, newSe05x } from "../../../test/chip/se05x.ts";
import { keyCheckValue, Scp03Session } from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { RIGHT, SE05X_AID, SE05X_CREDENTIAL, SE05X_CURVE, SE05X_OBJECT, sessionOffer } from "../../apdu/se05x/index.ts";
import { concat, encode, fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { signDigest } from "../ec-curve.ts";
import { MemoryInRam } from "../index.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { SE05X_MODELS } from "./index.ts";

const A = 0x20000001;
const B = 0x20000002;
const PIN = fromHex("c001020304");
const AES_KEY = fromHex("404142434445464748494a4b4c4d4e4f");
const NEW_KEYS = { enc: AES_KEY, mac: AES_KEY.toReversed(), dek: fromHex("00112233445566778899aabbccddeeff") };

test("Se05xChip carries any command in the platform's secure channel, short or extended, for every model", async () => {
  for (const [model, keys] of [
    ["se051", APPLET_72_KEYS],
    ["se050", DEVELOPMENT_KIT_KEYS],
  ] as const) {
    const { host } = await newSe05x({ model });
    const secured = host.openChannel(keys, { keyVersion: 0x0b, countsEmptyCommands: model !== "se050" });
    assert.equal(secured.send("getVersion", {}).info.features, SE05X_MODELS[model].features);
    secured.send("writeBinary", { objectId: A, length: 700, data: new Uint8Array(700).fill(7) });
    assert.equal(secured.send("getTimestamp", {}).timestamp.length, 12);
    assert.deepEqual(secured.send("readObject", { objectId: A }).bytes, new Uint8Array(700).fill(7));
    assert.equal(secured.send("random", { length: 100 }).bytes.length, 100);
    // Refusals come bare, and the ends stay in step over them.
    assert.equal(secured.sw("readObject", { objectId: B }), "6985");
    assert.equal(secured.send("exists", { objectId: A }).result, 1);
  }
});

test("Se05xChip opens the channel at every security level, and protects what the level says", async () => {
  for (const level of [0x01, 0x03, 0x11, 0x13, 0x33]) {
    const { host } = await newSe05x();
    const secured = host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b, level });
    assert.equal(secured.send("exists", { objectId: SE05X_OBJECT.uniqueId }).result, 1);
    assert.equal(secured.send("getVersion", {}).info.appletVersion, 0x070200);
  }
  const { host } = await newSe05x();
  const { cardChallenge } = host.send("initializeUpdate", { keyVersion: 0x0b, hostChallenge: new Uint8Array(8) });
  const scp = new Scp03Session(aes, APPLET_72_KEYS, { host: new Uint8Array(8), card: cardChallenge });
  const proof = { hostCryptogram: scp.hostCryptogram, mac: scp.authenticationMac(scp.hostCryptogram, 0x00) };
  assert.equal(host.sw("externalAuthenticate", { level: 0x00, ...proof }), "6a86");
});

test("Se05xChip: a channel ends with the first command that does not belong to it", async () => {
  const { host } = await newSe05x();
  const command = bytesOf("exists", { objectId: A });
  assert.equal(host.raw("84040027 0e 41042000000100000000 00000000".replaceAll(" ", "")).sw, 0x6985);
  const open = () => host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b });
  const first = open();
  assert.equal(host.raw(command).sw, 0x6982, "a command that goes round the channel");
  assert.equal(first.send("exists", { objectId: A }).result, 2);
  assert.equal(host.raw("84040027 0e 41042000000100000000 00000000".replaceAll(" ", "")).sw, 0x6982);
  assert.equal(first.sw("exists", { objectId: A }), "6985");
  assert.equal(host.raw(command).sw, 0x9000);
  const second = open();
  host.send("select", { aid: SE05X_AID });
  assert.equal(second.sw("exists", { objectId: A }), "6985");
});

test("Se05xChip refuses a wrong proof, a proof without a proposal, and keys that it does not have", async () => {
  const { host } = await newSe05x();
  const challenge = { hostChallenge: new Uint8Array(8) };
  assert.equal(host.sw("initializeUpdate", { keyVersion: 0x0c, ...challenge }), "6a88");
  const proof = { level: 0x33, hostCryptogram: new Uint8Array(8), mac: new Uint8Array(8) };
  assert.equal(host.sw("externalAuthenticate", proof), "6985");
  host.send("initializeUpdate", { keyVersion: 0x00, ...challenge });
  assert.equal(host.sw("externalAuthenticate", proof), "6982");
  assert.equal(host.sw("externalAuthenticate", proof), "6985", "one try for each proposal");
});

test("Se05xChip rotates the platform's keys in the security domain, under the keys that opened the channel", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory });
  const field = (dek: Uint8Array, key: Uint8Array) => ({
    key: aes.encrypt(dek, key),
    checkValue: keyCheckValue(aes, key),
  });
  const fields = (dek: Uint8Array, { enc, mac, dek: next }: typeof NEW_KEYS) => ({
    enc: field(dek, enc),
    mac: field(dek, mac),
    dek: field(dek, next),
  });
  const rotation = { replaced: 0x0b, version: 0x0b, ...fields(APPLET_72_KEYS.dek, NEW_KEYS) };
  assert.equal(host.sw("putKeys", rotation), "6d00", "the application does not put keys");
  host.send("selectPlatform", { aid: fromHex("d276000085304a434f9003") });
  assert.equal(host.sw("putKeys", rotation), "6982");
  const domain = host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b });
  const broken = { ...rotation, mac: { ...rotation.mac, checkValue: fromHex("000000") } };
  assert.equal(domain.sw("putKeys", broken), "6a80");
  assert.equal(domain.sw("putKeys", { ...rotation, replaced: 0x20 }), "6a88");
  assert.equal(domain.sw("putKeys", { ...rotation, version: 0x00 }), "6a80");
  const { version, checkValues } = domain.send("putKeys", rotation);
  const values = [NEW_KEYS.enc, NEW_KEYS.mac, NEW_KEYS.dek].map((key) => keyCheckValue(aes, key));
  assert.deepEqual([version, checkValues], [0x0b, concat(...values)]);
  // A second set, still under the key that opened this channel.
  domain.send("putKeys", { ...rotation, replaced: 0x00, version: 0x0c });
  assert.equal(domain.sw("putKeys", { ...rotation, replaced: 0x0c }), "6985", "0B is there already");
  const next = await newSe05x({ memory });
  next.host.openChannel(NEW_KEYS, { keyVersion: 0x0b }).send("getVersion", {});
  next.host.openChannel(NEW_KEYS, { keyVersion: 0x0c }).send("getVersion", {});
  assert.throws(() => next.host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b }), assert.AssertionError);
});

test("Se05xChip demands the platform's channel once whoever holds that credential says so", async () => {
  const memory = new MemoryInRam();
  const { host, chip } = await newSe05x({ memory });
  host.send("writeUserId", { insFlags: 0x40, objectId: SE05X_CREDENTIAL.platformScp, value: PIN });
  assert.equal(host.sw("setPlatformScpRequest", { request: 1 }), "6982");
  const { sessionId } = host.send("createSession", { objectId: SE05X_CREDENTIAL.platformScp });
  const session = host.inSession(sessionId);
  session.send("verifySessionUserId", { value: PIN });
  assert.equal(session.sw("setPlatformScpRequest", { request: 3 }), "6a80");
  session.send("setPlatformScpRequest", { request: 1 });
  chip.reset();
  const { host: after } = await newSe05x({ memory });
  assert.equal(after.sw("getVersion", {}), "6982");
  assert.equal(after.sw("createSession", { objectId: SE05X_CREDENTIAL.platformScp }), "6982");
  after.send("select", { aid: SE05X_AID });
  const weak = after.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b, level: 0x01 });
  assert.equal(weak.sw("getVersion", {}), "6982", "a channel that encrypts nothing is not enough");
  const full = after.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b });
  assert.equal(toHex(full.send("readState", {}).state), "000001");
});

test("Se05xChip opens sessions of AES keys, alone and inside the platform's channel", async () => {
  for (const isNested of [false, true]) {
    const { host: bare } = await newSe05x();
    const host = isNested ? bare.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b }) : bare;
    host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: B, value: AES_KEY, maxAttempts: 2 });
    const entry = { authObjectId: B, rights: (RIGHT.sign | RIGHT.read) >>> 0, extension: new Uint8Array(0) };
    host.send("writeEcKey", { part: 0x60, objectId: A, policy: [entry] });
    const { sessionId } = host.send("createSession", { objectId: B });
    const plain = host.inSession(sessionId);
    assert.equal(plain.sw("getVersion", {}), "6982", "nothing before the proof");
    const session = plain.openChannel({ enc: AES_KEY, mac: AES_KEY }, { keyVersion: 0 });
    const digest = nodeHash.digest("sha256", PIN);
    assert.equal(session.sw("sign", { objectId: A, algorithm: 0x21, digest }), "9000");
    assert.equal(host.sw("sign", { objectId: A, algorithm: 0x21, digest }), "6986", "the default session has no right");
    assert.equal(plain.sw("getVersion", {}), "6982", "the session goes on in its channel only");
    assert.equal(session.send("readObject", { objectId: A }).bytes.length, 65);
    session.send("closeSession", {});
    assert.equal(plain.sw("getVersion", {}), "6985");
    // A wrong key is an attempt.
    const again = host.inSession(host.send("createSession", { objectId: B }).sessionId);
    const proof = { level: 0x33, hostCryptogram: new Uint8Array(8), mac: new Uint8Array(8) };
    for (const expected of ["6982", "6982"]) {
      again.send("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) });
      assert.equal(again.sw("externalAuthenticate", proof), expected);
    }
    assert.equal(again.sw("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) }), "6985");
  }
});

test("Se05xChip opens sessions of AES keys at every security level, and at 00 goes on in the clear, as Nitrokey's host asks", async () => {
  const keys = { enc: AES_KEY, mac: AES_KEY };
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { host } = await newSe05x({ model });
    host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: B, value: AES_KEY });
    const entry = (rights: number) => [{ authObjectId: B, rights: rights >>> 0, extension: new Uint8Array(0) }];
    host.send("writeBinary", { objectId: A, length: 4, data: PIN.slice(0, 4), policy: entry(RIGHT.read) });
    const demanding = { objectId: A + 100, length: 4, policy: entry(RIGHT.read | RIGHT.requireSecureMessaging) };
    host.send("writeBinary", demanding);
    for (const level of [0x00, 0x01, 0x03, 0x11, 0x13, 0x33]) {
      const plain = host.inSession(host.send("createSession", { objectId: B }).sessionId);
      const channel = plain.openChannel(keys, { keyVersion: 0, level });
      const session = level === 0x00 ? plain : channel;
      assert.deepEqual(session.send("readObject", { objectId: A }).bytes, PIN.slice(0, 4), `level ${level}`);
      assert.equal(session.sw("readObject", { objectId: A + 100 }), level === 0x33 ? "9000" : "6986", `level ${level}`);
      assert.equal(plain.sw("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) }) === "9000", false);
      if (level !== 0x00)
        assert.equal(plain.sw("getVersion", {}), "6982", `level ${level} goes on in its channel only`);
      session.send("closeSession", {});
    }
    const other = host.inSession(host.send("createSession", { objectId: B }).sessionId);
    other.send("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) });
    const proof = { hostCryptogram: new Uint8Array(8), mac: new Uint8Array(8) };
    assert.equal(other.sw("externalAuthenticate", { level: 0x10, ...proof }), "6a86", "answers without commands");
    other.send("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) });
    assert.equal(other.sw("externalAuthenticate", { level: 0x00, ...proof }), "6982", "a proof is needed all the same");
    assert.equal(other.sw("getVersion", {}), "6982");
  }
});

test("Se05xChip opens sessions of EC keys: both ends agree, and the host signs its half", async () => {
  for (const model of ["se051", "se050"] as const) {
    const { host } = await newSe05x({ model });
    const { p256, hash } = nodeSe05xCrypto;
    const [identity, ephemeral] = [new Uint8Array(32).fill(0x11), new Uint8Array(32).fill(0x22)];
    const publicKey = p256.publicPoint(identity);
    host.send("writeEcKey", { insFlags: 0x40, part: 0x20, objectId: B, curve: SE05X_CURVE.p256, publicKey });
    const chipPoint = host.send("readObject", { objectId: SE05X_OBJECT.sessionKey }).bytes;
    const session = host.inSession(host.send("createSession", { objectId: B }).sessionId);
    const template = { aid: SE05X_AID, scp: fromHex("ab0133"), keyType: 0x88, keyLength: 0x10 };
    const offer = encode(sessionOffer, { ...template, ephemeralPoint: p256.publicPoint(ephemeral) });
    const entropy = new SeededEntropy(nodeHash, "host");
    const signature = signDigest(p256, { hash, entropy }, identity, hash.digest("sha256", offer));
    assert.equal(
      session.sw("internalAuthenticate", { offer, signature: signature.with(signature.length - 3, 0) }),
      "6982",
    );
    const other = encode(sessionOffer, { ...template, scp: fromHex("ab0103"), ephemeralPoint: chipPoint });
    assert.equal(session.sw("internalAuthenticate", { offer: other, signature }), "6a80");
    const { random, receipt } = session.send("internalAuthenticate", { offer, signature });
    const shared = p256.sharedX(ephemeral, chipPoint) ?? assert.fail();
    const counter = fromHex(model === "se051" ? "00000001" : "");
    const secret = hash.digest("sha256", concat(counter, shared, random, fromHex("01338810"))).slice(0, 16);
    const scp = Scp03Session.agreed(aes, secret, { extendedLengths: true });
    assert.deepEqual(receipt, scp.receiptOver(offer, random));
    const secured = session.through(scp);
    assert.equal(secured.send("getVersion", {}).info.secureBoxVersion, 0x010b);
    secured.send("writeBinary", { objectId: A, length: 300, data: new Uint8Array(300) });
    assert.equal(session.sw("internalAuthenticate", { offer, signature }), "6982", "only in the channel by now");
    // What bears the channel's class but not its MAC ends the session.
    assert.equal(secured.sw("closeSession", {}), "6985");
  }
});

test("Se05xChip tells and signs its key for agreements before a session's proof, as NXP's release 03.03.00 asks", async () => {
  const { host } = await newSe05x({ model: "se050" });
  const publicKey = nodeSe05xCrypto.p256.publicPoint(new Uint8Array(32).fill(0x11));
  host.send("writeEcKey", { insFlags: 0x40, part: 0x20, objectId: B, curve: SE05X_CURVE.p256, publicKey });
  const session = host.inSession(host.send("createSession", { objectId: B }).sessionId);
  const { data, sw } = session.raw("80cabf2106a60483020000");
  assert.equal(sw, 0x9000);
  const point = host.send("readObject", { objectId: SE05X_OBJECT.sessionKey }).bytes;
  assert.equal(toHex(data.subarray(0, 75)), `7f4946b041${toHex(point)}f001035f37`);
  const signed = data.subarray(0, 73);
  const signature = data.subarray(76);
  const attester = host.send("readObject", { objectId: SE05X_OBJECT.attestationKey }).bytes;
  const key = createPublicKey({ key: spkiOf(attester), format: "der", type: "spki" });
  assert.ok(verify("sha256", signed, key, signature));
  assert.ok(!verify("sha256", signed.with(10, (signed[10] ?? 0) ^ 1), key, signature));
  const named = (identifier: number) =>
    session.send("agreementKey", { template: { key: Uint8Array.of(identifier, 0) } });
  assert.deepEqual(named(1).point, point, "identifiers without a meaning are those of sessions");
  assert.deepEqual(named(2).point, host.send("readObject", { objectId: SE05X_OBJECT.importKey }).bytes);
  assert.equal(session.sw("agreementKey", { template: { key: Uint8Array.of(0, 1) } }), "6a88");
  assert.equal(session.sw("getVersion", {}), "6982", "nothing else before the proof");
});

/** A P-256 point as SubjectPublicKeyInfo. RFC 5480, section 2 */
const spkiOf = (point: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex"), point]);

test("Se05xChip answers any bytes in channels and sessions with a status word, and stays usable", async () => {
  const { host } = await newSe05x();
  host.send("writeUserId", { insFlags: 0x40, objectId: B, value: PIN });
  const bytes = fc.uint8Array({ maxLength: 40 });
  const headed = fc
    .tuple(fc.constantFrom("8450", "8482", "8488", "8405", "80d8", "8050", "80ca"), bytes)
    .map(([head, rest]) => concat(fromHex(head), fromHex("0000"), Uint8Array.of(rest.length), rest));
  fc.assert(
    fc.property(fc.oneof(bytes, headed), fc.boolean(), (command, inSession) => {
      if (host.sw("exists", { objectId: A }) !== "9000") host.send("select", { aid: SE05X_AID });
      const { sessionId } = host.send("createSession", { objectId: B });
      const carried = command.length < 4 ? concat(command, new Uint8Array(4)) : command;
      const { sw } = inSession ? host.inSession(sessionId).raw(carried) : host.raw(command);
      assert.notEqual(sw, 0x6f00, toHex(command));
      host.send("select", { aid: SE05X_AID });
    }),
    { numRuns: 300 },
  );
  assert.equal(host.send("exists", { objectId: B }).result, 1);
});
