import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { equal, fromHex, utf8Bytes } from "../../codec/index.ts";
import { VirtualClock } from "../../crypto/index.ts";
import { CertificateError } from "../../pki/index.ts";
import { rawMessage, ScriptedClient, type ScriptedClientOptions } from "../../../test/tls/scripted-client.ts";
import { ServerRun, type ServerRunOptions } from "../../../test/tls/run-server.ts";
import { ALERTS } from "../alerts.ts";
import type { TlsErrorCode } from "../errors.ts";
import type { HandshakeMessage } from "../messages.ts";
import { SERVER_SUITES, serverConfig, type ServerSession, SessionCache } from "./index.ts";

const AUTHORITY = fromHex("3000");
const WITH_CLIENT_CERTIFICATE: ServerRunOptions = { clientCertificates: "required", authorities: [AUTHORITY] };

/** A whole conversation, up to where nobody has anything to say. */
async function converse(client: ScriptedClient, server: ServerRun): Promise<void> {
  await server.start();
  let toServer = client.start();
  while (toServer.length > 0) {
    const toClient = await server.bytes(toServer);
    toServer = toClient.length > 0 ? client.receive(toClient) : new Uint8Array(0);
  }
}

async function meet(clientOptions: ScriptedClientOptions, serverOptions: ServerRunOptions = {}) {
  const client = new ScriptedClient(clientOptions);
  const server = new ServerRun(serverOptions);
  await converse(client, server);
  return { client, server };
}

for (const suite of SERVER_SUITES) {
  test(`OE-25 ServerConnection agrees on ${suite} with a client and its certificate, and data passes both ways`, async () => {
    const { client, server } = await meet({ suite }, WITH_CLIENT_CERTIFICATE);
    assert.equal(server.error, undefined);
    assert.ok(client.isConnected);
    assert.equal(server.facts?.suite, suite);
    assert.equal(server.facts?.clientCertificate, "sent");
    assert.equal(client.received.includes("server_key_exchange"), suite.startsWith("TLS_ECDHE"));
    await server.bytes(client.record("application_data", utf8Bytes("up")));
    client.receive(await server.input({ on: "send", data: utf8Bytes("down") }));
    assert.ok(equal(server.delivered, utf8Bytes("up")));
    assert.ok(client.data[0] && equal(client.data[0], utf8Bytes("down")));
  });
}

test("ServerConnection answers only extensions that were offered, and renegotiation also where a suite code offers it", async () => {
  const bare = { extended_master_secret: undefined, encrypt_then_mac: undefined, renegotiation_info: undefined };
  const none = { ...bare, ec_point_formats: undefined } as unknown as ScriptedClientOptions["extensions"];
  const { client, server } = await meet({ suite: "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", extensions: none ?? {} });
  assert.equal(server.error, undefined);
  assert.deepEqual(client.hello?.extensions, []);
  assert.equal(server.facts?.extendedMasterSecret, false);
  const withCode = await meet({
    extensions: none ?? {},
    editHello: (hello) => ({ ...hello, cipherSuites: [...hello.cipherSuites, 0x00ff] }),
  });
  assert.deepEqual(
    withCode.client.hello?.extensions.map(({ type }) => type),
    [0xff01],
  );
});

test("ServerConnection answers encrypt_then_mac for CBC suites only", async () => {
  const types = async (suite: (typeof SERVER_SUITES)[number]) =>
    (await meet({ suite })).client.hello?.extensions.map(({ type }) => type).includes(0x0016);
  assert.equal(await types("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256"), true);
  assert.equal(await types("TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256"), false);
});

test("ServerConnection prefers its own order of suites, and takes another where the client lacks what the first needs", async () => {
  const both = (options: ScriptedClientOptions) =>
    meet({
      suite: "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
      ...options,
      editHello: (hello) => ({ ...hello, cipherSuites: [0xc02d, 0xc02b] }),
    });
  const hello = (await both({})).client.hello;
  assert.equal(hello?.cipherSuite, 0xc02b);
  const noSchemes = await both({ extensions: { signature_algorithms: [0x0203] } });
  assert.equal(noSchemes.client.hello?.cipherSuite, 0xc02d, "SHA-1 only: nothing can be signed, but static ECDH works");
});

test("OE-26 T-14 ServerConnection resumes a session by its id, verifies the client's chain again and asks for no signature", async () => {
  const sessions = new SessionCache(new VirtualClock());
  const options = { ...WITH_CLIENT_CERTIFICATE, sessions };
  const first = new ScriptedClient();
  await converse(first, new ServerRun(options));
  assert.equal(first.session.id.length, 32);
  const second = new ScriptedClient({}, first.session);
  const server = new ServerRun(options);
  await converse(second, server);
  assert.ok(second.isConnected);
  assert.equal(server.facts?.resumed, true);
  assert.equal(server.facts?.peerChain.length, 1);
  assert.deepEqual(second.received, ["server_hello", "finished"]);
  const asked = server.outputs.map((output) => output.do);
  assert.ok(asked.includes("verify-client"));
  assert.ok(!asked.includes("sign") && !asked.includes("verify") && !asked.includes("agree"));
});

test("ServerConnection makes a whole handshake where a session is unknown, expired, of another name, or was not kept", async () => {
  const clock = new VirtualClock();
  const sessions = new SessionCache(clock, { lifetimeMs: 1000 });
  const first = new ScriptedClient();
  await converse(first, new ServerRun({ sessions }));
  const again = async (options: ScriptedClientOptions, serverOptions: ServerRunOptions = { sessions }) => {
    const client = new ScriptedClient(options, first.session);
    await converse(client, new ServerRun(serverOptions));
    return client.received.includes("server_hello_done");
  };
  assert.equal(await again({}), false, "it is resumed at first");
  const named = { server_name: [{ type: 0 as const, name: utf8Bytes("other.example") }] };
  assert.equal(await again({ extensions: named }), true, "another name");
  assert.equal(await again({}, {}), true, "no store");
  clock.advance(1001);
  assert.equal(await again({}), true, "expired");
});

test("ServerConnection keeps no session without the extended master secret, nor one that ended in a fatal alert", async () => {
  const sessions = new SessionCache(new VirtualClock());
  const plain = { extended_master_secret: undefined } as unknown as ScriptedClientOptions["extensions"];
  const unbound = new ScriptedClient({ extensions: plain ?? {} });
  await converse(unbound, new ServerRun({ sessions }));
  assert.equal(unbound.hello?.legacySessionId.length, 0);
  const client = new ScriptedClient();
  const server = new ServerRun({ sessions });
  await converse(client, server);
  assert.ok(sessions.find(client.session.id));
  await server.bytes(client.record("alert", Uint8Array.of(2, ALERTS.internal_error)));
  assert.equal(server.error?.code, "alert-received");
  assert.equal(sessions.find(client.session.id), undefined);
});

test("SessionCache is bounded and overwrites the secrets of what it forgets", () => {
  const cache = new SessionCache(new VirtualClock(), { maxSessions: 2 });
  const session = (id: number): ServerSession => ({
    id: Uint8Array.of(id),
    suite: "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
    masterSecret: new Uint8Array(48).fill(id),
    servername: "",
    clientChain: [],
  });
  const first = session(1);
  for (const each of [first, session(2), session(3)]) cache.keep(each);
  assert.equal(cache.find(Uint8Array.of(1)), undefined);
  assert.ok(cache.find(Uint8Array.of(2)) && cache.find(Uint8Array.of(3)));
  assert.ok(first.masterSecret.every((byte) => byte === 0));
});

/** The same bytes with their last bit turned. */
const lastBitFlipped = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));

const without = (name: string) => (messages: readonly HandshakeMessage[]) =>
  messages.filter(({ type }) => rawMessage(name as "certificate").type !== type);

type Refusal = readonly [what: string, code: TlsErrorCode, alert: string, ScriptedClientOptions, ServerRunOptions?];

const REFUSALS: readonly Refusal[] = [
  ["TLS 1.1", "no-common-version", "protocol_version", { editHello: (hello) => ({ ...hello, legacyVersion: 0x0302 }) }],
  ["TLS 1.3 only", "no-common-version", "protocol_version", { extensions: { supported_versions: [0x0304] } }],
  [
    "a needless fallback",
    "needless-fallback",
    "inappropriate_fallback",
    { editHello: (hello) => ({ ...hello, legacyVersion: 0x0302, cipherSuites: [0xc02b, 0x5600] }) },
  ],
  ["no suite of ours", "no-common-suite", "handshake_failure", { suite: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }],
  [
    "OE-59 ECDH where the server was started for ECDHE",
    "no-common-suite",
    "handshake_failure",
    { suite: "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256" },
    { suites: ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] },
  ],
  ["no curve of ours", "no-common-suite", "handshake_failure", { extensions: { supported_groups: [0x001e] } }],
  ["SHA-1 only", "no-common-suite", "handshake_failure", { extensions: { signature_algorithms: [0x0203] } }],
  [
    "compression only",
    "bad-compression",
    "illegal_parameter",
    { editHello: (hello) => ({ ...hello, compressionMethods: [1] }) },
  ],
  [
    "a renegotiation that never began",
    "insecure-renegotiation",
    "handshake_failure",
    { extensions: { renegotiation_info: new Uint8Array(12) } },
  ],
  ["compressed points only", "bad-point-formats", "illegal_parameter", { extensions: { ec_point_formats: [1] } }],
  [
    "the same extension twice",
    "duplicate-extension",
    "illegal_parameter",
    { editHello: (hello) => ({ ...hello, extensions: [...hello.extensions, ...hello.extensions.slice(0, 1)] }) },
  ],
  ["no certificate", "no-client-certificate", "handshake_failure", { chain: [] }, WITH_CLIENT_CERTIFICATE],
  [
    "eleven certificates",
    "chain-too-long",
    "bad_certificate",
    { chain: Array.from({ length: 11 }, () => AUTHORITY) },
    WITH_CLIENT_CERTIFICATE,
  ],
  [
    "a certificate that was not asked for",
    "unexpected-message",
    "unexpected_message",
    { editFlight: (messages) => [rawMessage("certificate", fromHex("000000")), ...messages] },
  ],
  [
    "no certificate message",
    "unexpected-message",
    "unexpected_message",
    { editFlight: without("certificate") },
    WITH_CLIENT_CERTIFICATE,
  ],
  [
    "no certificate_verify",
    "unexpected-message",
    "unexpected_message",
    { editFlight: without("certificate_verify") },
    WITH_CLIENT_CERTIFICATE,
  ],
  [
    "no client_key_exchange",
    "unexpected-message",
    "unexpected_message",
    { editFlight: without("client_key_exchange") },
  ],
  [
    "a certificate whose key is neither EC nor RSA",
    "certificate-not-for-suite",
    "unsupported_certificate",
    {},
    {
      ...WITH_CLIENT_CERTIFICATE,
      answer: (effect) =>
        effect.do === "verify-client"
          ? { on: "chain-verified", publicKey: fromHex("302a300506032b6570032100") }
          : undefined,
    },
  ],
  [
    "a certificate that is not to be trusted",
    "certificate-refused",
    "unknown_ca",
    {},
    {
      ...WITH_CLIENT_CERTIFICATE,
      answer: (effect) =>
        effect.do === "verify-client"
          ? {
              on: "failed",
              error: new CertificateError("unknown-issuer", "nobody knows it", {
                rule: "",
                field: "",
                index: 0,
                subject: "",
              }),
            }
          : undefined,
    },
  ],
  [
    "a wrong signature",
    "bad-client-signature",
    "decrypt_error",
    { editSignature: lastBitFlipped },
    WITH_CLIENT_CERTIFICATE,
  ],
  [
    "a signature scheme of nobody's",
    "unoffered-scheme",
    "illegal_parameter",
    { schemeCode: 0x0203 },
    WITH_CLIENT_CERTIFICATE,
  ],
  [
    "an RSA scheme with an EC key",
    "scheme-not-for-key",
    "illegal_parameter",
    { schemeCode: 0x0401 },
    WITH_CLIENT_CERTIFICATE,
  ],
  ["a point that is not on the curve", "bad-key-share", "illegal_parameter", { editPublicKey: lastBitFlipped }],
  [
    "a point that is not on the curve of the certificate",
    "bad-key-share",
    "illegal_parameter",
    { suite: "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", editPublicKey: lastBitFlipped },
  ],
  ["a compressed point", "bad-key-share", "illegal_parameter", { editPublicKey: (key) => key.slice(0, 33).with(0, 2) }],
  ["a wrong Finished", "bad-finished", "decrypt_error", { editVerifyData: (data) => data.with(0, (data[0] ?? 0) ^ 1) }],
  ["a short Finished", "bad-finished", "decrypt_error", { editVerifyData: (data) => data.slice(1) }],
  [
    "no change_cipher_spec",
    "unexpected-message",
    "unexpected_message",
    { editRecords: (records) => records.toSpliced(-2, 1) },
  ],
  [
    "data before Finished",
    "unexpected-message",
    "unexpected_message",
    { editRecords: () => [fromHex("170303000161")] },
  ],
  ["a hello_request", "unexpected-message", "unexpected_message", { editFlight: () => [rawMessage("hello_request")] }],
  [
    "a second client_hello",
    "unexpected-message",
    "unexpected_message",
    { editFlight: () => [rawMessage("client_hello")] },
  ],
  [
    "an unfinished key exchange",
    "malformed-message",
    "decode_error",
    { editFlight: () => [rawMessage("client_key_exchange", fromHex("41"))] },
  ],
];

for (const [what, code, alert, clientOptions, serverOptions] of REFUSALS) {
  test(`ServerConnection refuses ${what}: ${code}, alert ${alert}`, async () => {
    const { client, server } = await meet(clientOptions, serverOptions);
    assert.equal(server.error?.code, code, String(server.error));
    assert.equal(server.alerts.at(-1), alert);
    assert.ok(!client.isConnected);
    assert.equal(server.facts, undefined);
  });
}

test("ServerConnection refuses to resume a bound session without the extended master secret", async () => {
  const sessions = new SessionCache(new VirtualClock());
  const first = new ScriptedClient();
  await converse(first, new ServerRun({ sessions }));
  const plain = { extended_master_secret: undefined } as unknown as ScriptedClientOptions["extensions"];
  const server = new ServerRun({ sessions });
  await converse(new ScriptedClient({ extensions: plain ?? {} }, first.session), server);
  assert.equal(server.error?.code, "changed-session");
  assert.deepEqual(server.alerts, ["handshake_failure"]);
});

test("ServerConnection declines to renegotiate a few times, then gives up", async () => {
  const { client, server } = await meet({});
  const again = new ScriptedClient().start().subarray(5);
  for (let i = 0; i < 4; i++) await server.bytes(client.record("handshake", again));
  assert.deepEqual(
    server.alerts,
    Array.from({ length: 4 }, () => "no_renegotiation"),
  );
  await server.bytes(client.record("handshake", again));
  assert.equal(server.error?.code, "warning-flood");
});

test("ServerConnection answers a goodbye and is over", async () => {
  const { client, server } = await meet({});
  client.receive(await server.bytes(client.record("alert", Uint8Array.of(1, ALERTS.close_notify))));
  assert.deepEqual(client.alerts, [ALERTS.close_notify]);
  assert.ok(server.outputs.some((output) => output.do === "end"));
  await server.input({ on: "end" });
  assert.equal(server.connection.phase, "over");
  assert.equal(server.error, undefined);
});

test("serverConfig refuses what cannot work", () => {
  const { connection: _connection } = new ServerRun();
  const options = { chain: [AUTHORITY], algorithms: [], publicKey: new Uint8Array(3) } as const;
  const ports = { hash: {} as never, aead: {} as never, cbc: {} as never };
  assert.throws(() => serverConfig({ ...options, ...ports }), { code: "bad-option" });
  assert.throws(() => new ServerRun({ chain: [] }), { code: "bad-option" });
  assert.throws(() => new ServerRun({ suites: [] }), { code: "bad-option" });
  assert.throws(() => new ServerRun({ groups: [] }), { code: "bad-option" });
  assert.throws(() => new ServerRun({ clientCertificates: "required" }), { code: "bad-option" });
  assert.throws(() => new ServerRun({ suites: ["TLS_PSK_WITH_AES_128_GCM_SHA256" as never] }), { code: "bad-option" });
});

test("ServerConnection takes arbitrary bytes and any cut of a good client's without throwing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (bytes) => {
      const server = await new ServerRun().start();
      await server.bytes(bytes);
      await server.input({ on: "end" });
      assert.ok(server.error, "nobody connects like that");
    }),
    { numRuns: 200 },
  );
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 1, max: 90 })), async (sizes) => {
      const client = new ScriptedClient();
      const server = await new ServerRun(WITH_CLIENT_CERTIFICATE).start();
      let toServer = client.start();
      while (toServer.length > 0) {
        const size = sizes.next().value ?? 1;
        const toClient = await server.bytes(toServer.slice(0, size));
        toServer = toServer.slice(size);
        if (toClient.length > 0) toServer = new Uint8Array([...toServer, ...client.receive(toClient)]);
      }
      assert.ok(client.isConnected, String(server.error));
    }),
    { numRuns: 20 },
  );
});

test("ServerConnection refuses every one-byte change of a client's two flights, or it made no difference", async () => {
  const lengths = await recordedLengths();
  const run = async (flight: number, at: number, mask: number) => {
    const client = new ScriptedClient();
    const server = await new ServerRun(WITH_CLIENT_CERTIFICATE).start();
    let toServer = client.start();
    for (let i = 0; toServer.length > 0; i++) {
      if (i === flight) {
        // A signature may be a byte shorter than the one that was measured.
        const place = Math.min(at, toServer.length - 1);
        toServer = toServer.with(place, (toServer[place] ?? 0) ^ mask);
      }
      const toClient = await server.bytes(toServer);
      if (server.error) return;
      try {
        toServer = toClient.length > 0 ? client.receive(toClient) : new Uint8Array(0);
      } catch {
        return; // The client does not understand its own hello any more.
      }
    }
    await server.input({ on: "end" });
    // The record's version is not part of what is hashed, before one is agreed. RFC 5246, appendix E.1
    const isRecordVersion = flight === 0 && (at === 1 || at === 2);
    assert.ok(server.error || isRecordVersion, `flight ${flight}, byte ${at}, ${mask}`);
    if (!isRecordVersion) assert.equal(server.facts, undefined, `flight ${flight}, byte ${at}, ${mask}`);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.integer({ min: 1, max: 255 }),
      (flight, place, mask) => run(flight, Math.floor(place * (lengths[flight] ?? 1)), mask),
    ),
    { numRuns: 300 },
  );
});

async function recordedLengths(): Promise<number[]> {
  const client = new ScriptedClient();
  const server = await new ServerRun(WITH_CLIENT_CERTIFICATE).start();
  const first = client.start();
  const second = client.receive(await server.bytes(first));
  return [first.length, second.length];
}
