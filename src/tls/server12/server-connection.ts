import type { Input, Output } from "../effects.ts";
import { Endpoint } from "../endpoint.ts";
import { alertFor, AlertReceived } from "../errors.ts";
import { ExpectClientHello } from "./hello.ts";
import type { ServerConfig } from "./server-config.ts";
import { rememberingId } from "./session-cache.ts";

/** A TLS 1.2 server for demonstrations: the endpoint that listens first. */
export class ServerConnection extends Endpoint {
  readonly #sessions: ReturnType<typeof rememberingId> | undefined;

  constructor(config: ServerConfig) {
    const sessions = config.sessions && rememberingId(config.sessions);
    super({
      hash: config.hash,
      peer: "client",
      begin: (engine) => new ExpectClientHello({ ...engine, config: { ...config, sessions } }),
    });
    this.#sessions = sessions;
  }

  /** A session whose connection ended in a fatal alert is not resumed. RFC 5246, section 7.2.2 */
  override step(input: Input): Output[] {
    const outputs = super.step(input);
    for (const output of outputs) {
      if (output.do !== "fail") continue;
      if (output.error instanceof AlertReceived || alertFor(output.error) !== undefined) this.#sessions?.forgetUsed();
    }
    return outputs;
  }
}
