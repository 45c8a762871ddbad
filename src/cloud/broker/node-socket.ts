import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { toHex } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import { nodeClock, nodeEntropy } from "../../crypto/node.ts";
import type { Trace } from "../../trace/index.ts";
import type { Broker } from "./broker.ts";
import type { Gatekeeper, Peer, Sink } from "./ports.ts";

/** How long a closed connection may take to send its last bytes before it is cut. */
const LINGER_MS = 5000;

/** How long a listener that ends waits for clients to hear so: a disconnect is one packet, and most hang up at once. */
const GOODBYE_MS = 1000;

export type ListenOptions = {
  readonly broker: Broker;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Decides on the clients of this listener, by default as the broker does. */
  readonly gatekeeper?: Gatekeeper;
};

/** A running listener. */
export type Listening = {
  readonly host: string;
  readonly port: number;
  /** Stops listening, tells the clients of the broker that it ends, and cuts the connections that are left then. */
  close(): Promise<void>;
};

/**
 * Makes a byte stream, whatever it runs over, a connection of the broker for as long as it lasts. `peer` is who was
 * found at its other end; `gatekeeper` decides on CONNECT.
 */
export function attach(
  socket: Duplex,
  peer: Peer,
  { broker, clock, gatekeeper }: Pick<ListenOptions, "broker" | "clock" | "gatekeeper">,
): void {
  socket.on("error", ignore);
  if (broker.isStopped) return void socket.destroy();
  const connection = broker.open(peer, new SocketSink(socket, clock), gatekeeper);
  socket.on("data", (chunk: Uint8Array) => connection.receive(chunk));
  socket.on("drain", () => connection.drained());
  socket.on("close", () => connection.closed());
}

class SocketSink implements Sink {
  readonly #socket: Duplex;
  readonly #clock: Clock;

  constructor(socket: Duplex, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  end(): void {
    const socket = this.#socket;
    socket.end();
    // Reading goes on, unheard, so that a peer that still sends sees our FIN and not a reset.
    socket.resume();
    const cancel = this.#clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", cancel);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/** An error's close, which follows, says all that matters. */
function ignore(): void {}

/** Listens, and keeps the sockets that `server` accepts to cut them in the end. Rejects where it cannot listen. */
export async function listening(server: Server, { broker, host, port }: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.maxConnections = broker.settings.limits.connections;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", ignore);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      const cancel = nodeClock.after(broker.sayGoodbye() > 0 ? GOODBYE_MS : 0, cut);
      server.close(() => {
        cancel();
        resolve();
      });
    });
  return { host, port: bound, close };
}

/** A new connection id and the peer's address. */
export function peerOf(socket: Socket): { readonly connection: string; readonly address: string } {
  return { connection: toHex(nodeEntropy.bytes(8)), address: addressOf(socket) };
}

/** The peer's IP address, an IPv4 address as such. */
export function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
}
