import { CertificateMemory, type Certificate } from "../../pki/index.ts";
import { correlated, type OnboardingStep, type RefusalCause, type Trace } from "../../trace/index.ts";
import type { Admission, ConnectRequest, Gatekeeper, Peer, RateAccount, Verdict } from "../broker/index.ts";
import { iotArn, type CaEntry, type CertificateEntry, type Registry } from "../registry/index.ts";
import type { Withdrawal } from "../revocation/index.ts";
import { ConnectionAuthority } from "./authority.ts";
import { decideOnboarding, replyFor, type OnboardingDecision, type OnboardingFacts } from "./decision.ts";
import { findIssuer, type IssuerSearch } from "./issuer.ts";
import { LiveAuthorities } from "./live-authorities.ts";
import type {
  BrokerAccess,
  CertificateDirectory,
  Evidence,
  FetchThing,
  ProvisionDevice,
  RegisterDevice,
  UnheardEvents,
  WithdrawalSource,
} from "./ports.ts";
import { readPresented, validityAt, type Presented } from "./presented.ts";
import { registrationEvent, registrationTopic } from "./registration-event.ts";

export type GatekeeperOptions = Pick<Registry, "account" | "verifier" | "clock" | "trace"> & {
  readonly directory: CertificateDirectory;
  readonly register: RegisterDevice;
  readonly broker: BrokerAccess;
  /** What a device that waits for activation gets from its CA's template, if there is one. Must not throw. */
  readonly provision?: ProvisionDevice;
  readonly revocations?: WithdrawalSource | undefined;
  /** Certificates that were read lately; its own where none is given. */
  readonly seen?: CertificateMemory;
  readonly fetchThing?: FetchThing | undefined;
  /** Whether a server name is one of this account's; all are where it is not given. */
  readonly isOurName?: ((serverName: string) => boolean) | undefined;
  /** Whether a CA that has expired may still register devices; those that it registered stay in either way. */
  readonly expiredCasRegister?: boolean;
  /** How many devices may be registered in a second; all where none is given. */
  readonly registrations?: RateAccount | undefined;
};

/** What is being done about a certificate that waits for activation: resolves when that has ended, never rejects. */
export type ActivationUnderway = (certificateId: string) => Promise<void> | undefined;

/** How long a device waits at most, before it is turned away, for what its coming has set in motion. */
const HOLD_MS = 1000;

/** Where one certificate stands, and what that was found out from. */
type Case = {
  readonly request: ConnectRequest;
  readonly trace: Trace;
  readonly presented: Presented;
  readonly facts: OnboardingFacts;
  readonly search: IssuerSearch | undefined;
  readonly authority: ConnectionAuthority | undefined;
  readonly connect: Verdict | undefined;
};

/**
 * Decides on CONNECT by certificate: lets in who is ACTIVE and allowed, registers who comes from a registered CA for the
 * first time, refuses everybody else with cause and evidence. Sessions end as soon as their certificate leaves ACTIVE or
 * their policies no longer allow the connection.
 */
export class OnboardingGatekeeper implements Gatekeeper {
  readonly #options: GatekeeperOptions;
  readonly #live: LiveAuthorities;
  readonly #seen: CertificateMemory;
  /** Registrations in progress, by certificate: a device's impatience makes one record and one event. */
  readonly #registering = new Map<string, Promise<void>>();
  #underway: ActivationUnderway = () => undefined;
  #unheard: UnheardEvents = () => undefined;

  constructor(options: GatekeeperOptions) {
    this.#options = options;
    this.#live = new LiveAuthorities(options);
    this.#seen = options.seen ?? new CertificateMemory();
  }

  admit(request: ConnectRequest): Promise<Admission> {
    return this.#decide(request, "connect");
  }

  /**
   * Decides about a certificate that comes with a request over HTTPS: as on a CONNECT, but there is no client id to allow,
   * and nobody is registered. AWS IoT Core registers just in time on MQTT connections only.
   */
  authorize(peer: Peer): Promise<Admission> {
    return this.#decide(requestOf(peer), "request");
  }

  /** Whether a handshake with this certificate would be completed in the literal mode of AN12131, section 7.2. */
  mayFinish(peer: Peer): boolean {
    const presented = readPresented(peer.certificates[0], this.#seen);
    // Who shows none may have other credentials; CONNECT decides.
    if (!presented) return true;
    const { certificate, fault } = presented;
    const { directory, clock } = this.#options;
    if (this.#withdrawalOf(certificate)) return false;
    if (!certificate || fault !== undefined || validityAt(certificate, clock.now()) !== "valid") return false;
    const known = directory.certificate(certificate.id);
    return known?.status === "ACTIVE" && this.#accountFact(peer, governingCa(known, directory)) !== "not-told";
  }

  /** A device of a CA in SNI_ONLY mode names its account's endpoint in the handshake. AWS IoT Core, "Multi-account registration" */
  #accountFact({ servername }: Peer, ca: Pick<CaEntry, "mode"> | undefined): OnboardingFacts["account"] {
    if (ca?.mode !== "SNI_ONLY") return "by-certificate";
    const { isOurName = () => true } = this.#options;
    return servername !== undefined && isOurName(servername) ? "by-server-name" : "not-told";
  }

  /** Does what a CONNECT would have led to, for a handshake that was not completed: registration, event and refusal. */
  async wasReset(peer: Peer): Promise<void> {
    await this.#decide(requestOf(peer), "handshake");
  }

  async #decide(request: ConnectRequest, occasion: Occasion): Promise<Admission> {
    const isConnect = occasion === "connect";
    const asked = await this.#examine(request, isConnect);
    const decision = withoutRegistration(decideOnboarding(asked.facts), occasion);
    if (decision.outcome === "admit" && asked.authority) {
      const { authority } = asked;
      if (isConnect && this.#live.add(authority)) tell(asked, "connected");
      return { admit: true, authority };
    }
    const certificate = asked.presented?.certificate;
    if (decision.outcome === "register-and-drop" && certificate && asked.search?.ca) {
      if (!this.#mayRegister(certificate.id)) {
        this.#refuse(asked, "mqtt-limit", { limit: "registrationsPerSecond" });
        return { admit: false, cause: "mqtt-limit", reply: replyFor(decision, request.protocolVersion) };
      }
      await this.#registerOnce(asked, certificate, asked.search.ca);
    }
    if (decision.outcome === "republish-and-drop" && certificate) {
      this.#publish(asked, certificate.id, { isFirst: false });
      await this.#provision(asked, certificate);
    }
    // Nobody is admitted without an authority; should the two ever disagree, the answer is no.
    const cause = narrowed("cause" in decision ? decision.cause : "certificate-inactive", asked);
    this.#refuse(asked, cause);
    if (cause === "certificate-pending") {
      tell(asked, "connection-dropped");
      if (isConnect && certificate) await this.#hold(certificate.id);
    }
    return { admit: false, cause, reply: replyFor(decision, request.protocolVersion) };
  }

  /**
   * From now on a device that was refused because it waits for activation is dropped once `underway` has ended, or after
   * a second: when it comes back the answer is there, and it need not come again and again.
   */
  holdFor(underway: ActivationUnderway): void {
    this.#underway = underway;
  }

  /** From now on a device whose registration event nobody acts on is told why. */
  listenWith(unheard: UnheardEvents): void {
    this.#unheard = unheard;
  }

  async #hold(certificateId: string): Promise<void> {
    const underway = this.#underway(certificateId);
    if (!underway) return;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(HOLD_MS, resolve);
      void underway.then(() => (cancel(), resolve()));
    });
  }

  /** Stops listening to changes of the registry. */
  close(): void {
    this.#live.close();
  }

  /** Finds out what the decision depends on, and nothing that this certificate's decision does not. */
  async #examine(request: ConnectRequest, isConnect: boolean): Promise<Case> {
    const { directory, clock, verifier } = this.#options;
    const presented = readPresented(request.peer.certificates[0], this.#seen);
    const certificate = presented?.certificate;
    const ids = { device: request.clientId, connection: request.peer.connection };
    const trace = correlated(this.#options.trace, { ...ids, ...(certificate && { certificate: certificate.id }) });
    const known = certificate && directory.certificate(certificate.id);
    const status = known?.status ?? "unknown";
    const facts: OnboardingFacts = {
      certificate: !presented ? "none" : presented.fault === undefined ? "presented" : "unacceptable",
      withdrawal: this.#withdrawalOf(certificate)?.cause ?? "none",
      validity: certificate ? validityAt(certificate, clock.now()) : "valid",
      record: status,
      ...NOT_ASKED,
    };
    const base = { request, trace, presented, facts, search: undefined, authority: undefined, connect: undefined };
    const isIn = facts.certificate === "presented" && facts.validity === "valid" && facts.withdrawal === "none";
    if (!certificate || !isIn) return base;
    if (status === "unknown" || status === "PENDING_ACTIVATION") {
      const search = await findIssuer(certificate, chainOf(request.peer), { directory, verifier });
      const account = this.#accountFact(request.peer, search.ca);
      const asked = issuerFacts(search, clock.now());
      const isForgiven = this.#options.expiredCasRegister === true && asked.caValidity === "expired";
      const caValidity = isForgiven ? { caValidity: "valid" as const } : {};
      return { ...base, search, facts: { ...facts, ...asked, ...caValidity, account } };
    }
    if (!known || status !== "ACTIVE") return base;
    const account = this.#accountFact(request.peer, governingCa(known, directory));
    const authority = this.#authorityFor(request, certificate);
    await authority.ready();
    const connect: Verdict = isConnect ? authority.mayConnect() : { allowed: true };
    return { ...base, authority, connect, facts: { ...facts, account, connect: connectFact(connect) } };
  }

  #authorityFor({ clientId, cleanStart, will, peer }: ConnectRequest, certificate: Certificate): ConnectionAuthority {
    const { directory, account } = this.#options;
    const facts = {
      clientId,
      sourceIp: peer.address,
      certificate,
      persistentSession: !cleanStart,
      ...(peer.servername !== undefined && { domainName: peer.servername }),
      ...(will && { lastWillTopic: `arn:aws:iot:${account.region}:${account.id}:topic/${will.topic}` }),
    };
    return new ConnectionAuthority({
      principalId: certificate.id,
      facts,
      directory,
      account,
      fetchThing: this.#options.fetchThing,
      withdrawal: () => this.#withdrawalOf(certificate),
    });
  }

  /** Counts a registration towards its rate; who is turned away comes back, and is registered then. */
  #mayRegister(certificateId: string): boolean {
    const { registrations, directory } = this.#options;
    const isUnderway = this.#registering.has(certificateId) || directory.certificate(certificateId) !== undefined;
    if (!registrations || isUnderway) return true;
    if (!registrations.has(1)) return false;
    registrations.spend(1);
    return true;
  }

  /** Makes the record and publishes the first event, once for all connects that come in meanwhile. */
  async #registerOnce(asked: Case, certificate: Certificate, ca: CaEntry): Promise<void> {
    const { id } = certificate;
    const inProgress = this.#registering.get(id);
    if (inProgress) return inProgress;
    // Another connect may have finished while this one looked for the issuer; its event is on the way.
    if (this.#options.directory.certificate(id)) return;
    const registration = this.#register(asked, certificate, ca);
    this.#registering.set(id, registration);
    try {
      await registration;
    } finally {
      this.#registering.delete(id);
    }
  }

  async #register(asked: Case, certificate: Certificate, ca: CaEntry): Promise<void> {
    const { isNew } = await this.#options.register(certificate, ca);
    if (!isNew) return;
    tell(asked, "registered", certificate.subject.text);
    this.#publish(asked, certificate.id, { isFirst: true });
    await this.#provision(asked, certificate);
  }

  async #provision(asked: Case, certificate: Certificate): Promise<void> {
    const caId = this.#options.directory.certificate(certificate.id)?.caId ?? asked.search?.ca?.id;
    if (caId === undefined) return;
    const hasTemplate = await this.#options.provision?.(certificate, caId);
    // Without a template somebody must hear the event, or the device waits for ever.
    if (hasTemplate) return;
    const unheard = this.#unheard(registrationTopic(caId));
    if (unheard) this.#refuse(asked, unheard.cause, unheard.evidence);
  }

  #publish(asked: Case, certificateId: string, { isFirst }: { readonly isFirst: boolean }): void {
    const { directory, account, clock, broker } = this.#options;
    const known = directory.certificate(certificateId);
    const caCertificateId = known?.caId ?? asked.search?.ca?.id ?? "";
    const registeredAt = isFirst ? undefined : known?.registeredAt;
    const ids = { certificateId, caCertificateId, accountId: account.id };
    const message = registrationEvent({ ...ids, time: clock.now(), registeredAt });
    // Told before it is published: what the event sets in motion is told after it.
    tell(asked, "event-published", message.topic);
    broker.publish(message);
  }

  #refuse(asked: Case, cause: RefusalCause, more: Evidence = {}): void {
    const { clientId, peer } = asked.request;
    const certificateId = asked.presented?.certificate?.id;
    if (certificateId !== undefined) this.#live.forget(certificateId, clientId);
    const withdrawn = this.#withdrawalOf(asked.presented?.certificate)?.evidence;
    const evidence = { ...evidenceOf(asked), ...withdrawn, ...more, ...this.#ids(certificateId) };
    asked.trace.emit("cloud", { kind: "refusal", cause, clientId, address: peer.address, evidence });
  }

  #withdrawalOf(certificate: Certificate | undefined): Withdrawal | undefined {
    return certificate && this.#options.revocations?.withdrawalOf(certificate);
  }

  #ids(certificateId: string | undefined): Evidence {
    if (certificateId === undefined) return {};
    return { certificateId, certificateArn: iotArn(this.#options.account, "cert", certificateId) };
  }
}

/** A refusal by policy, as precisely as the policies were asked. */
function narrowed(cause: RefusalCause, { connect }: Case): RefusalCause {
  return cause === "policy-denies-connect" && connect && !connect.allowed ? connect.cause : cause;
}

/** What a decision is made for. */
type Occasion = "connect" | "request" | "handshake";

/** What a request over HTTPS, which registers nobody, is answered in place of a registration. */
function withoutRegistration(decision: OnboardingDecision, occasion: Occasion): OnboardingDecision {
  if (occasion !== "request" || !decision.outcome.endsWith("-and-drop")) return decision;
  const isKnown = decision.outcome === "republish-and-drop";
  return { outcome: "refuse", cause: isKnown ? "certificate-pending" : "certificate-unregistered" };
}

function chainOf({ chain, certificates }: Peer): readonly Uint8Array[] {
  return chain?.() ?? certificates;
}

function requestOf(peer: Peer): ConnectRequest {
  return { clientId: "", protocolVersion: 4, cleanStart: true, keepAliveS: 0, peer };
}

/** Facts that are not looked for where they do not matter; they never help anybody in. */
const NOT_ASKED = {
  issuer: "not-found",
  wrongIssuerSent: false,
  account: "not-told",
  caStatus: "INACTIVE",
  caValidity: "expired",
  autoRegistration: "DISABLE",
  connect: "no-policy",
} as const satisfies Partial<OnboardingFacts>;

/**
 * The CA whose mode tells how a registered certificate finds its account. A certificate that was registered without a CA
 * is SNI_ONLY by name only: its record is in one account, this one.
 */
function governingCa(
  { caId, mode }: CertificateEntry,
  directory: CertificateDirectory,
): Pick<CaEntry, "mode"> | undefined {
  if (caId === undefined || mode === "DEFAULT") return undefined;
  // A CA that was deleted since leaves its devices' records as they were.
  return directory.ca(caId) ?? { mode };
}

function issuerFacts({ issuer, ca, wrongIssuerSent }: IssuerSearch, time: number): Partial<OnboardingFacts> {
  if (!ca) return { issuer, wrongIssuerSent };
  const { status: caStatus, autoRegistration } = ca;
  return { issuer, wrongIssuerSent, caStatus, autoRegistration, caValidity: validityAt(ca.certificate, time) };
}

function connectFact(connect: Verdict): OnboardingFacts["connect"] {
  if (connect.allowed) return "allowed";
  return connect.cause === "no-policy" ? "no-policy" : "denied";
}

/** What was seen, as far as it bears on the decision. */
function evidenceOf({ request, presented, search, connect, facts }: Case): Evidence {
  const certificate = presented?.certificate;
  return {
    ...(presented?.fault !== undefined && { fault: presented.fault }),
    ...(certificate && {
      subject: certificate.subject.text,
      issuer: certificate.issuer.text,
      notBefore: new Date(certificate.validity.notBefore).toISOString(),
      notAfter: new Date(certificate.validity.notAfter).toISOString(),
    }),
    ...(facts.record !== "unknown" && { status: facts.record }),
    ...(search && searchEvidence(search)),
    ...(connect && !connect.allowed && connect.evidence),
    ...(request.peer.servername !== undefined && { servername: request.peer.servername }),
  };
}

function searchEvidence({ ca, sent, unregisteredIssuer }: IssuerSearch): Evidence {
  return {
    caCertificatesSent: sent.map(({ subject }) => subject.text).join("; "),
    ...(ca && {
      caCertificateId: ca.id,
      caStatus: ca.status,
      caNotAfter: new Date(ca.certificate.validity.notAfter).toISOString(),
      autoRegistration: ca.autoRegistration,
    }),
    // A chain to a registered root is not walked: this is the certificate to register.
    ...(unregisteredIssuer && { unregisteredIssuerId: unregisteredIssuer.id }),
  };
}

function tell({ request, trace, search }: Case, step: OnboardingStep, detail = ""): void {
  const caCertificate = search?.ca?.id ?? "";
  trace.emit("cloud", { kind: "onboarding", step, clientId: request.clientId, caCertificate, detail });
}
