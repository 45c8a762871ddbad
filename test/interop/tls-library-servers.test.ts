/** What the matrix does not show: resumption, short records, bulk data, servers without extensions, the legacy option. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { nodeClock } from "../../src/crypto/node.ts";
import { connect, type ConnectOptions, type KeptSession, type TlsDuplex } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requireLibrary } from "./c-peers.ts";
import { ROWS } from "./matrix.ts";
import { startMatrixPeer } from "./matrix-peers.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const ca = [hierarchy.root.certificate.der];
const STATIC = "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256";
const rowOf = (suite: string) => ROWS.find(({ id }) => id === suite) ?? assert.fail(suite);
const ECDSA_ROW = rowOf("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

/** Sends bytes and waits until as many have come back. */
async function echoed(stream: TlsDuplex, bytes: Uint8Array): Promise<Uint8Array> {
  stream.write(bytes);
  const received: Buffer[] = [];
  let length = 0;
  for await (const data of stream.iterator({ destroyOnReturn: false })) {
    received.push(data as Buffer);
    if ((length += (data as Buffer).length) >= bytes.length) break;
  }
  return new Uint8Array(Buffer.concat(received));
}

async function closed(stream: TlsDuplex): Promise<void> {
  stream.resume().end();
  await once(stream, "close");
}

for (const [library, maxVersion] of [
  ["mbedtls", "TLSv1.2"],
  ["wolfssl", "TLSv1.2"],
  ["wolfssl", "TLSv1.3"],
] as const) {
  test(`OE-26 AW-14 a ${maxVersion} session is resumed with ${library}, and its keys carry data`, async (t) => {
    if (!requireLibrary(t, library) || !requirePeer(t, "openssl")) return;
    const peer = await startMatrixPeer(library, t, hierarchy);
    let kept: KeptSession | undefined;
    for (const resumed of [false, true, true]) {
      const port = peer.port(ECDSA_ROW);
      const options: ConnectOptions = { host: "127.0.0.1", port, servername: "localhost", ca, maxVersion };
      const stream = await connect({ ...options, session: kept, onSession: (each) => (kept = each) });
      assert.equal(stream.facts.resumed, resumed);
      await echoed(stream, Buffer.from("a line\n"));
      await closed(stream);
    }
  });
}

test("mbedTLS keeps its records as short as max_fragment_length asks, and takes ours", async (t) => {
  if (!requireLibrary(t, "mbedtls") || !requirePeer(t, "openssl")) return;
  const peer = await startMatrixPeer("mbedtls", t, hierarchy);
  for (const maxFragmentLength of [512, 1024, 2048, 4096] as const) {
    const options: ConnectOptions = { host: "127.0.0.1", port: peer.port(ECDSA_ROW), servername: "localhost", ca };
    const stream = await connect({ ...options, maxVersion: "TLSv1.2", maxFragmentLength });
    let longest = 0;
    stream.on("data", (data: Buffer) => (longest = Math.max(longest, data.length)));
    const bytes = new Uint8Array(10_000).map((_, at) => at % 251);
    assert.deepEqual(await echoed(stream, bytes), bytes);
    assert.ok(longest <= maxFragmentLength, `${longest} bytes in a record`);
    await closed(stream);
  }
});

for (const library of ["mbedtls", "wolfssl"] as const) {
  test(`200,000 bytes go to ${library} and back unchanged`, async (t) => {
    if (!requireLibrary(t, library) || !requirePeer(t, "openssl")) return;
    const peer = await startMatrixPeer(library, t, hierarchy);
    const port = peer.port(ECDSA_ROW);
    for (const suite of [
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    ] as const) {
      const stream = await connect({
        host: "127.0.0.1",
        port,
        servername: "localhost",
        ca,
        suites: [suite],
        legacy: true,
        maxVersion: "TLSv1.2",
      });
      const bytes = new Uint8Array(200_000).map((_, at) => (at * 7919) >> 5);
      assert.deepEqual(await echoed(stream, bytes), bytes);
      await closed(stream);
    }
  });
}

for (const [what, flags, suite] of [
  ["encrypt-then-MAC", "%NO_ETM", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"],
  ["extended master secret", "%NO_SESSION_HASH", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
  ["both", "%NO_ETM:%NO_SESSION_HASH", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"],
] as const) {
  test(`gnutls-serv without ${what} carries data of every length to a block and beyond`, async (t) => {
    if (!requirePeer(t, "gnutls-serv")) return;
    const priority = `NONE:+VERS-TLS1.2:+GROUP-ALL:+SIGN-ALL:+COMP-NULL:+MAC-ALL:+SHA256:+CIPHER-ALL:+ECDHE-ECDSA:${flags}`;
    const args = ["--priority", priority];
    const server = await hierarchy.server();
    const { port } = await TLS_SERVERS["gnutls-serv"](t, { hierarchy, server, args });
    const stream = await connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ca,
      suites: [suite],
      legacy: true,
    });
    assert.equal(stream.facts.extendedMasterSecret, !flags.includes("NO_SESSION_HASH"));
    for (let length = 1; length <= 70; length++) {
      // This peer echoes whole lines.
      const line = new Uint8Array(Buffer.from(`${"telemetry ".repeat(7).slice(0, length - 1)}\n`));
      assert.deepEqual(await echoed(stream, line), line);
    }
    await closed(stream);
  });
}

test("A5-21 T-04 static ECDH is off by default, and mbedTLS gets it only under legacy, with a warning", async (t) => {
  if (!requireLibrary(t, "mbedtls") || !requirePeer(t, "openssl")) return;
  const peer = await startMatrixPeer("mbedtls", t, hierarchy);
  const options: ConnectOptions = { host: "127.0.0.1", port: peer.port(rowOf(STATIC)), servername: "localhost", ca };
  const usual = await connect({ ...options, maxVersion: "TLSv1.2" });
  assert.match(usual.facts.suite, /^TLS_ECDHE_/);
  await closed(usual);
  await assert.rejects(connect({ ...options, suites: [STATIC] }), { code: "bad-option" });
  const trace = new Ledger({ clock: nodeClock });
  const legacy = await connect({ ...options, suites: [STATIC], legacy: true, trace });
  assert.equal(legacy.facts.suite, STATIC);
  await echoed(legacy, Buffer.from("telemetry\n"));
  await closed(legacy);
  assert.match(JSON.stringify(trace.events()), /warning/);
});
