import type { Socket } from "node:net";

import type { RefusalCause } from "../../trace/index.ts";
import { addressOf, type ListenOptions } from "./node-socket.ts";

type Running = {
  readonly address: string;
  readonly socket: Socket;
  readonly cancel: () => void;
  readonly closed: () => void;
};

/** TLS handshakes under way, by the peer's address and port: each ends, fails with one refusal, or runs out of time. */
export class Handshakes {
  readonly #options: ListenOptions;
  readonly #running = new Map<string, Running>();
  #unaddressed: NodeJS.ErrnoException | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  begin(socket: Socket): void {
    const { broker, clock } = this.#options;
    const at = endpoint(socket);
    const afterMs = broker.settings.limits.connectTimeoutMs;
    const cancel = clock.after(afterMs, () => {
      this.#refuse(at, "connect-timeout", { afterMs, awaited: "TLS handshake" });
      socket.destroy();
    });
    const closed = (): void => {
      const { code, message } = this.#unaddressed ?? { code: "closed", message: "the client left the handshake" };
      this.#unaddressed = undefined;
      this.#refuse(at, tlsCause(code), { code: code ?? "", said: message });
    };
    this.#running.set(at, { address: addressOf(socket), socket, cancel, closed });
    socket.once("close", closed);
  }

  /** Gives the transport under the TLS socket. */
  succeed(socket: Socket): Socket | undefined {
    return this.#end(endpoint(socket))?.socket;
  }

  fail(socket: Socket, error: NodeJS.ErrnoException): void {
    // A client that closes right behind its alert has no address any more: its socket, whose close comes next, has.
    if (socket.remoteAddress === undefined) this.#unaddressed = error;
    else this.#refuse(endpoint(socket), tlsCause(error.code), { code: error.code ?? "", said: error.message });
  }

  #end(at: string): Running | undefined {
    const running = this.#running.get(at);
    if (!running) return undefined;
    running.cancel();
    running.socket.off("close", running.closed);
    this.#running.delete(at);
    return running;
  }

  #refuse(at: string, cause: RefusalCause, evidence: Readonly<Record<string, string | number>>): void {
    const address = this.#end(at)?.address;
    if (address === undefined) return;
    this.#options.trace.emit("cloud", { kind: "refusal", cause, clientId: "", address, evidence });
  }
}

/** Which refusal an error of the TLS library stands for. */
function tlsCause(code: string | undefined): RefusalCause {
  // A record whose version is none of TLS: the bytes of another protocol.
  if (/HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|BAD_RECORD_TYPE|PACKET_LENGTH_TOO_LONG/.test(code ?? ""))
    return "not-tls";
  if (/UNSUPPORTED_PROTOCOL|WRONG_VERSION|PROTOCOL_VERSION|VERSION_TOO_LOW/.test(code ?? "")) return "tls-version";
  if (/NO_SHARED_(CIPHER|GROUP|SIGNATURE)|NO_SUITABLE|HANDSHAKE_FAILURE/.test(code ?? "")) return "tls-cipher-suite";
  return "tls-failed";
}

function endpoint(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
