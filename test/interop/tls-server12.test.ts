/** The demonstration server against clients that nobody here wrote: mbedTLS, openssl s_client, gnutls-cli. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";

import type { ConnectionFacts } from "../../src/tls/index.ts";
import { opensslSuiteName } from "../../src/tls/index.ts";
import { SERVER_SUITES, type ServerSuite } from "../../src/tls/server12/index.ts";
import { type DemonstrationServer, serveDemonstration, type ServeOptions } from "../../src/tls/server12/node.ts";
import { chainPem, type Hierarchy, type Holder, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { requireLibrary, runMbedtlsClient } from "./c-peers.ts";
import { requirePeer } from "./peers.ts";

const ECDHE = SERVER_SUITES.filter((name) => name.startsWith("TLS_ECDHE_"));
const ECDH = SERVER_SUITES.filter((name) => name.startsWith("TLS_ECDH_"));

let hierarchy: Hierarchy;
let server: Holder;
let device: Holder;
let folder: string;
let files: Record<"ca" | "cert" | "key" | "foreignCert" | "foreignKey", string>;

before(async () => {
  hierarchy = await newHierarchy();
  server = await hierarchy.agreeingServer();
  device = await hierarchy.device();
  const foreign = await (await newHierarchy("Foreign")).device();
  folder = mkdtempSync(join(tmpdir(), "hawser-server12-"));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  files = {
    ca: write("ca.pem", chainPem([hierarchy.root.certificate.der])),
    cert: write("cert.pem", chainPem(device.chain)),
    key: write("key.pem", keyPem(device.key)),
    foreignCert: write("foreign-cert.pem", chainPem(foreign.chain)),
    foreignKey: write("foreign-key.pem", keyPem(foreign.key)),
  };
});
after(() => rmSync(folder, { recursive: true, force: true }));

type Running = DemonstrationServer & { readonly facts: ConnectionFacts[]; readonly errors: string[] };

/** A server that echoes, with what it agreed on and what ended its handshakes. */
async function start(t: TestContext, options: Partial<ServeOptions> = {}): Promise<Running> {
  const facts: ConnectionFacts[] = [];
  const errors: string[] = [];
  const running = await serveDemonstration({
    certificate: server.chain,
    key: keyPem(server.key),
    ca: [hierarchy.root.certificate],
    clientCertificates: "required",
    onConnection: (stream) => {
      facts.push(stream.facts);
      stream.on("data", (data: Uint8Array) => stream.write(data));
    },
    onFailure: (error) => errors.push((error as { code?: string }).code ?? error.message),
    ...options,
  });
  t.after(running.close);
  return { ...running, facts, errors };
}

function mbedtls(port: number, suite: ServerSuite, more: Record<string, string> = {}) {
  const { ca, cert, key } = files;
  return runMbedtlsClient({ port: String(port), suites: suite, ca, cert, key, servername: "localhost", ...more });
}

test("OE-28 OE-57 the demonstration server speaks every suite of its list, static ECDH too, with an mbedTLS client and its certificate", async (t) => {
  if (!requireLibrary(t, "mbedtls")) return;
  const running = await start(t);
  for (const suite of SERVER_SUITES) {
    const { status, output } = await mbedtls(running.port, suite, { line: `over ${suite}` });
    assert.equal(status, 0, output);
    assert.match(output, /handshake version=TLSv1\.2 .*certificate=.*CN=server.* flaws=0/);
    assert.match(output, new RegExp(`received over ${suite}`));
    const facts = running.facts.at(-1);
    assert.equal(facts?.suite, suite);
    assert.equal(facts?.group, "secp256r1");
    assert.equal(facts?.extendedMasterSecret, true);
    assert.deepEqual(facts?.peerChain, device.chain, "the client's own certificates");
  }
  assert.deepEqual(running.errors, []);
});

test("OE-26 T-14 an mbedTLS client resumes its session over every suite, static ECDH too", async (t) => {
  if (!requireLibrary(t, "mbedtls")) return;
  const running = await start(t);
  for (const suite of SERVER_SUITES) {
    const { status, output } = await mbedtls(running.port, suite, { again: "yes" });
    assert.equal(status, 0, output);
    const last = running.facts.slice(-2);
    assert.deepEqual(
      last.map((facts) => [facts.suite, facts.resumed, facts.peerChain.length]),
      [
        [suite, false, 2],
        [suite, true, 2],
      ],
    );
  }
  assert.deepEqual(running.errors, []);
});

test("the server refuses an mbedTLS client without a certificate, with a foreign one, and with no suite in common", async (t) => {
  if (!requireLibrary(t, "mbedtls")) return;
  const running = await start(t, { suites: ECDH });
  const bare = await runMbedtlsClient({ port: String(running.port), suites: ECDH[0] ?? "", ca: files.ca });
  assert.match(bare.output, /failed code=/);
  const foreign = await mbedtls(running.port, ECDH[0] ?? SERVER_SUITES[0], {
    cert: files.foreignCert,
    key: files.foreignKey,
  });
  assert.notEqual(foreign.status, 0);
  const other = await mbedtls(running.port, ECDHE[0] ?? SERVER_SUITES[0]);
  assert.match(other.output, /failed code=/);
  assert.deepEqual(running.errors, ["no-client-certificate", "certificate-refused", "no-common-suite"]);
});

test("openssl s_client agrees on each ECDHE suite and resumes by session id", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const running = await start(t);
  for (const suite of ECDHE) {
    const output = await openssl(running.port, ["-cipher", opensslSuiteName(suite), "-reconnect"]);
    assert.equal(output.match(/^New, TLSv1\.2, Cipher is /gm)?.length, 1, output);
    assert.equal(output.match(/^Reused, TLSv1\.2, Cipher is /gm)?.length, 5, output);
    assert.match(output, /Verify return code: 0 \(ok\)/);
    assert.match(output, /Secure Renegotiation IS supported/);
    assert.match(output, /Extended master secret: yes/);
  }
  assert.deepEqual(
    running.facts.map(({ suite, resumed, peerChain }) => [suite, resumed, peerChain.length > 0]),
    ECDHE.flatMap((suite) => [false, true, true, true, true, true].map((resumed) => [suite, resumed, true])),
  );
});

test("openssl s_client is refused with the alert that its mistake deserves", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const running = await start(t);
  const cases: [args: string[], alert: RegExp, code: string][] = [
    [["-tls1_3"], /alert protocol version/, "no-common-version"],
    [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], /alert protocol version|no protocols available/, "no-common-version"],
    [["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], /handshake failure/, "no-common-suite"],
    [["-curves", "X448"], /handshake failure/, "no-common-suite"],
    [["-cert", files.foreignCert, "-key", files.foreignKey], /unknown ca/, "certificate-refused"],
  ];
  for (const [args, alert, code] of cases) {
    const before = running.errors.length;
    const output = await openssl(running.port, args);
    assert.match(output, alert, args.join(" "));
    if (running.errors.length > before) assert.equal(running.errors.at(-1), code, args.join(" "));
  }
  assert.ok(running.errors.length >= 4, running.errors.join(" "));
});

test("gnutls-cli verifies the server, shows its certificate and resumes its session", async (t) => {
  if (!requirePeer(t, "gnutls-cli")) return;
  const running = await start(t);
  const priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA";
  const { ca, cert, key } = files;
  const args = ["-p", String(running.port), "--priority", priority, "--x509cafile", ca];
  const output = await program("gnutls-cli", [
    ...args,
    "--x509certfile",
    cert,
    "--x509keyfile",
    key,
    "--resume",
    "localhost",
  ]);
  assert.match(output, /Handshake was completed/);
  assert.match(output, /This is a resumed session/);
  assert.deepEqual(
    running.facts.map(({ resumed }) => resumed),
    [false, true],
  );
  assert.equal(running.facts[1]?.peerChain.length, 2, "a resumed session keeps the client's certificates");
});

test("T-14 a server that keeps no sessions makes every openssl handshake a whole one, so the key's owner signs each time", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const running = await start(t, { resumes: false });
  const output = await openssl(running.port, ["-reconnect"]);
  assert.doesNotMatch(output, /^Reused/m);
  assert.deepEqual(
    running.facts.map(({ resumed, clientCertificate }) => [resumed, clientCertificate]),
    Array.from({ length: 6 }, () => [false, "sent"]),
  );
});

test("the server listens on loopback unless told otherwise", async (t) => {
  assert.equal((await start(t)).address, "127.0.0.1");
});

/** s_client with our files, unless the arguments say otherwise; everything that it printed. */
function openssl(port: number, args: readonly string[]): Promise<string> {
  const has = (name: string) => args.includes(name);
  return program("openssl", [
    "s_client",
    "-connect",
    `127.0.0.1:${port}`,
    "-CAfile",
    files.ca,
    "-servername",
    "localhost",
    ...(has("-cert") ? [] : ["-cert", files.cert, "-key", files.key, "-cert_chain", files.cert]),
    ...(has("-tls1_3") || has("-tls1_1") ? [] : ["-tls1_2"]),
    ...args,
  ]);
}

function program(name: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", () => resolve(output));
    child.stdin.end();
  });
}
