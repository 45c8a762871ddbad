import assert from "node:assert/strict";
import { test } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../chip/node.ts";
import { fromHex, HawserError } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71ch } from "./a71ch/index.ts";
import { HOST_ERRORS, localTransport, type HostErrorCode, type Transport } from "./index.ts";
import { connectChip } from "./node.ts";

const clock = new VirtualClock();

function newChip(): A71chChip {
  return new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "errors"), clock });
}

function open(transport: Transport = localTransport(newChip())): Promise<A71ch> {
  return A71ch.open(transport, { hash: nodeHash, clock });
}

/** A chip behind a cable that answers some commands with other bytes. */
function changed(answers: Readonly<Record<string, string>>): Transport {
  const inner = localTransport(newChip());
  return {
    exchange: async (command) => {
      const answer = answers[Buffer.from(command).toString("hex").slice(0, 8)];
      return answer === undefined ? inner.exchange(command) : fromHex(answer);
    },
    close: () => inner.close(),
  };
}

const elsewhere = [
  "answer-lost",
  "block-protocol",
  "bus-silent",
  "i2c-absent",
  "object-exists",
  "object-missing",
  "secure-channel",
  "session-proof",
  "bad-address",
  "busy",
  "closed",
  "connection-lost",
  "connection-refused",
  "malformed-frame",
  "timeout",
  "lease-expired",
  "not-in-chip",
];

/** How to provoke each code; the others are provoked in `node.test.ts`, `secure-channel.test.ts`,
 * `stored-objects.test.ts`, `se05x/access.test.ts`, `t1.test.ts`, `node-i2c.test.ts` and `tls-secrets.test.ts`. */
const PROVOKED: Partial<Record<HostErrorCode, (() => Promise<unknown>)[]>> = {
  "bad-address": [() => connectChip("nowhere")],
  "status-word": [
    async () => (await open()).signer(0),
    async () => (await open()).send("sign", { slot: 9, digest: new Uint8Array(32) }),
    () => open(changed({ "00a40400": "6a82" })),
  ],
  "malformed-answer": [
    () => open(changed({ "80910001": "00009000" })),
    () => open(changed({ "80910003": "90" })),
    async () => (await open(changed({ "80950004": "0102039000" }))).random.random(4),
    async () => {
      const device = await open(changed({ "80150000": "31039000" }));
      await device.generateKeyPair(0);
      return (await device.signer(0)).sign("ecdsa_sha256", new Uint8Array(1));
    },
    async () => {
      const device = await open(changed({ "80250001": "039000" }));
      return device.verifier.verifyDigest(await point(device), new Uint8Array(32), fromHex("3006020101020101"));
    },
    async () => (await open(changed({ "80710fe0": "009000" }))).listCertificates(),
    async () => (await open(changed({ "80910004": "029000" }))).writeCertificate(0, fromHex("3000")),
  ],
  "unknown-chip": [() => open(changed({ "80910003": "0131f32208009000" }))],
  "bad-argument": [
    async () => {
      const device = await open();
      await device.generateKeyPair(0);
      return (await device.signer(0)).sign("ecdsa_sha384", new Uint8Array(1));
    },
    async () => (await open()).keyAgreement(0).generate("x25519"),
    async () => (await open()).writeCertificate(0, new Uint8Array(3)),
  ],
  "storage-full": [async () => (await open()).writeCertificate(0, sequence(4090))],
  "ephemeral-key-replaced": [
    async () => {
      const device = await open();
      const key = await device.keyAgreement(0).generate("secp256r1");
      await device.eraseKeyPair(0);
      return key.agree(key.publicKey);
    },
  ],
};

async function point(device: A71ch): Promise<Uint8Array> {
  return (await device.generateKeyPair(3)).slice(-65);
}

function sequence(length: number): Uint8Array {
  const der = new Uint8Array(length);
  der.set([0x30, 0x82, (length - 4) >> 8, (length - 4) & 0xff]);
  return der;
}

for (const [code, provocations] of Object.entries(PROVOKED)) {
  test(`HOST_ERRORS ${code} is provoked`, async () => {
    for (const provoke of provocations) {
      await assert.rejects(provoke, (error) => {
        assert.ok(error instanceof HawserError, String(error));
        assert.equal(error.code, code);
        assert.ok(!error.message.endsWith("."));
        return true;
      });
    }
  });
}

test("every code of HOST_ERRORS is provoked, here or beside", () => {
  assert.deepEqual(new Set([...Object.keys(PROVOKED), ...elsewhere]), new Set(Object.keys(HOST_ERRORS)));
});

test("A71ch refusals name the command, the slot, the status word and the cure", async () => {
  const device = await open();
  await assert.rejects(device.send("sign", { slot: 2, digest: new Uint8Array(32) }), {
    name: "Refused",
    code: "status-word",
    wire: 0x6985,
    message:
      "Sign of slot 2 refused with 6985: the slot is empty, or the chip's state does not allow this; " +
      "fill the slot first, or look at the chip's locks and debug mode",
  });
});
