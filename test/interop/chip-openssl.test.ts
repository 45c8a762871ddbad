/** The chip's keys and signatures, judged by the openssl program. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { parsePem, toPem, utf8Bytes } from "../../src/codec/index.ts";
import { ecPublicPoint } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { requirePeer } from "./peers.ts";

async function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-chip-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const device = await A71ch.open(await connectChip(`127.0.0.1:${served.port}`), { hash: nodeHash, clock: nodeClock });
  t.after(() => device.close());
  const openssl = (...parameters: string[]) => execFileSync("openssl", parameters, { cwd: folder, stdio: "pipe" });
  const put = (name: string, bytes: Uint8Array | string) => writeFileSync(join(folder, name), bytes);
  return { folder, device, openssl, put };
}

function keyPair(folder: string, name: string) {
  const sec1 = parsePem(readFileSync(join(folder, name), "utf8")).find(({ label }) => label === "EC PRIVATE KEY");
  // RFC 5915, section 3: SEQUENCE, version 1, OCTET STRING of 32 bytes.
  return sec1?.bytes.slice(7, 39) ?? assert.fail();
}

test("OE-13 OE-16 openssl pkeyutl -verify accepts what the chip signed, and refuses it with one bit flipped", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { folder, device, openssl, put } = await bench(t);
  put("public.pem", toPem("PUBLIC KEY", await device.generateKeyPair(0)));
  const content = utf8Bytes("telemetry of a device");
  const digest = nodeHash.digest("sha256", content);
  const signature = await (await device.signer(0)).sign("ecdsa_sha256", content);
  const verify = (digestFile: string) =>
    spawnSync(
      "openssl",
      ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-in", digestFile, "-sigfile", "signature"],
      { cwd: folder, encoding: "utf8" },
    );
  put("digest", digest);
  put("signature", signature);
  put("flipped", digest.with(31, (digest[31] ?? 0) ^ 1));
  assert.match(verify("digest").stdout, /Signature Verified Successfully/);
  const refused = verify("flipped");
  assert.notEqual(refused.status, 0);
  assert.match(refused.stdout, /Signature Verification Failure/);
  put("content", content);
  assert.match(
    openssl("dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "content").toString(),
    /Verified OK/,
  );
});

test("OE-50 AW-80 AW-85 a key made by openssl ecparam signs in the chip after injection, and agrees as openssl pkeyutl -derive does", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { folder, device, openssl, put } = await bench(t);
  openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", "deviceKey.key");
  const publicInfo = new Uint8Array(openssl("ec", "-in", "deviceKey.key", "-pubout", "-outform", "DER"));
  const { point } = ecPublicPoint(publicInfo) ?? assert.fail();
  await device.injectKeyPair(2, { scalar: keyPair(folder, "deviceKey.key"), point });
  const signer = await device.signer(2);
  assert.deepEqual(signer.publicKey, publicInfo);
  put("public.pem", toPem("PUBLIC KEY", publicInfo));
  put("content", "sample");
  put("signature", await signer.sign("ecdsa_sha256", utf8Bytes("sample")));
  assert.match(
    openssl("dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "content").toString(),
    /Verified OK/,
  );
  const ephemeral = await device.keyAgreement(0).generate("secp256r1");
  const [slot] = await device.keySlots();
  put("peer.pem", toPem("PUBLIC KEY", slot?.publicKey ?? assert.fail()));
  openssl("pkeyutl", "-derive", "-inkey", "deviceKey.key", "-peerkey", "peer.pem", "-out", "secret");
  assert.deepEqual(await ephemeral.agree(point), new Uint8Array(readFileSync(join(folder, "secret"))));
});

test("OE-14 the chip checks what openssl signed", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { folder, device, openssl, put } = await bench(t);
  openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", "key.pem");
  put("content", "sample");
  openssl("dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "content");
  const publicInfo = new Uint8Array(openssl("ec", "-in", "key.pem", "-pubout", "-outform", "DER"));
  const { point } = ecPublicPoint(publicInfo) ?? assert.fail();
  const signature = new Uint8Array(readFileSync(join(folder, "signature")));
  const digest = nodeHash.digest("sha256", utf8Bytes("sample"));
  assert.equal(await device.verifier.verifyDigest(point, digest, signature), true);
  assert.equal(await device.verifier.verifyDigest(point, digest.with(0, (digest[0] ?? 0) ^ 0x80), signature), false);
});
