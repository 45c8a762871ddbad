import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, fromHex, utf8Bytes } from "../codec/index.ts";
import { nodeAead } from "../crypto/node.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import { ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13, type ScriptedServer13Options } from "../../test/tls/scripted-server-13.ts";
import type { TlsErrorCode } from "./index.ts";
import { HANDSHAKE_TYPES, handshakeMessage, keyUpdate, type HandshakeMessage } from "./messages.ts";
import { Aead13Protection } from "./protection.ts";
import { encodeRecord } from "./records.ts";

type Case = {
  readonly what: string;
  readonly code: TlsErrorCode;
  readonly alert?: string;
  readonly server?: ScriptedServer13Options;
  readonly client?: RunOptions;
  /** What happens once connected. */
  readonly after?: (run: ClientRun, server: ScriptedServer13) => Promise<void>;
};

const flip = (at: number) => (bytes: Uint8Array) => {
  const changed = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
};
const add = (where: string, type: number, data: Uint8Array = new Uint8Array(0)): ScriptedServer13Options => ({
  editExtensions: (message, list) => (message === where ? [...list, { type, data }] : list),
});
const remove = (where: string, type: number): ScriptedServer13Options => ({
  editExtensions: (message, list) => (message === where ? list.filter((each) => each.type !== type) : list),
});
const replace = (where: string, type: number, data: Uint8Array): ScriptedServer13Options => ({
  editExtensions: (message, list) =>
    message === where ? list.map((each) => (each.type === type ? { type, data } : each)) : list,
});
const drop = (name: string): ScriptedServer13Options => ({
  editMessage: (message, each) => (each === name ? [] : [message]),
});
const twice = (name: string): ScriptedServer13Options => ({
  editMessage: (message, each) => (each === name ? [message, message] : [message]),
});
const lengthen = (name: string): ScriptedServer13Options => ({
  editMessage: (message, each) => (each === name ? [longer(message)] : [message]),
});
function longer({ type, body }: HandshakeMessage): HandshakeMessage {
  const grown = concat(body, Uint8Array.of(0));
  return { type, body: grown, raw: concat(Uint8Array.of(type, 0, grown.length >> 8, grown.length & 0xff), grown) };
}
const inRetry = (type: number, data: Uint8Array): ScriptedServer13Options => ({
  editRetry: (hello) => ({ ...hello, extensions: [...hello.extensions, { type, data }] }),
});
const groups = { type: 0x000a, data: fromHex("00020017") };
const times = (count: number, bytes: () => Uint8Array) => concat(...Array.from({ length: count }, bytes));
const P384 = 0x0018;

/** Every rule that a scripted TLS 1.3 server can break, and how the client answers. */
const CASES: readonly Case[] = [
  // ServerHello. RFC 8446, sections 4.1.3 and 4.2.1
  {
    what: "selected version 3.3",
    code: "bad-selected-version",
    alert: "illegal_parameter",
    server: replace("server_hello", 0x002b, fromHex("0303")),
  },
  {
    what: "legacy_version 3.4",
    code: "bad-selected-version",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, legacyVersion: 0x0304 }) },
  },
  {
    what: "another session id than ours",
    code: "unoffered-session",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, legacySessionId: flip(0)(hello.legacySessionId) }) },
  },
  {
    what: "compression",
    code: "bad-compression",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, compressionMethod: 1 }) },
  },
  {
    what: "a TLS 1.2 suite",
    code: "unoffered-suite",
    alert: "illegal_parameter",
    server: { editHello: (hello) => ({ ...hello, cipherSuite: 0xc02b }) },
  },
  {
    what: "a suite that was not offered",
    code: "unoffered-suite",
    alert: "illegal_parameter",
    client: { suites: ["TLS_AES_256_GCM_SHA384"] },
  },
  {
    what: "ALPN in the server hello",
    code: "misplaced-extension",
    alert: "illegal_parameter",
    server: add("server_hello", 0x0010, fromHex("0003026d71")),
    client: { alpn: ["mq"] },
  },
  {
    what: "a pre-shared key that was not offered",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: add("server_hello", 0x0029, fromHex("0000")),
  },
  {
    what: "no key share",
    code: "missing-extension",
    alert: "missing_extension",
    server: remove("server_hello", 0x0033),
  },
  {
    what: "a share of a group that was not",
    code: "unoffered-group",
    alert: "illegal_parameter",
    server: { group: "secp384r1" },
  },
  {
    what: "a share that is not on the curve",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { editPublicKey: flip(-1) },
  },
  {
    what: "a share of the wrong length",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { editPublicKey: (key) => key.subarray(1) },
  },
  // HelloRetryRequest. RFC 8446, section 4.1.4
  {
    what: "a retry that asks for nothing",
    code: "needless-retry",
    alert: "illegal_parameter",
    server: { retry: {} },
  },
  {
    what: "a retry for the group that was shared",
    code: "needless-retry",
    alert: "illegal_parameter",
    server: { retry: { key_share: 0x0017 } },
  },
  {
    what: "a retry for a group that was not offered",
    code: "unoffered-group",
    alert: "illegal_parameter",
    server: { retry: { key_share: P384 } },
    client: { groups: ["secp256r1"] },
  },
  {
    what: "an extension in a retry that was not offered",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: { retry: { cookie: utf8Bytes("crumbs") }, ...inRetry(0x0010, fromHex("0003026d71")) },
  },
  {
    what: "an extension in a retry that belongs elsewhere",
    code: "misplaced-extension",
    alert: "illegal_parameter",
    server: { retry: { cookie: utf8Bytes("crumbs") }, ...inRetry(0x0010, fromHex("0003026d71")) },
    client: { alpn: ["mq"] },
  },
  {
    what: "a retry of a suite that was not offered",
    code: "unoffered-suite",
    alert: "illegal_parameter",
    server: { retry: { cookie: utf8Bytes("crumbs") }, editRetry: (hello) => ({ ...hello, cipherSuite: 0xc02b }) },
  },
  {
    what: "a retry of a version that was not offered",
    code: "bad-selected-version",
    alert: "illegal_parameter",
    server: {
      retry: { cookie: utf8Bytes("crumbs") },
      editRetry: (hello) => ({
        ...hello,
        extensions: hello.extensions.map((each) => (each.type === 0x002b ? { ...each, data: fromHex("0303") } : each)),
      }),
    },
  },
  {
    what: "a cookie in the server hello",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: add("server_hello", 0x002c, fromHex("000101")),
  },
  ...["server_hello", "encrypted_extensions"].map((where): Case => ({
    what: `the same extension twice in ${where}`,
    code: "duplicate-extension",
    alert: "illegal_parameter",
    server: {
      editExtensions: (message, list) =>
        message === where ? [...list, ...(where === "server_hello" ? list : [groups, groups])] : list,
    },
  })),
  {
    what: "a share whose secret is zero",
    code: "bad-key-share",
    alert: "illegal_parameter",
    server: { group: "x25519", editPublicKey: () => new Uint8Array(32) },
    client: { groups: ["x25519"] },
  },
  {
    what: "a record size limit below 64",
    code: "bad-record-limit",
    alert: "illegal_parameter",
    server: { encrypted: { record_size_limit: 63 } },
    client: { recordSizeLimit: 512 },
  },
  {
    what: "two limits of record sizes at once",
    code: "bad-record-limit",
    alert: "illegal_parameter",
    server: { encrypted: { record_size_limit: 512, max_fragment_length: 1 } },
    client: { recordSizeLimit: 512, maxFragmentLength: 512 },
  },
  {
    what: "a record over the limit that was agreed",
    code: "record-too-long",
    alert: "record_overflow",
    server: { encrypted: { record_size_limit: 0x4001 } },
    client: { recordSizeLimit: 1024 },
    // The limit counts the byte of the content type too.
    after: (run, server) => run.bytes(server.data(new Uint8Array(1024))),
  },
  ...(["key_update", "new_session_ticket", "certificate_request"] as const).map((name): Case => ({
    what: `a ${name} ahead of the finished`,
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      editMessage: (message, each) =>
        each === "finished"
          ? [
              { type: HANDSHAKE_TYPES[name], body: nothing, raw: Uint8Array.of(HANDSHAKE_TYPES[name], 0, 0, 0) },
              message,
            ]
          : [message],
    },
  })),
  {
    what: "a stapled response of an unknown kind",
    code: "malformed-message",
    alert: "decode_error",
    server: add("certificate", 0x0005, fromHex("0200000130")),
    client: { asksStatus: true },
  },
  ...(["alert", "change_cipher_spec", "application_data"] as const).map((type): Case => ({
    what: `a record of type ${type} between the parts of a message`,
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) =>
      run.bytes(concat(server.record("handshake", fromHex("0400")), server.record(type, fromHex("0100")))),
  })),
  {
    what: "a record that holds padding only",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: async (run, server) => {
      // Content type 0 is what a receiver finds where there is only padding.
      await run.bytes(server.record("nothing" as "alert", new Uint8Array(3)));
    },
  },
  {
    what: "a message that begins behind a retry",
    code: "misaligned-key-change",
    alert: "unexpected_message",
    server: { retry: { cookie: utf8Bytes("crumbs") } },
    client: { cut: (bytes) => [spliced(bytes)] },
  },
  {
    what: "a change_cipher_spec of two bytes",
    code: "unexpected-message",
    alert: "unexpected_message",
    client: {
      cut: (bytes) => [concat(encodeRecord({ type: 20, version: 0x0303, fragment: fromHex("0101") }), bytes)],
    },
  },
  {
    what: "change_cipher_spec before the hello",
    code: "unexpected-message",
    alert: "unexpected_message",
    client: { cut: (bytes) => [concat(encodeRecord({ type: 20, version: 0x0303, fragment: fromHex("01") }), bytes)] },
  },
  {
    what: "a second retry",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: {
      retry: { cookie: utf8Bytes("crumbs") },
      editHello: (hello) => ({
        ...hello,
        random: fromHex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"),
      }),
    },
  },
  {
    what: "another suite than the retry announced",
    code: "changed-after-retry",
    alert: "illegal_parameter",
    server: { retry: { cookie: utf8Bytes("crumbs") }, editRetry: (hello) => ({ ...hello, cipherSuite: 0x1302 }) },
  },
  {
    what: "another group than the retry asked for",
    code: "changed-after-retry",
    alert: "illegal_parameter",
    server: { retry: { key_share: P384 } },
  },
  {
    what: "TLS 1.2 after a retry",
    code: "bad-selected-version",
    alert: "illegal_parameter",
    server: { retry: { cookie: utf8Bytes("crumbs") }, ...remove("server_hello", 0x002b) },
  },
  {
    what: "an empty cookie",
    code: "malformed-message",
    alert: "decode_error",
    server: {
      retry: { cookie: utf8Bytes("crumbs") },
      editRetry: (hello) => ({
        ...hello,
        extensions: hello.extensions.map((each) => (each.type === 0x002c ? { ...each, data: fromHex("0000") } : each)),
      }),
    },
  },
  // The protected flight. RFC 8446, sections 4.3 and 4.4
  {
    what: "an unsolicited extension under protection",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: add("encrypted_extensions", 0x0005),
  },
  {
    what: "a key share in encrypted extensions",
    code: "misplaced-extension",
    alert: "illegal_parameter",
    server: add("encrypted_extensions", 0x0033, fromHex("0017")),
  },
  {
    what: "a protocol that was not offered",
    code: "bad-alpn",
    alert: "illegal_parameter",
    server: { encrypted: { application_layer_protocol_negotiation: [utf8Bytes("h2")] } },
    client: { alpn: ["mqtt"] },
  },
  {
    what: "an extension of a certificate that was not asked for",
    code: "unsolicited-extension",
    alert: "unsupported_extension",
    server: add("certificate", 0x0012),
  },
  {
    what: "a certificate with a context",
    code: "bad-certificate-context",
    alert: "illegal_parameter",
    server: { context: Uint8Array.of(1) },
  },
  {
    what: "a certificate request with a context",
    code: "bad-certificate-context",
    alert: "illegal_parameter",
    server: { context: Uint8Array.of(1), request: { signature_algorithms: [0x0403] } },
  },
  {
    what: "a certificate request without signature algorithms",
    code: "missing-extension",
    alert: "missing_extension",
    server: { request: {} },
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
    what: "a PKCS#1 signature",
    code: "scheme-not-for-key",
    alert: "illegal_parameter",
    server: { key: "rsa", scheme: "rsa_pkcs1_sha256" },
    client: { serverKey: "rsa" },
  },
  {
    what: "a scheme of another curve",
    code: "scheme-not-for-key",
    alert: "illegal_parameter",
    server: { scheme: "ecdsa_secp384r1_sha384" },
  },
  {
    what: "a scheme that was not offered",
    code: "unoffered-scheme",
    alert: "illegal_parameter",
    server: { editSchemeCode: () => 0x0203 },
  },
  {
    what: "one flipped bit of the signature",
    code: "bad-server-signature",
    alert: "decrypt_error",
    server: { editSignature: flip(-1) },
  },
  {
    what: "one flipped bit of verify_data",
    code: "bad-finished",
    alert: "decrypt_error",
    server: { editVerifyData: flip(0) },
  },
  {
    what: "one flipped bit of a protected record",
    code: "bad-record-mac",
    alert: "bad_record_mac",
    server: { editFlight: flip(-1) },
  },
  ...["encrypted_extensions", "certificate", "certificate_verify"].map((name): Case => ({
    what: `no ${name}`,
    code: "unexpected-message",
    alert: "unexpected_message",
    server: drop(name),
  })),
  ...["encrypted_extensions", "certificate", "certificate_verify"].map((name): Case => ({
    what: `${name} twice`,
    code: "unexpected-message",
    alert: "unexpected_message",
    server: twice(name),
  })),
  ...["encrypted_extensions", "certificate", "certificate_verify"].map((name): Case => ({
    what: `a ${name} with a byte too many`,
    code: "malformed-message",
    alert: "decode_error",
    server: lengthen(name),
  })),
  {
    what: "a finished with a byte too many",
    code: "bad-finished",
    alert: "decrypt_error",
    server: lengthen("finished"),
  },
  {
    what: "another message behind the hello in its record",
    code: "misaligned-key-change",
    alert: "unexpected_message",
    server: { changeCipherSpecs: 0 },
    client: {
      // The four bytes of an encrypted_extensions header, unprotected, right behind the hello.
      cut: (bytes) => [spliced(bytes)],
    },
  },
  {
    what: "33 change_cipher_spec records",
    code: "empty-record-flood",
    alert: "unexpected_message",
    server: { changeCipherSpecs: 33 },
  },
  // After the handshake. RFC 8446, sections 4.6 and 5
  {
    what: "change_cipher_spec after the handshake",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run) => run.bytes(encodeRecord({ type: 20, version: 0x0303, fragment: Uint8Array.of(1) })),
  },
  {
    what: "a protected change_cipher_spec",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.record("change_cipher_spec", Uint8Array.of(1))),
  },
  {
    what: "an unprotected alert",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run) => run.bytes(encodeRecord({ type: 21, version: 0x0303, fragment: Uint8Array.of(1, 0) })),
  },
  {
    what: "a certificate request after the handshake",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.message({ type: 13, body: nothing, raw: fromHex("0d000000") })),
  },
  {
    what: "a hello request",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.message({ type: 0, body: nothing, raw: fromHex("00000000") })),
  },
  {
    what: "a KeyUpdate of neither kind",
    code: "bad-key-update",
    alert: "illegal_parameter",
    after: (run, server) => run.bytes(server.message(handshakeMessage("key_update", keyUpdate, 2))),
  },
  {
    what: "a KeyUpdate that does not end its record",
    code: "misaligned-key-change",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.record("handshake", fromHex("180000010018"))),
  },
  {
    what: "33 key updates without data",
    code: "key-update-flood",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(times(33, () => server.updateKeys(0))),
  },
  {
    what: "33 empty records",
    code: "empty-record-flood",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(times(33, () => server.data(new Uint8Array(0)))),
  },
  {
    what: "an empty handshake record under protection",
    code: "unexpected-message",
    alert: "unexpected_message",
    after: (run, server) => run.bytes(server.record("handshake", new Uint8Array(0))),
  },
  {
    what: "a protected record of 2^14 + 257 bytes",
    code: "record-too-long",
    alert: "record_overflow",
    after: (run) => run.bytes(fromHex("1703034101")),
  },
  {
    what: "a warning that TLS 1.3 calls fatal",
    code: "alert-received",
    after: (run, server) => run.bytes(server.alert("internal_error", "warning")),
  },
  {
    what: "a malformed ticket",
    code: "malformed-message",
    alert: "decode_error",
    after: (run, server) => run.bytes(server.message({ type: 4, body: nothing, raw: fromHex("0400000100") })),
  },
  {
    what: "the end of the stream without close_notify",
    code: "truncated",
    after: (run) => run.input({ on: "end" }),
  },
];

const nothing = new Uint8Array(0);

/** Puts four bytes behind the first handshake message, inside its record. */
function spliced(bytes: Uint8Array): Uint8Array {
  const length = (bytes[3] ?? 0) * 256 + (bytes[4] ?? 0);
  const fragment = concat(bytes.subarray(5, 5 + length), fromHex("08000002"));
  return concat(encodeRecord({ type: 22, version: 0x0303, fragment }), bytes.subarray(5 + length));
}

for (const { what, code, alert, server = {}, client = {}, after } of CASES) {
  test(`TLS 1.3: ${what}: ${code}${alert === undefined ? "" : `, alert ${alert}`}`, async () => {
    const peer = new ScriptedServer13(server);
    const run = await new ClientRun(peer, client).start();
    if (after) {
      assert.ok(run.facts, String(run.error));
      await after(run, peer);
    } else assert.equal(run.facts, undefined);
    assert.equal(run.error?.code, code, String(run.error));
    assert.equal(peer.alerts.at(-1), alert);
  });
}

const DOWNGRADES: readonly { what: string; code: TlsErrorCode; server: ScriptedServerOptions; client?: RunOptions }[] =
  [
    ...["00", "01"].map((last) => ({
      what: `a random that ends in DOWNGRD ${last}`,
      code: "downgrade" as const,
      server: {
        editHello: (hello) => ({
          ...hello,
          random: concat(hello.random.subarray(0, 24), fromHex(`444f574e475244${last}`)),
        }),
      } satisfies ScriptedServerOptions,
    })),
    {
      what: "the resumption of a session that never was",
      code: "unoffered-session",
      server: { echoesSessionId: true },
    },
    {
      what: "TLS 1.2 where only TLS 1.3 is offered",
      code: "unsupported-version",
      server: {},
      client: { versions: ["TLSv1.3"] },
    },
  ];
for (const { what, code, server, client = {} } of DOWNGRADES) {
  test(`a TLS 1.2 server is refused for ${what}: ${code}`, async () => {
    const peer = new ScriptedServer(server);
    const run = await new ClientRun(peer, client).start();
    assert.equal(run.error?.code, code, String(run.error));
  });
}

test("a client that offers TLS 1.2 only lets the downgrade mark be", async () => {
  const editHello: ScriptedServerOptions["editHello"] = (hello) => ({
    ...hello,
    random: concat(hello.random.subarray(0, 24), fromHex("444f574e47524401")),
  });
  const suites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] as const;
  const server = new ScriptedServer({ suite: suites[0], editHello });
  const run = await new ClientRun(server, { suites, serverKey: "rsa" }).start();
  // The signature covers the honest random, so the handshake goes on until there.
  assert.equal(run.error?.code, "bad-server-signature");
});

test("a TLS 1.3 record whose plaintext is longer than 2^14 is refused though it verifies, padding included", () => {
  const keys = { key: new Uint8Array(16), iv: new Uint8Array(12) };
  const seal = (length: number) => new Aead13Protection(nodeAead, "aes-128-gcm", keys).seal(0, new Uint8Array(length));
  const open = (record: Uint8Array) =>
    new Aead13Protection(nodeAead, "aes-128-gcm", keys).open({
      type: 23,
      version: 0x0303,
      fragment: record.subarray(5),
    });
  assert.throws(() => open(seal(0x4001)), { code: "record-too-long" });
  assert.throws(() => open(seal(0x4000)), { code: "unexpected-message" }, "padding only");
});
