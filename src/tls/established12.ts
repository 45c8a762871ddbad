import type { ConnectionFacts } from "./effects.ts";
import { misuse } from "./errors.ts";
import { type Engine, State } from "./state.ts";
import { type Suite12Name, suiteOf } from "./suites.ts";

/** What a TLS 1.2 handshake agreed on. */
export type Facts12 = ConnectionFacts & { readonly suite: Suite12Name };

/** A TLS 1.2 connection that is up, at either end. */
export abstract class Established12<H extends Engine> extends State<H> {
  readonly name = "application data";
  override readonly isConnected = true;

  constructor(handshake: H, facts: Facts12) {
    super(handshake);
    const { protocol, suite, group = "", servername, alpn = "" } = facts;
    const { wire } = handshake;
    wire.emit({ do: "trace", event: { kind: "tls.connected", protocol, suite, group, servername, alpn } });
    const row = suiteOf(suite);
    if (row.version === "TLSv1.2" && row.legacy) {
      const detail = `${suite} is legacy: an old message may be read once the server's key is known`;
      wire.emit({ do: "trace", event: { kind: "process", what: "warning", detail } });
    }
    wire.emit({ do: "connected", facts });
  }

  override onSend(data: Uint8Array): void {
    this.handshake.wire.sendData(data);
  }

  override onUpdateKeys(): State<H> {
    throw misuse("bad-option", "TLS 1.2 cannot change keys within a connection");
  }

  override onData(data: Uint8Array): State<H> {
    this.handshake.wire.emit({ do: "deliver", data });
    return this;
  }
}
