import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import type { IncomingMessage } from "node:http";
import { Agent, createServer as createHttpsServer, request } from "node:https";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";

import { HawserError } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeKeyAgreement, nodeSigner } from "../crypto/node.ts";
import { CertificateError, issueRootCertificate, nameFromText } from "../pki/index.ts";
import { Ledger } from "../trace/index.ts";
import { chainPem, keyPem, newHierarchy } from "../../test/tls/hierarchy.ts";
import { startProxy } from "../../test/tls/proxy.ts";
import { serverEndPoint, TlsError } from "./index.ts";
import { connect, type ConnectOptions, open } from "./node.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const device = await hierarchy.device();
const ca = [hierarchy.root.certificate.der];

async function listen(t: TestContext, listener: Server): Promise<number> {
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}

async function serve(t: TestContext, options: TlsOptions, onClient: (socket: TLSSocket) => void): Promise<number> {
  const listener = createServer(
    { cert: chainPem(server.chain), key: keyPem(server.key), maxVersion: "TLSv1.2", ...options },
    (socket) => {
      socket.on("error", () => undefined);
      onClient(socket);
    },
  );
  listener.on("tlsClientError", () => undefined);
  return listen(t, listener);
}

async function refusal(promise: Promise<unknown>): Promise<HawserError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof HawserError, String(error));
    return error;
  }
  return assert.fail("it did not fail");
}

function to(port: number, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { host: "127.0.0.1", port, servername: "localhost", ca, ...more };
}

test("OE-02 A5-01 A5-03 connect verifies the server and echoes data with node:tls", async (t) => {
  const port = await serve(t, {}, (socket) => socket.pipe(socket));
  const client = await connect(to(port));
  assert.equal(client.facts.protocol, "TLSv1.2");
  assert.equal(client.authorized, true);
  client.end("over there and back");
  assert.equal(await text(client), "over there and back");
});

test("A5-29 AW-46 the client sends its chain of two and proves possession; the server reads both", async (t) => {
  const seen = Promise.withResolvers<{ subject: string; issuer: string; authorized: boolean }>();
  const requestCert = { requestCert: true, rejectUnauthorized: true, ca: chainPem(ca) };
  const port = await serve(t, requestCert, (socket) => {
    const certificate = socket.getPeerCertificate(true);
    const issuer = certificate.issuerCertificate?.subject.CN;
    seen.resolve({ subject: String(certificate.subject.CN), issuer: String(issuer), authorized: socket.authorized });
    socket.end();
  });
  const client = await connect(to(port, { certificate: device.chain, signer: device.signer }));
  assert.equal(client.facts.clientCertificate, "sent");
  assert.deepEqual(await seen.promise, { subject: "device-1", issuer: "Test Intermediate", authorized: true });
  assert.equal(await text(client), "");
});

test("a megabyte goes through in both directions at once with back-pressure", async (t) => {
  const port = await serve(t, {}, (socket) => socket.pipe(socket));
  const client = await connect(to(port));
  const sent = Buffer.alloc(1 << 20, "0123456789abcdef");
  client.end(sent);
  const parts: Buffer[] = [];
  for await (const part of client) parts.push(part as Buffer);
  assert.ok(Buffer.concat(parts).equals(sent));
});

test("what is written before the handshake is complete arrives after it", async (t) => {
  const port = await serve(t, {}, (socket) => socket.pipe(socket));
  const client = open(to(port));
  client.write("early ");
  client.end("bird");
  assert.equal(await text(client), "early bird");
});

test("certificates may be given as DER, as PEM or already read", async (t) => {
  const port = await serve(t, { requestCert: true, ca: chainPem(ca) }, (socket) => socket.end());
  const { signer, certificate } = device;
  const forms: Partial<ConnectOptions>[] = [
    { ca, certificate: device.chain },
    { ca: chainPem(ca), certificate: chainPem(device.chain) },
    { ca: [hierarchy.root.certificate], certificate: [certificate, hierarchy.intermediate.certificate] },
  ];
  for (const form of forms) {
    const client = await connect(to(port, { ...form, signer }));
    assert.equal(client.facts.clientCertificate, "sent");
    client.destroy();
  }
});

test("ALPN agrees on a protocol that both sides know", async (t) => {
  const port = await serve(t, { ALPNProtocols: ["x-amzn-mqtt-ca"] }, (socket) => socket.end());
  const client = await connect(to(port, { alpn: ["mqtt", "x-amzn-mqtt-ca"] }));
  assert.equal(client.alpnProtocol, "x-amzn-mqtt-ca");
  client.destroy();
});

test("A5-06 an untrusted issuer, a wrong name and an expired certificate are refused with pki's reason", async (t) => {
  const past = { notBefore: Date.now() - 9e8, notAfter: Date.now() - 8e8 };
  const expired = await hierarchy.server("ecdsa", { validity: past });
  const port = await serve(t, {}, (socket) => socket.end());
  const expiredPort = await serve(t, { cert: chainPem(expired.chain), key: keyPem(expired.key) }, (s) => s.end());
  const others = [(await newHierarchy("Other")).root.certificate.der];
  const cases = [
    { options: to(port, { ca: others }), cause: "unknown-issuer", alert: "unknown_ca" },
    { options: to(port, { servername: "elsewhere.example" }), cause: "name-mismatch", alert: "bad_certificate" },
    { options: to(expiredPort), cause: "expired", alert: "certificate_expired" },
  ];
  for (const { options, cause, alert } of cases) {
    const error = await refusal(connect(options));
    assert.ok(error instanceof TlsError);
    assert.equal(error.code, "certificate-refused");
    assert.equal(error.alert, alert);
    assert.ok(error.cause instanceof CertificateError);
    assert.equal(error.cause.code, cause);
  }
});

test("A5-37 a stream cut without close_notify is an error and never an end", async (t) => {
  const proxy = await startProxy(t, await serve(t, {}, (socket) => void socket.write("half of the")));
  const client = await connect(to(proxy.port));
  const [first] = (await once(client, "data")) as [Buffer];
  assert.equal(first.toString(), "half of the");
  proxy.cut();
  const error = await refusal(text(client));
  assert.equal(error.code, "truncated");
});

test("a connection that is reset has failed, and its cause is the system's", async (t) => {
  const accepted = Promise.withResolvers<Socket>();
  const tlsPort = await serve(t, {}, (socket) => void socket.write("ready"));
  const listener = createTcpServer((socket) => {
    const onward = connectTcp(tlsPort, "127.0.0.1");
    t.after(() => onward.destroy());
    socket.on("error", () => undefined);
    socket.pipe(onward).pipe(socket);
    accepted.resolve(socket);
  });
  const client = await connect(to(await listen(t, listener)));
  await once(client, "data");
  (await accepted.promise).resetAndDestroy();
  const error = await refusal(text(client));
  assert.equal(error.code, "transport-failed");
  assert.equal((error.cause as NodeJS.ErrnoException).code, "ECONNRESET");
});

test("nobody listening, a plain-text server, a deadline and an abort each have their code", async (t) => {
  const silent = await listen(
    t,
    createTcpServer((socket) => t.after(() => socket.destroy())),
  );
  const plain = await listen(
    t,
    createTcpServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  );
  const closed = await listen(
    t,
    createTcpServer((socket) => void socket.end()),
  );
  const gone = createTcpServer();
  const gonePort = await listen(t, gone);
  gone.close();
  const codes = await Promise.all(
    [
      connect(to(gonePort)),
      connect(to(plain)),
      connect(to(closed)),
      connect(to(silent, { timeoutMs: 20 })),
      connect(to(silent, { signal: AbortSignal.abort() })),
    ].map(async (promise) => (await refusal(promise)).code),
  );
  assert.deepEqual(codes, ["connect-failed", "not-tls", "closed-in-handshake", "handshake-timeout", "aborted"]);
});

test("options that cannot work are refused before any connection", () => {
  const cases: ConnectOptions[] = [
    { ca },
    { ca, host: "localhost" },
    to(1, { ca: [] }),
    to(1, { ca: "no certificate here" }),
    to(1, { certificate: device.chain }),
    to(1, { signer: device.signer }),
    to(1, { certificate: server.chain, signer: device.signer }),
    to(1, { servername: "" }),
    to(1, { servername: "münchen.example" }),
    to(1, { servername: "two words" }),
    to(1, { groups: [] }),
    to(1, { suites: ["TLS_PSK_WITH_AES_128_GCM_SHA256"] }),
    to(1, { suites: ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"] }),
    to(1, { recordSizeLimit: 63 }),
    to(1, { psk: { identity: "device-1" } }),
    to(1, { minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }),
    to(1, { suites: [] }),
    to(1, { alpn: [""] }),
  ];
  for (const options of cases) assert.throws(() => open(options), { code: "bad-option" });
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${maxVersion}: both ends export the same keys, and log the same secrets`, async (t) => {
    const context = Buffer.from("context");
    const theirs = Promise.withResolvers<Buffer[]>();
    const serverLog = new Set<string>();
    const listener = createServer({ cert: chainPem(server.chain), key: keyPem(server.key), maxVersion }, (socket) => {
      const exported = [undefined, context, Buffer.alloc(0)].map((each) => {
        return socket.exportKeyingMaterial(40, "EXPORTER-test", each as Buffer);
      });
      theirs.resolve(exported);
      socket.end();
    });
    listener.on("keylog", (line: Buffer) => serverLog.add(line.toString().trim()));
    const port = await listen(t, listener);
    const log: string[] = [];
    const client = await connect(to(port, { maxVersion, exportsKeys: true, keyLog: (line) => log.push(line) }));
    const ours = [undefined, context, Buffer.alloc(0)].map((each) =>
      Buffer.from(client.exportKeyingMaterial(40, "EXPORTER-test", each)),
    );
    assert.deepEqual(ours, await theirs.promise);
    // HKDF ends at 255 hashes, the function of TLS 1.2 nowhere.
    const most = () => client.exportKeyingMaterial(255 * 48 + 1, "EXPORTER-test").length;
    if (maxVersion === "TLSv1.3") assert.throws(most, { code: "too-long" });
    else assert.equal(most(), 255 * 48 + 1);
    await text(client);
    assert.equal(log.length, maxVersion === "TLSv1.2" ? 1 : 5);
    assert.deepEqual(new Set(log), serverLog);
    const early = open(to(port));
    assert.throws(() => early.exportKeyingMaterial(16, "EXPORTER-test"), { code: "not-connected" });
    early.destroy();
    const keeping = await connect(to(port, { maxVersion }));
    assert.throws(() => keeping.exportKeyingMaterial(16, "EXPORTER-test"), { code: "bad-option" });
    keeping.destroy();
  });
}

test("waitsForServer tells a TLS 1.3 refusal of our certificate from a connection", async (t) => {
  const stranger = await (await newHierarchy("Stranger")).device();
  const port = await serve(
    t,
    { maxVersion: "TLSv1.3", minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true, ca: chainPem(ca) },
    (socket) => void socket.write("hello"),
  );
  const identity = (holder: typeof device) => ({ certificate: holder.chain, signer: holder.signer });
  const client = await connect(to(port, { ...identity(device), waitsForServer: true }));
  assert.equal(String((await once(client, "data"))[0]), "hello");
  client.destroy();
  const error = await refusal(connect(to(port, { ...identity(stranger), waitsForServer: true })));
  assert.ok(["alert-received", "transport-failed", "truncated"].includes(error.code), error.code);
});

test("an https.Agent makes its connections over us and keeps them alive", async (t) => {
  const sockets = new Set<unknown>();
  const listener = createHttpsServer({ cert: chainPem(server.chain), key: keyPem(server.key) }, (request, response) => {
    sockets.add(request.socket);
    response.end(`you asked for ${request.url}`);
  });
  const port = await listen(t, listener);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => open(to(port));
  t.after(() => agent.destroy());
  for (const path of ["/one", "/two"]) {
    const asked = request({ agent, host: "localhost", port, path }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    assert.equal(await text(response), `you asked for ${path}`);
  }
  assert.equal(sockets.size, 1);
});

test("the hybrid group X25519MLKEM768 agrees with node:tls, where it has it", async (t) => {
  if (!nodeKeyAgreement.groups.includes("X25519MLKEM768")) return t.skip("this Node has no ML-KEM");
  const port = await serve(t, { maxVersion: "TLSv1.3", ecdhCurve: "X25519MLKEM768" }, (socket) => socket.pipe(socket));
  const client = await connect(to(port, { groups: ["X25519MLKEM768"] }));
  assert.equal(client.facts.group, "X25519MLKEM768");
  client.end("after the quantum computer");
  assert.equal(await text(client), "after the quantum computer");
});

test("the binding tls-server-end-point is the hash of the server's certificate", () => {
  const [certificate] = server.chain;
  assert.ok(certificate);
  assert.deepEqual(serverEndPoint(nodeHash, certificate), nodeHash.digest("sha256", certificate));
});

test("serverEndPoint refuses a certificate that Ed25519 signed, whose binding is undefined. RFC 5929, section 4.1", async () => {
  const signer = nodeSigner(generateKeyPairSync("ed25519").privateKey);
  const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 1e9 };
  const subject = nameFromText("CN=Edwards,O=Hawser");
  const { der } = await issueRootCertificate({ validity, entropy: nodeEntropy, subject, signer });
  assert.throws(() => serverEndPoint(nodeHash, der), { code: "bad-option" });
});

test("OE-33 the trace tells each message, who performed each operation, and what was agreed", async (t) => {
  const port = await serve(t, { requestCert: true, ca: chainPem(ca) }, (socket) => socket.end());
  const trace = new Ledger({ clock: nodeClock });
  const signer = { ...device.signer, performer: "chip" as const };
  const client = await connect(
    to(port, { trace, maxVersion: "TLSv1.2", certificate: device.chain, signer, correlation: { device: "d1" } }),
  );
  await text(client);
  const events = trace.events({ device: "d1" });
  const performed = events.flatMap((e) => (e.kind === "tls.operation" ? [`${e.operation} ${e.performer}`] : []));
  assert.deepEqual(performed, [
    "client-random host",
    "verify-chain host",
    "verify-server-signature host",
    "key-share host",
    "key-agreement host",
    "client-signature chip",
  ]);
  const messages = events.flatMap((e) => (e.kind === "tls.message" ? [`${e.direction} ${e.message}`] : []));
  assert.deepEqual(messages, [
    "sent client_hello",
    "received server_hello",
    "received certificate",
    "received server_key_exchange",
    "received certificate_request",
    "received server_hello_done",
    "sent certificate",
    "sent client_key_exchange",
    "sent certificate_verify",
    "sent change_cipher_spec",
    "sent finished",
    "received change_cipher_spec",
    "received finished",
  ]);
  assert.equal(events.filter(({ kind }) => kind === "tls.connected").length, 1);
});
