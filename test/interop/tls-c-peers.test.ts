/** The compiled peers themselves: what they accept, refuse and say, so that a green matrix means something. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { chainPem, type Holder, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { requireLibrary, runMbedtlsClient, startCompiled } from "./c-peers.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const stranger = await newHierarchy("Stranger");
const server = await hierarchy.server();

/** Writes certificates and keys where C programs read them. */
function files(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-c-peers-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const credential = (name: string, holder: Holder) => ({
    cert: write(`${name}.pem`, chainPem(holder.chain)),
    key: write(`${name}.key`, keyPem(holder.key)),
  });
  return { ca: write("ca.pem", chainPem([hierarchy.root.certificate.der])), credential };
}

test("the mbedTLS client verifies openssl s_server, sends a line and gets it back reversed", async (t) => {
  if (!requireLibrary(t, "mbedtls") || !requirePeer(t, "openssl")) return;
  const { port } = await TLS_SERVERS.openssl(t, { hierarchy, server, args: ["-tls1_2"] });
  const suites = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  const { ca } = files(t);
  const { status, output } = await runMbedtlsClient({ port: String(port), ca, suites, line: "telemetry" });
  assert.match(output, /handshake version=TLSv1\.2 suite=TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256 .*flaws=0\n/);
  assert.match(output, /received yrtemelet\n/);
  assert.equal(status, 0);
});

test("the mbedTLS client refuses a server of another root, or of another name", async (t) => {
  if (!requireLibrary(t, "mbedtls") || !requirePeer(t, "openssl")) return;
  const { port } = await TLS_SERVERS.openssl(t, { hierarchy, server: await stranger.server(), args: ["-tls1_2"] });
  const { ca } = files(t);
  const unknown = await runMbedtlsClient({ port: String(port), ca });
  assert.equal(unknown.status, 1);
  assert.match(unknown.output, /failed code=-0x2700/);
  const own = await TLS_SERVERS.openssl(t, { hierarchy, server, args: ["-tls1_2"] });
  const elsewhere = await runMbedtlsClient({ port: String(own.port), ca, servername: "elsewhere.example" });
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.output, /failed code=-0x2700/);
});

test("the mbedTLS server asks for a certificate, verifies it and echoes to the mbedTLS client", async (t) => {
  if (!requireLibrary(t, "mbedtls")) return;
  const { ca, credential } = files(t);
  const own = credential("server", server);
  const peer = await startCompiled(t, "mbedtls-server", { ...own, ca, verify: "optional" });
  const port = String(peer.port);
  const good = await runMbedtlsClient({ port, ca, ...credential("device", await hierarchy.device()), line: "hello" });
  assert.equal(good.status, 0, good.output);
  assert.match(good.output, /received hello\n/);
  assert.match(peer.output(), /certificate=.*CN=device-1.* flaws=0\n/);
  const without = await runMbedtlsClient({ port, ca });
  assert.equal(without.status, 0, without.output);
  const bad = await runMbedtlsClient({ port, ca, ...credential("stranger", await stranger.device()) });
  assert.equal(bad.status, 1, bad.output);
  assert.match(peer.output(), /certificate=.*CN=device-1.* flaws=8\n/);
});

test("the mbedTLS peers agree on a key that both were given, and on nothing where it differs", async (t) => {
  if (!requireLibrary(t, "mbedtls")) return;
  const suites = "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256";
  const psk = { psk: "000102030405060708090a0b0c0d0e0f", identity: "device-1" };
  const peer = await startCompiled(t, "mbedtls-server", { ...psk, suites });
  const port = String(peer.port);
  const same = await runMbedtlsClient({ ...psk, port, suites });
  assert.equal(same.status, 0, same.output);
  assert.match(same.output, /suite=TLS-ECDHE-PSK-WITH-AES-128-CBC-SHA256 certificate=none/);
  const other = await runMbedtlsClient({ ...psk, psk: "ff", port, suites });
  assert.equal(other.status, 1);
  assert.match(other.output, /failed code=/);
});
