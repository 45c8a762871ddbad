/** OCSP responses that openssl makes and staples, and revocation lists, on the way to a verified server. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { HawserError } from "../../src/codec/index.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const ca = [hierarchy.root.certificate.der];

/** A response about the server's certificate, made by openssl in the name of the intermediate CA. */
function response(t: TestContext, status: "good" | "revoked"): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-ocsp-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const serial = server.certificate.serialNumber.toUpperCase();
  const entry = status === "good" ? "V\t400101000000Z\t" : "R\t400101000000Z\t200101000000Z,keyCompromise";
  const issuer = file("ca.pem", chainPem([hierarchy.intermediate.certificate.der]));
  const respout = join(folder, "response.der");
  execFileSync(
    "openssl",
    [
      "ocsp",
      "-index",
      file("index.txt", `${entry}\t${serial}\tunknown\t/CN=server\n`),
      "-rsigner",
      issuer,
      "-rkey",
      file("ca.key", keyPem(hierarchy.intermediateKey)),
      "-CA",
      issuer,
      "-issuer",
      issuer,
      "-serial",
      `0x${serial}`,
      "-ndays",
      "7",
      "-respout",
      respout,
    ],
    { stdio: "ignore" },
  );
  return respout;
}

/** A certificate of the server's key that openssl issues with the TLS feature status_request. RFC 7633, section 6 */
function demandingServer(t: TestContext): typeof server {
  const folder = mkdtempSync(join(tmpdir(), "hawser-staple-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  writeFileSync(path("ca.pem"), chainPem([hierarchy.intermediate.certificate.der]));
  writeFileSync(path("ca.key"), keyPem(hierarchy.intermediateKey), { mode: 0o600 });
  writeFileSync(path("server.key"), keyPem(server.key), { mode: 0o600 });
  const features = "tlsfeature=status_request\nsubjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n";
  writeFileSync(path("features"), `${features}keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n`);
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "ignore" });
  openssl("req -new -key server.key -subj /CN=server -out server.csr");
  openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 7 -extfile features -out server.pem");
  const [certificate = server.certificate] = certificatesFromPem(readFileSync(path("server.pem"), "utf8"));
  return { ...server, certificate, chain: [certificate.der, hierarchy.intermediate.certificate.der] };
}

async function outcome(options: ConnectOptions): Promise<string> {
  try {
    const stream = await connect(options);
    stream.destroy();
    return "verified";
  } catch (error) {
    assert.ok(error instanceof HawserError);
    return error.cause instanceof HawserError ? error.cause.code : error.code;
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(
    `${version}: a stapled response decides, and a missing one where it is required`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, "openssl")) return;
      const start = async (args: readonly string[]) => {
        const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, args });
        return { host: "127.0.0.1", port: peer.port, servername: "localhost", ca, maxVersion: version } as const;
      };
      const good = await start(["-status_file", response(t, "good")]);
      const revoked = await start(["-status_file", response(t, "revoked")]);
      const none = await start([]);
      assert.equal(await outcome({ ...good, revocation: "if-present" }), "verified");
      assert.equal(await outcome({ ...revoked, revocation: "if-present" }), "revoked");
      assert.equal(await outcome({ ...revoked, revocation: "off" }), "verified");
      assert.equal(await outcome({ ...none, revocation: "if-present" }), "verified");
      assert.equal(await outcome({ ...none, revocation: "required" }), "revocation-unknown");
    },
  );
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${version}: a certificate that demands a stapled response is refused where one was asked for and none came`, async (t) => {
    if (!requirePeer(t, "openssl")) return;
    const peer = await TLS_SERVERS.openssl(t, { hierarchy, server: demandingServer(t) });
    const options = { host: "127.0.0.1", port: peer.port, servername: "localhost", ca, maxVersion: version } as const;
    assert.equal(await outcome({ ...options, revocation: "if-present" }), "stapled-response");
    assert.equal(await outcome({ ...options, revocation: "off" }), "verified");
  });
}
