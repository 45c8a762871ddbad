import type { IAuthPacket, Packet } from "mqtt-packet";

import type { RefusalCause } from "../../trace/index.ts";
import { Authentication } from "./authentication.ts";
import type { ConnectTerms } from "./connect-terms.ts";
import type { BrokerCore } from "./core.ts";
import { violation } from "./errors.ts";
import type { AuthenticationStep, Authority, Gatekeeper } from "./ports.ts";
import { REASON } from "./reason-codes.ts";

/** Why a client is not admitted: somebody's decision, or an error that kept everybody from deciding. */
export type NotAdmitted = {
  readonly cause: RefusalCause;
  /** Present where the refusal is still to be told. */
  readonly evidence?: Readonly<Record<string, string | number | boolean>>;
  readonly reply: "close" | "connack";
  readonly failure?: unknown;
};

/** What becomes of a CONNECT. Each is called later, when the connection may have ended. */
export type AdmissionOwner = {
  /** The client is to be sent an AUTH packet and to answer it. */
  readonly awaitClient: (packet: Packet) => void;
  readonly admitted: (terms: ConnectTerms, authority: Authority) => void;
  readonly refused: (refusal: NotAdmitted) => void;
};

/** Decides on one client: by AUTH packets where CONNECT asks for that, and by the gatekeeper. MQTT 5.0, section 4.12 */
export class ClientAdmission {
  readonly #core: BrokerCore;
  readonly #gatekeeper: Gatekeeper;
  readonly #owner: AdmissionOwner;
  #terms: ConnectTerms | undefined;
  #authentication: Authentication | undefined;

  constructor(core: BrokerCore, gatekeeper: Gatekeeper, owner: AdmissionOwner) {
    this.#core = core;
    this.#gatekeeper = gatekeeper;
    this.#owner = owner;
  }

  /** Throws `ClientFault` for an authentication method that nobody serves. */
  begin(terms: ConnectTerms): void {
    const { authentication, request } = terms;
    this.#terms = terms;
    if (!authentication) return this.#ask(terms);
    this.#authentication = Authentication.of(this.#core, authentication.method, request);
    this.#await(terms, this.#authentication.begin(authentication.data));
  }

  /** An AUTH packet before CONNACK. Throws `ClientFault`. */
  continue(packet: IAuthPacket): void {
    if (!this.#terms || !this.#authentication) throw violation("AUTH came though CONNECT named no method");
    this.#await(this.#terms, this.#authentication.continue(packet, "continue"));
  }

  /** An AUTH packet after CONNACK: gives the packet that answers it, or why the client is refused. Throws `ClientFault`. */
  async reauthenticate(packet: IAuthPacket): Promise<Packet | Extract<AuthenticationStep, { outcome: "refuse" }>> {
    const authentication = this.#authentication;
    if (!authentication) throw violation("AUTH came though CONNECT named no method");
    const step = await authentication.continue(packet, "any");
    if (step.outcome === "refuse") return step;
    const reason = step.outcome === "continue" ? REASON.continueAuthentication : REASON.success;
    return authentication.packet(reason, step.data);
  }

  #await(terms: ConnectTerms, step: Promise<AuthenticationStep>): void {
    step.then((done) => this.#took(terms, done)).catch((failure: unknown) => this.#failed(failure));
  }

  #took(terms: ConnectTerms, step: AuthenticationStep): void {
    const authentication = this.#authentication;
    if (!authentication) return;
    if (step.outcome === "refuse") {
      const { cause, evidence } = step;
      return this.#owner.refused({ cause, evidence, reply: "connack" });
    }
    if (step.outcome === "continue") {
      return this.#owner.awaitClient(authentication.packet(REASON.continueAuthentication, step.data));
    }
    const authenticated = { method: authentication.method, identity: step.identity };
    const connackProperties = { ...terms.connackProperties, ...authentication.properties(step.data) };
    this.#ask({ ...terms, request: { ...terms.request, authenticated }, connackProperties });
  }

  #ask(terms: ConnectTerms): void {
    this.#gatekeeper.admit(terms.request).then(
      (admission) => {
        if (admission.admit) this.#owner.admitted(terms, admission.authority);
        // The gatekeeper has told why.
        else this.#owner.refused({ cause: admission.cause, reply: admission.reply });
      },
      (failure: unknown) => this.#failed(failure),
    );
  }

  #failed(failure: unknown): void {
    this.#owner.refused({ cause: "mqtt-malformed", reply: "connack", failure });
  }
}
