import assert from "node:assert/strict";
import { createECDH, createHash, createHmac, hkdfSync } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import {
  A71CH_COMMAND_SET,
  type A71chCommandName,
  type A71chRequest,
  type A71chResponse,
} from "../../apdu/a71ch/index.ts";
import { decodeResponse, encodeCommand, wrapKey } from "../../apdu/index.ts";
import { nodeBlockCipher } from "../../apdu/node.ts";
import { concat, fromHex, toHex, utf8Bytes } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

type Answer<Key extends A71chCommandName> = { readonly sw: number; readonly fields: () => A71chResponse<Key> };

function bench() {
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const entropy = new SeededEntropy(nodeHash, "secrets");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock, trace: ledger });
  const send = <Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Answer<Key> => {
    const { data, sw } = decodeResponse(chip.exchange(encodeCommand(A71CH_COMMAND_SET.build(key, request))));
    return { sw, fields: () => A71CH_COMMAND_SET.readResponse(key, data) };
  };
  const secret = (slot: number, key: Uint8Array) => assert.equal(send("setSecret", { slot, key }).sw, 0x9000);
  return { chip, ledger, send, secret };
}

const KEYS = Array.from({ length: 8 }, (_, i) => nodeHash.digest("sha256", utf8Bytes(`secret ${i}`)).slice(0, 16));

function joinedKeys(slot: number, blocks: number): Uint8Array {
  return concat(...KEYS.slice(slot, slot + blocks));
}

const place = fc
  .tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 4 }))
  .filter(([slot, blocks]) => slot + blocks <= 8);

test("A71chChip HKDF agrees with node:crypto over any secrets, salts, infos and lengths", () => {
  const { send, secret } = bench();
  KEYS.forEach((key, slot) => secret(slot, key));
  const bytes = (max: number) => fc.uint8Array({ maxLength: max });
  fc.assert(
    fc.property(
      place,
      bytes(32),
      bytes(192),
      fc.integer({ min: 1, max: 255 }),
      ([slot, blocks], salt, info, length) => {
        const { derived } = send("extractAndExpand", { slot, blocks, salt, info, length }).fields();
        const expected = new Uint8Array(hkdfSync("sha256", joinedKeys(slot, blocks), salt, info, length));
        assert.deepEqual(derived, expected);
        // Expanding alone takes the secrets for what extraction would give.
        const expanded = send("expand", { slot, blocks, info, length }).fields().derived;
        const first = createHmac("sha256", joinedKeys(slot, blocks)).update(info).update(Uint8Array.of(1)).digest();
        assert.deepEqual(expanded.slice(0, 32), new Uint8Array(first).slice(0, length));
      },
    ),
    { numRuns: 60 },
  );
  assert.equal(send("expand", { slot: 0, blocks: 1, info: new Uint8Array(1), length: 0 }).sw, 0x6a86);
});

test("A71chChip HMAC and SHA-256 agree with node:crypto, at once and in any pieces", () => {
  const { send, secret } = bench();
  KEYS.forEach((key, slot) => secret(slot, key));
  const pieces = fc.array(fc.uint8Array({ maxLength: 239 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(place, pieces, ([slot, blocks], parts) => {
      const of = { slot, blocks };
      const key = joinedKeys(slot, blocks);
      const whole = concat(...parts);
      const mac = new Uint8Array(createHmac("sha256", key).update(whole).digest());
      const digest = new Uint8Array(createHash("sha256").update(whole).digest());
      parts.slice(0, -1).forEach((bytes, i) => {
        assert.equal(send(i === 0 ? "hmacStart" : "hmacUpdate", { ...of, bytes }).sw, 0x9000);
        assert.equal(send(i === 0 ? "sha256Start" : "sha256Update", { bytes }).sw, 0x9000);
      });
      const last = parts.at(-1) ?? assert.fail();
      assert.deepEqual(send("hmacFinish", { ...of, bytes: last }).fields().mac, mac);
      assert.deepEqual(send("sha256Finish", { bytes: last }).fields().digest, digest);
      const one = parts[0] ?? assert.fail();
      const short = new Uint8Array(createHmac("sha256", key).update(one).digest());
      assert.deepEqual(send("hmac", { ...of, bytes: one }).fields().mac, short);
    }),
    { numRuns: 40 },
  );
});

test("A71chChip refuses pieces of an HMAC or digest that was not started, or with other secrets, or before a reset", () => {
  const { chip, send, secret } = bench();
  KEYS.forEach((key, slot) => secret(slot, key));
  const bytes = new Uint8Array(3);
  assert.equal(send("hmacUpdate", { slot: 0, blocks: 1, bytes }).sw, 0x6985);
  assert.equal(send("sha256Finish", { bytes }).sw, 0x6985);
  assert.equal(send("hmacStart", { slot: 0, blocks: 1, bytes }).sw, 0x9000);
  assert.equal(send("hmacUpdate", { slot: 0, blocks: 2, bytes }).sw, 0x6985);
  assert.equal(send("sha256Start", { bytes }).sw, 0x9000);
  chip.reset();
  assert.equal(send("hmacFinish", { slot: 0, blocks: 1, bytes }).sw, 0x6985);
  assert.equal(send("sha256Update", { bytes }).sw, 0x6985);
});

test("A71chChip secrets can be set, wrapped, frozen and erased; empty ones and impossible groups are refused", () => {
  const { send, secret } = bench();
  const [old, next] = [KEYS[0] ?? assert.fail(), KEYS[1] ?? assert.fail()];
  const info = new Uint8Array(1);
  const derive = (slot: number, blocks: number) => send("expand", { slot, blocks, info, length: 16 });
  assert.equal(derive(0, 1).sw, 0x6985);
  assert.equal(send("setWrappedSecret", { slot: 0, wrappedKey: wrapKey(nodeBlockCipher, old, next) }).sw, 0x6985);
  secret(0, old);
  const before = derive(0, 1).fields().derived;
  assert.equal(send("setWrappedSecret", { slot: 0, wrappedKey: wrapKey(nodeBlockCipher, next, next) }).sw, 0x6a80);
  assert.deepEqual(derive(0, 1).fields().derived, before);
  assert.equal(send("setWrappedSecret", { slot: 0, wrappedKey: wrapKey(nodeBlockCipher, old, next) }).sw, 0x9000);
  secret(1, next);
  assert.deepEqual(derive(0, 1).fields().derived, derive(1, 1).fields().derived);
  for (const [slot, blocks] of [
    [0, 0],
    [0, 5],
    [6, 4],
    [8, 1],
  ] as const) {
    const { sw } = derive(slot, blocks);
    assert.ok(sw === 0x6a86 || sw === 0x6985, `${slot} ${blocks}`);
  }
  assert.equal(derive(0, 3).sw, 0x6985);
  assert.equal(send("freezeSecret", { slot: 1 }).sw, 0x9000);
  assert.equal(send("setSecret", { slot: 1, key: old }).sw, 0x6986);
  assert.equal(send("eraseSecret", { slot: 1 }).sw, 0x6986);
  assert.equal(send("eraseSecret", { slot: 0 }).sw, 0x9000);
  assert.equal(derive(0, 1).sw, 0x6985);
  assert.equal(send("setSecret", { slot: 8, key: old }).sw, 0x6a86);
});

/** TLS 1.2 master secret as RFC 5246, section 5 says, from node:crypto. */
function masterSecret(premaster: Uint8Array, label: string, ...randoms: readonly Uint8Array[]): Uint8Array {
  const seed = concat(utf8Bytes(label), ...randoms);
  const mac = (data: Uint8Array) => createHmac("sha256", premaster).update(data).digest();
  const [a1, a2] = [mac(seed), mac(mac(seed))];
  return concat(mac(concat(a1, seed)), mac(concat(a2, seed))).slice(0, 48);
}

function prefixed(...parts: readonly Uint8Array[]): Uint8Array {
  return concat(...parts.flatMap((part) => [Uint8Array.of(0, part.length), part]));
}

test("OE-29 OE-30 A71chChip derives the master secrets of TLS_PSK and TLS_ECDHE_PSK from secrets of any size", () => {
  const { send, secret } = bench();
  KEYS.forEach((key, slot) => secret(slot, key));
  const serverRandom = nodeHash.digest("sha256", utf8Bytes("server"));
  const peer = createECDH("prime256v1");
  const peerPoint = new Uint8Array(peer.generateKeys());
  assert.equal(send("generateKeyPair", { slot: 3 }).sw, 0x9000);
  const shared = new Uint8Array(peer.computeSecret(send("readKeyPairPoint", { slot: 3 }).fields().point));
  for (const blocks of [1, 2, 3, 4]) {
    const psk = joinedKeys(2, blocks);
    const one = send("clientHelloRandom", {}).fields().random;
    assert.deepEqual(
      send("derivePskMasterSecret", { slot: 2, blocks, serverRandom }).fields().masterSecret,
      masterSecret(prefixed(new Uint8Array(psk.length), psk), "master secret", one, serverRandom),
    );
    const two = send("clientHelloRandom", {}).fields().random;
    assert.deepEqual(
      send("deriveEcdhPskMasterSecret", { keyPair: 3, slot: 2, blocks, peerPoint, serverRandom }).fields().masterSecret,
      masterSecret(prefixed(shared, psk), "master secret", two, serverRandom),
    );
  }
  assert.equal(send("setTlsLabel", { label: utf8Bytes("another label") }).sw, 0x9000);
  const random = send("clientHelloRandom", {}).fields().random;
  assert.deepEqual(
    send("derivePskMasterSecret", { slot: 0, blocks: 1, serverRandom }).fields().masterSecret,
    masterSecret(prefixed(new Uint8Array(16), joinedKeys(0, 1)), "another label", random, serverRandom),
  );
});

test("A71chChip takes an empty label, and an empty message as NXP's host library writes it, with Lc 00 before Le", () => {
  const { chip, send, secret } = bench();
  const key = KEYS[0] ?? assert.fail();
  secret(0, key);
  const mac = createHmac("sha256", key).digest("hex");
  assert.equal(toHex(chip.exchange(fromHex("804710000000"))), `${mac}9000`);
  assert.equal(toHex(chip.exchange(fromHex("8047100000"))), `${mac}9000`);
  assert.equal(toHex(chip.exchange(fromHex("809200050000"))), "9000");
  assert.equal(toHex(chip.exchange(fromHex("80920005000000"))), "6700", "no more than that");
  const serverRandom = new Uint8Array(32);
  const { random } = send("clientHelloRandom", {}).fields();
  assert.deepEqual(
    send("derivePskMasterSecret", { slot: 0, blocks: 1, serverRandom }).fields().masterSecret,
    masterSecret(prefixed(new Uint8Array(16), key), "", random, serverRandom),
  );
});

test("A71chChip derives a master secret only with the client random of the command directly before", () => {
  const { chip, send, secret } = bench();
  secret(0, KEYS[0] ?? assert.fail());
  const request = { slot: 0, blocks: 1, serverRandom: new Uint8Array(32) };
  assert.equal(send("derivePskMasterSecret", request).sw, 0x6985);
  send("clientHelloRandom", {});
  assert.equal(send("derivePskMasterSecret", request).sw, 0x9000);
  assert.equal(send("derivePskMasterSecret", request).sw, 0x6985, "used up");
  send("clientHelloRandom", {});
  send("readUniqueId", {});
  assert.equal(send("derivePskMasterSecret", request).sw, 0x6985, "another command in between");
  send("clientHelloRandom", {});
  assert.equal(toHex(chip.exchange(Uint8Array.of(0x80, 0x33, 0, 0))), "6d00");
  assert.equal(send("derivePskMasterSecret", request).sw, 0x6985, "even one that was refused");
  send("clientHelloRandom", {});
  chip.reset();
  assert.equal(send("derivePskMasterSecret", request).sw, 0x6985, "a reset");
});

test("A71chChip shows no secret, wrapped or plain, and nothing derived from one, in any event", () => {
  const { ledger, send, secret } = bench();
  KEYS.forEach((key, slot) => secret(slot, key));
  const [old, next] = [KEYS[0] ?? assert.fail(), KEYS[1] ?? assert.fail()];
  const wrappedKey = wrapKey(nodeBlockCipher, old, next);
  assert.equal(send("setWrappedSecret", { slot: 0, wrappedKey }).sw, 0x9000);
  send("clientHelloRandom", {});
  const derived = [
    send("derivePskMasterSecret", { slot: 0, blocks: 1, serverRandom: new Uint8Array(32) }).fields().masterSecret,
    send("expand", { slot: 0, blocks: 1, info: old, length: 32 }).fields().derived,
    send("hmac", { slot: 0, blocks: 1, bytes: next.slice(0, 4) }).fields().mac,
  ];
  const text = ledger.jsonLines();
  for (const key of [...KEYS.slice(1), wrappedKey, ...derived]) assert.ok(!text.includes(toHex(key)));
});
