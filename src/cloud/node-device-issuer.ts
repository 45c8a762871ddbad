import { generateKeyPair } from "node:crypto";
import { mkdirSync } from "node:fs";
import { promisify } from "node:util";

import type { Clock, Entropy, Signer } from "../crypto/index.ts";
import { nodeSigner } from "../crypto/node.ts";
import type { Trace } from "../trace/index.ts";
import { END_OF_ISSUED, type DeviceIssuing, type DeviceKeyPair } from "./registry/index.ts";
import { pointersUnder } from "./revocation/index.ts";
import { newKey, storedRoot } from "./node-stored-root.ts";

const generate = promisify(generateKeyPair);

/**
 * The CA with which the cloud itself issues device certificates, from a directory that is made with mode 0700. It is not
 * the root that devices trust: whoever gets hold of its key can make devices, but no server.
 */
export async function deviceIssuing(options: {
  readonly directory: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
  /** The control plane's address as relying parties reach it, to stand in certificates. */
  readonly revocationUrl?: string;
}): Promise<DeviceIssuing> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const issuer = await storedRoot({
    ...options,
    name: "device-ca",
    commonName: "Hawser device CA",
    days: 0,
    notAfter: END_OF_ISSUED,
  });
  const { revocationUrl } = options;
  if (revocationUrl === undefined) return { issuer, newKeyPair };
  const base = revocationUrl.replace(/\/+$/, "");
  return { issuer, pointers: pointersUnder(base, issuer.certificate.id), newKeyPair };
}

/** A key on P-256 that is in memory alone. */
export function newSigner(): Signer {
  return nodeSigner(newKey());
}

/** An RSA key of 2048 bits as AWS IoT hands one out: PKCS#1 for the private key, SubjectPublicKeyInfo for the public one. */
async function newKeyPair(): Promise<DeviceKeyPair> {
  const { publicKey, privateKey } = await generate("rsa", { modulusLength: 2048 });
  return {
    publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" })),
    publicKeyPem: publicKey.export({ format: "pem", type: "spki" }),
    privateKeyPem: privateKey.export({ format: "pem", type: "pkcs1" }),
  };
}
