/** Mutual TLS with the device's key in a simulated A5000, SE050 or SE051 behind JRCP, against openssl. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { SE05X_OBJECT } from "../../src/apdu/se05x/index.ts";
import { nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip, type Se05xModelName, testRoot } from "../../src/chip/se05x/index.ts";
import { toPem, utf8Bytes } from "../../src/codec/index.ts";
import { SeededEntropy, verifierOverDigests } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { connectChip } from "../../src/host/node.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();

/** A chip in its own server, reached over TCP. */
async function openChip(t: TestContext, model: Se05xModelName): Promise<Se05x> {
  const entropy = new SeededEntropy(nodeHash, `tls ${model}`);
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const transport = await connectChip(`127.0.0.1:${served.port}`);
  t.after(() => transport.close());
  return Se05x.open(transport, { hash: nodeHash, clock: nodeClock });
}

const OPERATIONS = {
  "TLSv1.2": ["key-share", "client-random", "verify-server-signature", "key-agreement", "client-signature"],
  "TLSv1.3": ["key-share", "client-random", "key-agreement", "verify-server-signature", "client-signature"],
};

for (const [model, version, where] of [
  ["a5000", "TLSv1.2", "only the signature"],
  ["a5000", "TLSv1.2", "every operation"],
  ["a5000", "TLSv1.3", "every operation"],
  ["se050", "TLSv1.2", "every operation"],
  ["se051", "TLSv1.2", "every operation"],
] as const) {
  const ids = where === "every operation" ? "A5-22 A5-28 A5-30" : "A5-30 A5-32";
  test(
    `${ids} openssl accepts over ${version} a device whose ${model} does ${where}`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, "openssl")) return;
      const chip = await openChip(t, model);
      const trace = new Ledger({ clock: nodeClock });
      // The key pair that the part was born with.
      const signer = await chip.signer(SE05X_OBJECT.deviceKey);
      const certificate = await hierarchy.deviceFor(signer.publicKey);
      const args = version === "TLSv1.2" ? ["-tls1_2"] : ["-tls1_3"];
      const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, demandsCertificate: true, args });
      const inChip: Partial<ConnectOptions> = {
        random: chip.random,
        keyAgreement: chip.keyAgreement(1),
        verifier: verifierOverDigests(chip.verifier, nodeHash),
        schemes: ["ecdsa_secp256r1_sha256"],
      };
      const client = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        ca: [hierarchy.root.certificate.der],
        certificate,
        signer,
        trace,
        ...(where === "every operation" ? inChip : {}),
      });
      assert.equal(client.facts.protocol, version);
      client.write("from the chip\n");
      await once(client, "data");
      client.end();
      await once(client, "close");
      const performed = trace
        .events({ kinds: ["tls.operation"] })
        .flatMap((event) => (event.kind === "tls.operation" && event.performer === "chip" ? [event.operation] : []));
      assert.deepEqual(performed, where === "every operation" ? OPERATIONS[version] : ["client-signature"]);
    },
  );
}

test("A5-39 openssl verifies an A5000's birth certificate under the test root, and what its key signs", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const chip = await openChip(t, "a5000");
  const folder = mkdtempSync(join(tmpdir(), "hawser-se05x-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const put = (name: string, content: Uint8Array | string) => writeFileSync(join(folder, name), content);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" }).toString();
  put("root.pem", toPem("CERTIFICATE", (await testRoot(nodeSe05xCrypto)).certificate.der));
  const born = (await chip.readCertificate(SE05X_OBJECT.deviceCertificate)) ?? assert.fail();
  put("device.pem", toPem("CERTIFICATE", born));
  assert.match(openssl("verify", "-x509_strict", "-CAfile", "root.pem", "device.pem"), /device\.pem: OK/);
  const signer = await chip.signer(SE05X_OBJECT.deviceKey);
  put("public.pem", toPem("PUBLIC KEY", signer.publicKey));
  put("content", "telemetry");
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    put("signature", await signer.sign(`ecdsa_${hash}`, utf8Bytes("telemetry")));
    const verified = openssl("dgst", `-${hash}`, "-verify", "public.pem", "-signature", "signature", "content");
    assert.match(verified, /Verified OK/);
  }
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(
    `A5-39 openssl verifies an SE050's RSA birth under the test root, and lets it in over ${version}`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, "openssl")) return;
      const chip = await openChip(t, "se050");
      const folder = mkdtempSync(join(tmpdir(), "hawser-se05x-"));
      t.after(() => rmSync(folder, { recursive: true }));
      const born = (await chip.readCertificate(SE05X_OBJECT.deviceRsa2048Certificate)) ?? assert.fail();
      const root = (await testRoot(nodeSe05xCrypto)).certificate.der;
      const file = (name: string, der: Uint8Array) => {
        writeFileSync(join(folder, name), toPem("CERTIFICATE", der));
        return join(folder, name);
      };
      const rootFile = file("root.pem", root);
      const verified = execFileSync("openssl", [
        "verify",
        "-x509_strict",
        "-CAfile",
        rootFile,
        file("device.pem", born),
      ]);
      assert.match(verified.toString(), /device\.pem: OK/);
      const args = [version === "TLSv1.2" ? "-tls1_2" : "-tls1_3", "-CAfile", rootFile];
      const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, demandsCertificate: true, args });
      const client = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        ca: [hierarchy.root.certificate.der],
        certificate: [born],
        signer: await chip.signer(SE05X_OBJECT.deviceRsa2048Key),
      });
      assert.equal(client.facts.protocol, version);
      client.write("from the chip\n");
      await once(client, "data");
      client.end();
      await once(client, "close");
    },
  );
}
