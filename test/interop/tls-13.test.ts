/** Mutual TLS 1.3 of our client with servers nobody here wrote: suites, groups, retries, key updates. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";

import { connect, type ConnectOptions, type TlsDuplex } from "../../src/tls/node.ts";
import { type Suite13Name, SUITES_13 } from "../../src/tls/suites.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const servers = { ecdsa: await hierarchy.server("ecdsa"), rsa: await hierarchy.server("rsa") };
const devices = { ecdsa: await hierarchy.device("ecdsa"), rsa: await hierarchy.device("rsa") };
const ca = [hierarchy.root.certificate.der];
/** The suites that these servers speak unasked. */
const SUITES = (Object.keys(SUITES_13) as Suite13Name[]).filter((name) => !name.includes("CCM"));
const ONLY_13 = { openssl: ["-tls1_3"], "gnutls-serv": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3"] };
/** OpenSSL only speaks finite-field groups that it is told of. */
const GROUP_ARGS = {
  openssl: (group: string) => (group.startsWith("ffdhe") ? ["-tls1_3", "-curves", group] : ["-tls1_3"]),
  "gnutls-serv": () => ONLY_13["gnutls-serv"],
};
const ONLY_P384 = {
  openssl: ["-tls1_3", "-curves", "P-384"],
  "gnutls-serv": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1"],
};

function to(port: number, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { host: "127.0.0.1", port, servername: "localhost", ca, ...more };
}

/** Sends a line and waits for the server's answer to it; openssl's comes back reversed. */
async function exchange(client: TlsDuplex, line: string): Promise<void> {
  client.write(`${line}\n`);
  let received = "";
  while (!received.includes("\n")) received += String((await once(client, "data"))[0]);
  assert.ok([line, line.split("").reverse().join("")].includes(received.trim()), received);
}

for (const program of ["openssl", "gnutls-serv"] as const) {
  for (const suite of SUITES) {
    for (const kind of ["none", "ecdsa", "rsa"] as const) {
      test(`OE-25 ${suite} with ${program}, client certificate: ${kind}`, { timeout: 20_000 }, async (t) => {
        if (!requirePeer(t, program)) return;
        const server = servers[kind === "none" ? "ecdsa" : kind];
        const demandsCertificate = kind !== "none";
        const peer = await TLS_SERVERS[program](t, { hierarchy, server, demandsCertificate, args: ONLY_13[program] });
        const device = kind === "none" ? undefined : devices[kind];
        const identity = device ? { certificate: device.chain, signer: device.signer } : {};
        const stream = await connect(to(peer.port, { suites: [suite], ...identity }));
        assert.equal(stream.facts.protocol, "TLSv1.3");
        assert.equal(stream.facts.suite, suite);
        assert.equal(stream.facts.clientCertificate, device ? "sent" : "not-requested");
        await exchange(stream, "telemetry 21.5");
        stream.end();
        await once(stream, "close");
      });
    }
  }

  for (const group of ["secp256r1", "secp384r1", "secp521r1", "x25519", "ffdhe2048", "ffdhe3072"] as const) {
    test(`a TLS 1.3 key share on ${group} works with ${program}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await TLS_SERVERS[program](t, {
        hierarchy,
        server: servers.ecdsa,
        args: GROUP_ARGS[program](group),
      });
      const stream = await connect(to(peer.port, { groups: [group] }));
      assert.equal(stream.facts.group, group);
      await exchange(stream, group);
      stream.destroy();
    });
  }

  test(`${program} asks for another hello and gets a share of its group`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers.rsa, args: ONLY_P384[program] });
    const stream = await connect(to(peer.port, { groups: ["x25519", "secp256r1", "secp384r1"] }));
    assert.equal(stream.facts.group, "secp384r1");
    await exchange(stream, "second try");
    stream.destroy();
  });

  test(`${program} follows our key updates and makes its own`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers.ecdsa, args: ONLY_13[program] });
    const stream = await connect(to(peer.port));
    for (let i = 0; i < 5; i++) {
      stream.updateKeys();
      await exchange(stream, `under new keys ${i}`);
    }
    stream.destroy();
  });

  test(
    `A5-33 ${program} refuses a TLS 1.3 client of another CA after it has connected`,
    { timeout: 20_000 },
    async (t) => {
      if (!requirePeer(t, program)) return;
      const args = ONLY_13[program];
      const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers.ecdsa, demandsCertificate: true, args });
      const stranger = await (await newHierarchy("Stranger")).device();
      const stream = await connect(to(peer.port, { certificate: stranger.chain, signer: stranger.signer }));
      await assert.rejects(text(stream), { code: "alert-received" });
    },
  );
}

for (const program of ["openssl", "gnutls-serv"] as const) {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${program} keeps to our limit of record sizes in ${version}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers.ecdsa });
      const limit = program === "openssl" ? { maxFragmentLength: 512 as const } : { recordSizeLimit: 512 };
      const stream = await connect(to(peer.port, { maxVersion: version, ...limit }));
      // A longer record than the limit would end the connection with record-too-long.
      const line = `${"x".repeat(900)}\n`;
      stream.write(line);
      let received = 0;
      for await (const data of stream) if ((received += (data as Buffer).length) >= line.length) break;
      stream.destroy();
    });
  }
}
