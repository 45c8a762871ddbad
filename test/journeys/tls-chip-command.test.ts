/** `hawser tls connect --chip`: who does what is chosen operation by operation, and said afterwards. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createServer, type TlsOptions } from "node:tls";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { fromHex } from "../../src/codec/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { secretObject, Se05x } from "../../src/host/se05x/index.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const PSK = fromHex("00112233445566778899aabbccddeeff");
const hierarchy = await newHierarchy();
const server = await hierarchy.server();

async function hawser(input: string, ...argv: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...argv]);
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { status: child.exitCode, stdout, stderr };
}

async function listen(t: TestContext, options: TlsOptions): Promise<string> {
  const listener = createServer(options, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  listener.on("tlsClientError", () => undefined);
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return `localhost:${(listener.address() as AddressInfo).port}`;
}

function pskServer(t: TestContext, ciphers: string): Promise<string> {
  return listen(t, { ciphers, maxVersion: "TLSv1.2", pskCallback: () => Buffer.from(PSK) });
}

function certificateServer(t: TestContext): Promise<string> {
  const ca = chainPem([hierarchy.root.certificate.der]);
  const cert = chainPem(server.chain);
  return listen(t, { cert, key: keyPem(server.key), ca, requestCert: true, rejectUnauthorized: true });
}

function cafile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-tls-chip-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "ca.pem");
  writeFileSync(path, chainPem([hierarchy.root.certificate.der]));
  return path;
}

async function serve(t: TestContext, chip: A71chChip | Se05xChip): Promise<string> {
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  return `127.0.0.1:${served.port}`;
}

const ports = { hash: nodeHash, clock: nodeClock };

async function a71ch(t: TestContext): Promise<string> {
  const entropy = new SeededEntropy(nodeHash, "command");
  const address = await serve(t, new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock }));
  const device = await A71ch.open(await connectChip(address), ports);
  await device.send("setSecret", { slot: 2, key: PSK });
  await device.close();
  return address;
}

async function a5000(t: TestContext): Promise<string> {
  const entropy = new SeededEntropy(nodeHash, "command");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const address = await serve(t, chip);
  const device = await Se05x.open(await connectChip(address), ports);
  await device.send("writeSymmKey", { kind: 0x05, objectId: secretObject(2), value: PSK });
  const [leaf = assert.fail(), issuer = assert.fail()] = await hierarchy.deviceFor(await device.generateKeyPair(0));
  await device.writeCertificate(0, leaf);
  await device.writeCertificate(1, issuer);
  await device.close();
  return address;
}

for (const [model, open, ciphers] of [
  ["A71CH", a71ch, "PSK-AES128-GCM-SHA256"],
  ["A71CH", a71ch, "ECDHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0"],
  ["A5000", a5000, "ECDHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0"],
] as const) {
  test(`OE-29 OE-30 hawser tls connect --psk-slot uses the key in an ${model} for ${ciphers}`, async (t) => {
    const [chip, address] = [await open(t), await pskServer(t, ciphers)];
    const argv = ["tls", "connect", address, "--chip", chip, "--psk-slot", "2"];
    const { status, stdout, stderr } = await hawser("there and back", ...argv);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, "there and back");
    assert.match(stderr, /client-random by chip/);
    assert.match(stderr, /master-secret by chip/);
    assert.equal(/no extended master secret/.test(stderr), model === "A71CH", stderr);
  });
}

test("A5-22 A5-28 A5-30 A5-35 hawser tls connect --in-chip has an A5000 do every operation that it can", async (t) => {
  const [chip, address] = [await a5000(t), await certificateServer(t)];
  const all = "random,key-share,premaster,master,sign,verify,chain";
  const ca = cafile(t);
  const trace = `${ca}.jsonl`;
  const argv = ["tls", "connect", address, "--cafile", ca, "--chip", chip, "--in-chip", all, "--trace", trace];
  const { status, stdout, stderr } = await hawser("there and back", ...argv);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "there and back");
  const explained = await hawser("", "tls", "explain", trace);
  for (const operation of "client-random key-share verify-chain verify-server-signature client-signature".split(" ")) {
    assert.match(explained.stdout, new RegExp(`chip +${operation}, `));
  }
  assert.match(explained.stdout, /chip +verify-server-signature, ecdsa_sha256, with the key that was kept/);
  assert.match(explained.stdout, /chip +master-secret, ecdhe, extended master secret/);
});

test("hawser tls connect --in-chip works over TLS 1.3 with what the chips have commands for", async (t) => {
  const [chip, address] = [await a5000(t), await certificateServer(t)];
  const argv = ["tls", "connect", address, "--cafile", cafile(t), "--chip", chip, "--tls1_3", "--in-chip"];
  const { status, stderr } = await hawser("", ...argv, "random,key-share,sign,verify,chain");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /TLSv1\.3/);
  assert.match(stderr, /key-agreement by chip/);
  const refused = await hawser("", ...argv, "random,key-share,premaster,master,sign");
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(refused.stderr, /no commands for those of TLS 1\.3/);
});

test("hawser tls connect says what no chip can, and what is needed besides", async (t) => {
  const argv = ["tls", "connect", "localhost:1", "--cafile", cafile(t), "--in-chip"];
  for (const [list, message] of [
    ["records", /no chip here seals or opens records/],
    ["everything", /'everything' is not one of random, key-share/],
    ["random", /--in-chip and --psk-slot need --chip/],
  ] as const) {
    const { status, stderr } = await hawser("", ...argv, list);
    assert.notEqual(status, 0);
    assert.match(stderr, message);
  }
});
