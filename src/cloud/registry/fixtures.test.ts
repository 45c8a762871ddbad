/** What tests of the registry and of the API share: a registry over a temporary store, and CAs with their devices. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { concat } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock, type Signer } from "../../crypto/index.ts";
import { nodeHash, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import {
  certificateToPem,
  issueCertificate,
  issueRootCertificate,
  nameFromAttributes,
  type Certificate,
  type Issuer,
  type ProfileName,
} from "../../pki/index.ts";
import { Ledger } from "../../trace/index.ts";
import { openStore } from "../store/node.ts";
import {
  currentRegistrationCode,
  END_OF_ISSUED,
  openRegistry,
  registerCa,
  type CaRegistration,
  type DeviceIssuing,
  type Registry,
  type RegistryOptions,
} from "./index.ts";

export const entropy = new SeededEntropy(nodeHash, "registry tests");
export const DAY = 86_400_000;

export type World = { readonly registry: Registry; readonly ledger: Ledger; readonly clock: VirtualClock };

/** A registry of its own; the clock stands at the start of 2026. Closed and removed when the test ends. */
export async function newWorld(
  t: TestContext,
  directory = temporary(t),
  options: RegistryOptions = {},
): Promise<World> {
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const store = await openStore({ directory });
  t.after(() => store.close());
  const ports = { store, clock, entropy, verifier: nodeVerifier, trace: ledger };
  return { registry: await openRegistry(ports, { region: "eu-central-1", ...options }), ledger, clock };
}

export function temporary(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), "hawser-registry-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "data");
}

export function newSigner(curve = "P-256"): Signer {
  return nodeSigner(generateKeyPairSync("ec", { namedCurve: curve }).privateKey);
}

const caValidity = { notBefore: Date.UTC(2024, 0, 1), notAfter: Date.UTC(2030, 0, 1) };
const validity = { notBefore: Date.UTC(2025, 11, 1), notAfter: Date.UTC(2030, 0, 1) };

export async function newCa(name = "Test CA", signer = newSigner()): Promise<Issuer> {
  const subject = nameFromAttributes([["CommonName", name]]);
  return { certificate: await issueRootCertificate({ subject, validity: caValidity, entropy, signer }), signer };
}

export type LeafOptions = {
  readonly issuer: Issuer;
  readonly name?: string;
  readonly profile?: ProfileName;
  readonly validity?: { readonly notBefore: number; readonly notAfter: number };
  readonly publicKey?: Uint8Array;
};

export function newLeaf(options: LeafOptions): Promise<Certificate> {
  const { issuer, name = "device", profile = "device", publicKey = newSigner().publicKey } = options;
  const subject = nameFromAttributes([["CommonName", name]]);
  const dates = options.validity ?? validity;
  return issueCertificate({ subject, validity: dates, entropy, profile, publicKey, issuer });
}

/** A CA of the cloud's own, with new keys on a curve: an RSA key takes a test too long to find. */
export async function newIssuing(): Promise<DeviceIssuing> {
  const signer = newSigner();
  const validity = { notBefore: Date.UTC(2024, 0, 1), notAfter: END_OF_ISSUED };
  const subject = nameFromAttributes([["CommonName", "Device CA"]]);
  const issuer = { certificate: await issueRootCertificate({ subject, validity, entropy, signer }), signer };
  return {
    issuer,
    async newKeyPair() {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" })),
        publicKeyPem: publicKey.export({ format: "pem", type: "spki" }),
        privateKeyPem: privateKey.export({ format: "pem", type: "sec1" }),
      };
    },
  };
}

/** The certificate with a text of its signed part replaced by one of the same length, signed again: what careless tools make. */
export async function reworded(certificate: Certificate, words: [string, string], { signer }: Issuer): Promise<string> {
  const tbs = Uint8Array.from(
    Buffer.from(certificate.tbs)
      .toString("latin1")
      .replace(...words),
    (c) => c.charCodeAt(0),
  );
  const signature = await signer.sign("ecdsa_sha256", tbs);
  const { der } = certificate;
  const algorithm = der.subarray(4 + tbs.length, der.length - certificate.signature.length - 3);
  const content = concat(tbs, algorithm, Uint8Array.of(0x03, signature.length + 1, 0), signature);
  const head = Uint8Array.of(0x30, 0x82, content.length >> 8, content.length & 0xff);
  return certificateToPem({ der: concat(head, content) });
}

/** The registration of a CA as its owner asks for it, with a proof for the present code. */
export async function registrationOf(registry: Registry, issuer: Issuer): Promise<CaRegistration> {
  const name = await currentRegistrationCode(registry);
  const verification = await newLeaf({ issuer, name, profile: "verification" });
  return {
    caCertificate: certificateToPem(issuer.certificate),
    verificationCertificate: certificateToPem(verification),
  };
}

/** A registered CA: ACTIVE, and registering devices just in time unless told otherwise. */
export async function registeredCa(registry: Registry, flags: Partial<CaRegistration> = {}): Promise<Issuer> {
  const issuer = await newCa();
  const request = await registrationOf(registry, issuer);
  await registerCa(registry, { ...request, setAsActive: true, allowAutoRegistration: true, ...flags });
  return issuer;
}

export const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }],
});
