import { HawserError } from "../../codec/index.ts";
import { certificateFromPem, certificateToPem, type Certificate } from "../../pki/index.ts";
import { correlated, type Trace } from "../../trace/index.ts";
import type { Admission, ConnectRequest, Gatekeeper, Peer } from "../broker/index.ts";
import { ResourceExists } from "../errors.ts";
import {
  attachPolicy,
  describeCertificate,
  iotArn,
  listThingPrincipals,
  registerCertificateWithoutCa,
  type Registry,
} from "../registry/index.ts";
import { bearerIn, CHALLENGE_METHOD } from "./challenge.ts";
import type { DeviceRegistries, DeviceRegistry } from "./device-registries.ts";
import {
  claimedToken,
  type ClaimedToken,
  looksLikeToken,
  type TokenBearer,
  type TokenRefusal,
  verifyToken,
} from "./token.ts";

export type JwtGateOptions = {
  readonly registries: DeviceRegistries;
  readonly registry: Registry;
  /** Decides about the certificate that a token proved, as if it had come with the handshake. */
  readonly next: Gatekeeper & { authorize(peer: Peer): Promise<Admission> };
  /** Ends the session of a client whose token has expired. */
  readonly expired: (owner: { readonly clientId: string; readonly principalId: string }) => void;
};

/** How many certificates of a thing are tried for one token. */
const MAX_CANDIDATES = 5;

/**
 * Lets devices in by a JSON Web Token in place of a client certificate: as the password of CONNECT, or as an HTTP bearer
 * credential. A token proves the possession of a certificate's key; what the certificate may do is decided as ever.
 * AN-7648, "Running the Device"
 */
export class JwtGate implements Gatekeeper {
  readonly #options: JwtGateOptions;
  /** What ends sessions by their tokens, by client id and principal: a newer token puts it off. */
  readonly #ends = new Map<string, () => void>();

  constructor(options: JwtGateOptions) {
    this.#options = options;
  }

  async admit(request: ConnectRequest): Promise<Admission> {
    const { next } = this.#options;
    const { authenticated } = request;
    if (authenticated?.method === CHALLENGE_METHOD) return this.#letIn(request, bearerIn(authenticated.identity));
    const password = request.password && textOf(request.password);
    const isToken = password !== undefined && request.peer.certificates.length === 0 && looksLikeToken(password);
    if (!isToken) return next.admit(request);
    const { clientId, peer } = request;
    const bearer = await this.bearerOf(password, clientId);
    if ("cause" in bearer) return this.#refuse(bearer, { clientId, peer });
    return this.#letIn(request, bearer);
  }

  /** Decides on a CONNECT as if the certificate that a token proved had come with the handshake. */
  async #letIn(request: ConnectRequest, bearer: TokenBearer): Promise<Admission> {
    const { clientId, peer } = request;
    const certificates = [bearer.certificate.der];
    const admission = await this.#options.next.admit({ ...request, peer: { ...peer, certificates } });
    if (admission.admit) this.#endAt(bearer, { clientId, principalId: admission.authority.principalId });
    return admission;
  }

  /** Decides about a request over HTTPS that carries a token. */
  async authorize(peer: Peer, token: string): Promise<Admission> {
    const bearer = await this.bearerOf(token, "");
    if ("cause" in bearer) return this.#refuse(bearer, { clientId: "", peer });
    return this.#options.next.authorize({ ...peer, certificates: [bearer.certificate.der] });
  }

  /** Who sent a token, or why it is refused. `clientId` may name the thing whose certificate signed it. */
  async bearerOf(token: string, clientId: string): Promise<TokenBearer | TokenRefusal> {
    const { registries, registry } = this.#options;
    if (!looksLikeToken(token)) return { cause: "jwt-malformed", evidence: { problem: "not a compact JWS" } };
    const claimed = claimedToken(token);
    if ("cause" in claimed) return claimed;
    const target = claimed.audiences.map((name) => registries.find(name)).find((each) => each !== undefined);
    const known = registries.all().map(({ name }) => name);
    const named = { audience: claimed.audiences.join(", ").slice(0, 200), registries: known.join(", ").slice(0, 200) };
    if (!target) return { cause: "jwt-audience", evidence: named };
    const candidates = await this.#candidates(claimed, target, clientId);
    if ("cause" in candidates) return candidates;
    let last: TokenRefusal | undefined;
    for (const certificate of candidates) {
      const terms = { audience: target.name, now: registry.clock.now(), derSignatures: target.derSignatures };
      const verified = await verifyToken(claimed, certificate, terms);
      if ("cause" in verified) {
        last = verified;
        continue;
      }
      const refusal = await this.#registered(certificate, target, claimed.chain.length > 0);
      return refusal ?? { certificate, ...verified };
    }
    return last ?? { cause: "jwt-certificate-unknown", evidence: { registry: target.name } };
  }

  /** Stops all timers. */
  close(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }

  /** The certificates that may have signed a token: the one that came along, or registered ones that it names. */
  async #candidates(
    { chain, keyId, subject }: ClaimedToken,
    target: DeviceRegistry,
    clientId: string,
  ): Promise<readonly Certificate[] | TokenRefusal> {
    const { registries } = this.#options;
    const [sent] = chain;
    if (sent) return (await registries.isMember(target, sent)) ? [sent] : foreign(sent, target);
    const ids = await this.#idsOf([keyId, subject, clientId]);
    const found: Certificate[] = [];
    let stranger: Certificate | undefined;
    for (const id of ids) {
      const certificate = await this.#certificate(id);
      if (!certificate) continue;
      if (await registries.isMember(target, certificate)) found.push(certificate);
      else stranger = certificate;
    }
    if (found.length > 0) return found;
    if (stranger) return foreign(stranger, target);
    const evidence = { registry: target.name, kid: keyId ?? "", sub: subject ?? "", clientId };
    return { cause: "jwt-certificate-unknown", evidence };
  }

  /** Certificate ids that some names lead to: an id itself, or a thing's. */
  async #idsOf(names: readonly (string | undefined)[]): Promise<readonly string[]> {
    const ids = new Set<string>();
    for (const name of names) {
      if (name === undefined || name === "") continue;
      if (/^[0-9a-f]{64}$/.test(name)) ids.add(name);
      else for (const principal of await this.#principalsOf(name)) ids.add(principal);
    }
    return [...ids].slice(0, MAX_CANDIDATES);
  }

  async #principalsOf(thing: string): Promise<readonly string[]> {
    try {
      const { rows } = await listThingPrincipals(this.#options.registry, thing, { limit: MAX_CANDIDATES });
      return rows.map(({ principal }) => principal);
    } catch (error) {
      if (error instanceof HawserError) return [];
      throw error;
    }
  }

  async #certificate(id: string): Promise<Certificate | undefined> {
    if (!this.#options.registry.directory.certificate(id)) return undefined;
    const { pem } = await describeCertificate(this.#options.registry, id);
    return certificateFromPem(pem);
  }

  /** Registers a certificate that came along, where its registry says so. */
  async #registered(
    certificate: Certificate,
    target: DeviceRegistry,
    isSent: boolean,
  ): Promise<TokenRefusal | undefined> {
    const { registry } = this.#options;
    if (registry.directory.certificate(certificate.id)) return undefined;
    if (!isSent || !target.autoRegister) {
      const evidence = {
        registry: target.name,
        certificateId: certificate.id,
        autoRegister: target.autoRegister ? 1 : 0,
      };
      return { cause: "jwt-certificate-unknown", evidence };
    }
    try {
      await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(certificate), status: "ACTIVE" });
    } catch (error) {
      // Another connection of the same device was quicker.
      if (!(error instanceof ResourceExists)) throw error;
    }
    for (const policy of target.policies)
      await attachPolicy(registry, policy, iotArn(registry.account, "cert", certificate.id));
    return undefined;
  }

  #endAt({ expiresAt }: TokenBearer, owner: { readonly clientId: string; readonly principalId: string }): void {
    const { registry, expired } = this.#options;
    const key = `${owner.principalId} ${owner.clientId}`;
    this.#ends.get(key)?.();
    const { clock } = registry;
    const cancel = clock.after(Math.max(0, expiresAt - clock.now()), () => {
      this.#ends.delete(key);
      expired(owner);
    });
    this.#ends.set(key, cancel);
  }

  #refuse(
    { cause, evidence }: TokenRefusal,
    { clientId, peer }: { readonly clientId: string; readonly peer: Peer },
  ): Admission {
    const trace: Trace = correlated(this.#options.registry.trace, {
      connection: peer.connection,
      ...(clientId !== "" && { device: clientId }),
    });
    trace.emit("cloud", { kind: "refusal", cause, clientId, address: peer.address, evidence });
    return { admit: false, cause, reply: "connack" };
  }
}

function foreign(certificate: Certificate, { name, cas }: DeviceRegistry): TokenRefusal {
  const evidence = {
    registry: name,
    certificateId: certificate.id,
    issuer: certificate.issuer.text,
    expectedIssuer: cas.map(({ subject }) => subject.text).join("; "),
  };
  return { cause: "jwt-certificate-foreign", evidence };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
