import assert from "node:assert/strict";
import {
  createCipheriv,
  createHmac,
  createPublicKey,
  createVerify,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { decodeExtendedCommand, decodeLongResponse, encodeExtendedCommand } from "../../apdu/index.ts";
import {
  RIGHT,
  SE05X_AID,
  SE05X_COMMAND_SET,
  SE05X_OBJECT,
  type Se05xCommandName,
  type Se05xRequest,
  type Se05xResponse,
} from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, UsageError, utf8Bytes } from "../../codec/index.ts";
import { ecPublicKeyInfo, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash, nodeVerifier } from "../../crypto/node.ts";
import { parseCertificate, signedBy } from "../../pki/index.ts";
import { Ledger } from "../../trace/index.ts";
import { MemoryInRam, type NonVolatileMemory } from "../index.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { Se05xChip, SE05X_MODELS, type Se05xModelName, testRoot } from "./index.ts";

const PAIR = 0x60;
const A = 0x20000001;
const B = 0x20000002;

async function newChip(
  options: { model?: Se05xModelName; memory?: NonVolatileMemory; seed?: string; trace?: Ledger } = {},
) {
  const { model = "a5000", seed = "se05x", ...rest } = options;
  const chip = await Se05xChip.open({
    model,
    crypto: nodeSe05xCrypto,
    entropy: new SeededEntropy(nodeHash, seed),
    clock: new VirtualClock(),
    ...rest,
  });
  const bytes = <Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>) =>
    encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
  const raw = (command: Uint8Array) => decodeLongResponse(chip.exchange(command));
  const send = <Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Se05xResponse<Key> => {
    const { data, sw } = raw(bytes(key, request));
    assert.equal(sw.toString(16), "9000", key);
    return SE05X_COMMAND_SET.readResponse(key, data);
  };
  const refused = <Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): string => {
    const { data, sw } = raw(bytes(key, request));
    assert.equal(data.length, 0);
    return sw.toString(16);
  };
  return { chip, bytes, raw, send, refused };
}

function spki(point: Uint8Array) {
  return createPublicKey({ key: Buffer.from(ecPublicKeyInfo(point)), format: "der", type: "spki" });
}

test("Se05xChip: every model tells its version and the features that are built, and lists its curves", async () => {
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { send, raw } = await newChip({ model });
    const info = send("select", { aid: SE05X_AID });
    const { appletVersion, features } = SE05X_MODELS[model];
    assert.deepEqual(info, { appletVersion, features, secureBoxVersion: 0x010b });
    assert.deepEqual(send("getVersion", {}).info, info);
    assert.equal(toHex(send("readCurveList", {}).curves), `01010202${"01".repeat(13)}`);
    // The answer as silicon writes it: 82 hh ll.
    assert.equal(toHex(raw(fromHex("8004002000")).data).slice(0, 8), "41820007");
    send("writeEcKey", { part: PAIR, objectId: A, curve: 0x04 });
    assert.deepEqual(send("readType", { objectId: A }), { type: model === "se050" ? 0x01 : 0x2d, memory: 1 });
  }
});

test("Se05xChip replays what NXP's host programs sent, and answers as its keys demand", async (t) => {
  const path = join(import.meta.dirname, "../../../../shared/captures/se05x.txt");
  if (!existsSync(path)) return t.skip("the captures are not here");
  const { chip } = await newChip({ model: "se051" });
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => /^[<>] /.test(line));
  const counts = { answered: 0, refused: 0 };
  const deterministic = new Set(["mac", "hkdf", "digest", "cipher"]);
  let compared = 0;
  for (let i = 0; i < lines.length; i += 2) {
    const command = fromHex(lines[i]?.slice(2) ?? "");
    const apdu = decodeExtendedCommand(command);
    const { data, sw } = decodeLongResponse(chip.exchange(command));
    if (sw !== 0x9000) {
      counts.refused++;
      continue;
    }
    counts.answered++;
    const { key } = SE05X_COMMAND_SET.recognise(apdu);
    const expected = decodeLongResponse(fromHex(lines[i + 1]?.slice(2) ?? ""));
    if (deterministic.has(key) && expected.data.length > 0 && expected.sw === sw) {
      const read = (bytes: Uint8Array) => SE05X_COMMAND_SET.readResponse(key, bytes);
      assert.deepEqual(read(data), read(expected.data), key);
      compared++;
    }
    // The programs select the application anew after they have asked the card manager who the part is.
    if (key === "productionData") chip.exchange(fromHex("00a4040010a000000396545300000001030000000000"));
  }
  // Refused: what is absent, and what needs sessions whose identifiers were captured from another chip.
  assert.deepEqual([counts, compared], [{ answered: 39, refused: 21 }, 6]);
});

test("A5-30 Se05xChip signs digests with keys that it made, and node:crypto accepts them, on both curves", async () => {
  const { send } = await newChip();
  for (const [curve, algorithm, hash] of [
    [0x03, 0x21, "sha256"],
    [0x04, 0x22, "sha384"],
    [0x03, 0x26, "sha512"],
    [0x04, 0x21, "sha256"],
  ] as const) {
    const objectId = A + curve;
    send("writeEcKey", { part: PAIR, objectId, ...(curve === 0x03 && algorithm === 0x26 ? {} : { curve }) });
    const { bytes: point } = send("readObject", { objectId });
    for (let i = 0; i < 8; i++) {
      const content = utf8Bytes(`message ${i}`);
      const digest = nodeHash.digest(hash, content);
      const { signature } = send("sign", { objectId, algorithm, digest });
      assert.ok(createVerify(hash).update(content).verify(spki(point), signature));
      assert.equal(send("verify", { objectId, algorithm, digest, signature }).result, 1);
      const flipped = signature.with(signature.length - 1, (signature.at(-1) ?? 0) ^ 1);
      assert.equal(send("verify", { objectId, algorithm, digest, signature: flipped }).result, 2);
      assert.equal(send("verify", { objectId, algorithm, digest, signature: signature.slice(1) }).result, 2);
    }
  }
});

test("Se05xChip agrees, enciphers, authenticates and derives as node:crypto does", async () => {
  const { send } = await newChip();
  const entropy = new SeededEntropy(nodeHash, "differential");
  for (const [curve, name] of [
    [3, "prime256v1"],
    [4, "secp384r1"],
  ] as const) {
    send("writeEcKey", { part: PAIR, objectId: A + curve, curve });
    const { bytes: point } = send("readObject", { objectId: A + curve });
    for (let i = 0; i < 10; i++) {
      const peer = generateKeyPairSync("ec", { namedCurve: name });
      const jwk = peer.publicKey.export({ format: "jwk" });
      const peerPoint = concat(
        Uint8Array.of(4),
        Buffer.from(jwk.x ?? "", "base64url"),
        Buffer.from(jwk.y ?? "", "base64url"),
      );
      const expected = diffieHellman({ privateKey: peer.privateKey, publicKey: spki(point) });
      assert.deepEqual(send("agree", { objectId: A + curve, peerPoint }).sharedSecret, Uint8Array.from(expected));
    }
  }
  for (let i = 0; i < 30; i++) {
    const key = entropy.bytes([16, 24, 32][i % 3] ?? 16);
    send("writeSymmKey", { kind: 3, objectId: B, value: key });
    const [iv, input] = [entropy.bytes(16), entropy.bytes(16 * (1 + (i % 5)))];
    for (const [mode, name, block] of [
      [0x0d, "cbc", iv],
      [0x0e, "ecb", undefined],
    ] as const) {
      const cipher = createCipheriv(`aes-${key.length * 8}-${name}`, key, block ?? null).setAutoPadding(false);
      const iv = block ? { iv: block } : {};
      const { output } = send("cipher", { direction: 0x37, objectId: B, mode, input, ...iv });
      assert.deepEqual(output, Uint8Array.from(cipher.update(input)));
      assert.deepEqual(send("cipher", { direction: 0x38, objectId: B, mode, input: output, ...iv }).output, input);
    }
    send("deleteObject", { objectId: B });
    const secret = entropy.bytes(1 + 7 * i);
    send("writeSymmKey", { kind: 5, objectId: B, value: secret });
    for (const [algorithm, name] of [
      [0x19, "sha256"],
      [0x1a, "sha384"],
      [0x1b, "sha512"],
    ] as const) {
      const { mac } = send("mac", { objectId: B, algorithm, input });
      assert.deepEqual(mac, Uint8Array.from(createHmac(name, secret).update(input).digest()));
      assert.equal(send("verifyMac", { objectId: B, algorithm, input, mac }).result, 1);
      assert.equal(send("verifyMac", { objectId: B, algorithm, input, mac: mac.with(0, (mac[0] ?? 0) ^ 1) }).result, 2);
    }
    const request = { objectId: B, algorithm: 4 + (i % 3), salt: iv, info: input, length: 1 + 13 * i };
    const hash = (["sha256", "sha384", "sha512"] as const)[i % 3] ?? "sha256";
    const expected = new Uint8Array(hkdfSync(hash, secret, iv, input, request.length));
    assert.deepEqual(send("hkdf", request).derived, expected);
    send("deleteObject", { objectId: B });
  }
});

test("Se05xChip mac 31 is the CMAC of SP 800-38B, appendix D.1", async () => {
  const { send } = await newChip();
  send("writeSymmKey", { kind: 3, objectId: B, value: fromHex("2b7e151628aed2a6abf7158809cf4f3c") });
  const input = fromHex("6bc1bee22e409f96e93d7e117393172a");
  assert.equal(toHex(send("mac", { objectId: B, algorithm: 0x31, input }).mac), "070a16b46b4d4144f79bdd9dd04a287c");
});

test("A5-22 A5-35 A5-36 Se05xChip makes client random, premaster and master secret of TLS 1.2", async () => {
  const { send, refused } = await newChip();
  const peer = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { x = "", y = "" } = peer.publicKey.export({ format: "jwk" });
  const peerPoint = concat(Uint8Array.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url"));
  const server = nodeHash.digest("sha256", utf8Bytes("server"));
  const psk = utf8Bytes("a pre-shared key");
  send("writeEcKey", { part: PAIR, objectId: A });
  send("writeSymmKey", { kind: 5, objectId: B, value: new Uint8Array(32), insFlags: 0x80 });
  send("writeSymmKey", { kind: 5, objectId: B + 1, value: psk });
  const prf = { objectId: B, algorithm: 4, label: utf8Bytes("master secret"), random: server, length: 48 };
  assert.equal(refused("tlsPrf", { ...prf, phase: 0x4c }), "6985");
  const { bytes: point } = send("readObject", { objectId: A });
  const shared = new Uint8Array(diffieHellman({ privateKey: peer.privateKey, publicKey: spki(point) }));
  const lengths = (n: number) => Uint8Array.of(n >> 8, n & 0xff);
  const pskPart = concat(lengths(psk.length), psk);
  for (const [request, premaster] of [
    [{ keyPairId: A, input: peerPoint }, shared],
    [{ pskId: B + 1 }, concat(lengths(psk.length), new Uint8Array(psk.length), pskPart)],
    // As NXP's host library writes it: 0 for what there is none of.
    [{ pskId: B + 1, keyPairId: 0 }, concat(lengths(psk.length), new Uint8Array(psk.length), pskPart)],
    [{ pskId: 0, keyPairId: A, input: peerPoint }, shared],
    [{ pskId: B + 1, keyPairId: A, input: peerPoint }, concat(lengths(shared.length), shared, pskPart)],
  ] as const) {
    send("tlsPremaster", { ...request, targetId: B });
    const { random } = send("tlsRandom", {});
    const expected = expand(premaster, concat(prf.label, random, server));
    assert.deepEqual(send("tlsPrf", { ...prf, phase: 0x4c }).output, expected);
    // The derivation has used the random up.
    assert.equal(refused("tlsPrf", { ...prf, phase: 0x4e }), "6985");
    const { random: next } = send("tlsRandom", {});
    const turned = expand(premaster, concat(prf.label, server, next));
    assert.deepEqual(send("tlsPrf", { ...prf, phase: 0x4e }).output, turned);
  }
  assert.equal(refused("tlsPremaster", { targetId: B }), "6a80");
  assert.equal(refused("readObject", { objectId: B }), "6985");
});

/** P_SHA256 by node:crypto. RFC 5246, section 5 */
function expand(secret: Uint8Array, seed: Uint8Array): Uint8Array {
  const hmac = (...parts: Uint8Array[]) =>
    createHmac("sha256", secret)
      .update(concat(...parts))
      .digest();
  const a1 = hmac(seed);
  const a2 = hmac(a1);
  return concat(hmac(a1, seed), hmac(a2, seed)).slice(0, 48);
}

test("A5-39 Se05xChip is born with a unique identifier, and device keys certified by the test root", async () => {
  const { chip, send, refused } = await newChip();
  const uniqueId = send("readObject", { objectId: SE05X_OBJECT.uniqueId, offset: 0, length: 18 }).bytes;
  assert.equal(toHex(uniqueId), chip.uniqueId);
  assert.notEqual(chip.uniqueId, (await newChip({ seed: "another" })).chip.uniqueId);
  const root = (await testRoot(nodeSe05xCrypto)).certificate;
  assert.deepEqual(root.der, (await testRoot(nodeSe05xCrypto)).certificate.der);
  for (const [key, certificate] of [
    [SE05X_OBJECT.connectionKey, SE05X_OBJECT.connectionCertificate],
    [SE05X_OBJECT.deviceKey, SE05X_OBJECT.deviceCertificate],
    [SE05X_OBJECT.gatewayKey, SE05X_OBJECT.gatewayCertificate],
  ] as const) {
    const parsed = parseCertificate(send("readObject", { objectId: certificate }).bytes);
    assert.deepEqual(parsed.publicKey.der, ecPublicKeyInfo(send("readObject", { objectId: key }).bytes));
    assert.ok(parsed.subject.text.includes(chip.uniqueId));
    assert.equal(await signedBy(parsed, root, nodeVerifier), true);
    assert.equal(refused("deleteObject", { objectId: key }), "6986");
    assert.equal(refused("writeEcKey", { part: PAIR, objectId: key }), "6986");
    assert.equal(refused("writeBinary", { objectId: certificate, data: Uint8Array.of(0) }), "6986");
  }
});

test("Se05xChip enforces every policy right, for everybody and for whom a session is authenticated with", async () => {
  const { send, refused, bytes, raw } = await newChip();
  const pin = fromHex("31323334");
  send("writeUserId", { insFlags: 0x40, objectId: B, value: pin, maxAttempts: 3 });
  const digest = nodeHash.digest("sha256", pin);
  const uses = {
    sign: bytes("sign", { objectId: A, algorithm: 0x21, digest }),
    verify: bytes("verify", { objectId: A, algorithm: 0x21, digest, signature: pin }),
    keyAgreement: bytes("agree", { objectId: A, peerPoint: nodeSe05xCrypto.p256.publicPoint(digest) }),
    read: bytes("readObject", { objectId: A }),
    generate: bytes("writeEcKey", { part: PAIR, objectId: A }),
    delete: bytes("deleteObject", { objectId: A }),
  };
  const login = (value: Uint8Array) => {
    const { sessionId } = send("createSession", { objectId: B });
    const inSession = (command: Uint8Array) => raw(bytes("processSession", { sessionId, command })).sw.toString(16);
    return { inSession, verified: inSession(bytes("verifySessionUserId", { value })) };
  };
  for (const right of Object.keys(uses) as (keyof typeof uses)[]) {
    for (const authObjectId of [0, B]) {
      const entry = (rights: number) => ({ authObjectId, rights, extension: new Uint8Array(0) });
      const cleanUp = { authObjectId: B, rights: RIGHT.delete, extension: new Uint8Array(0) };
      send("writeEcKey", { part: PAIR, objectId: A, policy: [entry(RIGHT[right]), cleanUp] });
      const { inSession, verified } = login(pin);
      assert.equal(verified, "9000");
      for (const [use, command] of Object.entries(uses)) {
        if (use === "delete") continue;
        const open = raw(command).sw.toString(16);
        assert.equal(open, use === right && authObjectId === 0 ? "9000" : "6986", `${use} under ${right}, open`);
        assert.equal(inSession(command), use === right ? "9000" : "6986", `${use} under ${right}, in session`);
      }
      if (right !== "delete" || authObjectId !== 0) assert.equal(raw(uses.delete).sw.toString(16), "6986");
      assert.equal(inSession(uses.delete), "9000");
      assert.equal(inSession(bytes("closeSession", {})), "9000");
      assert.equal(inSession(uses.read), "6985");
    }
  }
  const none = { authObjectId: 0, extension: new Uint8Array(0) };
  send("writeEcKey", {
    part: PAIR,
    objectId: A,
    policy: [{ ...none, rights: (RIGHT.sign | RIGHT.requireSecureMessaging) >>> 0 }],
  });
  assert.equal(raw(uses.sign).sw, 0x6986);
  assert.equal(
    refused("writeEcKey", { part: PAIR, objectId: A + 9, policy: [{ ...none, rights: RIGHT.requirePcr }] }),
    "6a80",
  );
});

test("Se05xChip counts wrong user identifiers, also over a restart, and then takes the right one no more", async () => {
  const memory = new MemoryInRam();
  const value = fromHex("3132333435");
  const attempt = async (guess: Uint8Array) => {
    const { send, raw, bytes } = await newChip({ memory });
    const { sessionId } = send("createSession", { objectId: B });
    const open = bytes("readObject", { objectId: SE05X_OBJECT.uniqueId });
    assert.equal(raw(bytes("processSession", { sessionId, command: open })).sw, 0x6982);
    const command = bytes("verifySessionUserId", { value: guess });
    return raw(bytes("processSession", { sessionId, command })).sw.toString(16);
  };
  const { send, refused } = await newChip({ memory });
  send("writeUserId", { insFlags: 0x40, objectId: B, value, maxAttempts: 2 });
  assert.equal(refused("writeUserId", { insFlags: 0x40, objectId: B, value }), "6986");
  assert.equal(refused("readObject", { objectId: B }), "6985");
  assert.deepEqual(
    [
      await attempt(pinWrong(value)),
      await attempt(value),
      await attempt(pinWrong(value)),
      await attempt(pinWrong(value)),
      await attempt(value),
    ],
    ["6985", "9000", "6985", "6985", "6985"],
  );
});

function pinWrong(value: Uint8Array): Uint8Array {
  return value.with(0, 0xff);
}

test("Se05xChip keeps files and counters: parts, bounds, types, sizes, lists and memory", async () => {
  const { send, refused } = await newChip();
  const before = send("getFreeMemory", { memory: 1 }).bytes;
  const file = Uint8Array.from({ length: 600 }, (_, i) => i & 0xff);
  send("writeBinary", { objectId: A, length: 600, data: file.slice(0, 400) });
  send("writeBinary", { objectId: A, offset: 400, data: file.slice(400) });
  assert.deepEqual(send("readObject", { objectId: A, offset: 100, length: 500 }).bytes, file.slice(100));
  assert.equal(send("readSize", { objectId: A }).size, 600);
  assert.equal(refused("readObject", { objectId: A, offset: 100, length: 501 }), "6a80");
  assert.equal(refused("writeBinary", { objectId: A, offset: 599, data: file.slice(0, 2) }), "6a80");
  assert.equal(refused("writeBinary", { objectId: B, length: 0x7fff }), "6985");
  assert.equal(refused("writeSymmKey", { kind: 5, objectId: A, value: file.slice(0, 16) }), "6985");
  assert.equal(refused("writeBinary", { objectId: 0x7fff0299, length: 4 }), "6986");
  send("writeCounter", { objectId: B, size: 2 });
  send("writeCounter", { objectId: B });
  send("writeCounter", { objectId: B, value: fromHex("fffe") });
  assert.equal(refused("writeCounter", { objectId: B, value: fromHex("0005") }), "6985");
  send("writeCounter", { objectId: B });
  assert.equal(toHex(send("readObject", { objectId: B }).bytes), "ffff");
  assert.equal(refused("writeCounter", { objectId: B }), "6985");
  const { more, ids } = send("readIdList", { offset: 0, filter: 0xff });
  assert.deepEqual([more, ids.length], [1, 4 * 14]);
  assert.equal(toHex(send("readIdList", { offset: 0, filter: 0x0d }).ids), "20000002");
  assert.equal(send("exists", { objectId: A }).result, 1);
  send("deleteObject", { objectId: A });
  send("deleteObject", { objectId: B });
  assert.equal(send("exists", { objectId: A }).result, 2);
  assert.equal(refused("readObject", { objectId: A }), "6985");
  assert.equal(send("getFreeMemory", { memory: 1 }).bytes, before);
});

test("Se05xChip keeps persistent objects over power cycles, and of transient ones all but the value", async () => {
  const memory = new MemoryInRam();
  const first = await newChip({ memory });
  first.send("writeEcKey", { part: PAIR, objectId: A, curve: 4 });
  first.send("writeSymmKey", { kind: 5, objectId: B, value: fromHex("00112233") });
  first.send("writeSymmKey", { kind: 3, objectId: B + 1, value: new Uint8Array(16), insFlags: 0x80 });
  first.send("writeCounter", { objectId: B + 2, size: 4 });
  first.send("writeEcKey", {
    part: 0x20,
    objectId: B + 3,
    publicKey: nodeSe05xCrypto.p256.publicPoint(new Uint8Array(32).fill(7)),
  });
  first.send("writeEcKey", { part: 0x40, objectId: B + 4, privateKey: new Uint8Array(32).fill(7) });
  const point = first.send("readObject", { objectId: A }).bytes;
  const second = await newChip({ memory });
  assert.equal(second.chip.uniqueId, first.chip.uniqueId);
  assert.deepEqual(second.send("readObject", { objectId: A }).bytes, point);
  assert.equal(second.send("exists", { objectId: B + 1 }).result, 1);
  assert.equal(
    second.refused("cipher", { objectId: B + 1, mode: 0x0e, direction: 0x37, input: new Uint8Array(16) }),
    "6985",
  );
  const mac = { objectId: B, algorithm: 0x19, input: new Uint8Array(3) };
  assert.deepEqual(second.send("mac", mac), first.send("mac", mac));
  assert.equal(second.send("readType", { objectId: B + 4 }).type, 0x2a);
  assert.equal(second.refused("readObject", { objectId: B + 4 }), "6985");
  first.chip.reset();
  assert.equal(first.send("exists", { objectId: B + 1 }).result, 1);
  await assert.rejects(
    newChip({ memory, model: "se050" }),
    (error) => error instanceof UsageError && error.code === "state-version",
  );
});

test("Se05xChip: what cannot be stored has not happened", async () => {
  const ram = new MemoryInRam();
  let broken = false;
  const memory: NonVolatileMemory = {
    load: () => ram.load(),
    store: (image) => {
      if (broken) throw new UsageError("state-disk", "the disk is full");
      ram.store(image);
    },
  };
  const { send, refused } = await newChip({ memory });
  broken = true;
  assert.equal(refused("writeBinary", { objectId: A, length: 4 }), "6f00");
  broken = false;
  assert.equal(send("exists", { objectId: A }).result, 2);
});

test("Se05xChip refuses keys and requests that do not fit with their status words", async () => {
  const { refused, raw } = await newChip();
  const p256 = nodeSe05xCrypto.p256;
  const scalar = new Uint8Array(32).fill(1);
  assert.equal(refused("writeEcKey", { part: PAIR, objectId: A, curve: 0x05 }), "6a80");
  assert.equal(refused("writeEcKey", { part: PAIR, objectId: A, curve: 0x40 }), "6985");
  assert.equal(
    refused("writeEcKey", {
      part: PAIR,
      objectId: A,
      privateKey: new Uint8Array(32),
      publicKey: p256.publicPoint(scalar),
    }),
    "6a80",
  );
  assert.equal(
    refused("writeEcKey", {
      part: PAIR,
      objectId: A,
      privateKey: scalar,
      publicKey: p256.publicPoint(scalar.with(0, 2)),
    }),
    "6a80",
  );
  assert.equal(refused("writeEcKey", { part: 0x20, objectId: A, publicKey: new Uint8Array(65).fill(4) }), "6a80");
  assert.equal(refused("writeEcKey", { insFlags: 0x40, part: PAIR, objectId: A }), "6a80");
  assert.equal(refused("digest", { algorithm: 0x02, input: scalar }), "6a80");
  assert.equal(refused("createSession", { objectId: A }), "6985");
  assert.equal(refused("closeSession", {}), "6985");
  assert.equal(refused("select", { aid: SE05X_AID.with(15, 1) }), "6a82");
  // Absent from an authentication applet: registers, RSA keys.
  for (const absent of ["800109000d41047fffffff430512a1498232", "800162000a41042000000342020400"]) {
    assert.equal(raw(fromHex(absent)).sw.toString(16), "6d00", absent);
  }
  assert.equal(raw(fromHex("800400270441040000")).sw, 0x6a80);
  assert.equal(raw(fromHex("8004002707410400")).sw, 0x6700);
  assert.equal(raw(fromHex("00a4040000")).sw, 0x9000);
  assert.equal(refused("getVersion", {}), "6d00");
});

test("A5-16 Se05xChip answers any bytes with a status word, and nothing it answers or tells holds a private key", async () => {
  const trace = new Ledger({ clock: new VirtualClock() });
  const { chip, send } = await newChip({ trace });
  const canary = nodeHash.digest("sha256", utf8Bytes("canary"));
  const point = nodeSe05xCrypto.p256.publicPoint(canary);
  send("writeEcKey", { part: PAIR, objectId: A, privateKey: canary, publicKey: point });
  send("writeSymmKey", { kind: 5, objectId: B, value: canary });
  let told = "";
  const rows = fc.constantFrom(...Object.values(SE05X_COMMAND_SET.table));
  const known = fc.constantFrom(
    fromHex("41042000000142012143010045"),
    fromHex("410420000002"),
    fromHex("410420000001"),
  );
  const command = fc.tuple(
    rows,
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0, max: 255 }),
    known,
    fc.uint8Array({ maxLength: 30 }),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        command.map(([row, p1, p2, head, tail]) =>
          concat(Uint8Array.of(row.cla, row.ins, p1, p2, head.length + tail.length), head, tail),
        ),
      ),
      (bytes) => {
        const answer = chip.exchange(bytes);
        assert.ok(answer.length >= 2);
        assert.notEqual(decodeLongResponse(answer).sw, 0x6f00);
        told += toHex(answer);
      },
    ),
    { numRuns: 500 },
  );
  told += JSON.stringify(trace.events({}));
  assert.ok(!told.includes(toHex(canary)));
});
