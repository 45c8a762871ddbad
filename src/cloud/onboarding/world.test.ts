/** What the tests of this sub-room share: a PKI, a registry in memory, a broker that only remembers. */
import { generateKeyPairSync } from "node:crypto";

import { VirtualClock, type Signer } from "../../crypto/index.ts";
import { nodeEntropy, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import {
  issueCertificate,
  issueRootCertificate,
  nameFromText,
  type Certificate,
  type CertificateOrder,
  type Issuer,
  type ProfileName,
} from "../../pki/index.ts";
import { Ledger, type RefusalCause } from "../../trace/index.ts";
import type { ConnectRequest, SystemMessage } from "../broker/index.ts";
import { parsePolicyDocument } from "../policy/index.ts";
import { Directory, type CaEntry, type CertificateEntry } from "../registry/index.ts";
import type { GatekeeperOptions } from "./gatekeeper.ts";
import { OnboardingGatekeeper, type SessionOwner } from "./index.ts";

export const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const VALIDITY = { notBefore: NOW - 10 * DAY, notAfter: NOW + 365 * DAY };
export const ACCOUNT = { id: "123456789012", region: "eu-west-1" };
export const ARN = `arn:aws:iot:${ACCOUNT.region}:${ACCOUNT.id}`;

export const newSigner = (): Signer => nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);

export async function newCa(
  subject: string,
  more: Partial<CertificateOrder> = {},
  signer = newSigner(),
): Promise<Issuer> {
  const order = { subject: nameFromText(subject), validity: VALIDITY, entropy: nodeEntropy, signer, ...more };
  return { certificate: await issueRootCertificate(order), signer };
}

type LeafOrder = Partial<CertificateOrder> & { readonly profile?: ProfileName; readonly publicKey?: Uint8Array };

export async function newLeaf(issuer: Issuer, subject: string, more: LeafOrder = {}): Promise<Certificate> {
  const { profile = "device", publicKey = newSigner().publicKey, ...rest } = more;
  const order = { subject: nameFromText(subject), validity: VALIDITY, entropy: nodeEntropy, ...rest };
  return issueCertificate({ ...order, profile, publicKey, issuer });
}

/** A registry in memory, to be changed by the test. */
export class MemoryRegistry extends Directory {
  constructor() {
    super(nodeEntropy);
  }

  addCa({ certificate }: Issuer, more: Partial<CaEntry> = {}): void {
    const { id } = certificate;
    this.setCa(id, { id, status: "ACTIVE", autoRegistration: "ENABLE", mode: "DEFAULT", certificate, ...more });
  }

  /** Creates or changes a certificate and tells listeners, as a commit does. */
  put(id: string, change: Partial<CertificateEntry>): void {
    const fresh = { status: "INACTIVE", caId: undefined, mode: "DEFAULT", registeredAt: NOW } as const;
    const before = this.certificate(id);
    this.setCertificate(id, { ...fresh, policies: [], things: [], ...before, ...change, id });
  }

  putPolicy(name: string, ...Statement: object[]): void {
    const document = parsePolicyDocument(JSON.stringify({ Version: "2012-10-17", Statement }));
    this.setPolicy(name, { name, version: (this.policy(name)?.version ?? 0) + 1, document });
  }
}

export const allow = (Action: string | string[], Resource: string): object => ({ Effect: "Allow", Action, Resource });

export type World = Awaited<ReturnType<typeof newWorld>>;

/** A gatekeeper between an empty registry and a broker that has no connections but those in `live`. */
export function newWorld(more: Pick<GatekeeperOptions, "isOurName" | "expiredCasRegister"> = {}) {
  const clock = new VirtualClock(NOW);
  const ledger = new Ledger({ clock });
  const directory = new MemoryRegistry();
  const published: SystemMessage[] = [];
  const live = new Map<string, SessionOwner>();
  const closed: { clientId: string; cause: RefusalCause }[] = [];
  const registrations: string[] = [];
  const gatekeeper = new OnboardingGatekeeper({
    ...more,
    account: ACCOUNT,
    directory,
    clock,
    trace: ledger,
    verifier: nodeVerifier,
    register: async ({ id }, ca) => {
      registrations.push(id);
      await Promise.resolve();
      directory.put(id, { status: "PENDING_ACTIVATION", caId: ca.id, registeredAt: clock.now() });
      return { isNew: true };
    },
    broker: {
      publish: (message) => void published.push(message),
      liveSessions: () => live.values(),
      closeSessions: (matches, { cause }) => {
        for (const [clientId, owner] of live)
          if (matches(owner)) {
            live.delete(clientId);
            closed.push({ clientId, cause });
          }
      },
    },
  });
  let connections = 0;
  return { clock, ledger, directory, published, live, closed, registrations, gatekeeper, admit };

  async function admit(chain: readonly Certificate[], clientId = "dev1", more: Partial<ConnectRequest> = {}) {
    const certificates = chain.map(({ der }) => der);
    const connection = `c${++connections}`;
    const admission = await gatekeeper.admit({
      clientId,
      protocolVersion: 4,
      cleanStart: true,
      keepAliveS: 60,
      peer: { connection, address: "192.0.2.7", certificates, servername: undefined },
      ...more,
    });
    if (admission.admit) live.set(clientId, { clientId, principalId: admission.authority.principalId });
    return admission;
  }
}
