import type { ClientConfig } from "./client-config.ts";
import { firstState } from "./client-start.ts";
import { Endpoint } from "./endpoint.ts";
import type { Handshake, State } from "./state.ts";

export type { Phase } from "./endpoint.ts";

/** A TLS client: the endpoint that speaks first. */
export class Connection extends Endpoint {
  /** `begin` gives the first state; another than the default serves to replay recorded handshakes. */
  constructor(config: ClientConfig, begin: (handshake: Handshake) => State = firstState) {
    super({ hash: config.hash, peer: "server", begin: (engine) => begin({ config, ...engine }) });
  }
}
