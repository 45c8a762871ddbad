import { correlated, type RefusalCause, type Trace } from "../../trace/index.ts";
import type { Admission, ConnectRequest, Gatekeeper, Peer } from "../broker/index.ts";
import { TLS_13_POLICY, type Domains } from "./domains.ts";

/**
 * Turns away connections to a server name whose domain configuration is DISABLED, or whose security policy wants a newer
 * TLS than the connection has, before anybody asks who the client is. Who asks for no name, or for one that is not
 * configured, is left to the next. AWS IoT Core, "Domain configurations"
 */
export class DomainGate implements Gatekeeper {
  readonly #options: { readonly domains: Domains; readonly trace: Trace; readonly next: Gatekeeper };

  constructor(options: { readonly domains: Domains; readonly trace: Trace; readonly next: Gatekeeper }) {
    this.#options = options;
  }

  async admit(request: ConnectRequest): Promise<Admission> {
    return this.refusalOf(request.peer, request.clientId) ?? this.#options.next.admit(request);
  }

  /** The refusal of a connection by its server name, written to the ledger; undefined where nothing speaks against it. */
  refusalOf(peer: Peer, clientId: string): Extract<Admission, { admit: false }> | undefined {
    const { domains, trace } = this.#options;
    const found = domains.forServerName(peer.servername);
    if (!found) return undefined;
    const { status, securityPolicy } = found.body;
    const isOld = securityPolicy === TLS_13_POLICY && peer.tlsVersion !== "TLSv1.3";
    const cause: RefusalCause | undefined =
      status === "DISABLED" ? "domain-disabled" : isOld ? "domain-tls-policy" : undefined;
    if (!cause) return undefined;
    const { connection, address } = peer;
    const evidence = {
      serverName: peer.servername ?? "",
      domainConfiguration: found.name,
      securityPolicy,
      tlsVersion: peer.tlsVersion ?? "none",
    };
    const lane = correlated(trace, { connection, ...(clientId !== "" && { device: clientId }) });
    lane.emit("cloud", { kind: "refusal", cause, clientId, address, evidence });
    return { admit: false, cause, reply: "connack" };
  }
}
