import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";

import { toHex, toPem } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeSigner, nodeVerifier, privateKeyFromPem } from "../crypto/node.ts";
import {
  type Certificate,
  certificatesFromPem,
  certificateToPem,
  createCsr,
  csrToPem,
  issueCertificate,
  issueRootCertificate,
  type Issuer,
  nameFromAttributes,
  nameValues,
  parseCsr,
  type ProfileName,
} from "../pki/index.ts";
import { type AccessOptions, openChipAt } from "./chip-access.ts";
import type { Output } from "./output.ts";
import { FILES, SERVER_NAME } from "./oem-words.ts";

export type CredentialOptions = AccessOptions & {
  readonly ecc: string;
  /** A chip whose unique id becomes the serial number of the device's name. */
  readonly chip?: string;
  readonly manufacturer: string;
  readonly function: string;
  readonly contact?: string;
};

const DAY_MS = 86_400_000;
const DAYS = 2800;

/**
 * `tlsCreateCredentialsRunOnClientOnce.sh`: a demonstration CA, and key, request and certificate of client and server,
 * in one folder. What is there already is kept, so that it can be run again. AN12132, section 5.3
 */
export async function createCredentials(options: CredentialOptions, output: Output): Promise<void> {
  const { ecc } = options;
  mkdirSync(ecc, { recursive: true });
  const issuer = await demoCa(ecc, output);
  const uid = options.chip === undefined ? undefined : await uniqueIdOf(options.chip, options);
  const device = [
    ["O", options.manufacturer],
    ["OU", options.function],
    ...(options.contact === undefined ? [] : [["emailAddress", options.contact] as const]),
    ...(uid === undefined ? [] : [["serialNumber", uid] as const]),
    ["CN", "demo-device"],
  ] as const;
  const client = { key: FILES.clientKey, request: FILES.clientRequest, certificate: FILES.client };
  await credential(ecc, issuer, { ...client, profile: "device", subject: device }, output);
  const publicKey = nodeSigner(privateKeyFromPem(readFileSync(join(ecc, FILES.clientKey), "utf8"))).publicKey;
  writeFileSync(join(ecc, FILES.clientPublicKey), toPem("PUBLIC KEY", publicKey));
  const server = { key: FILES.serverKey, request: FILES.serverRequest, certificate: FILES.server };
  const subject = [
    ["O", options.manufacturer],
    ["OU", "OEM cloud"],
    ["CN", SERVER_NAME],
  ] as const;
  await credential(ecc, issuer, { ...server, profile: "agreeingServer", subject }, output);
  keep(ecc, FILES.psk, () => `${toHex(nodeEntropy.bytes(16))}\n`, output);
  output.warn(
    `${ecc} holds the private keys of CA, device and server: a demonstration only. A server needs ` +
      `${FILES.root}, ${FILES.server} and ${FILES.serverKey}; a real CA's key never leaves its hardware module`,
  );
}

/** The root that signs both, as the note simulates it. AN12132, section 5.3 */
async function demoCa(ecc: string, output: Output): Promise<Issuer> {
  const signer = nodeSigner(privateKeyFromPem(newKey(ecc, FILES.rootKey, output)));
  const path = join(ecc, FILES.root);
  if (!existsSync(path)) {
    const certificate = await issueRootCertificate({
      subject: nameFromAttributes([
        ["O", "Hawser demonstration"],
        ["OU", "Demo-Unit"],
        ["CN", "Demo-CA"],
      ]),
      signer,
      validity: validity(),
      entropy: nodeEntropy,
    });
    writeFileSync(path, certificateToPem(certificate));
    show("root certificate", certificate, output);
  }
  const [certificate] = certificatesFromPem(readFileSync(path, "utf8"));
  return { certificate: certificate as Certificate, signer };
}

type Order = {
  readonly key: string;
  readonly request: string;
  readonly certificate: string;
  readonly profile: ProfileName;
  readonly subject: readonly (readonly [type: string, value: string])[];
};

/** Key pair, request to the CA, and what the CA sends back; the certificate is made anew each time. */
async function credential(ecc: string, issuer: Issuer, order: Order, output: Output): Promise<void> {
  const signer = nodeSigner(privateKeyFromPem(newKey(ecc, order.key, output)));
  const der = await createCsr({ signer, subject: nameFromAttributes(order.subject) });
  writeFileSync(join(ecc, order.request), csrToPem(der));
  const request = await parseCsr(der, nodeVerifier);
  const certificate = await issueCertificate({
    issuer,
    profile: order.profile,
    subject: request.subject,
    publicKey: request.publicKey.der,
    // No certificate outlives its issuer's, which may be older.
    validity: { ...validity(), notAfter: issuer.certificate.validity.notAfter },
    entropy: nodeEntropy,
    ...(order.profile === "device" ? {} : { names: { dns: [SERVER_NAME, "localhost"] } }),
  });
  writeFileSync(join(ecc, order.certificate), certificateToPem(certificate));
  show(order.profile === "device" ? "client certificate" : "server certificate", certificate, output);
}

function validity() {
  const now = nodeClock.now();
  return { notBefore: now - DAY_MS, notAfter: now + DAYS * DAY_MS };
}

/** The PEM of a P-256 key, made unless it is there. */
function newKey(ecc: string, name: string, output: Output): string {
  return keep(
    ecc,
    name,
    () => generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({ format: "pem", type: "sec1" }),
    output,
  );
}

function keep(ecc: string, name: string, make: () => string | Buffer, output: Output): string {
  const path = join(ecc, name);
  const isThere = existsSync(path);
  if (!isThere) writeFileSync(path, make(), { mode: 0o600, flag: "wx" });
  output.line({ event: isThere ? "kept" : "created", file: path }, `${isThere ? "kept" : "created"} ${path}`);
  return readFileSync(path, "utf8");
}

/** What the note's figure 15 shows of a certificate. */
function show(what: string, certificate: Certificate, output: Output): void {
  const { subject, issuer, signatureAlgorithm, serialNumber } = certificate;
  const [elementSerial] = nameValues(subject, "SerialNumber");
  output.line(
    {
      event: "certificate",
      what,
      subject: subject.text,
      issuer: issuer.text,
      signatureAlgorithm: signatureAlgorithm.name,
      serialNumber,
      ...(elementSerial === undefined ? {} : { elementSerial }),
    },
    [
      what,
      `  subject              ${subject.text}`,
      `  issuer               ${issuer.text}`,
      `  signature algorithm  ${signatureAlgorithm.name}`,
      `  serial number        ${serialNumber}`,
      ...(elementSerial === undefined ? [] : [`  secure element       ${elementSerial}`]),
    ].join("\n"),
  );
}

async function uniqueIdOf(address: string, access: AccessOptions): Promise<string> {
  const element = await openChipAt(address, access);
  try {
    return element.identity.uniqueId;
  } finally {
    await element.close();
  }
}
