/** A relay over TCP or a Unix socket that keeps what passes, as an analyser between two programs would. */
import { connect, createServer, type ListenOptions, type Server, type Socket } from "node:net";

/** Both directions of everything that passed, connection by connection. */
export type Conversation = { readonly toServer: Buffer[]; readonly toClient: Buffer[] };

export class WireTap {
  readonly address: string;
  readonly conversations: Conversation[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, address: string, reach: () => Socket) {
    this.#server = server;
    this.address = address;
    server.on("connection", (client) => this.#relay(client, reach()));
  }

  /** Relays a free port on localhost to HOST:PORT. */
  static async open(target: string): Promise<WireTap> {
    const at = target.lastIndexOf(":");
    const [host, port] = [target.slice(0, at), Number(target.slice(at + 1))];
    const server = await listening({ port: 0, host: "127.0.0.1" });
    const address = server.address();
    const own = typeof address === "object" && address ? address.port : 0;
    return new WireTap(server, `localhost:${own}`, () => connect({ host, port, allowHalfOpen: true }));
  }

  /** Relays a Unix socket to another one; its address is the path. */
  static async openSocket(target: string, path: string): Promise<WireTap> {
    return new WireTap(await listening({ path }), path, () => connect({ path: target, allowHalfOpen: true }));
  }

  /** Everything that went to the server, one buffer a connection. */
  get sent(): Buffer[] {
    return this.conversations.map(({ toServer }) => Buffer.concat(toServer));
  }

  get received(): Buffer[] {
    return this.conversations.map(({ toClient }) => Buffer.concat(toClient));
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(client: Socket, server: Socket): void {
    const kept: Conversation = { toServer: [], toClient: [] };
    this.conversations.push(kept);
    client.on("data", (bytes: Buffer) => kept.toServer.push(bytes));
    server.on("data", (bytes: Buffer) => kept.toClient.push(bytes));
    client.pipe(server).pipe(client);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      // What breaks on one side must break on the other, and nowhere else.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        // Its last bytes may still be on their way to the other side.
        other.destroySoon();
      });
    }
  }
}

async function listening(where: ListenOptions): Promise<Server> {
  // Who has said its last word may still listen: each direction ends for itself.
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
  return server;
}
