/** Sessions resumed with servers nobody here wrote: tickets and ids of TLS 1.2, tickets of TLS 1.3, pre-shared keys. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";

import { connect, type ConnectOptions, type KeptSession } from "../../src/tls/node.ts";
import { fromHex } from "../../src/codec/index.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const device = await hierarchy.device();
const ca = [hierarchy.root.certificate.der];
const KEY = "000102030405060708090a0b0c0d0e0f";

/** Connects twice with one exchange each; gives what the second handshake agreed on. */
async function twice(options: ConnectOptions) {
  let kept: KeptSession | undefined;
  for (const round of [1, 2]) {
    const stream = await connect({ ...options, session: kept, onSession: (each) => (kept = each) });
    assert.equal(stream.facts.resumed, round === 2 && kept !== undefined && stream.facts.resumed);
    stream.write("a line\n");
    await once(stream, "data");
    const { facts } = stream;
    stream.end();
    await once(stream, "close");
    if (round === 2) return facts;
    assert.equal(facts.resumed, false);
    assert.ok(kept, "the server gave no session");
  }
  return assert.fail();
}

const CASES = [
  { what: "TLS 1.2 ticket", version: "TLSv1.2", openssl: ["-tls1_2"], gnutls: "-VERS-ALL:+VERS-TLS1.2" },
  { what: "TLS 1.2 session id", version: "TLSv1.2", openssl: ["-tls1_2", "-no_ticket"], gnutls: undefined },
  { what: "TLS 1.3 ticket", version: "TLSv1.3", openssl: ["-tls1_3"], gnutls: "-VERS-ALL:+VERS-TLS1.3" },
] as const;

for (const { what, version, openssl, gnutls } of CASES) {
  for (const program of ["openssl", "gnutls-serv"] as const) {
    const priority =
      gnutls === undefined
        ? ["--noticket", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"]
        : ["--priority", `NORMAL:${gnutls}`];
    const args = program === "openssl" ? openssl : priority;
    test(`OE-26 AW-14 a ${what} is resumed with ${program}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await TLS_SERVERS[program](t, { hierarchy, server, args });
      const facts = await twice({ host: "127.0.0.1", port: peer.port, servername: "localhost", ca });
      assert.equal(facts.resumed, true);
      assert.equal(facts.protocol, version);
      assert.deepEqual(facts.peerChain[0], server.chain[0]);
    });
  }
}

test("OE-26 a session with a client certificate is resumed with node:tls, without a new signature", async (t) => {
  const identities: string[] = [];
  const listener = createServer(
    {
      cert: chainPem(server.chain),
      key: keyPem(server.key),
      ca: chainPem(ca),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      identities.push(`${String(socket.getPeerCertificate().subject.CN)} ${socket.isSessionReused()}`);
      socket.pipe(socket);
    },
  ).listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  let signatures = 0;
  const signer = {
    ...device.signer,
    sign: (...args: Parameters<typeof device.signer.sign>) => {
      signatures++;
      return device.signer.sign(...args);
    },
  };
  await twice({ host: "127.0.0.1", port, servername: "localhost", ca, certificate: device.chain, signer });
  assert.deepEqual(identities, ["device-1 false", "device-1 true"]);
  assert.equal(signatures, 1);
});

test("A5-04 a TLS 1.3 connection of a pre-shared key alone works with openssl", { timeout: 20_000 }, async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const args = ["-tls1_3", "-psk", KEY, "-psk_identity", "device-1", "-ciphersuites", "TLS_AES_128_GCM_SHA256"];
  const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, args });
  const psk = { identity: "device-1", key: fromHex(KEY) };
  const stream = await connect({ host: "127.0.0.1", port: peer.port, servername: "localhost", psk });
  assert.deepEqual(stream.facts.peerChain, []);
  stream.write("a line\n");
  await once(stream, "data");
  stream.destroy();
});
