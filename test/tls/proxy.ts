/** A man in the middle for tests: passes bytes on, changes them, or cuts the line. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

export type Meddling = {
  /** Gets what the server sends and its offset in the stream; gives what the client is to see. */
  readonly toClient?: (bytes: Buffer, at: number) => Uint8Array;
  readonly toServer?: (bytes: Buffer, at: number) => Uint8Array;
};

export type Proxy = {
  readonly port: number;
  /** Ends the client's side of every connection as if the server had vanished in good order (FIN). */
  cut(): void;
};

export async function startProxy(t: TestContext, serverPort: number, meddling: Meddling = {}): Promise<Proxy> {
  const clients = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true });
    clients.add(client);
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
    pass(client, server, meddling.toServer);
    pass(server, client, meddling.toClient);
    t.after(() => {
      client.destroy();
      server.destroy();
    });
  });
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    cut: () => {
      for (const client of clients) client.end();
    },
  };
}

function pass(from: Socket, to: Socket, edit: (bytes: Buffer, at: number) => Uint8Array = (bytes) => bytes): void {
  let at = 0;
  from.on("data", (bytes: Buffer) => {
    if (to.writable) to.write(edit(bytes, at));
    at += bytes.length;
  });
  from.on("end", () => to.end());
}
