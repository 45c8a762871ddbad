/** OpenSSL's engine, curl, GnuTLS, OpenSSH and mosquitto use a key that is in the chip, and stays there. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { toHex, toPem } from "../../src/codec/index.ts";
import { ecPublicPoint } from "../../src/crypto/index.ts";
import { csrFromPem, parseCsr } from "../../src/pki/index.ts";
import { nodeVerifier } from "../../src/crypto/node.ts";
import { chainPem, keyPem, newHierarchy, type Hierarchy } from "../tls/hierarchy.ts";
import {
  freePort,
  keyUri,
  P11_KIT_CLIENT,
  PIN,
  requirePkcs11,
  startHttps,
  startProgram,
  startToken,
  type TestToken,
} from "./pkcs11-token.ts";
import { requireSshd, startSshd } from "./pkcs11-ssh.ts";

const TIMEOUT = { timeout: 25_000 };
const URI = keyUri("devkey");

/** A token whose chip holds a key and its certificate, and the files that programs take. */
async function deviceToken(t: Parameters<typeof startToken>[0], hierarchy: Hierarchy): Promise<TestToken> {
  const token = await startToken(t);
  await token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "devkey");
  const chip = await token.chip();
  const publicKey = (await chip.keySlots())[0]?.publicKey;
  assert.ok(publicKey);
  const chain = await hierarchy.deviceFor(publicKey);
  token.write("device.pem", chainPem(chain));
  token.write("device.pub", toPem("PUBLIC KEY", publicKey));
  token.write("ca.pem", chainPem([hierarchy.root.certificate.der]));
  token.write("device.der", chain[0] ?? new Uint8Array(0));
  await token.tool("--write-object", "device.der", "--type", "cert", "--label", "devcert");
  return token;
}

/** How many signatures the chip has made. */
function signatures({ ledger }: TestToken): number {
  return ledger.events().filter((event) => event.kind === "chip.command" && event.name === "Sign").length;
}

test(
  "OE-34 openssl req has the chip sign a CSR: program, OpenSSL, engine, host library, bus, A71CH",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "openssl", "pkcs11-tool")) return;
    const token = await startToken(t);
    await token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "devkey");
    const args = ["req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", URI, "-subj", "/CN=device-1"];
    const { stdout } = await token.ok("openssl", args);
    const request = await parseCsr(csrFromPem(stdout), nodeVerifier);
    assert.equal(request.subject.text, "CN=device-1");
    const publicKey = (await (await token.chip()).keySlots())[0]?.publicKey;
    assert.deepEqual(request.publicKey.der, publicKey);
    assert.equal(signatures(token), 1);
  },
);

test(
  "OE-50 a key is injected once; then files are signed and verified in the chip, and no call gives it away",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "openssl", "pkcs11-tool")) return;
    const token = await startToken(t);
    const chip = await token.chip();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const scalar = Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url");
    const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }));
    const { point } = ecPublicPoint(publicKey) ?? assert.fail("a point");
    await chip.injectKeyPair(1, { scalar, point });

    token.write("firmware.bin", new Uint8Array(100_000).fill(7));
    token.write("device.pub", toPem("PUBLIC KEY", publicKey));
    const sign = ["dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", keyUri("key-1")];
    await token.ok("openssl", [...sign, "-out", "signature", "firmware.bin"]);
    const verify = ["dgst", "-sha256", "-verify", "device.pub", "-signature", "signature", "firmware.bin"];
    assert.match((await token.ok("openssl", verify)).stdout, /Verified OK/);

    await token.ok("openssl", ["dgst", "-sha256", "-binary", "-out", "hash", "firmware.bin"]);
    const inChip = ["--id", "01", "--mechanism", "ECDSA", "--input-file", "hash", "--signature-file", "signature"];
    assert.match(
      (await token.tool("--verify", ...inChip, "--signature-format", "openssl")).stdout,
      /Signature is valid/,
    );
    const done = token.ledger.events().filter((event) => event.kind === "chip.command");
    assert.ok(
      done.some(({ name }) => name.startsWith("Verify")),
      "the chip verified",
    );

    const login = ["--provider", P11_KIT_CLIENT, "--login", "--set-pin", "1234"];
    const stolen = await token.run("p11tool", [...login, "--export", keyUri("key-1")]);
    assert.notEqual(stolen.status, 0);
    assert.doesNotMatch(stolen.stdout, /PRIVATE KEY/);
    assert.ok(!token.ledger.jsonLines().includes(toHex(scalar)));
  },
);

for (const version of ["1.2", "1.3"] as const) {
  test(`openssl s_client completes mutual TLS ${version} with the chip's key`, TIMEOUT, async (t) => {
    if (!requirePkcs11(t, "openssl", "pkcs11-tool")) return;
    const hierarchy = await newHierarchy();
    const token = await deviceToken(t, hierarchy);
    const { port } = await startHttps(t, hierarchy);
    const server = ["-connect", `127.0.0.1:${port}`, "-servername", "localhost", "-CAfile", "ca.pem"];
    const key = [
      "-engine",
      "pkcs11",
      "-keyform",
      "engine",
      "-key",
      URI,
      "-cert",
      "device.pem",
      "-cert_chain",
      "device.pem",
    ];
    const args = [
      "s_client",
      ...server,
      "-verify_return_error",
      ...key,
      `-tls${version.replace(".", "_")}`,
      "-ign_eof",
    ];
    const { stdout } = await token.ok("openssl", args, "GET / HTTP/1.0\r\n\r\n");
    assert.ok(stdout.includes(`hello chip-device over TLSv${version}`), stdout);
    assert.equal(signatures(token), 1);
  });
}

test("curl takes key and certificate from the chip, by engine and by URI alone", TIMEOUT, async (t) => {
  if (!requirePkcs11(t, "curl", "pkcs11-tool")) return;
  const hierarchy = await newHierarchy();
  const token = await deviceToken(t, hierarchy);
  const { url } = await startHttps(t, hierarchy);
  const common = ["--silent", "--show-error", "--cacert", "ca.pem", "--key", URI, url];
  const byEngine = await token.ok("curl", [
    "--engine",
    "pkcs11",
    "--cert",
    "device.pem",
    "--key-type",
    "ENG",
    ...common,
  ]);
  assert.match(byEngine.stdout, /^hello chip-device over TLSv1\.3/);
  const byUri = await token.ok("curl", ["--cert", "pkcs11:token=SE;object=devcert;type=cert", ...common]);
  assert.match(byUri.stdout, /^hello chip-device/);
  assert.equal(signatures(token), 2);
});

test(
  "curl finds the token by the module file that the server prints, with no environment at all",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "curl", "bwrap", "pkcs11-tool")) return;
    const hierarchy = await newHierarchy();
    const token = await deviceToken(t, hierarchy);
    const { url } = await startHttps(t, hierarchy);
    mkdirSync(join(token.folder, "modules"));
    token.write("modules/hawser.module", `remote: unix:path=${token.socket}\n`);
    // In a view of the file system in which the module is installed, as a package would do it.
    const view = ["--dev-bind", "/", "/", "--bind", join(token.folder, "modules"), "/usr/share/p11-kit/modules"];
    const isolated = ["--unsetenv", "P11_KIT_SERVER_ADDRESS", "--unsetenv", "PKCS11_MODULE_PATH"];
    if ((await token.run("bwrap", [...view, "true"])).status !== 0) {
      t.skip("bwrap cannot make a view of the file system here");
      return;
    }
    const certificate = "pkcs11:token=SE;object=devcert;type=cert";
    const curl = ["curl", "--silent", "--show-error", "--cacert", "ca.pem", "--cert", certificate, "--key", URI, url];
    assert.match((await token.ok("bwrap", [...view, ...isolated, ...curl])).stdout, /^hello chip-device/);
  },
);

test("gnutls-cli takes key and certificate from the chip", TIMEOUT, async (t) => {
  if (!requirePkcs11(t, "gnutls-cli", "pkcs11-tool")) return;
  const hierarchy = await newHierarchy();
  const token = await deviceToken(t, hierarchy);
  const { port } = await startHttps(t, hierarchy);
  const args = ["--provider", P11_KIT_CLIENT, "--x509cafile", "ca.pem", "-p", String(port), "localhost"];
  const identity = ["--x509certfile", "pkcs11:token=SE;object=devcert;type=cert", "--x509keyfile", URI];
  const { stdout } = await token.ok("gnutls-cli", [...identity, ...args], "GET / HTTP/1.0\r\n\r\n");
  assert.match(stdout, /hello chip-device over TLSv1\.3/);
});

test("ssh -I logs in with the chip's key", TIMEOUT, async (t) => {
  if (!requirePkcs11(t, "ssh", "ssh-keygen", "pkcs11-tool") || !requireSshd(t)) return;
  const token = await startToken(t);
  await token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "devkey");
  const authorized = (await token.ok("ssh-keygen", ["-D", P11_KIT_CLIENT])).stdout;
  const { argv, env } = await startSshd(t, { folder: token.folder, authorized, pin: PIN });
  const asked = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { stdout } = await token.ok("env", [...asked, "ssh", ...argv]);
  assert.equal(stdout, "signed in\n");
  assert.equal(signatures(token), 1);
});

test(
  "AW-90 mosquitto_pub and mosquitto_sub connect through the engine with the chip's key at the same time",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "mosquitto", "mosquitto_pub", "mosquitto_sub", "pkcs11-tool")) return;
    const hierarchy = await newHierarchy();
    const token = await deviceToken(t, hierarchy);
    const server = await hierarchy.server();
    const port = await freePort();
    token.write("server.pem", chainPem(server.chain));
    token.write("server.key", keyPem(server.key));
    const settings = [
      // Started by root, it would become a user who may not read these files; otherwise this line changes nothing.
      "user root",
      `listener ${port} 127.0.0.1`,
      `certfile ${token.folder}/server.pem`,
      `keyfile ${token.folder}/server.key`,
      `cafile ${token.folder}/ca.pem`,
      "require_certificate true",
      "use_identity_as_username true",
    ];
    token.write("mosquitto.conf", `${settings.join("\n")}\n`);
    const broker = startProgram(t, ["mosquitto", "-v", "-c", "mosquitto.conf"], { cwd: token.folder });
    await broker.printed(/running/);
    // mosquitto 2.0.11 wants a file of the key's name before it asks the engine.
    token.write(URI, "");
    const tls = [
      "--cafile",
      "ca.pem",
      "--cert",
      "device.pem",
      "--tls-engine",
      "pkcs11",
      "--keyform",
      "engine",
      "--key",
      URI,
    ];
    const connect = ["-h", "localhost", "-p", String(port), ...tls, "-t", "plant/1", "-q", "1"];
    const { cwd, env } = { cwd: token.folder, env: token.env };
    const subscriber = startProgram(t, ["mosquitto_sub", "-C", "1", "-i", "sub", ...connect], { cwd, env });
    await broker.printed(/Sending SUBACK to sub/);
    await token.ok("mosquitto_pub", ["-m", "reading 1", "-i", "pub", ...connect]);
    await subscriber.printed(/reading 1/);
    await broker.printed(/New client connected from .* as pub .*u'chip-device'/);
    assert.equal(signatures(token), 2);
  },
);
