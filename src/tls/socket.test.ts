/** How a connection treats the socket below it, and what a stream's user counts on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";

import { chainPem, keyPem, newHierarchy } from "../../test/tls/hierarchy.ts";
import { connect } from "./node.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const device = await hierarchy.device();
const ca = [hierarchy.root.certificate.der];

async function serve(t: TestContext, options: TlsOptions, onClient: (socket: TLSSocket) => void): Promise<number> {
  const own = { cert: chainPem(server.chain), key: keyPem(server.key), ca: chainPem(ca) };
  const listener = createServer({ ...own, ...options }, onClient);
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}

/** The socket, and how long each write to it was. */
async function counted(port: number): Promise<{ socket: Socket; writes: number[] }> {
  const socket = connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true });
  await once(socket, "connect");
  const writes: number[] = [];
  const write = socket.write.bind(socket);
  socket.write = (chunk: Uint8Array | string) => {
    writes.push(chunk.length);
    return write(chunk);
  };
  return { socket, writes };
}

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${maxVersion}: the socket sees one write for each flight, one for data of many records, one for goodbye`, async (t) => {
    const port = await serve(t, { requestCert: true }, (socket) => {
      socket.on("error", () => undefined).resume();
    });
    const { socket, writes } = await counted(port);
    const identity = { certificate: device.chain, signer: device.signer };
    const groups = ["secp256r1"] as const;
    const client = await connect({ transport: socket, servername: "localhost", ca, maxVersion, groups, ...identity });
    assert.equal(client.facts.clientCertificate, "sent");
    assert.equal(writes.length, 2, "hello, then certificate to Finished");
    await new Promise((done) => client.write(new Uint8Array(100_000), done));
    assert.equal(writes.length, 3);
    assert.ok((writes[2] ?? 0) >= 100_000 + 7 * 22);
    await new Promise<void>((done) => client.resume().end(done));
    assert.equal(writes.length, 4);
    client.destroy();
  });
}

test("TLS 1.3: after our end the server's answer is still read, to its own end", async (t) => {
  const port = await serve(t, { allowHalfOpen: true, minVersion: "TLSv1.3" }, (socket) => {
    // Not by an iterator, which would destroy the socket at its end.
    let question = "";
    socket.on("data", (data: Buffer) => (question += data.toString()));
    socket.once("end", () => socket.end(`you asked ${question}`));
  });
  const client = await connect({ host: "127.0.0.1", port, servername: "localhost", ca });
  client.end("how late is it");
  assert.equal(await text(client), "you asked how late is it");
});

test("setTimeout tells of a connection without traffic and ends nothing", async (t) => {
  const port = await serve(t, {}, (socket) => void socket.pipe(socket));
  const client = await connect({ host: "127.0.0.1", port, servername: "localhost", ca });
  let heard = 0;
  client.setTimeout(5, () => heard++);
  await once(client, "timeout");
  assert.equal(heard, 1);
  client.setTimeout(0).end("still works");
  assert.equal(await text(client), "still works");
});

test("a stream that is destroyed before the server spoke fails its waits, and one that is read to the end does not", async (t) => {
  const port = await serve(t, {}, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.end("bye"));
  });
  const waiting = await connect({ host: "127.0.0.1", port, servername: "localhost", ca, maxVersion: "TLSv1.2" });
  waiting.destroy();
  await assert.rejects(waiting.heard, { code: "aborted" });
  const client = await connect({ host: "127.0.0.1", port, servername: "localhost", ca });
  client.write("x");
  assert.equal(await text(client), "bye");
  await client.heard;
});
