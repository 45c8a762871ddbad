import type { IAuthPacket, Packet } from "mqtt-packet";

import type { BrokerCore } from "./core.ts";
import { violation } from "./errors.ts";
import type { AuthenticationExchange, AuthenticationStep, Authenticator, ConnectRequest } from "./ports.ts";
import { REASON, type ReasonCode } from "./reason-codes.ts";

/** A method, and data where there are any, as AUTH and CONNACK carry them. */
type Properties = { authenticationMethod: string } & Pick<NonNullable<IAuthPacket["properties"]>, "authenticationData">;

/**
 * How one client proves who it is by AUTH packets: the method of its CONNECT, and the exchange under way.
 * One step at a time is asked for; a packet that comes meanwhile is out of order. MQTT 5.0, section 4.12
 */
export class Authentication {
  readonly #authenticator: Authenticator;
  readonly #request: ConnectRequest;
  #exchange: AuthenticationExchange | undefined;
  #isBusy = false;

  constructor(authenticator: Authenticator, request: ConnectRequest) {
    this.#authenticator = authenticator;
    this.#request = request;
  }

  /** Throws `ClientFault` for a method that nobody serves. MQTT 5.0, section 4.12 */
  static of(
    { authenticators }: Pick<BrokerCore, "authenticators">,
    method: string,
    request: ConnectRequest,
  ): Authentication {
    const authenticator = authenticators.get(method);
    if (authenticator) return new Authentication(authenticator, request);
    throw violation(`authentication method ${method} is not supported`, REASON.badAuthenticationMethod);
  }

  get method(): string {
    return this.#authenticator.method;
  }

  /** The first step, of CONNECT or of a re-authentication. */
  begin(data: Uint8Array): Promise<AuthenticationStep> {
    this.#exchange = this.#authenticator.begin(this.#request);
    return this.#next(data);
  }

  /** The step that an AUTH packet of the client asks for. Throws `ClientFault`. */
  continue(packet: IAuthPacket, expected: "continue" | "any"): Promise<AuthenticationStep> {
    const { authenticationMethod, authenticationData } = packet.properties ?? {};
    if (authenticationMethod !== this.method) throw violation("AUTH names another method than CONNECT");
    if (this.#isBusy) throw violation("AUTH came before the answer to the one before");
    const data = new Uint8Array(authenticationData ?? []);
    if (packet.reasonCode === REASON.reAuthenticate && expected === "any") return this.begin(data);
    if (packet.reasonCode !== REASON.continueAuthentication || !this.#exchange) throw violation("AUTH is out of order");
    return this.#next(data);
  }

  /** The AUTH packet that carries a step's data. MQTT 5.0, section 3.15 */
  packet(reasonCode: ReasonCode, data: Uint8Array | undefined): Packet {
    return { cmd: "auth", reasonCode, properties: this.properties(data) };
  }

  properties(data: Uint8Array | undefined): Properties {
    const { method: authenticationMethod } = this;
    if (data === undefined) return { authenticationMethod };
    // mqtt-packet writes any bytes, whatever its types ask for.
    return { authenticationMethod, authenticationData: data as NonNullable<Properties["authenticationData"]> };
  }

  async #next(data: Uint8Array): Promise<AuthenticationStep> {
    if (!this.#exchange) throw violation("AUTH is out of order");
    this.#isBusy = true;
    try {
      const step = await this.#exchange.next(data);
      if (step.outcome !== "continue") this.#exchange = undefined;
      return step;
    } finally {
      this.#isBusy = false;
    }
  }
}
