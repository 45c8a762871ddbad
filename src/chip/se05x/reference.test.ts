import assert from "node:assert/strict";
import { constants, createPublicKey, publicEncrypt } from "node:crypto";
import { test } from "node:test";

import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { RIGHT, SE05X_CREDENTIAL, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { concat, encode, equal, fromHex, utf8Bytes, Writer } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";

/** Rules of NXP's reference of the applet's commands (AN12413), one test each. */

const [A, B, C, USER] = [0x20000001, 0x20000002, 0x20000003, 0x30000001];
const PIN = fromHex("c001020304");
const AES_KEY = fromHex("404142434445464748494a4b4c4d4e4f");

function asUser(host: Host, id = USER): Host {
  if (host.send("exists", { objectId: id }).result === 2) {
    host.send("writeUserId", { insFlags: 0x40, objectId: id, value: PIN });
  }
  const session = host.inSession(host.send("createSession", { objectId: id }).sessionId);
  session.send("verifySessionUserId", { value: PIN });
  return session;
}

test("A wrong user identifier, a secret that is read, and the size of a user identifier answer 6985", async () => {
  const { host } = await newSe05x();
  host.send("writeUserId", { insFlags: 0x40, objectId: USER, value: PIN });
  const session = host.inSession(host.send("createSession", { objectId: USER }).sessionId);
  assert.equal(session.sw("verifySessionUserId", { value: PIN.with(0, 0) }), "6985");
  assert.equal(host.sw("readSize", { objectId: USER }), "6985");
  host.send("writeSymmKey", { kind: 3, objectId: A, value: AES_KEY });
  host.send("writeEcKey", { part: 0x40, objectId: B, privateKey: new Uint8Array(32).fill(7) });
  for (const objectId of [A, B]) assert.equal(host.sw("readObject", { objectId }), "6985");
  const policy = [{ authObjectId: 0, rights: RIGHT.delete, extension: new Uint8Array(0) }];
  host.send("writeSymmKey", { kind: 3, objectId: C, value: AES_KEY, policy });
  assert.equal(host.sw("readObject", { objectId: C }), "6986", "what the policy keeps comes first");
});

test("Of an EC key that exists P1 may name any part: what the key is counts", async () => {
  const { host } = await newSe05x();
  host.send("writeEcKey", { part: 0x60, objectId: A, curve: 3 });
  const { bytes: before } = host.send("readObject", { objectId: A });
  host.send("writeEcKey", { part: 0x20, objectId: A });
  const { bytes: after } = host.send("readObject", { objectId: A });
  assert.equal(equal(before, after), false, "made anew as a pair");
  host.send("writeEcKey", { part: 0x20, objectId: B, curve: 3, publicKey: before });
  host.send("writeEcKey", { part: 0x60, objectId: B, publicKey: after });
  assert.deepEqual(host.send("readObject", { objectId: B }).bytes, after);
  assert.equal(host.send("readType", { objectId: B }).type, 0x2b);
});

test("A counter takes a value of its own length, or of 8 bytes, and no other", async () => {
  const { host } = await newSe05x();
  host.send("writeCounter", { objectId: A, size: 4 });
  host.send("writeCounter", { objectId: A, value: fromHex("00000010") });
  host.send("writeCounter", { objectId: A, value: fromHex("0000000000000011") });
  assert.equal(host.sw("writeCounter", { objectId: A, value: fromHex("0020") }), "6a80");
  assert.equal(host.sw("writeCounter", { objectId: A, value: fromHex("0000000100000000") }), "6985", "too great");
  assert.deepEqual(host.send("readObject", { objectId: A }).bytes, fromHex("00000011"));
});

test("A change that names a policy happens only to an object that has it", async () => {
  const { host } = await newSe05x();
  const rights = (RIGHT.read | RIGHT.write | RIGHT.generate | RIGHT.sign | RIGHT.verify) >>> 0;
  const policy = [{ authObjectId: 0, rights, extension: new Uint8Array(0) }];
  const other = [{ authObjectId: 0, rights: (rights | RIGHT.delete) >>> 0, extension: new Uint8Array(0) }];
  const makes = {
    "a file": ["writeBinary", { objectId: A, length: 4 }, { objectId: A, data: fromHex("01") }],
    "a counter": ["writeCounter", { objectId: A, size: 4 }, { objectId: A }],
    "an AES key": ["writeSymmKey", { kind: 3, objectId: A, value: AES_KEY }, { kind: 3, objectId: A, value: AES_KEY }],
    "a pair": ["writeEcKey", { part: 0x60, objectId: A, curve: 3 }, { part: 0x60, objectId: A }],
    "a register": ["writePcr", { objectId: A, initial: new Uint8Array(32) }, { objectId: A, data: AES_KEY }],
  } as const;
  const before = new MemoryInRam();
  const { chip, host: each } = await newSe05x();
  chip.saveTo(before);
  for (const [what, [key, make, change]] of Object.entries(makes)) {
    chip.restoreFrom(before);
    const sw = (request: object) => each.raw(bytesOf(key, request as never)).sw.toString(16);
    assert.equal(sw({ ...make, policyCheck: policy }), "6985", `${what} that is not there`);
    assert.equal(sw({ ...make, policy }), "9000", what);
    assert.equal(sw({ ...change, policyCheck: other }), "6985", what);
    assert.equal(sw({ ...change, policyCheck: policy }), "9000", what);
  }
  // The bytes as NXP's library writes them: tag 15 before the object's identifier.
  host.send("writeBinary", { objectId: B, length: 4, policy });
  const given = encode(policyEntriesOf(rights), undefined);
  const command = concat(fromHex("8001060015"), fromHex("1509"), given, fromHex("410420000002"), fromHex("440101"));
  assert.equal(host.raw(command.with(4, command.length - 5)).sw, 0x9000);
});

/** One entry for everybody, from its bytes. */
function policyEntriesOf(rights: number) {
  return { write: (w: Writer) => void w.u8(8).u32(0).u32(rights), read: () => undefined };
}

test("A crypto object is bound to whoever made it", async () => {
  const memory = new MemoryInRam();
  const { host } = await newSe05x({ memory });
  const user = asUser(host);
  const request = { cryptoObjectId: 5, context: 1, subtype: 4 };
  user.send("createCryptoObject", request);
  const { host: later } = await newSe05x({ memory, seed: "later" });
  for (const [mine, theirs] of [
    [user, host],
    [asUser(later), later],
  ] as const) {
    assert.equal(theirs.sw("digestInit", { cryptoObjectId: 5 }), "6985");
    assert.equal(theirs.sw("deleteCryptoObject", { cryptoObjectId: 5 }), "6985");
    mine.send("digestInit", { cryptoObjectId: 5 });
    assert.equal(theirs.sw("digestFinal", { cryptoObjectId: 5, input: PIN }), "6985");
    assert.deepEqual(
      mine.send("digestFinal", { cryptoObjectId: 5, input: PIN }).digest,
      nodeHash.digest("sha256", PIN),
    );
  }
  assert.equal(later.sw("createCryptoObject", request), "6985", "the identifier is taken");
});

test("DeleteAll ends the session that gives it, and its answer comes outside the session's channel", async () => {
  const { host } = await newSe05x();
  const id = SE05X_CREDENTIAL.factoryReset;
  host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: id, value: AES_KEY });
  const { sessionId } = host.send("createSession", { objectId: id });
  const answers: Uint8Array[] = [];
  const heard = (of: Host): Host => {
    const exchange = (command: Uint8Array) => {
      const answer = of.exchange(command);
      answers.push(answer);
      return answer;
    };
    return Object.assign(Object.create(of) as Host, { exchange });
  };
  const secured = heard(host.inSession(sessionId)).openChannel({ enc: AES_KEY, mac: AES_KEY }, { keyVersion: 0 });
  secured.send("getVersion", {});
  assert.equal(answers.at(-1)?.length === 2, false);
  try {
    secured.raw(bytesOf("deleteAll", {}));
  } catch {
    // The channel expects a code that does not come.
  }
  assert.deepEqual(answers.at(-1), fromHex("9000"));
  assert.equal(host.inSession(sessionId).sw("getVersion", {}), "6985");
  assert.equal(host.send("exists", { objectId: SE05X_OBJECT.deviceKey }).result, 1);
});

test("A premaster secret comes out of what a client encrypted under an RSA key, alone or with a pre-shared key", async () => {
  const { host } = await newSe05x();
  host.send("writeRsaKey", { part: 0x60, form: 0, objectId: A, bits: 1024 });
  host.send("writeSymmKey", { kind: 5, objectId: B, value: new Uint8Array(48) });
  host.send("writeSymmKey", { kind: 5, objectId: C, value: PIN });
  const n = Buffer.from(host.send("readObject", { objectId: A, component: 0 }).bytes).toString("base64url");
  const rsa = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
  const padding = constants.RSA_PKCS1_PADDING;
  const encrypted = (secret: Uint8Array) => new Uint8Array(publicEncrypt({ key: rsa, padding }, secret));
  const secret = concat(fromHex("0303"), new Uint8Array(46).fill(9));
  const master = (premaster: Uint8Array) => {
    const [server, label] = [new Uint8Array(32).fill(4), utf8Bytes("master secret")];
    const { random } = host.send("tlsRandom", {});
    const request = { objectId: B, phase: 0x4c, algorithm: 4, label, random: server, length: 48 };
    const { output } = host.send("tlsPrf", request);
    const seed = concat(label, random, server);
    const first = nodeHash.hmac("sha256", premaster, seed);
    const second = nodeHash.hmac("sha256", premaster, first);
    const blocks = [first, second].map((a) => nodeHash.hmac("sha256", premaster, a, seed));
    return equal(output, concat(...blocks).slice(0, 48));
  };
  const given = { keyPairId: A, targetId: B, clientVersion: fromHex("0303") };
  host.send("tlsPremaster", { ...given, input: encrypted(secret) });
  assert.equal(master(secret), true);
  host.send("tlsPremaster", { ...given, pskId: C, input: encrypted(secret) });
  const withPsk = new Writer().prefixed(2, (w) => w.bytes(secret)).prefixed(2, (w) => w.bytes(PIN));
  assert.equal(master(withPsk.finish()), true);
  // Another version, another length and no padding are told by nothing but a secret that nobody knows.
  for (const input of [
    encrypted(concat(fromHex("0302"), secret.slice(2))),
    encrypted(secret.slice(1)),
    encrypted(secret).with(127, 1),
  ]) {
    host.send("tlsPremaster", { ...given, input });
    assert.equal(master(secret), false);
  }
  assert.equal(host.sw("tlsPremaster", { keyPairId: A, targetId: B, input: encrypted(secret) }), "6a80", "no version");
  assert.equal(host.sw("tlsPremaster", { ...given, input: new Uint8Array(127) }), "6a80");
  host.send("writeEcKey", { part: 0x60, objectId: USER });
  assert.equal(host.sw("tlsPremaster", { ...given, keyPairId: USER, input: new Uint8Array(65) }), "6a80");
});
