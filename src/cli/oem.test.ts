import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../chip/node.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { certificatesFromPem, csrFromPem, nameValues, parseCsr, signedBy } from "../pki/index.ts";
import { runOemClient } from "./oem-client.ts";
import { createCredentials } from "./oem-credentials.ts";
import { explainBuild, layOutScripts, OEM_SCRIPTS } from "./oem-scripts.ts";
import { serveOem } from "./oem-server.ts";
import { CLIENT_MODES, FILES, meaningOf, modeOf, SERVER_MODES } from "./oem-words.ts";
import type { Output } from "./output.ts";

type Line = Record<string, unknown>;

function recording(): Output & { readonly lines: Line[]; readonly warnings: string[] } {
  const lines: Line[] = [];
  const warnings: string[] = [];
  return {
    json: true,
    lines,
    warnings,
    line: (fields) => void lines.push(fields),
    note: () => undefined,
    warn: (text) => void warnings.push(text),
  };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "hawser-oem-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const ORDER = { manufacturer: "Example Pumps", function: "Flow meter", contact: "iot@example.com" };

test("tlsSeClient refuses a chip that holds another key than the certificate's, and names the step that was left out", async (t) => {
  const ecc = folder(t);
  await createCredentials({ ecc, ...ORDER }, recording());
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const device = await A71ch.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
  await device.generateKeyPair(0);
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const options = { ecc, chip: `127.0.0.1:${served.port}`, port: 1, servername: "x", message: "m" };
  const tools = { output: recording(), signal: new AbortController().signal };
  await assert.rejects(runOemClient("127.0.0.1", { mode: "ECDHE", options }, tools), {
    code: "bad-option",
    message: /key pair 0 of the chip is not that of the certificate of .*tlsPrepareClient\.sh/,
  });
});

test("OE-43 OE-45 OE-46 OE-47 createCredentials makes CA, client and server credentials once, each certificate by way of a request", async (t) => {
  const ecc = folder(t);
  await createCredentials({ ecc, ...ORDER }, recording());
  const read = (name: keyof typeof FILES) => readFileSync(join(ecc, FILES[name]), "utf8");
  const [root] = certificatesFromPem(read("root"));
  assert.ok(root?.extensions.basicConstraints?.ca);
  for (const [key, request, certificate] of [
    ["clientKey", "clientRequest", "client"],
    ["serverKey", "serverRequest", "server"],
  ] as const) {
    assert.equal(statSync(join(ecc, FILES[key])).mode & 0o777, 0o600);
    const wanted = await parseCsr(csrFromPem(read(request)), nodeVerifier);
    const [issued] = certificatesFromPem(read(certificate));
    assert.ok(issued && (await signedBy(issued, root, nodeVerifier)));
    assert.equal(issued.subject.text, wanted.subject.text);
    assert.deepEqual(issued.publicKey, wanted.publicKey);
    assert.equal(issued.publicKey.kind === "ec" && issued.publicKey.curve, "P-256");
  }
  const [client] = certificatesFromPem(read("client"));
  assert.deepEqual(
    client &&
      ["Organization", "OrganizationalUnit", "EmailAddress"].map((each) => nameValues(client.subject, each as never)),
    [[ORDER.manufacturer], [ORDER.function], [ORDER.contact]],
  );
  const keys = () => [read("rootKey"), read("clientKey"), read("serverKey"), read("psk"), read("root")];
  const before = keys();
  await createCredentials({ ecc, ...ORDER }, recording());
  assert.deepEqual(keys(), before, "what is there is kept");
});

test("OE-48 createCredentials prints the server certificate's subject, its issuer Demo-CA, algorithm and serial number", async (t) => {
  const output = recording();
  await createCredentials({ ecc: folder(t), ...ORDER }, output);
  const shown = output.lines.find(({ what }) => what === "server certificate");
  assert.match(String(shown?.["subject"]), /CN=oem-cloud\.example/);
  assert.match(String(shown?.["issuer"]), /CN=Demo-CA/);
  assert.equal(shown?.["signatureAlgorithm"], "ecdsa_sha256");
  assert.match(String(shown?.["serialNumber"]), /^[0-9a-f]{16,}$/);
  assert.match(output.warnings.join(" "), /private keys of CA, device and server/);
});

test("T-07 modeOf takes no misprint of the notes, and says what is meant", () => {
  assert.throws(() => modeOf("ECHDE", SERVER_MODES), /'ECHDE' is none of .*what is meant is ECDHE/);
  assert.throws(() => modeOf("ECDHE_PKE", CLIENT_MODES), /what is meant is ECDHE_PSK/);
  assert.match(meaningOf("WolfTLS") ?? "", /wolfSSL/);
  assert.match(meaningOf("River, Shamir and Adleman") ?? "", /Rivest/);
  assert.equal(meaningOf("ECDHE"), undefined);
});

test("T-11 meaningOf knows the spellings of the one board", () => {
  for (const spelling of ["OM3170", "OM3710", "om3710a71chard"]) {
    assert.match(meaningOf(spelling) ?? "", /OM3710\/A71CHARD/, spelling);
  }
});

test("T-12 T-13 modeOf keeps certificates and pre-shared keys apart, and takes ECDH, ECDHE, both, max and ECDHE_256 in any case", () => {
  assert.deepEqual(
    ["ECDH", "ecdhe", "BOTH", "max", "psk", "ECDHE-PSK"].map((word) => modeOf(word, SERVER_MODES)),
    ["ECDH", "ECDHE", "both", "max", "psk", "ecdhe-psk"],
  );
  assert.equal(modeOf("ecdhe_256", CLIENT_MODES), "ECDHE_256");
  assert.throws(() => modeOf("both", CLIENT_MODES), { code: "bad-option" });
  assert.ok(SERVER_MODES.ECDH.suites.every((name) => name.includes("_ECDH_ECDSA_")));
  assert.ok(SERVER_MODES.psk.suites.every((name) => name.startsWith("TLS_PSK_")));
  assert.ok(SERVER_MODES["ecdhe-psk"].suites.every((name) => name.startsWith("TLS_ECDHE_PSK_")));
});

test("T-09 serveOem explains that the key it needs is the private one where a public key is given", async (t) => {
  const ecc = folder(t);
  await createCredentials({ ecc, ...ORDER }, recording());
  for (const mode of ["ECDH", "ECDHE"] as const) {
    const options = { ecc, host: "127.0.0.1", port: 0, key: join(ecc, FILES.clientPublicKey) };
    const serving = serveOem(mode, options, { output: recording(), signal: new AbortController().signal });
    await assert.rejects(serving, /holds a public key; what AN12132 calls the server public key is the private one/);
  }
});

test("OE-37 OE-58 serveOem says that it is a demonstration, and what OpenSSL would be given: key, certificate, CA, port", async (t) => {
  const ecc = folder(t);
  await createCredentials({ ecc, ...ORDER }, recording());
  for (const mode of ["ECDH", "ECDHE", "psk"] as const) {
    const output = recording();
    const stop = new AbortController();
    stop.abort();
    await serveOem(mode, { ecc, host: "127.0.0.1", port: 0 }, { output, signal: stop.signal });
    assert.match(output.warnings[0] ?? "", /a demonstration server, to be adapted before any commercial use/);
    assert.equal(output.warnings.length, mode === "ECDH" ? 2 : 1, "static ECDH is called what it is");
    const said = String(output.lines[0]?.["openssl"]);
    const wanted =
      mode === "psk"
        ? /-accept 0 .*-psk_identity/
        : /-accept 0 .*-CAfile .*rootca\.cer -cert .*server\.cer -key .*server_key\.pem -Verify 2/;
    assert.match(said, wanted);
    assert.deepEqual(output.lines[0]?.["addresses"] === undefined, false);
    assert.match(String(output.lines[1]?.["address"]), /^127\.0\.0\.1:\d+$/);
  }
});

test("OE-36 OE-42 T-08 layOutScripts makes the note's folder with each script, tlsSeClient under both of its names", (t) => {
  const home = folder(t);
  const output = recording();
  layOutScripts(home, output);
  const scripts = join(home, "axHostSw/hostLib/embSeEngine/a71chDemo/scripts");
  assert.deepEqual(readdirSync(scripts).toSorted(), Object.keys(OEM_SCRIPTS).toSorted());
  const text = (name: string) => readFileSync(join(scripts, name), "utf8");
  assert.equal(text("tlsSeClient"), text("tlsSeClient.sh"));
  assert.match(
    text("tlsServer.sh"),
    /^#!\/bin\/sh\nexec hawser oem server --ecc "\$\(dirname "\$0"\)\/\.\.\/ecc" "\$@"\n$/,
  );
  assert.ok(statSync(join(scripts, "tlsServer.sh")).mode & 0o100);
  const { bin } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  for (const name of Object.keys(OEM_SCRIPTS)) assert.equal(bin[name], "./dist/cli/oem-program.js", name);
  writeFileSync(join(home, "kept"), "");
  layOutScripts(home, output);
});

test("explainBuild says that I2C is absent and that nothing is compiled", () => {
  const output = recording();
  explainBuild({ applet: "A71CH", conn: "i2c", platf: "native" }, output);
  explainBuild({ applet: "A71CH", conn: "socket", platf: "native" }, output);
  assert.equal(output.warnings.length, 1);
  assert.match(output.warnings[0] ?? "", /no I2C driver/);
  assert.equal(output.lines.length, 2);
});
