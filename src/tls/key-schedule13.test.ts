/** The key schedule of TLS 1.3 against the secrets that RFC 8448, section 3 prints. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { KeySchedule13 } from "./key-schedule13.ts";

const schedule = new KeySchedule13(nodeHash, "sha256");
const SHARED = fromHex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
/** Transcript hashes up to ServerHello, to the server's Finished and to the client's. */
const HELLO = fromHex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
const SERVER_FINISHED = fromHex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13");
const CLIENT_FINISHED = fromHex("209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d");

const early = schedule.earlySecret();
const handshake = schedule.handshakeSecret(early, SHARED);
const master = schedule.masterSecret(handshake);

test("KeySchedule13 extracts the early, handshake and master secret of RFC 8448", () => {
  assert.deepEqual([early, handshake, master].map(toHex), [
    "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a",
    "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac",
    "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919",
  ]);
});

test("KeySchedule13 derives the traffic secrets of both phases, the exporter's and the resumption's", () => {
  const hs = schedule.trafficSecrets(handshake, "hs", HELLO);
  const ap = schedule.trafficSecrets(master, "ap", SERVER_FINISHED);
  const exporter = schedule.deriveSecret(master, "exp master", SERVER_FINISHED);
  const resumption = schedule.deriveSecret(master, "res master", CLIENT_FINISHED);
  assert.deepEqual([hs.client, hs.server, ap.client, ap.server, exporter, resumption].map(toHex), [
    "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
    "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
    "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
    "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c",
  ]);
  const ticketKey = schedule.expandLabel(resumption, "resumption", Uint8Array.of(0, 0), 32);
  assert.equal(toHex(ticketKey), "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
});

test("KeySchedule13 makes the write keys of both sides, and the client's verify_data", () => {
  const hs = schedule.trafficSecrets(handshake, "hs", HELLO);
  const keys = [hs.client, hs.server].map((secret) => schedule.directionKeys(secret, "aes-128-gcm"));
  assert.deepEqual(
    keys.map(({ key, iv }) => [toHex(key), toHex(iv)]),
    [
      ["dbfaa693d1762c5b666af5d950258d01", "5bd3c71b836e0b76bb73265f"],
      ["3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"],
    ],
  );
  const verifyData = schedule.verifyData(hs.client, SERVER_FINISHED);
  assert.equal(toHex(verifyData), "a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
});

test("KeySchedule13 refuses an expansion beyond what its counter can count", () => {
  assert.equal(schedule.expandLabel(master, "exporter", HELLO, 255 * 32).length, 8160);
  assert.throws(() => schedule.expandLabel(master, "exporter", HELLO, 255 * 32 + 1), { code: "too-long" });
});
