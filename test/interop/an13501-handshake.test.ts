/** What passes between an A5000's host and openssl, byte by byte: AN13501, chapter 3. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";

import { WireTap } from "../../scripts/wire-tap.ts";
import { nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { Reader, toHex } from "../../src/codec/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash, nodeVerifier } from "../../src/crypto/node.ts";
import { localTransport } from "../../src/host/index.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import { parseCertificate, validatePath } from "../../src/pki/index.ts";
import { SUITES } from "../../src/tls/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy("AN13501");
const server = await hierarchy.server();

async function newDevice() {
  const trace = new Ledger({ clock: nodeClock });
  const entropy = new SeededEntropy(nodeHash, "an13501");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: nodeClock, trace });
  const element = await Se05x.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
  const certificate = await hierarchy.deviceFor(await element.generateKeyPair(0));
  return { element, certificate, signer: await element.signer(0), trace };
}

/** Handshake messages of one direction, in the clear until ChangeCipherSpec, by type. RFC 5246, section 7.4 */
function messagesOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const [records, messages] = [new Reader(bytes), new Map<number, Uint8Array>()];
  while (records.remaining > 0) {
    const type = records.u8();
    records.u16();
    const record = new Reader(records.bytes(records.u16()));
    if (type !== 22) break;
    while (record.remaining > 0) messages.set(record.u8(), record.bytes(record.u24()));
  }
  return messages;
}

/** One handshake through an analyser: its facts and what passed. */
async function handshake(
  t: TestContext,
  {
    args = [],
    demandsCertificate = true,
  }: { readonly args?: readonly string[]; readonly demandsCertificate?: boolean },
  more: (device: Awaited<ReturnType<typeof newDevice>>) => Partial<ConnectOptions>,
) {
  const device = await newDevice();
  const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, demandsCertificate, args: ["-tls1_2", ...args] });
  const tap = await WireTap.open(`127.0.0.1:${peer.port}`);
  t.after(() => tap.close());
  const client = await connect({
    host: "127.0.0.1",
    port: Number(tap.address.split(":").at(-1)),
    servername: "localhost",
    ca: [hierarchy.root.certificate.der],
    random: device.element.random,
    ...more(device),
  });
  client.write("hello\n");
  await once(client, "data");
  // Everything that is looked at has passed.
  client.destroy();
  const [sent, received] = [messagesOf(tap.sent[0] ?? assert.fail()), messagesOf(tap.received[0] ?? assert.fail())];
  return { device, facts: client.facts, sent, received, wire: Buffer.concat([...tap.sent, ...tap.received]) };
}

function chainIn(message: Uint8Array): Uint8Array[] {
  const list = new Reader(new Reader(message.subarray(3)).bytes(message.length - 3));
  const chain: Uint8Array[] = [];
  while (list.remaining > 0) chain.push(list.bytes(list.u24()));
  return chain;
}

const withCertificate = ({ certificate, signer }: Awaited<ReturnType<typeof newDevice>>) => ({ certificate, signer });

for (const [curve, code, pointLength] of [
  ["secp256r1", 0x17, 65],
  ["secp384r1", 0x18, 97],
] as const) {
  test(`A5-17 A5-18 A5-20 A5-22 A5-23 A5-24 A5-25 A5-26 A5-29 A5-31 A5-37 T-05 the handshake of figures 5 to 9 with ${curve}, byte by byte`, async (t) => {
    if (!requirePeer(t, "openssl")) return;
    const { device, facts, sent, received, wire } = await handshake(t, {}, (own) => ({
      ...withCertificate(own),
      groups: curve === "secp384r1" ? ["secp384r1", "secp256r1"] : ["secp256r1"],
    }));
    const hello = new Reader(sent.get(1) ?? assert.fail());
    assert.equal(hello.u16(), 0x0303);
    const clientRandom = hello.bytes(32);
    const drawn = device.trace
      .events({ kinds: ["chip.command"] })
      .flatMap((event) => (event.kind === "chip.command" && event.name === "GetRandom" ? [event.response] : []));
    assert.ok(
      drawn.some((answer) => answer.includes(toHex(clientRandom))),
      "all 32 bytes are the chip's answer",
    );
    hello.bytes(hello.u8());
    const offered = new Reader(hello.bytes(hello.u16()));
    const known = new Map(Object.entries(SUITES).map(([name, suite]) => [suite.code, { name, suite }]));
    while (offered.remaining > 0) {
      const found = known.get(offered.u16());
      if (!found || found.suite.version !== "TLSv1.2") continue;
      // Key exchange and authentication, encryption, hash: the three parts of a suite's name.
      const [, exchange = "", cipher = "", hash = ""] = /^TLS_(\w+)_WITH_(\w+)_(SHA\d*)$/.exec(found.name) ?? [];
      if (hash === "") continue;
      assert.ok(exchange.startsWith(found.suite.keyExchange.toUpperCase().split("_")[0] ?? "?"), found.name);
      assert.match(cipher, /^(AES|CHACHA20)/);
    }
    const answer = new Reader(received.get(2) ?? assert.fail());
    assert.equal(answer.u16(), 0x0303);
    const serverRandom = answer.bytes(32);
    const sessionId = answer.bytes(answer.u8());
    assert.ok(sessionId.length <= 32);
    assert.equal(known.get(answer.u16())?.name, facts.suite);
    const serverChain = chainIn(received.get(11) ?? assert.fail());
    const last = (chain: readonly Uint8Array[]) => toHex(chain.at(-1) ?? assert.fail());
    assert.equal(last(serverChain), last(server.chain), "the server sends the CA as well as the leaf");
    assert.ok(serverChain.length >= 2);
    const exchange = received.get(12) ?? assert.fail();
    const reader = new Reader(exchange);
    assert.deepEqual([reader.u8(), reader.u16()], [3, code], "a named curve");
    const point = reader.bytes(reader.u8());
    assert.equal(point.length, pointLength);
    const params = exchange.subarray(0, 4 + pointLength);
    assert.equal(reader.u16(), 0x0403, "ECDSA with SHA-256");
    const signature = reader.bytes(reader.u16());
    const { publicKey } = parseCertificate(serverChain[0] ?? assert.fail());
    const content = new Uint8Array([...clientRandom, ...serverRandom, ...params]);
    const check = { publicKey: publicKey.der, algorithm: "ecdsa_sha256" as const, content, signature };
    assert.equal(await nodeVerifier.verify(check), true);
    assert.ok(received.has(13), "certificate_request");
    const ownChain = chainIn(sent.get(11) ?? assert.fail());
    assert.deepEqual(ownChain.map(toHex), device.certificate.map(toHex), "the device sends its whole chain");
    const own = sent.get(16) ?? assert.fail();
    assert.equal(own[0], pointLength);
    assert.equal(own.length, pointLength + 1);
    assert.ok(sent.has(15), "certificate_verify");
    assert.equal(wire.includes("hello\n"), false, "the data is not on the wire in the clear");
  });
}

test("A5-26 the certificate request is the server's choice: demanded, and no device without certificate; else none needed", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const open = await handshake(t, { demandsCertificate: false }, () => ({}));
  assert.deepEqual([open.received.has(13), open.sent.has(11)], [false, false]);
  await assert.rejects(
    handshake(t, {}, () => ({})),
    /alert|closed|reset/i,
  );
});

test("A5-06 A5-10 A5-11 A5-27 a leaf is worth as much as what signed it: intermediate and root, unchanged and in time", async () => {
  const device = await hierarchy.device();
  const [leaf = assert.fail(), intermediate = assert.fail()] = device.chain;
  const base = { anchors: [hierarchy.root.certificate], time: nodeClock.now(), verifier: nodeVerifier };
  const purpose = "clientAuth" as const;
  const { leaf: validated } = await validatePath({ ...base, chain: [leaf, intermediate], purpose });
  assert.deepEqual(validated.der, leaf);
  const spoilt = intermediate.slice();
  spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1;
  const other = (await newHierarchy("Other")).root.certificate;
  for (const broken of [
    { chain: [leaf] },
    { chain: [leaf, spoilt] },
    { anchors: [other] },
    { time: base.time + 400 * 86_400_000 },
  ]) {
    const path = { ...base, chain: [leaf, intermediate], purpose, ...broken };
    await assert.rejects(validatePath(path), { name: "CertificateError" });
  }
});
