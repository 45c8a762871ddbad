/** Ordinary programs use the keys of an A5000 through the same bridge as those of an A71CH. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { toPem } from "../../src/codec/index.ts";
import { chainPem, newHierarchy } from "../tls/hierarchy.ts";
import { keyUri, requirePkcs11, startHttps, startToken } from "./pkcs11-token.ts";

test(
  "A5-43 pkcs11-tool, openssl and curl use keys and certificates of an A5000, and keep them apart",
  { timeout: 40_000 },
  async (t) => {
    if (!requirePkcs11(t, "pkcs11-tool", "openssl", "curl")) return;
    const hierarchy = await newHierarchy();
    const token = await startToken(t, { model: "a5000" });
    await token.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "devkey");
    const chip = await token.chip();
    const publicKey = (await chip.keySlots())[0]?.publicKey ?? assert.fail("a key in slot 0");
    const chain = await hierarchy.deviceFor(publicKey);
    token.write("device.pem", chainPem(chain));
    token.write("device.der", chain[0] ?? assert.fail());
    token.write("device.pub", toPem("PUBLIC KEY", publicKey));
    token.write("ca.pem", chainPem([hierarchy.root.certificate.der]));
    await token.tool("--write-object", "device.der", "--type", "cert", "--label", "devcert");

    // The part's birth keys have IDs and names of their own, with their certificates beside them.
    const listed = (await token.tool("--list-objects")).stdout;
    assert.match(listed, /Private Key Object; EC\s+label:\s+devkey\s+ID:\s+00\s/);
    assert.match(listed, /Private Key Object; EC\s+label:\s+key-f0000100\s+ID:\s+f0000100\s/);
    assert.match(listed, /Certificate Object[^]+label:\s+certificate-f0000101[^]+ID:\s+f0000100\s/);

    token.write("message", "what is signed");
    const sign = ["dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", keyUri("devkey")];
    await token.ok("openssl", [...sign, "-out", "signature", "message"]);
    const verify = ["dgst", "-sha256", "-verify", "device.pub", "-signature", "signature", "message"];
    assert.match((await token.ok("openssl", verify)).stdout, /Verified OK/);

    const { url, port } = await startHttps(t, hierarchy);
    const common = ["--silent", "--show-error", "--cacert", "ca.pem", "--key", keyUri("devkey"), url];
    const said = await token.ok("curl", ["--cert", "pkcs11:token=SE;object=devcert;type=cert", ...common]);
    assert.match(said.stdout, /^hello chip-device over TLSv1\.3/);
    const client = ["s_client", "-connect", `localhost:${port}`, "-CAfile", "ca.pem", "-verify_return_error"];
    const identity = ["-engine", "pkcs11", "-keyform", "engine", "-key", keyUri("devkey"), "-cert", "device.pem"];
    const request = "GET / HTTP/1.0\r\n\r\n";
    const talk = await token.ok("openssl", [...client, ...identity, "-ign_eof", "-quiet", "-tls1_2"], request);
    assert.match(talk.stdout, /hello chip-device over TLSv1\.2/);

    // The key that the part was born with makes a request, too; its private half never was outside.
    const born = ["req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", keyUri("key-f0000100")];
    await token.ok("openssl", [...born, "-subj", "/CN=born", "-out", "born.csr"]);
    assert.match((await token.ok("openssl", ["req", "-in", "born.csr", "-verify", "-noout"])).stderr, /verify OK/);

    const signatures = token.ledger
      .events()
      .filter((each) => each.kind === "chip.command" && each.name === "ECDSASign");
    assert.equal(signatures.length, 4);
    await token.tool("--delete-object", "--type", "privkey", "--id", "00");
    assert.equal((await chip.keySlots())[0]?.publicKey, undefined);
  },
);

test(
  "pkcs11-tool has an SE051 make keys on P-384 and P-521, and openssl checks what they sign",
  { timeout: 40_000 },
  async (t) => {
    if (!requirePkcs11(t, "pkcs11-tool", "openssl")) return;
    const token = await startToken(t, { model: "se051" });
    const chip = await token.chip();
    token.write("message", "what is signed");
    for (const [curve, hash] of [
      ["secp384r1", "sha384"],
      ["secp521r1", "sha512"],
    ] as const) {
      await token.tool("--keypairgen", "--key-type", `EC:${curve}`, "--label", curve, "--id", hash.slice(3, 5));
      // OpenSC 0.23 reads public keys on P-256 alone, of SoftHSM too.
      const publicKey = (await chip.keySlots()).findLast((each) => each.slot < 4 && each.publicKey)?.publicKey;
      token.write("key.pub", toPem("PUBLIC KEY", publicKey ?? assert.fail(curve)));
      const told = await token.ok("openssl", ["pkey", "-pubin", "-in", "key.pub", "-noout", "-text"]);
      assert.match(told.stdout, new RegExp(`ASN1 OID: ${curve}`));
      const sign = ["dgst", `-${hash}`, "-engine", "pkcs11", "-keyform", "engine", "-sign", keyUri(curve)];
      await token.ok("openssl", [...sign, "-out", "signature", "message"]);
      const verify = ["dgst", `-${hash}`, "-verify", "key.pub", "-signature", "signature", "message"];
      assert.match((await token.ok("openssl", verify)).stdout, /Verified OK/);
    }
  },
);
