/** Each failure of a handshake ends in the right alert, as the server saw it, and in our own error code. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";

import { HawserError } from "../../src/codec/index.ts";
import type { SuiteName } from "../../src/tls/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { startProxy } from "../tls/proxy.ts";
import { requirePeer } from "./peers.ts";
import { type PeerServer, TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const stranger = await newHierarchy("Stranger");
const server = await hierarchy.server();
const device = await hierarchy.device();
const DAY = 86_400_000;
const expired = await hierarchy.server("ecdsa", {
  validity: { notBefore: Date.now() - 9 * DAY, notAfter: Date.now() - DAY },
});
const future = await hierarchy.server("ecdsa", {
  validity: { notBefore: Date.now() + DAY, notAfter: Date.now() + 9 * DAY },
});
const TLS12 = { openssl: ["-tls1_2"], "gnutls-serv": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"] };
type Program = keyof typeof TLS_SERVERS;

/** How each program tells that an alert came. */
const ALERT_SEEN = {
  unknown_ca: { openssl: /alert read:fatal:unknown CA/, "gnutls-serv": /Alert\[2\|48\]/ },
  bad_certificate: { openssl: /alert read:fatal:bad certificate/, "gnutls-serv": /Alert\[2\|42\]/ },
  certificate_expired: { openssl: /alert read:fatal:certificate expired/, "gnutls-serv": /Alert\[2\|45\]/ },
  decrypt_error: { openssl: /alert read:fatal:decrypt error/, "gnutls-serv": /Alert\[2\|51\]/ },
  bad_record_mac: { openssl: /alert read:fatal:bad record mac/, "gnutls-serv": /Alert\[2\|20\]/ },
} as const satisfies Record<string, Record<Program, RegExp>>;

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
  return { host: "127.0.0.1", port, servername: "localhost", ca: [hierarchy.root.certificate.der], ...more };
}

function start(t: TestContext, program: Program, holder = server, demandsCertificate = false): Promise<PeerServer> {
  return TLS_SERVERS[program](t, { hierarchy, server: holder, demandsCertificate, args: TLS12[program] });
}

for (const program of ["openssl", "gnutls-serv"] as const) {
  const certificates = [
    { what: "a wrong CA", alert: "unknown_ca", more: { ca: [stranger.root.certificate.der] } },
    { what: "a wrong host name", alert: "bad_certificate", more: { servername: "elsewhere.example" } },
    { what: "an expired certificate", alert: "certificate_expired", holder: expired },
    { what: "a certificate from the future", alert: "certificate_expired", holder: future },
  ] as const;
  for (const { what, alert, ...rest } of certificates) {
    test(`A5-27 OE-27 ${program} is told ${alert} about ${what}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await start(t, program, "holder" in rest ? rest.holder : server);
      const error = await refusal(connect(to(peer.port, "more" in rest ? rest.more : {})));
      assert.equal(error.code, "certificate-refused");
      await peer.printed(ALERT_SEEN[alert][program]);
    });
  }

  test(
    `A5-28 ${program} is told decrypt_error about one flipped bit of its signature`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await start(t, program);
      let seen = Buffer.alloc(0);
      const proxy = await startProxy(t, peer.port, {
        toClient: (bytes) => {
          const before = seen.length;
          seen = Buffer.concat([seen, bytes]);
          const at = lastSignatureByte(seen);
          if (at !== undefined && at >= before && at < seen.length) bytes[at - before] = (bytes[at - before] ?? 0) ^ 1;
          return bytes;
        },
      });
      const error = await refusal(connect(to(proxy.port)));
      assert.equal(error.code, "bad-server-signature");
      await peer.printed(ALERT_SEEN.decrypt_error[program]);
    },
  );

  test(
    `A5-03 OE-17 ${program} is told bad_record_mac about one flipped bit of data`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await start(t, program);
      let flips = false;
      const toClient = (bytes: Buffer) => {
        if (flips) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x80;
        return bytes;
      };
      const proxy = await startProxy(t, peer.port, { toClient });
      const client = await connect(to(proxy.port));
      flips = true;
      client.write("a line\n");
      const error = await refusal(text(client));
      assert.equal(error.code, "bad-record-mac");
      await peer.printed(ALERT_SEEN.bad_record_mac[program]);
    },
  );

  test(`without a common suite ${program} sends handshake_failure`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await start(t, program);
    const suites: SuiteName[] = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];
    const error = await refusal(connect(to(peer.port, { suites })));
    assert.equal(error.code, "alert-received");
    assert.match(error.message, /handshake_failure|insufficient_security/);
  });

  test(`A5-33 ${program} refuses a client of another CA, and we name its alert`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await start(t, program, server, true);
    const other = await stranger.device();
    const error = await refusal(connect(to(peer.port, { certificate: other.chain, signer: other.signer })));
    // Both list their authorities, so our chain does not fit and an empty one is sent. gnutls says decode_error then.
    assert.equal(error.code, "alert-received");
    assert.match(
      error.message,
      /unknown_ca|handshake_failure|bad_certificate|certificate_required|certificate_unknown|decode_error/,
    );
  });

  test(`a stream from ${program} that is cut short is an error`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await start(t, program, server, true);
    const proxy = await startProxy(t, peer.port);
    const client = await connect(to(proxy.port, { certificate: device.chain, signer: device.signer }));
    client.write("a line\n");
    await once(client, "data");
    proxy.cut();
    assert.equal((await refusal(text(client))).code, "truncated");
  });
}

/** Where in the server's first flight the ServerKeyExchange ends, once it has come whole. RFC 5246, section 7.4.3 */
function lastSignatureByte(stream: Buffer): number | undefined {
  const handshake: { byte: number; at: number }[] = [];
  for (let record = 0; record + 5 <= stream.length;) {
    const end = record + 5 + stream.readUInt16BE(record + 3);
    if (stream[record] !== 22 || end > stream.length) break;
    for (let at = record + 5; at < end; at++) handshake.push({ byte: stream[at] ?? 0, at });
    record = end;
  }
  for (let message = 0; message + 4 <= handshake.length;) {
    const [type, high, middle, low] = handshake.slice(message, message + 4).map(({ byte }) => byte);
    const end = message + 4 + (high ?? 0) * 0x10000 + (middle ?? 0) * 0x100 + (low ?? 0);
    if (type === 12) return handshake[end - 1]?.at;
    message = end;
  }
  return undefined;
}
