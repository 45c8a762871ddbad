import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { decodeProtectedHeader, jwtVerify } from "jose";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../chip/node.ts";
import { toBase64 } from "../codec/index.ts";
import { SeededEntropy, VirtualClock, type Signer } from "../crypto/index.ts";
import { nodeHash, nodeSigner } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { issueRootCertificate, nameFromText } from "../pki/index.ts";
import { deviceToken } from "./index.ts";

const clock = new VirtualClock();
const entropy = new SeededEntropy(nodeHash, "token");
const validity = { notBefore: clock.now(), notAfter: clock.now() + 86_400_000 };

async function identityOf(signer: Signer) {
  const certificate = await issueRootCertificate({ subject: nameFromText("CN=device"), validity, entropy, signer });
  return { signer, chain: [certificate] };
}

test("MQ-55 a key in a chip signs a token that jose verifies, with the certificate's id and, if asked, the certificate", async () => {
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock });
  const element = await A71ch.open(localTransport(chip), { hash: nodeHash, clock });
  await element.generateKeyPair(0);
  const signer = await element.signer(0);
  const identity = await identityOf(signer);
  const [certificate] = identity.chain;
  assert.ok(certificate);
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  const order = { audience: "sensors", now: clock.now(), lifetimeS: 600 };
  const token = await deviceToken(identity, { ...order, nonce: "challenge", sendsCertificate: true });
  const { payload } = await jwtVerify(token, key, { audience: "sensors", currentDate: new Date(clock.now()) });
  assert.deepEqual(payload, { aud: "sensors", iat: 1_767_225_600, exp: 1_767_226_200, nonce: "challenge" });
  const { alg, kid, x5c } = decodeProtectedHeader(token);
  assert.deepEqual([alg, kid, x5c], ["ES256", certificate.id, [toBase64(certificate.der)]]);
  assert.equal(decodeProtectedHeader(await deviceToken(identity, order)).x5c, undefined);
});

test("token-key: P-384 signs ES384, and a key that can do neither is refused", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const order = { audience: "a", now: clock.now(), lifetimeS: 60 };
  const token = await deviceToken(await identityOf(nodeSigner(privateKey)), order);
  const { protectedHeader } = await jwtVerify(token, publicKey, { currentDate: new Date(clock.now()) });
  assert.equal(protectedHeader.alg, "ES384");
  const rsa = nodeSigner(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
  const { chain } = await identityOf(nodeSigner(privateKey));
  await assert.rejects(deviceToken({ signer: rsa, chain }, order), { code: "token-key" });
});
