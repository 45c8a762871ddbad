import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Refused, toHex, utf8Bytes } from "../codec/index.ts";
import { chipOperations } from "../agent/node.ts";
import { type SecureElement, type Signer, verifierOverDigests } from "../crypto/index.ts";
import { nodeClock, nodeHash } from "../crypto/node.ts";
import { certificatesFromPem, parseCertificate } from "../pki/index.ts";
import { opensslSuiteName } from "../tls/index.ts";
import { connect, type ConnectOptions, type KeptSession, type TlsDuplex } from "../tls/node.ts";
import { correlated, Ledger, printable, renderMermaid, renderTimeline } from "../trace/index.ts";
import { type AccessOptions, accessOf, openChipAt } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { CLIENT_MODES, type ClientMode, FILES, PSK_IDENTITY, SLOTS } from "./oem-words.ts";
import type { Output } from "./output.ts";
import { appendEvents } from "./trace-file.ts";

export type ClientOptions = AccessOptions & {
  readonly ecc: string;
  readonly chip: string;
  readonly port: number;
  /** Connects a second time and resumes the session. */
  readonly reconnect?: true;
  /** Takes the certificates out of the chip instead of the folder. */
  readonly stored?: true;
  readonly servername: string;
  readonly message: string;
  readonly trace?: string;
  readonly mermaid?: true;
};

const CERTIFICATES = { client: 0, root: 1 };

/** `tlsSeClient.sh`: connects with the key in the chip, says something, and shows what was agreed. AN12132, section 5.7 */
export async function runOemClient(
  ip: string,
  { mode, options }: { readonly mode: ClientMode; readonly options: ClientOptions },
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  const ledger = new Ledger({ clock: nodeClock });
  const closeTrace = options.trace === undefined ? () => undefined : appendEvents(ledger, options.trace);
  try {
    const element = await openChipAt(options.chip, accessOf(options), ledger);
    try {
      let kept: KeptSession | undefined;
      for (const round of options.reconnect ? [1, 2] : [1]) {
        const connection = `${ip}:${options.port} (${round})`;
        const stream = await connect({
          host: ip,
          port: options.port,
          servername: options.servername,
          maxVersion: "TLSv1.2",
          suites: CLIENT_MODES[mode],
          // Static ECDH and CBC are what the demonstration is about.
          legacy: true,
          signal,
          trace: correlated(ledger, { connection, device: element.identity.uniqueId }),
          onSession: (session) => (kept = session),
          session: kept,
          ...(await identity(element, mode, options)),
        });
        const answer = await say(stream, options.message);
        report({ stream, answer, connection, options, ledger, mode }, output);
      }
    } finally {
      await element.close();
    }
  } finally {
    closeTrace();
  }
}

/** Who we are and who does what: the chip, wherever it can. */
async function identity(
  element: SecureElement,
  mode: ClientMode,
  options: ClientOptions,
): Promise<Partial<ConnectOptions>> {
  const agreementSlot = SLOTS.agreement;
  if (mode.endsWith("psk")) {
    const operations = new Set(["random", "key-share", "premaster", "master"] as const);
    const parts = chipOperations({ element, operations, psk: { slot: SLOTS.psk }, agreementSlot, clock: nodeClock });
    return { psk: { identity: PSK_IDENTITY }, ...parts };
  }
  const verifier = verifierOverDigests(element.verifier, nodeHash);
  const certificate = await certificateOf(element, "client", options);
  const signer = await element.signer(SLOTS.identity).catch(unprepared);
  checkPrepared(certificate, signer);
  return {
    certificate,
    ca: await certificateOf(element, "root", options),
    signer,
    random: element.random,
    keyAgreement: element.keyAgreement(agreementSlot),
    verifier,
    chainVerifier: verifier,
    schemes: ["ecdsa_secp256r1_sha256"],
  };
}

/** A chip that tlsPrepareClient.sh has not been at has no key in the slot. */
function unprepared(error: unknown): never {
  if (!(error instanceof Refused) || error.wire !== 0x6985) throw error;
  throw badOption(`key pair ${SLOTS.identity} of the chip is empty: prepare the client first (tlsPrepareClient.sh)`);
}

/** Credentials that were made anew since, or a chip that was in other hands. */
function checkPrepared(certificate: string | readonly Uint8Array[], { publicKey }: Signer): void {
  const [leaf] = typeof certificate === "string" ? certificatesFromPem(certificate) : certificate.map(parseCertificate);
  if (!leaf || toHex(leaf.publicKey.der) === toHex(publicKey)) return;
  throw badOption(
    `key pair ${SLOTS.identity} of the chip is not that of the certificate of ${leaf.subject.text}: prepare the client with these credentials (tlsPrepareClient.sh)`,
  );
}

async function certificateOf(element: SecureElement, which: "client" | "root", { ecc, stored }: ClientOptions) {
  if (!stored) return readFileSync(join(ecc, FILES[which]), "utf8");
  const der = await element.readCertificate(CERTIFICATES[which]);
  return der ? [der] : [];
}

/** One message and its echo, then the goodbye of both sides. */
function say(stream: TlsDuplex, message: string): Promise<string> {
  const { length } = utf8Bytes(message);
  let received = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => resolve(received.toString("utf8")));
    stream.on("data", (data: Uint8Array) => {
      received = Buffer.concat([received, data]);
      if (received.length >= length) stream.end();
    });
    stream.write(message);
  });
}

type Report = {
  readonly stream: TlsDuplex;
  readonly answer: string;
  readonly connection: string;
  readonly options: ClientOptions;
  readonly ledger: Ledger;
  readonly mode: ClientMode;
};

/** The session's facts and the handshake as figure 10 draws it. */
function report({ stream, answer, connection, options, ledger, mode }: Report, output: Output): void {
  const { protocol, suite, group, resumed, extendedMasterSecret, peerChain, clientCertificate } = stream.facts;
  const draw = options.mermaid ? renderMermaid : renderTimeline;
  const timeline = draw(ledger.events(), { connection });
  const [leaf] = peerChain;
  const server = leaf ? parseCertificate(leaf).subject.text : `whoever holds the key of ${PSK_IDENTITY}`;
  const fields = { protocol, suite, group, resumed, extendedMasterSecret, clientCertificate, server, answer };
  output.line(
    { event: "connected", mode, connection, ...fields, timeline },
    [
      `connected to ${connection}, verified as ${options.servername}`,
      `  protocol                ${protocol}`,
      `  suite                   ${suite} (${opensslSuiteName(suite)})`,
      `  group                   ${group ?? "none"}`,
      `  session                 ${resumed ? "resumed" : "new"}`,
      `  extended master secret  ${extendedMasterSecret ? "yes" : "no"}`,
      `  server                  ${printable(server)}`,
      `  our certificate         ${clientCertificate}`,
      `  answered                ${printable(answer.trim())}`,
      timeline.trimEnd(),
    ].join("\n"),
  );
}
