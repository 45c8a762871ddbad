/** Every family of commands through the host's methods, against node:crypto. */
import assert from "node:assert/strict";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  pbkdf2Sync,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { test } from "node:test";

import { nodeBlockCipher } from "../../apdu/node.ts";
import { RIGHT, SE05X_CURVE, SE05X_PART, SE05X_TYPE } from "../../apdu/se05x/index.ts";
import { Se05xChip, type Se05xModelName } from "../../chip/se05x/index.ts";
import { nodeSe05xCrypto } from "../../chip/node.ts";
import { concat, fromHex, HawserError, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { localTransport } from "../index.ts";
import { Se05x, se05xPolicy, type Se05xCipherMode } from "./index.ts";

const KEY = 0x2000_0001;
const OTHER = 0x2000_0002;
const PEER = 0x2000_0003;
const entropy = new SeededEntropy(nodeHash, "families");

async function open(model: Se05xModelName): Promise<Se05x> {
  const clock = new VirtualClock();
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock });
  return Se05x.open(localTransport(chip), { hash: nodeHash, clock });
}

function refused(wire: number) {
  return (error: unknown) => error instanceof HawserError && (error as { wire?: unknown }).wire === wire;
}

function codeIs(code: string) {
  return (error: unknown) => error instanceof HawserError && error.code === code;
}

/** Messages around the length that one command takes, and one that takes several. */
const LENGTHS = [0, 1, 767, 768, 769, 1536, 2000];

test("Se05xDigests hash messages of any length as node:crypto does, in one command and streamed", async () => {
  const { digests, cryptoObjects } = await open("se051");
  for (const hash of ["sha1", "sha224", "sha256", "sha384", "sha512"] as const) {
    for (const length of LENGTHS) {
      const message = entropy.bytes(length);
      assert.deepEqual(Buffer.from(await digests.of(hash, message)), createHash(hash).update(message).digest());
    }
  }
  const one = await digests.start("sha256");
  const two = await digests.start("sha256");
  await one.update(utf8Bytes("one"));
  await two.update(utf8Bytes("two"));
  assert.deepEqual(
    (await cryptoObjects.list()).map(({ context }) => context),
    [1, 1],
    "streams under way at the same time",
  );
  assert.deepEqual(Buffer.from(await one.finish()), createHash("sha256").update("one").digest());
  await assert.rejects(one.update(utf8Bytes("more")), codeIs("closed"));
  await two.abandon();
  await two.abandon();
  assert.deepEqual(await cryptoObjects.list(), [], "both places are free again");
});

test("Se05xCryptoObjects lend eight at a time, and take over what an ended program left behind", async () => {
  const { digests, cryptoObjects } = await open("a5000");
  await cryptoObjects.create(0x4857, "digest", 0x04);
  const running = await Promise.all(Array.from({ length: 8 }, () => digests.start("sha256")));
  await assert.rejects(digests.start("sha256"), codeIs("busy"));
  for (const each of running) await each.abandon();
  assert.deepEqual(await cryptoObjects.list(), []);
  await assert.rejects(cryptoObjects.create(1, "digest", 0x77), refused(0x6a80));
  const last = await digests.start("sha256");
  await assert.rejects(cryptoObjects.create(0x4857, "digest", 4), refused(0x6985));
  await last.abandon();
});

test("Se05xMacs make and check codes of any length as node:crypto does", async () => {
  const { macs, secrets } = await open("a5000");
  const key = entropy.bytes(32);
  await secrets.put("hmac", KEY, key);
  for (const [mac, hash] of [
    ["hmacSha1", "sha1"],
    ["hmacSha256", "sha256"],
    ["hmacSha384", "sha384"],
    ["hmacSha512", "sha512"],
  ] as const) {
    for (const length of LENGTHS) {
      const message = entropy.bytes(length);
      const code = createHmac(hash, key).update(message).digest();
      assert.deepEqual(Buffer.from(await macs.make(KEY, mac, message)), code);
      assert.equal(await macs.check(KEY, mac, { message, code }), true);
      assert.equal(await macs.check(KEY, mac, { message, code: code.map((byte) => byte ^ 1) }), false);
    }
  }
  // SP 800-38B, appendix D.1, example 2
  await secrets.put("aes", OTHER, fromHex("2b7e151628aed2a6abf7158809cf4f3c"));
  const block = fromHex("6bc1bee22e409f96e93d7e117393172a");
  assert.deepEqual(await macs.make(OTHER, "cmac", block), fromHex("070a16b46b4d4144f79bdd9dd04a287c"));
  await assert.rejects(macs.make(OTHER, "hmacSha256", block), refused(0x6a80));
  await assert.rejects(macs.make(OTHER, "hmacSha256", entropy.bytes(1000)), refused(0x6a80));
});

test("Se05xCiphers encrypt and decrypt messages of any length as node:crypto does", async () => {
  const { ciphers, secrets, cryptoObjects } = await open("se051");
  const key = entropy.bytes(16);
  await secrets.put("aes", KEY, key);
  const iv = entropy.bytes(16);
  const modes: readonly (readonly [Se05xCipherMode, string, boolean])[] = [
    ["cbcPkcs5", "aes-128-cbc", true],
    ["cbc", "aes-128-cbc", false],
    ["ctr", "aes-128-ctr", false],
    ["ecb", "aes-128-ecb", false],
  ];
  for (const [mode, name, padded] of modes) {
    const given = mode === "ecb" ? {} : { iv };
    for (const length of mode === "ctr" || padded ? LENGTHS : [0, 16, 768, 784, 2000]) {
      const message = entropy.bytes(length);
      const peer = createCipheriv(name, key, mode === "ecb" ? null : iv).setAutoPadding(padded);
      const expected = Buffer.concat([peer.update(message), peer.final()]);
      const request = { objectId: KEY, mode, ...given };
      const { output } = await ciphers.encrypt(request, message);
      assert.deepEqual(Buffer.from(output), expected, `${mode} ${length}`);
      assert.deepEqual(await ciphers.decrypt(request, output), message);
    }
  }
  const long = entropy.bytes(900);
  const made = await ciphers.encrypt({ objectId: KEY, mode: "ctrInternalIv" }, long);
  assert.ok(made.iv);
  assert.deepEqual(await ciphers.decrypt({ objectId: KEY, mode: "ctr", iv: made.iv }, made.output), long);
  await assert.rejects(ciphers.encrypt({ objectId: KEY, mode: "cbc", iv }, entropy.bytes(17)), refused(0x6a80));
  await assert.rejects(ciphers.encrypt({ objectId: KEY, mode: "cbc", iv }, entropy.bytes(1001)), refused(0x6a80));
  await assert.rejects(ciphers.encrypt({ objectId: KEY, mode: "desCbc", iv }, long), refused(0x6985));
  assert.deepEqual(await cryptoObjects.list(), [], "refused streams leave nothing behind");
});

test("Se05xAead seals and opens as node:crypto does, with nonces of the host's and of the chip's own", async () => {
  const { aead, secrets, cryptoObjects } = await open("a5000");
  const key = entropy.bytes(16);
  await secrets.put("aes", KEY, key);
  const associated = utf8Bytes("associated");
  for (const mode of ["gcm", "ccm"] as const) {
    for (const length of mode === "gcm" ? [...LENGTHS, 5000] : [0, 1, 700]) {
      const message = entropy.bytes(length);
      const nonce = entropy.bytes(12);
      for (const given of [{ nonce }, {}]) {
        const sealed = await aead.seal({ objectId: KEY, mode, associated, ...given }, message);
        const peer = createDecipheriv(`aes-128-${mode}` as "aes-128-gcm", key, sealed.nonce, { authTagLength: 16 });
        peer.setAuthTag(sealed.tag).setAAD(associated, { plaintextLength: length });
        const opened = Buffer.concat([peer.update(sealed.output), peer.final()]);
        assert.deepEqual(opened, Buffer.from(message), `${mode} ${length}`);
        assert.deepEqual(await aead.open({ objectId: KEY, mode, associated }, sealed), message);
        const wrong = { ...sealed, tag: sealed.tag.map((byte) => byte ^ 1) };
        assert.equal(await aead.open({ objectId: KEY, mode, associated }, wrong), undefined);
        assert.equal(await aead.open({ objectId: KEY, mode }, sealed), undefined);
      }
    }
  }
  await assert.rejects(aead.seal({ objectId: KEY, mode: "ccm" }, entropy.bytes(769)), codeIs("not-in-chip"));
  assert.deepEqual(await cryptoObjects.list(), []);
  const old = await open("se050");
  await old.secrets.put("aes", KEY, key);
  await assert.rejects(old.aead.seal({ objectId: KEY, mode: "gcm" }, associated), refused(0x6d00));
});

test("Se05xDerivations derive as node:crypto does, to the host and into keys of the chip", async () => {
  const { derivations, secrets, macs } = await open("se051");
  const key = entropy.bytes(32);
  const salt = entropy.bytes(16);
  const info = utf8Bytes("info");
  await secrets.put("hmac", KEY, key);
  await secrets.put("hmac", OTHER, salt);
  const expected = Buffer.from(hkdfSync("sha256", key, salt, info, 48));
  const request = { objectId: KEY, hash: "sha256", info, length: 48 } as const;
  assert.deepEqual(Buffer.from(await derivations.hkdf({ ...request, salt })), expected);
  assert.deepEqual(Buffer.from(await derivations.hkdf({ ...request, salt: { objectId: OTHER } })), expected);
  const target = 0x2000_0003;
  await secrets.put("hmac", target, new Uint8Array(48));
  await derivations.hkdfInto(target, { ...request, salt });
  const message = utf8Bytes("message");
  const code = (by: Uint8Array) => createHmac("sha256", by).update(message).digest();
  assert.deepEqual(Buffer.from(await macs.make(target, "hmacSha256", message)), code(expected));

  const expanded = createHmac("sha256", key)
    .update(concat(info, Uint8Array.of(1)))
    .digest();
  assert.deepEqual(Buffer.from(await derivations.hkdfExpand({ ...request, length: 32 })), expanded);
  await derivations.hkdfExpandInto(target, { ...request, length: 32 });
  assert.deepEqual(Buffer.from(await macs.make(target, "hmacSha256", message)), code(expanded));

  const password = { objectId: KEY, salt, iterations: 100, length: 32 };
  const derived = pbkdf2Sync(key, salt, 100, 32, "sha1");
  assert.deepEqual(Buffer.from(await derivations.pbkdf2(password)), derived);
  const stronger = await derivations.pbkdf2({ ...password, mac: "hmacSha256" });
  assert.deepEqual(Buffer.from(stronger), pbkdf2Sync(key, salt, 100, 32, "sha256"));
  await derivations.pbkdf2Into(target, password);
  assert.deepEqual(Buffer.from(await macs.make(target, "hmacSha256", message)), code(derived));
  await assert.rejects((await open("a5000")).derivations.pbkdf2(password), refused(0x6d00));
});

test("Se05xRsaKeys make, inject, encrypt and decrypt with every padding, and A5000 has none", async () => {
  const { rsa } = await open("se050");
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = pair.privateKey.export({ format: "jwk" });
  const number = (text: string | undefined) => Uint8Array.from(Buffer.from(text ?? "", "base64url"));
  const { n, e, p, q, dp, dq, qi } = jwk;
  const numbers = { n, e, p, q, dp, dq, qInv: qi };
  const given = Object.fromEntries(Object.entries(numbers).map(([name, text]) => [name, number(text)]));
  await rsa.inject(KEY, given as Parameters<typeof rsa.inject>[1]);
  assert.deepEqual(await rsa.publicNumbers(KEY), { n: number(n), e: number(e) });
  const message = utf8Bytes("message");
  const oaep = await rsa.encrypt(KEY, "oaep", message);
  assert.deepEqual(privateDecrypt({ key: pair.privateKey, oaepHash: "sha1" }, oaep), Buffer.from(message));
  const sent = publicEncrypt({ key: pair.publicKey, oaepHash: "sha1" }, message);
  assert.deepEqual(await rsa.decrypt(KEY, "oaep", sent), message);
  for (const padding of ["pkcs1", "oaep"] as const) {
    assert.deepEqual(await rsa.decrypt(KEY, padding, await rsa.encrypt(KEY, padding, message)), message);
  }
  const block = concat(new Uint8Array(200), new Uint8Array(56).fill(7));
  assert.deepEqual(await rsa.decrypt(KEY, "noPadding", await rsa.encrypt(KEY, "noPadding", block)), block);
  await assert.rejects(rsa.decrypt(KEY, "pkcs1", oaep.with(5, 1)), refused(0x6a80));
  await assert.rejects((await open("a5000")).rsa.generate(KEY, 2048), refused(0x6d00));
});

test("Se05xCounters only grow", async () => {
  const { counters } = await open("a5000");
  await counters.create(KEY, { size: 2 });
  assert.equal(await counters.value(KEY), 0n);
  assert.equal(await counters.increment(KEY), 1n);
  await counters.advance(KEY, 65_535n);
  await assert.rejects(counters.advance(KEY, 7n), refused(0x6985));
  await assert.rejects(counters.increment(KEY), refused(0x6985));
  assert.equal(await counters.value(KEY), 65_535n);
});

test("Se05xRegisters extend and reset, and a policy on one opens a key while its value is right", async () => {
  const { registers, secrets, macs } = await open("se051");
  const initial = new Uint8Array(32).fill(1);
  await registers.create(KEY, initial);
  const begun = createHash("sha256").update(initial).digest();
  assert.deepEqual(Buffer.from(await registers.value(KEY)), begun);
  const value = await registers.extend(KEY, utf8Bytes("boot"));
  assert.deepEqual(Buffer.from(value), createHash("sha256").update(begun).update("boot").digest());
  const policy = se05xPolicy({ may: ["sign", "delete"], while: { register: KEY, value } });
  assert.equal(policy[0]?.rights, (RIGHT.sign | RIGHT.delete | RIGHT.requirePcr) >>> 0);
  await secrets.put("hmac", OTHER, entropy.bytes(32), { policy });
  await macs.make(OTHER, "hmacSha256", initial);
  await registers.extend(KEY, utf8Bytes("another system"));
  await assert.rejects(macs.make(OTHER, "hmacSha256", initial), refused(0x6986));
  await registers.reset(KEY);
  assert.deepEqual(Buffer.from(await registers.value(KEY)), begun);
});

test("Se05xCurves make every prime curve of its parameters, also one that was begun and left", async () => {
  const chip = await open("se050");
  const { curves } = chip;
  assert.deepEqual(await curves.list(), [SE05X_CURVE.p256, SE05X_CURVE.p384]);
  await chip.send("createCurve", { curve: 0x05 });
  for (let curve = 1; curve <= 0x10; curve++) await curves.ensure(curve);
  await curves.ensure(SE05X_CURVE.ed25519);
  assert.deepEqual((await curves.list()).length, 16);
  await chip.send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, curve: 0x05 });
  assert.equal(await curves.ofKey(KEY), 0x05);
  await assert.rejects(curves.delete(0x05), refused(0x6985));
  await curves.delete(0x01);
  await assert.rejects(curves.create(0x40), codeIs("bad-argument"));
  await assert.rejects((await open("a5000")).curves.create(0x05), refused(0x6d00));
});

test("Se05xTransfers bring a transient key back into its own chip, and into no other", async () => {
  const [mine, theirs] = [await open("se051"), await open("se051")];
  const policy = se05xPolicy({ may: ["sign", "importExport", "delete"] });
  const key = entropy.bytes(16);
  for (const { secrets } of [mine, theirs]) {
    await secrets.put("aes", KEY, key, { policy, isTransient: true });
  }
  const sealed = await mine.transfers.export(KEY);
  await mine.transfers.import(KEY, sealed);
  await assert.rejects(theirs.transfers.import(KEY, sealed), refused(0x6a80));
  await mine.secrets.put("aes", OTHER, key);
  await assert.rejects(mine.transfers.export(OTHER), refused(0x6985));
});

test("Se05xObjects list and describe every object on every model, and Se05xSecrets take wrapped keys", async () => {
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { objects, secrets, settings, macs } = await open(model);
    const kek = fromHex("000102030405060708090a0b0c0d0e0f");
    await secrets.put("aes", KEY, kek);
    // RFC 3394, section 4.1
    const wrapped = fromHex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    await secrets.put("hmac", OTHER, wrapped, { wrappedBy: KEY });
    const plain = fromHex("00112233445566778899aabbccddeeff");
    const code = createHmac("sha256", plain).update("m").digest();
    assert.deepEqual(Buffer.from(await macs.make(OTHER, "hmacSha256", utf8Bytes("m"))), code);
    assert.deepEqual(await objects.list(SE05X_TYPE.aes), [KEY]);
    const ids = await objects.list();
    for (const id of ids) assert.equal((await objects.attributes(id)).objectId, id);
    assert.deepEqual(await objects.type(OTHER), { type: SE05X_TYPE.hmac, isTransient: false });
    assert.equal(await objects.size(KEY), 16);
    await objects.delete(OTHER);
    assert.equal(await objects.exists(OTHER), false);
    assert.equal((await settings.version()).appletVersion, model === "se050" ? 0x030100 : 0x070200);
    assert.ok((await settings.free("persistent")) > 0);
    assert.equal((await settings.timestamp()).length, 12);
  }
});

test("Se05xSessions and Se05xChipSettings: credentials bound what changes the chip, in sessions with the same methods", async () => {
  const chip = await open("se051");
  const pin = utf8Bytes("1234");
  await chip.secrets.putUserId(0x7fff_0205, pin);
  await chip.secrets.putUserId(0x7fff_0204, pin, { maxAttempts: 3 });
  await chip.secrets.put("hmac", KEY, pin);
  await assert.rejects(chip.settings.deleteAll(), refused(0x6982));
  await chip.asUser(0x7fff_0204, pin, async (session) => {
    await session.sessions.bound({ maxCommands: 3, allowRefresh: true });
    await session.settings.setFeatures(0x0012);
    await session.sessions.refresh();
    assert.equal((await session.settings.version()).features, 0x0012);
  });
  await assert.rejects(chip.settings.selfTest(1), refused(0x6985));
  assert.equal(await chip.settings.selfTest(), true);
  await chip.asUser(0x7fff_0205, pin, (session) => session.settings.deleteAll());
  assert.equal(await chip.objects.exists(KEY), false);
});

test("Se05x deletes all in a session with a channel, which ends with it, and works on without", async () => {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "delete all");
  const part = await Se05xChip.open({ model: "se051", crypto: nodeSe05xCrypto, entropy, clock });
  const key = new Uint8Array(16).fill(5);
  const plain = await Se05x.open(localTransport(part), { hash: nodeHash, clock });
  await plain.send("writeSymmKey", { kind: 3, insFlags: 0x40, objectId: 0x7fff_0205, value: key });
  const proof = { kind: "aes", objectId: 0x7fff_0205, key } as const;
  const access = { aes: nodeBlockCipher, entropy, session: proof };
  const device = await Se05x.open(localTransport(part), { hash: nodeHash, clock, access });
  await device.settings.deleteAll();
  assert.equal(await device.objects.exists(0x7fff_0205), false);
  await device.close();
});

test("Se05xAgreements share secrets with node:crypto's keys, for the host and for the chip alone", async () => {
  const { agreements, secrets, macs, send } = await openBound("se051");
  const peer = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const peerPoint = Uint8Array.from(peer.publicKey.export({ format: "der", type: "spki" }).subarray(-65));
  await send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, curve: SE05X_CURVE.p256 });
  const { bytes: point } = await send("readObject", { objectId: KEY });
  const spki = createPublicKey({ key: Buffer.from(ecPublicKeyInfo(point)), format: "der", type: "spki" });
  const shared = new Uint8Array(diffieHellman({ privateKey: peer.privateKey, publicKey: spki }));
  assert.deepEqual(await agreements.agree(KEY, peerPoint), shared);
  await secrets.put("hmac", OTHER, entropy.bytes(32));
  const message = utf8Bytes("message");
  for (const [order, key] of [
    ["given", shared],
    ["reversed", shared.toReversed()],
  ] as const) {
    await agreements.agreeInto(OTHER, { objectId: KEY, peerPoint, order });
    const code = createHmac("sha256", key).update(message).digest();
    assert.deepEqual(Buffer.from(await macs.make(OTHER, "hmacSha256", message)), code);
  }
  await send("writeEcKey", { part: SE05X_PART.public, objectId: PEER, publicKey: peerPoint });
  const keys = { objectId: KEY, publicKeyId: PEER };
  const product = await agreements.multiply("product", keys);
  assert.deepEqual([product[0], product.slice(1, 33)], [4, shared]);
  assert.notDeepEqual(await agreements.multiply("pace", keys), product);
  await agreements.multiplyInto(OTHER, "product", keys);
  const code = createHmac("sha256", product).update(message).digest();
  assert.deepEqual(Buffer.from(await macs.make(OTHER, "hmacSha256", message)), code);
});

test("Se05xFileSignatures sign what a policy lists; Se05xDerivations have the PRF of TLS over both randoms", async () => {
  const { fileSignatures, derivations, secrets, send } = await openBound("se051");
  const data = utf8Bytes("listed");
  await send("writeBinary", { objectId: OTHER, length: data.length, data });
  await send("writeBinary", { objectId: PEER, length: 4, data: fromHex("20000002") });
  const policy = se05xPolicy({ may: ["read"], signsListed: PEER });
  await send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, policy });
  const { hash, signature } = await fileSignatures.sign(KEY, 0x21);
  assert.deepEqual(hash, nodeHash.digest("sha256", data));
  assert.equal(signature[0], 0x30);
  const [objectId, secret] = [0x2000_0009, entropy.bytes(48)];
  await secrets.put("hmac", objectId, secret);
  const randoms = [entropy.bytes(32), entropy.bytes(32)] as const;
  const label = utf8Bytes("master secret");
  const output = await derivations.tlsPrf({ objectId, hash: "sha256", label, randoms, length: 32 });
  const seed = concat(label, ...randoms);
  const a = nodeHash.hmac("sha256", secret, seed);
  assert.deepEqual(output, nodeHash.hmac("sha256", secret, a, seed));
});

/** A device whose methods are taken apart. */
async function openBound(model: Se05xModelName) {
  const device = await open(model);
  const { agreements, fileSignatures, derivations, secrets, macs } = device;
  return { agreements, fileSignatures, derivations, secrets, macs, send: device.send.bind(device) };
}
