import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { concat, DecodeError, empty, fromHex, HawserError, utf8Bytes } from "../codec/index.ts";
import { nodeAead, nodeHash, nodeSigner } from "../crypto/node.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import { SCRIPTED_PSK, ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { TLS_ERRORS } from "./error-codes.ts";
import { alertFor, clientConfig, type ClientIdentity, Connection, type TlsErrorCode } from "./index.ts";
import { HANDSHAKE_TYPES, handshakeMessage, type HandshakeMessage, messageName } from "./messages.ts";
import { Aead12Protection } from "./protection.ts";
import { encodeRecord } from "./records.ts";

type Case = {
  readonly what: string;
  readonly code: TlsErrorCode;
  /** What the server is told; none where the connection is gone. */
  readonly alert?: string;
  readonly server?: ScriptedServerOptions;
  readonly client?: RunOptions;
  /** What happens once connected. */
  readonly after?: (run: ClientRun, server: ScriptedServer) => Promise<void>;
};

const DHE = "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256";
const flip = (at: number) => (bytes: Uint8Array) => {
  const changed = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
};
const added = (type: number, data: Uint8Array = new Uint8Array(0)): ScriptedServerOptions => ({
  editExtensions: (list) => [...list, { type, data }],
});
const replaced = (type: number, data: Uint8Array): ScriptedServerOptions => ({
  editExtensions: (list) => list.map((each) => (each.type === type ? { type, data } : each)),
});
const without = (name: string): ScriptedServerOptions => ({
  editFlight: (messages) => messages.filter(({ type }) => messageName(type) !== name),
});
const swapped = (name: string, message: HandshakeMessage): ScriptedServerOptions => ({
  editFlight: (messages) => messages.map((each) => (messageName(each.type) === name ? message : each)),
});
/** The same message with one byte behind its last field. */
const lengthened = (name: string): ScriptedServerOptions => ({
  editFlight: (messages) =>
    messages.map((each) => {
      if (messageName(each.type) !== name) return each;
      const body = concat(each.body, Uint8Array.of(0));
      const raw = concat(Uint8Array.of(each.type, 0, body.length >> 8, body.length & 0xff), body);
      return { type: each.type, body, raw };
    }),
});
const helloRequest = handshakeMessage("server_hello_done", empty, undefined);
const aHelloRequest = { ...helloRequest, type: 0, raw: Uint8Array.of(0, 0, 0, 0) };
/** Another message behind each of this name. */
const behind = (name: string, message: HandshakeMessage): ScriptedServerOptions => ({
  editFlight: (messages) => messages.flatMap((each) => (messageName(each.type) === name ? [each, message] : [each])),
});
const statusMessage = { type: 22, body: new Uint8Array(0), raw: fromHex("160000050100000130") };
const plainRecord = (hex: string) => encodeRecord({ type: 22, version: 0x0303, fragment: fromHex(hex) });
const times = (count: number, bytes: () => Uint8Array) => concat(...Array.from({ length: count }, bytes));

/** Every rule that a scripted TLS 1.2 server can break, and how the client answers. */
const CASES: readonly Case[] = [
  // The hello. RFC 5246, section 7.4.1.3
  {
    what: "version 3.2",
    code: "unsupported-version",
    alert: "protocol_version",
    server: { editHello: (hello) => ({ ...hello, legacyVersion: 0x0302 }) },
  },
  {
    what: "a suite that was not offered",
    code: "unoffered-suite",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, cipherSuite: 0x002f }) },
  },
  {
    what: "a known suite that was not offered",
    code: "unoffered-suite",
    alert: "illegal_parameter",
    client: { suites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] },
  },
  {
    what: "compression",
    code: "bad-compression",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, compressionMethod: 1 }) },
  },
  {
    what: "an extension that was not offered",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: added(0x0023),
  },
  {
    what: "ALPN although none was offered",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: { alpn: "mqtt" },
  },
  {
    what: "the same extension twice",
    code: "duplicate-extension",
    alert: "illegal_parameter",
    server: added(0x0017),
  },
  {
    what: "signature_algorithms in a server hello",
    code: "misplaced-extension",
    alert: "illegal_parameter",
    server: added(0x000d, fromHex("00020403")),
  },
  {
    what: "an extended_master_secret with content",
    code: "malformed-message",
    alert: "decode_error",
    server: replaced(0x0017, Uint8Array.of(0)),
  },
  {
    what: "no renegotiation_info",
    code: "insecure-renegotiation",
    alert: "handshake_failure",
    server: { editExtensions: (list) => list.filter(({ type }) => type !== 0xff01) },
  },
  {
    what: "a renegotiation_info that is not empty",
    code: "insecure-renegotiation",
    alert: "handshake_failure",
    server: replaced(0xff01, fromHex("0100")),
  },
  {
    what: "compressed points only",
    code: "bad-point-formats",
    alert: "illegal_parameter",
    server: replaced(0x000b, fromHex("0101")),
  },
  {
    what: "a protocol that was not offered",
    code: "bad-alpn",
    alert: "illegal_parameter",
    server: { alpn: "http/1.1" },
    client: { alpn: ["mqtt"] },
  },
  {
    what: "two protocols",
    code: "bad-alpn",
    alert: "illegal_parameter",
    server: { ...replaced(0x0010, fromHex("0006026d71026d72")), alpn: "mq" },
    client: { alpn: ["mq", "mr"] },
  },
  {
    what: "a record size limit below 64",
    code: "bad-record-limit",
    alert: "illegal_parameter",
    server: added(0x001c, fromHex("003f")),
    client: { recordSizeLimit: 512 },
  },
  {
    what: "another fragment length than was asked for",
    code: "bad-record-limit",
    alert: "illegal_parameter",
    server: added(0x0001, fromHex("02")),
    client: { maxFragmentLength: 512 },
  },
  {
    what: "a record over the fragment length that was agreed",
    code: "record-too-long",
    alert: "record_overflow",
    server: added(0x0001, fromHex("01")),
    client: { maxFragmentLength: 512 },
    after: (run, server) => run.bytes(server.data(new Uint8Array(513))),
  },
  {
    what: "a record over the limit that was agreed",
    code: "record-too-long",
    alert: "record_overflow",
    server: added(0x001c, fromHex("4000")),
    client: { recordSizeLimit: 64 },
    after: (run, server) => run.bytes(server.data(new Uint8Array(65))),
  },
  {
    what: "a server_name that is not empty",
    code: "malformed-message",
    alert: "decode_error",
    server: replaced(0x0000, fromHex("00")),
  },
  {
    what: "a session_ticket that is not empty",
    code: "malformed-message",
    alert: "decode_error",
    server: added(0x0023, fromHex("00")),
    client: { wantsSessions: true },
  },
  {
    what: "encrypt_then_mac with an authenticated cipher",
    code: "misplaced-extension",
    alert: "illegal_parameter",
    server: added(0x0016),
    client: { legacy: true },
  },
  {
    what: "two limits of record sizes at once",
    code: "bad-record-limit",
    alert: "illegal_parameter",
    server: {
      editExtensions: (list) => [...list, { type: 1, data: fromHex("01") }, { type: 28, data: fromHex("0200") }],
    },
    client: { maxFragmentLength: 512, recordSizeLimit: 512 },
  },
  {
    what: "a certificate_status that was not announced",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: behind("certificate", statusMessage),
    client: { asksStatus: true },
  },
  {
    what: "a certificate_status of an unknown kind",
    code: "malformed-message",
    alert: "decode_error",
    server: { ...added(0x0005), ...behind("certificate", { ...statusMessage, raw: fromHex("160000050200000130") }) },
    client: { asksStatus: true },
  },
  {
    what: "a ticket that was not announced",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: { editLastFlight: (records) => [plainRecord("0400000700000000000130"), ...records] },
    client: { wantsSessions: true },
  },
  {
    what: "no ticket although one was announced",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: added(0x0023),
    client: { wantsSessions: true },
  },
  // The rest of the flight. RFC 5246, section 7.4; RFC 8422, section 5.4
  {
    what: "a group that was not offered",
    code: "unoffered-group",
    alert: "illegal_parameter",
    server: { group: "secp384r1" },
    client: { groups: ["secp256r1"] },
  },
  {
    what: "a point that is not on the curve",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { editPublicKey: flip(-1) },
  },
  {
    what: "a compressed point",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { editPublicKey: (key) => concat(Uint8Array.of(2 + ((key.at(-1) ?? 0) & 1)), key.subarray(1, 33)) },
  },
  {
    what: "the point at infinity",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { editPublicKey: () => Uint8Array.of(0) },
  },
  {
    what: "a key share whose secret is zero",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { group: "x25519", editPublicKey: () => new Uint8Array(32) },
    client: { groups: ["x25519", "secp256r1"] },
  },
  {
    what: "a curve by its parameters, not by its name",
    code: "malformed-message",
    alert: "decode_error",
    server: swapped("server_key_exchange", { ...helloRequest, type: 12, raw: fromHex("0c00000401001700") }),
  },
  {
    what: "a key exchange under static ECDH",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      suite: "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
      ...behind("certificate", { ...helloRequest, type: 12, raw: fromHex("0c00000401001700") }),
    },
    client: { legacy: true },
  },
  {
    what: "a pre-shared key's hint with a byte too many",
    code: "malformed-message",
    alert: "decode_error",
    server: { suite: "TLS_PSK_WITH_AES_128_GCM_SHA256", ...lengthened("server_key_exchange") },
    client: { psk: { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } },
  },
  {
    what: "an ECDHE_PSK share that is not on the curve",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { suite: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", editPublicKey: flip(-1) },
    client: { psk: { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } },
  },
  {
    what: "a Diffie-Hellman group of 1024 bits",
    code: "weak-dh-group",
    alert: "insufficient_security",
    server: { suite: DHE, dhPrime: new Uint8Array(128).fill(0xff) },
    client: { serverKey: "rsa" },
  },
  {
    what: "a Diffie-Hellman group of an even number",
    code: "weak-dh-group",
    alert: "insufficient_security",
    server: { suite: DHE, dhPrime: new Uint8Array(256).fill(0xfe) },
    client: { serverKey: "rsa" },
  },
  ...([1, 0] as const).map((value): Case => ({
    what: `a Diffie-Hellman value of ${value}`,
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { suite: DHE, editPublicKey: () => Uint8Array.of(value) },
    client: { serverKey: "rsa" },
  })),
  {
    what: "a certificate request in a suite of a pre-shared key",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      suite: "TLS_PSK_WITH_AES_128_GCM_SHA256",
      request: { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] },
    },
    client: { psk: { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } },
  },
  {
    what: "a signature scheme that was not offered (SHA-1)",
    code: "unoffered-scheme",
    alert: "illegal_parameter",
    server: { editSchemeCode: () => 0x0203 },
  },
  {
    what: "an RSA scheme with an EC key",
    code: "scheme-not-for-key",
    alert: "illegal_parameter",
    server: { editSchemeCode: () => 0x0401 },
  },
  {
    what: "a certificate on a curve that was not offered",
    code: "certificate-not-for-suite",
    alert: "unsupported_certificate",
    server: { group: "x25519", editPublicKey: () => new Uint8Array(32).fill(9) },
    client: { groups: ["x25519"] },
  },
  {
    what: "a message that begins behind server_hello_done",
    code: "misaligned-key-change",
    alert: "unexpected_message",
    server: swapped("server_hello_done", { ...helloRequest, raw: fromHex("0e0000000400") }),
  },
  {
    what: "an RSA key under an ECDSA suite",
    code: "certificate-not-for-suite",
    alert: "unsupported_certificate",
    client: { serverKey: "rsa" },
  },
  {
    what: "one flipped bit of the signature",
    code: "bad-server-signature",
    alert: "decrypt_error",
    server: { editSignature: flip(-1) },
  },
  {
    what: "a signature over another key share",
    code: "bad-server-signature",
    alert: "decrypt_error",
    server: { editHello: (hello) => ({ ...hello, random: flip(0)(hello.random) }) },
  },
  {
    what: "an empty certificate list",
    code: "no-server-certificate",
    alert: "decode_error",
    server: { chain: [] },
  },
  {
    what: "eleven certificates",
    code: "chain-too-long",
    alert: "bad_certificate",
    server: { chain: Array.from({ length: 11 }, () => fromHex("3000")) },
  },
  {
    what: "a refused chain",
    code: "certificate-refused",
    alert: "unknown_ca",
    client: { answer: (effect) => (effect.do === "verify-chain" ? { on: "failed", error: new Refusal() } : undefined) },
  },
  ...["certificate", "server_key_exchange", "server_hello_done"].flatMap((name): Case[] => [
    ...(name === "server_hello_done"
      ? []
      : [
          {
            what: `no ${name}`,
            code: "unexpected-message",
            alert: "unexpected_message",
            server: without(name),
          } as const,
        ]),
    {
      what: `a ${name} with a byte too many`,
      code: "malformed-message",
      alert: "decode_error",
      server: lengthened(name),
    },
  ]),
  {
    what: "a second server_hello",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: { editFlight: (messages) => messages.flatMap((each) => (each.type === 2 ? [each, each] : [each])) },
  },
  {
    what: "a client_hello",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: swapped("server_hello", { type: 1, body: new Uint8Array(0), raw: Uint8Array.of(1, 0, 0, 0) }),
  },
  {
    what: "two certificate requests",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      request: { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] },
      editFlight: (messages) =>
        messages.flatMap((each) => (each.type === HANDSHAKE_TYPES.certificate_request ? [each, each] : [each])),
    },
  },
  {
    what: "a message of more than 64 KiB",
    code: "message-too-long",
    alert: "illegal_parameter",
    server: swapped("certificate", { type: 11, body: new Uint8Array(0), raw: fromHex("0b010001") }),
  },
  // The last flight. RFC 5246, sections 7.1 and 7.4.9
  {
    what: "one flipped bit of verify_data",
    code: "bad-finished",
    alert: "decrypt_error",
    server: { editVerifyData: flip(0) },
  },
  {
    what: "verify_data cut short",
    code: "bad-finished",
    alert: "decrypt_error",
    server: { editVerifyData: (data) => data.subarray(0, 11) },
  },
  {
    what: "one flipped bit of the protected Finished",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    server: { editLastFlight: ([spec = empty8, last = empty8]) => [spec, flip(-1)(last)] },
  },
  {
    what: "a Finished without change_cipher_spec",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      editLastFlight: () => [encodeRecord({ type: 22, version: 0x0303, fragment: fromHex("1400000c") }), finished12],
    },
  },
  {
    what: "change_cipher_spec twice",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    server: { editLastFlight: ([spec = empty8, last = empty8]) => [spec, spec, last] },
  },
  {
    what: "a change_cipher_spec of two bytes",
    code: "malformed-message",
    alert: "decode_error",
    server: { editLastFlight: () => [encodeRecord({ type: 20, version: 0x0303, fragment: fromHex("0101") })] },
  },
  {
    what: "a message that begins before the keys change",
    code: "misaligned-key-change",
    alert: "unexpected_message",
    server: {
      editLastFlight: ([spec = empty8]) => [encodeRecord({ type: 22, version: 0x0303, fragment: fromHex("14") }), spec],
    },
  },
  // Records. RFC 5246, section 6.2
  {
    what: "a plain record of 2^14 + 1 bytes",
    code: "record-too-long",
    alert: "record_overflow",
    server: { editLastFlight: () => [fromHex("1603034001")] },
  },
  {
    what: "a protected record of 2^14 + 2049 bytes",
    code: "record-too-long",
    alert: "record_overflow",
    after: (run) => run.bytes(fromHex("1703034801")),
  },
  {
    what: "a record of version 3.2",
    code: "bad-record-version",
    alert: "protocol_version",
    after: (run) => run.bytes(fromHex("1703020010")),
  },
  {
    what: "a record of no known type",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run) => run.bytes(fromHex("1803030010")),
  },
  {
    what: "a protected record shorter than its nonce and tag",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    after: (run) => run.bytes(concat(fromHex("1703030017"), new Uint8Array(23))),
  },
  {
    what: "data with one flipped bit",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    after: (run, server) => run.bytes(flip(-1)(server.data(utf8Bytes("data")))),
  },
  {
    what: "a record that comes twice",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    after: async (run, server) => {
      const record = server.data(utf8Bytes("data"));
      await run.bytes(concat(record, record));
    },
  },
  {
    what: "33 empty records in a row",
    code: "empty-record-flood",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(times(33, () => server.data(new Uint8Array(0)))),
  },
  {
    what: "an empty handshake record",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.record("handshake", new Uint8Array(0))),
  },
  {
    what: "data within a handshake message",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) =>
      run.bytes(concat(server.record("handshake", Uint8Array.of(0)), server.data(Uint8Array.of(1)))),
  },
  {
    what: "application data before the handshake is complete",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: { editLastFlight: () => [encodeRecord({ type: 23, version: 0x0303, fragment: fromHex("00") })] },
  },
  // After the handshake. RFC 5246, sections 7.2 and 7.4.1.1
  {
    what: "five warnings in a row",
    code: "warning-flood",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(times(5, () => server.alert("user_canceled", "warning"))),
  },
  {
    what: "five hello requests in a row",
    code: "warning-flood",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(times(5, () => server.message(aHelloRequest))),
  },
  {
    what: "a hello request with content",
    code: "malformed-message",
    alert: "decode_error",
    after: (run, server) => run.bytes(server.message({ ...aHelloRequest, raw: fromHex("0000000100") })),
  },
  {
    what: "a server_hello after the handshake",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.message(handshakeMessage("server_hello_done", empty, undefined))),
  },
  {
    what: "change_cipher_spec after the handshake",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.record("change_cipher_spec", Uint8Array.of(1))),
  },
  {
    what: "an alert of one byte",
    code: "malformed-message",
    alert: "decode_error",
    after: (run, server) => run.bytes(server.record("alert", Uint8Array.of(1))),
  },
  {
    what: "an alert of level 3",
    code: "malformed-message",
    alert: "illegal_parameter",
    after: (run, server) => run.bytes(server.record("alert", Uint8Array.of(3, 0))),
  },
  {
    what: "a fatal alert",
    code: "alert-received",
    after: (run, server) => run.bytes(server.alert("internal_error")),
  },
  {
    what: "the end of the stream without close_notify",
    code: "truncated",
    after: (run) => run.input({ on: "end" }),
  },
];

const empty8 = new Uint8Array(8);
const finished12 = encodeRecord({ type: 22, version: 0x0303, fragment: new Uint8Array(12) });

class Refusal extends HawserError<"unknown-issuer"> {
  constructor() {
    super("unknown-issuer", "nobody here is its issuer");
  }
}

for (const { what, code, alert, server = {}, client = {}, after } of CASES) {
  test(`OE-27 ${what}: ${code}${alert === undefined ? "" : `, alert ${alert}`}`, async () => {
    const peer = new ScriptedServer(server);
    const run = await new ClientRun(peer, client).start();
    if (after) {
      assert.ok(run.facts, String(run.error));
      await after(run, peer);
    } else assert.equal(run.facts, undefined);
    assert.equal(run.error?.code, code, String(run.error));
    assert.equal(peer.alerts.at(-1), alert);
    assert.equal(run.connection.phase, "over");
  });
}

test("a HelloRequest within the handshake changes nothing", async () => {
  const cut = (bytes: Uint8Array) => [concat(plainRecord("00000000"), bytes)];
  const run = await new ClientRun(new ScriptedServer(), { cut }).start();
  assert.equal(run.error, undefined);
  assert.ok(run.facts);
});

test("a first record that is not TLS is named so, before any hello", async () => {
  const run = await new ClientRun(new ScriptedServer({ editFlight: () => [] })).start();
  await run.bytes(utf8Bytes("HTTP/1.1 400 Bad Request"));
  assert.equal(run.error?.code, "not-tls");
});

test("an operation that fails ends the connection with its cause and an internal_error", async () => {
  const cause = new Error("chip unplugged");
  for (const effect of ["random", "generate", "agree", "verify", "verify-chain"]) {
    const server = new ScriptedServer();
    const answer: RunOptions["answer"] = ({ do: what }) =>
      what === effect ? { on: "failed", error: cause } : undefined;
    const run = await new ClientRun(server, { answer }).start();
    assert.equal(run.error?.code, "operation-failed", effect);
    assert.equal(run.error.cause, cause);
    assert.deepEqual(server.alerts, ["internal_error"]);
  }
});

test("a chip that cannot sign ends the connection after what was said, with an internal_error", async () => {
  const signer = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  const failing = { ...signer, sign: () => Promise.reject(new Error("chip unplugged")) };
  const identity: ClientIdentity = { ...signer, chain: [fromHex("3000")], issuers: [fromHex("3000")] };
  const request = { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] };
  const server = new ScriptedServer({ request });
  const run = await new ClientRun(server, { identities: [identity], signers: [failing] }).start();
  assert.equal(run.error?.code, "operation-failed");
  assert.deepEqual(server.alerts, ["internal_error"]);
});

test("a key that has protected as many records as is safe protects no more", () => {
  const keys = { key: new Uint8Array(16), iv: new Uint8Array(4) };
  const protection = new Aead12Protection(nodeAead, "aes-128-gcm", keys, 2);
  protection.seal(23, utf8Bytes("one"));
  protection.seal(23, utf8Bytes("two"));
  assert.throws(() => protection.seal(23, utf8Bytes("three")), { code: "keys-exhausted" });
});

test("a record whose plaintext is longer than 2^14 is refused though it verifies", () => {
  const keys = { key: new Uint8Array(16), iv: new Uint8Array(4) };
  const record = new Aead12Protection(nodeAead, "aes-128-gcm", keys).seal(23, new Uint8Array(0x4001));
  const reading = new Aead12Protection(nodeAead, "aes-128-gcm", keys);
  assert.throws(() => reading.open({ type: 23, version: 0x0303, fragment: record.subarray(5) }), {
    code: "record-too-long",
  });
});

test("the caller's mistakes throw and leave the connection as it was", async () => {
  const run = await new ClientRun(new ScriptedServer()).start();
  assert.throws(() => run.connection.step({ on: "start" }), { code: "unexpected-answer" });
  assert.throws(() => run.connection.step({ on: "verified", valid: true }), { code: "unexpected-answer" });
  await run.input({ on: "send", data: utf8Bytes("still works") });
  await run.input({ on: "close" });
  assert.throws(() => run.connection.step({ on: "send", data: utf8Bytes("late") }), { code: "not-connected" });
  const waiting = new Connection(clientConfig({ servername: "a.example", hash: nodeHash, aead: nodeAead }));
  waiting.step({ on: "start" });
  assert.throws(() => waiting.step({ on: "send", data: utf8Bytes("early") }), { code: "not-connected" });
  const [failure] = waiting.step({ on: "verified", valid: true }).filter((output) => output.do === "fail");
  assert.equal(failure?.error.code, "unexpected-answer");
});

test("alertFor gives any error that is not of this room internal_error, and one about bytes decode_error", () => {
  assert.equal(alertFor(new DecodeError("trailing", "one byte", 0)), "decode_error");
  assert.equal(alertFor(new Error("anything")), "internal_error");
  assert.equal(alertFor(undefined), "internal_error");
});

test("every error code of tls is provoked by a test", () => {
  const files = globSync("**/*.test.ts", { cwd: import.meta.dirname });
  const text = files.map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("");
  const missing = Object.keys(TLS_ERRORS).filter((code) => !text.includes(`"${code}"`));
  assert.deepEqual(missing, []);
});
