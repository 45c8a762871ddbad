import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";

import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { opensslSuiteName, type SuiteName } from "../../src/tls/index.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const device = await hierarchy.device();

async function hawser(input: string, ...argv: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...argv]);
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { status: child.exitCode, stdout, stderr };
}

/** A server that echoes, and a folder with the client's files. */
async function setUp(
  t: TestContext,
  options: TlsOptions = {},
  onClient: (socket: TLSSocket) => void = (socket) => socket.pipe(socket),
) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-tls-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const ca = chainPem([hierarchy.root.certificate.der]);
  const listener = createServer({ cert: chainPem(server.chain), key: keyPem(server.key), ca, ...options }, (socket) => {
    socket.on("error", () => undefined);
    onClient(socket);
  });
  listener.on("tlsClientError", () => undefined);
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return {
    address: `localhost:${(listener.address() as AddressInfo).port}`,
    cafile: file("ca.pem", ca),
    cert: file("cert.pem", chainPem(device.chain)),
    key: file("key.pem", keyPem(device.key)),
    trace: join(folder, "trace.jsonl"),
    file,
  };
}

test("OE-60 hawser tls connect passes standard input to the server and its answer to standard output", async (t) => {
  const { address, cafile, cert, key, trace } = await setUp(t, { requestCert: true, rejectUnauthorized: true });
  const argv = ["tls", "connect", address, "--cafile", cafile, "--cert", cert, "--key", key, "--trace", trace];
  const { status, stdout, stderr } = await hawser(
    "there and back",
    ...argv,
    "--tls1_2",
    "--cipher",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
  );
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "there and back");
  assert.match(stderr, /verified +localhost, TLSv1\.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384/);
  assert.match(stderr, /chain +0 CN=server\n +1 CN=Test Intermediate/);
  assert.match(stderr, /client-signature by host/);
  const explained = await hawser("", "tls", "explain", trace);
  assert.equal(explained.status, 0);
  assert.match(explained.stdout, /client -> server {2}client_hello \(\d+ bytes\): offers versions/);
  assert.match(explained.stdout, /connected +to localhost, verified: TLSv1\.2/);
});

test("hawser tls connect --json prints one object a line, the server's answer among them", async (t) => {
  const { address, cafile } = await setUp(t);
  const { status, stdout } = await hawser(
    "echo",
    "tls",
    "connect",
    address,
    "--cafile",
    cafile,
    "--tls1_3",
    "--groups",
    "P-384",
    "--json",
  );
  assert.equal(status, 0);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ event }) => event),
    ["connected", "received", "closed"],
  );
  assert.equal(lines[0]?.protocol, "TLSv1.3");
  assert.equal(lines[0]?.group, "secp384r1");
});

test("hawser tls connect ends with 1 where the server is not verified, and with 2 where it was typed wrongly", async (t) => {
  const { address, cafile, file } = await setUp(t);
  const stranger = await newHierarchy("Stranger");
  const other = file("other.pem", chainPem([stranger.root.certificate.der]));
  const untrusted = await hawser("", "tls", "connect", address, "--cafile", other);
  assert.equal(untrusted.status, 1);
  assert.equal(untrusted.stdout, "");
  assert.match(untrusted.stderr, /error: the server's certificate is refused/);
  const wrongName = await hawser("", "tls", "connect", address, "--cafile", cafile, "--servername", "other.example");
  assert.equal(wrongName.status, 1);
  for (const argv of [[], ["--cafile", cafile, "--cert", cafile], ["--cafile", cafile, "--cipher", "RC4-MD5"]]) {
    assert.equal((await hawser("", "tls", "connect", address, ...argv)).status, 2);
  }
});

test("hawser tls connect ends with 1 where the server's answer is cut short, though it printed what came", async (t) => {
  // A socket that is destroyed says no goodbye.
  const onClient = (socket: TLSSocket) => void socket.write("half of the", () => socket.destroy());
  const { address, cafile } = await setUp(t, { maxVersion: "TLSv1.2", allowHalfOpen: true }, onClient);
  const cut = await hawser("", "tls", "connect", address, "--cafile", cafile);
  assert.equal(cut.status, 1, cut.stderr);
  assert.equal(cut.stdout, "half of the");
  assert.match(cut.stderr, /close_notify/);
});

test("opensslSuiteName knows what OpenSSL calls our suites", () => {
  const names: [SuiteName, string][] = [
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
    ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
    ["TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM8"],
    ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
    ["TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", "ECDHE-PSK-AES128-CBC-SHA256"],
  ];
  for (const [name, openssl] of names) assert.equal(opensslSuiteName(name), openssl);
});
