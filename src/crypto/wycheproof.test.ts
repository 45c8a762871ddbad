/** Project Wycheproof's vectors (Apache-2.0), through the ports as node:crypto fills them. */
import assert from "node:assert/strict";
import { createECDH, createPrivateKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { concat, fromHex, toHex } from "../codec/index.ts";
import {
  type AeadName,
  ecPublicPoint,
  type HashName,
  hkdfExpand,
  hkdfExtract,
  type SignatureAlgorithm,
} from "./index.ts";
import { nodeAead, nodeHash, nodeVerifier } from "./node.ts";
import { type CurveGroup, ecKeyOver, NODE_CURVE, montgomeryKeyOver } from "./node-curves.ts";

const DEEP = process.env.HAWSER_DEEP === "1";
const FOLDER = join(import.meta.dirname, "../../../shared/vectors/wycheproof");

/** One case; which of the fields are there depends on the file. */
type Case = Readonly<Record<string, string>> & {
  readonly tcId: number;
  readonly result: "valid" | "invalid" | "acceptable";
  readonly flags: readonly string[];
};
type Group = Readonly<Record<string, unknown>> & { readonly tests: readonly Case[] };

/** Every case with its group; none, and a reported skip, where the file is not here. */
function casesOf(t: TestContext, name: string): readonly { readonly group: Group; readonly each: Case }[] {
  const path = join(FOLDER, `${name}_test.json`);
  if (!existsSync(path)) {
    t.skip(`${name} is not here`);
    return [];
  }
  const { testGroups } = JSON.parse(readFileSync(path, "utf8")) as { testGroups: readonly Group[] };
  return testGroups.flatMap((group) => group.tests.map((each) => ({ group, each })));
}

const field = (each: Case, name: string) => fromHex(each[name] ?? "");

const SIGNATURES: Readonly<Record<string, SignatureAlgorithm>> = {
  ecdsa_secp256r1_sha256: "ecdsa_sha256",
  ecdsa_secp384r1_sha384: "ecdsa_sha384",
  ecdsa_secp521r1_sha512: "ecdsa_sha512",
  rsa_pss_2048_sha256_mgf1_32: "rsa_pss_sha256",
  rsa_pss_2048_sha384_mgf1_48: "rsa_pss_sha384",
  rsa_pss_4096_sha512_mgf1_64: "rsa_pss_sha512",
  rsa_signature_2048_sha256: "rsa_pkcs1_sha256",
  rsa_signature_4096_sha256: "rsa_pkcs1_sha256",
  rsa_signature_3072_sha384: "rsa_pkcs1_sha384",
  rsa_signature_2048_sha512: "rsa_pkcs1_sha512",
};

for (const [name, algorithm] of Object.entries(SIGNATURES)) {
  test(`nodeVerifier accepts exactly the valid signatures of Wycheproof's ${name}`, async (t) => {
    for (const { group, each } of casesOf(t, name)) {
      const publicKey = fromHex(String(group.publicKeyDer));
      const check = { publicKey, algorithm, content: field(each, "msg"), signature: field(each, "sig") };
      // What Wycheproof calls acceptable leaves the NULL out of the digest's AlgorithmIdentifier.
      const expected = each.result === "valid";
      assert.equal(await nodeVerifier.verify(check), expected, `case ${each.tcId}: ${each.comment}`);
    }
  });
}

const CIPHERS: Readonly<Record<string, (keySize: number, tagSize: number) => AeadName | undefined>> = {
  aes_gcm: (keySize, tagSize) => (tagSize === 128 ? (`aes-${keySize}-gcm` as AeadName) : undefined),
  aes_ccm: (keySize, tagSize) =>
    tagSize === 128
      ? (`aes-${keySize}-ccm` as AeadName)
      : tagSize === 64
        ? (`aes-${keySize}-ccm-8` as AeadName)
        : undefined,
  chacha20_poly1305: () => "chacha20-poly1305",
};

for (const [name, cipherOf] of Object.entries(CIPHERS)) {
  test(`nodeAead seals and opens as Wycheproof's ${name} says`, (t) => {
    const cases = casesOf(t, name).filter(({ group }) => group.ivSize === 96 && group.keySize !== 192);
    let tried = 0;
    for (const { group, each } of cases) {
      const cipher = cipherOf(Number(group.keySize), Number(group.tagSize));
      if (!cipher) continue;
      tried++;
      const [key, iv, aad, message] = ["key", "iv", "aad", "msg"].map((part) => field(each, part));
      if (!key || !iv || !aad || !message) assert.fail();
      const sealed = fromHex(`${each.ct}${each.tag}`);
      const opened = nodeAead.open(cipher, key, iv, sealed, aad);
      const about = `case ${each.tcId}: ${each.comment}`;
      assert.deepEqual(opened, each.result === "valid" ? message : undefined, about);
      if (each.result === "valid")
        assert.deepEqual(concat(...nodeAead.seal(cipher, key, iv, message, aad)), sealed, about);
    }
    assert.ok(cases.length === 0 || tried > 100, `${tried} cases`);
    t.diagnostic(`${tried} cases`);
  });
}

/** Points as they are, or in a SubjectPublicKeyInfo. */
const AGREEMENTS: Readonly<Record<string, CurveGroup>> = {
  ecdh_secp256r1_ecpoint: "secp256r1",
  ecdh_secp384r1: "secp384r1",
  ecdh_secp521r1_ecpoint: "secp521r1",
};

for (const [name, group] of Object.entries(AGREEMENTS)) {
  test(`ecKeyOver agrees as Wycheproof's ${name} says`, async (t) => {
    const counts = { agreed: 0, refused: 0 };
    // The larger curves take milliseconds a case.
    const cases = casesOf(t, name).filter(({ each }) => DEEP || group === "secp256r1" || each.tcId % 5 === 0);
    for (const { each } of cases) {
      const about = `case ${each.tcId}: ${each.comment}`;
      const own = createECDH(NODE_CURVE[group]);
      const point = name.endsWith("_ecpoint") ? field(each, "public") : pointOf(field(each, "public"));
      try {
        own.setPrivateKey(each.private ?? "", "hex");
      } catch {
        // The scalar belongs to another curve, as the point does: any key must refuse it.
        assert.notEqual(each.result, "valid", about);
        own.generateKeys();
      }
      const agreed = ecKeyOver(group, own).agree(point);
      // What Wycheproof calls acceptable is another encoding of a point: TLS has one only. RFC 8422, section 5.1.2
      if (each.result === "valid") assert.equal(toHex(await agreed), each.shared, about);
      else if (each.result === "invalid") await assert.rejects(agreed, { code: "bad-peer-key" }, about);
      else assert.ok(["", each.shared].includes(toHex(await agreed.catch(() => new Uint8Array(0)))), about);
      counts[each.result === "valid" ? "agreed" : "refused"]++;
    }
    t.diagnostic(JSON.stringify(counts));
  });
}

/** The point of a key on a named curve; no bytes where it is anything else. */
function pointOf(publicKeyInfo: Uint8Array): Uint8Array {
  try {
    return ecPublicPoint(publicKeyInfo)?.point ?? new Uint8Array(0);
  } catch {
    return new Uint8Array(0);
  }
}

const X25519_PKCS8 = "302e020100300506032b656e04220420"; // RFC 8410, section 7

test("montgomeryKeyOver agrees as Wycheproof's x25519 says, and refuses what gives zero", async (t) => {
  for (const { each } of casesOf(t, "x25519")) {
    const key = Buffer.from(`${X25519_PKCS8}${each.private}`, "hex");
    const agreed = montgomeryKeyOver("x25519", createPrivateKey({ key, format: "der", type: "pkcs8" })).agree(
      field(each, "public"),
    );
    // Non-canonical points and those on the twist are acceptable and computed. RFC 7748, section 5
    if (/^0+$/.test(each.shared ?? "")) await assert.rejects(agreed, { code: "bad-peer-key" }, `case ${each.tcId}`);
    else assert.equal(toHex(await agreed), each.shared, `case ${each.tcId}: ${each.comment}`);
  }
});

for (const name of ["sha256", "sha384"] satisfies HashName[]) {
  test(`nodeHash makes exactly the valid tags of Wycheproof's hmac_${name}`, (t) => {
    for (const { group, each } of casesOf(t, `hmac_${name}`)) {
      const tag = nodeHash.hmac(name, field(each, "key"), field(each, "msg")).subarray(0, Number(group.tagSize) / 8);
      assert.equal(toHex(tag) === each.tag, each.result === "valid", `case ${each.tcId}: ${each.comment}`);
    }
  });

  test(`hkdfExtract and hkdfExpand derive what Wycheproof's hkdf_${name} says`, (t) => {
    for (const { each } of casesOf(t, `hkdf_${name}`)) {
      const key = hkdfExtract(nodeHash, name, field(each, "salt"), field(each, "ikm"));
      const derive = () => hkdfExpand(nodeHash, name, { key, info: field(each, "info"), length: Number(each.size) });
      if (each.result === "valid") assert.equal(toHex(derive()), each.okm, `case ${each.tcId}`);
      else assert.throws(derive, { code: "too-long" }, `case ${each.tcId}: ${each.comment}`);
    }
  });
}
