/** A TCP relay that keeps what passes, as a network analyser between two programs would. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Both directions of everything that passed, connection by connection. */
export type Conversation = { readonly toServer: Buffer[]; readonly toClient: Buffer[] };

export class WireTap {
  readonly address: string;
  readonly conversations: Conversation[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.address = `localhost:${port}`;
  }

  /** Relays a free port on localhost to HOST:PORT. */
  static async open(target: string): Promise<WireTap> {
    const at = target.lastIndexOf(":");
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    const tap = new WireTap(server, typeof address === "object" && address ? address.port : 0);
    server.on("connection", (client) => tap.#relay(client, target.slice(0, at), Number(target.slice(at + 1))));
    return tap;
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

  #relay(client: Socket, host: string, port: number): void {
    const server = connect({ host, port });
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
        other.destroy();
      });
    }
  }
}
