import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { FEATURE } from "./features.ts";
import { ALGORITHM_SOURCES, provenanceTable } from "./provenance.ts";
import { SE05X_MODELS, type Se05xModelName } from "./variants.ts";

const KEY = 0x20000001;
const block = new Uint8Array(16);

/** A command for each algorithm that is carried out where the model has it, and refused where it has not. */
const PROBES: Readonly<Record<string, (host: Host) => string>> = {
  "points and ECDH on P-256, P-384": (host) => host.sw("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x04 }),
  "points and ECDH on 14 more curves": (host) => host.sw("createCurve", { curve: 0x10 }),
  "ECDSA over digests, signing": (host) => ecdsa(host, "sign"),
  "ECDSA over digests, checking": (host) => ecdsa(host, "verify"),
  "points checked before use": (host) =>
    host.sw("writeEcKey", {
      part: 0x20,
      objectId: KEY,
      publicKey: host.send("readObject", { objectId: 0xf000_0012 }).bytes,
    }),
  "points of two keys, PACE's mapping"(host) {
    host.sw("writeEcKey", { part: 0x60, objectId: KEY });
    return host.sw("multiply", { objectId: KEY, publicKeyId: KEY, algorithm: 0x05 });
  },
  Ed25519: (host) => host.sw("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x40 }),
  "X25519, X448": (host) => host.sw("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x43 }),
  "RSA, raw keys": (host) => host.sw("writeRsaKey", { part: 0x60, form: 0x4f, objectId: KEY, bits: 512 }),
  "RSA, CRT keys": (host) => host.sw("writeRsaKey", { part: 0x60, form: 0x00, objectId: KEY, bits: 512 }),
  "PKCS #1 v1.5, PSS, OAEP"(host) {
    host.sw("writeRsaKey", { part: 0x60, form: 0x00, objectId: KEY, bits: 512 });
    return host.sw("sign", { objectId: KEY, algorithm: 0x28, digest: block });
  },
  "AES-ECB, -CBC, -CTR": (host) =>
    withKey(host, 3, () => host.sw("cipher", { objectId: KEY, mode: 0x0e, direction: 0x37, input: block })),
  "AES-GCM, -CCM, GMAC": (host) =>
    withKey(host, 3, () =>
      host.sw("aead", { family: 0x11, objectId: KEY, mode: 0xb0, direction: 0x37, associated: block, iv: block }),
    ),
  "DES, triple DES": (host) => host.sw("writeSymmKey", { kind: 4, objectId: KEY, value: block }),
  "SHA-1, SHA-2": (host) => host.sw("digest", { algorithm: 0x01, input: block }),
  HMAC: (host) => withKey(host, 5, () => host.sw("mac", { objectId: KEY, algorithm: 0x18, input: block })),
  "CMAC of AES and DES": (host) =>
    withKey(host, 3, () => host.sw("mac", { objectId: KEY, algorithm: 0x31, input: block })),
  "key wrapping, SCP03": (host) => host.sw("initializeUpdate", { keyVersion: 0, hostChallenge: new Uint8Array(8) }),
  HKDF: (host) => withKey(host, 5, () => host.sw("hkdf", { objectId: KEY, algorithm: 0x04, length: 16 })),
  "PRF of TLS 1.2": (host) => host.sw("tlsRandom", {}),
  PBKDF2: (host) => withKey(host, 5, () => host.sw("pbkdf2", { objectId: KEY, iterations: 1, length: 16 })),
  "ECDAA on BN P-256": (host) => host.sw("writeEcKey", { part: 0x60, objectId: KEY, curve: 0x11 }),
  "PAKE, DESFire, I2C controller": (host) => host.raw("8003001700").sw.toString(16),
};

function withKey(host: Host, kind: number, work: () => string): string {
  host.send("writeSymmKey", { kind, objectId: KEY, value: block });
  return work();
}

function ecdsa(host: Host, command: "sign" | "verify"): string {
  host.send("writeEcKey", { part: 0x60, objectId: KEY });
  const given = { objectId: KEY, algorithm: 0x21, digest: new Uint8Array(32) };
  return command === "sign" ? host.sw("sign", given) : host.sw("verify", { ...given, signature: block });
}

test("ALGORITHM_SOURCES: each model carries out what the table gives it, and refuses the rest", async () => {
  for (const model of Object.keys(SE05X_MODELS) as Se05xModelName[]) {
    for (const { algorithm, models } of ALGORITHM_SOURCES) {
      const { host } = await newSe05x({ model });
      const probe = PROBES[algorithm] ?? assert.fail(algorithm);
      assert.equal(probe(host) === "9000", models.includes(model), `${model}: ${algorithm}`);
    }
  }
});

test("ALGORITHM_SOURCES: a model's feature bits are those of the algorithms that it has", () => {
  for (const [model, { features }] of Object.entries(SE05X_MODELS)) {
    const having = ALGORITHM_SOURCES.filter(({ models }) => models.includes(model as Se05xModelName));
    const bits = having.reduce((sum, { feature = 0 }) => sum | feature, 0);
    assert.equal(features, bits, model);
    assert.equal(features & FEATURE.ecdaa, 0, "what is absent has its bit clear");
  }
});

test("The README has the table of algorithms as the data has it", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  assert.ok(readme.includes(provenanceTable()), provenanceTable());
});
