/** Mutual TLS 1.2 of our client with servers nobody here wrote: every suite, with and without client certificate. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { connect, type ConnectOptions, type TlsDuplex } from "../../src/tls/node.ts";
import { defaultSuites, isSuite13, type Suite12Name, SUITES_12 } from "../../src/tls/suites.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const servers = { ecdsa: await hierarchy.server("ecdsa"), rsa: await hierarchy.server("rsa") };
const devices = { ecdsa: await hierarchy.device("ecdsa"), rsa: await hierarchy.device("rsa") };
const ca = [hierarchy.root.certificate.der];
/** The suites that a client offers unasked and that these servers speak unasked. */
const DEFAULT_SUITES = defaultSuites({ psk: false, legacy: false }).filter(
  (name): name is Suite12Name => !isSuite13(name) && !name.includes("CCM"),
);
const TLS12 = { openssl: ["-tls1_2"], "gnutls-serv": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"] };

/** Sends a line and waits for the server's answer to it; openssl's comes back reversed. */
async function exchange(client: TlsDuplex, line: string): Promise<void> {
  client.write(`${line}\n`);
  let received = "";
  while (!received.includes("\n")) received += String((await once(client, "data"))[0]);
  assert.ok([line, line.split("").reverse().join("")].includes(received.trim()), received);
}

for (const program of ["openssl", "gnutls-serv"] as const) {
  for (const suite of DEFAULT_SUITES) {
    for (const client of ["none", "ecdsa", "rsa"] as const) {
      const title = `A5-18 A5-25 OE-25 OE-28 ${suite} with ${program}, client certificate: ${client}`;
      test(title, { timeout: 20_000 }, async (t) => {
        if (!requirePeer(t, program)) return;
        const server = servers[SUITES_12[suite].authentication === "rsa" ? "rsa" : "ecdsa"];
        const args = TLS12[program];
        const demandsCertificate = client !== "none";
        const peer = await TLS_SERVERS[program](t, { hierarchy, server, demandsCertificate, args });
        const device = client === "none" ? undefined : devices[client];
        const options: ConnectOptions = {
          host: "127.0.0.1",
          port: peer.port,
          servername: "localhost",
          ca,
          suites: [suite],
          ...(device
            ? {
                certificate: device.chain,
                signer: device.signer,
              }
            : {}),
        };
        const stream = await connect(options);
        assert.equal(stream.facts.suite, suite);
        assert.equal(stream.facts.clientCertificate, device ? "sent" : "not-requested");
        assert.equal(stream.facts.extendedMasterSecret, true);
        await exchange(stream, "telemetry 21.5");
        stream.end();
        await once(stream, "close");
      });
    }
  }

  for (const group of ["secp256r1", "secp384r1", "secp521r1", "x25519"] as const) {
    test(`the key agreement on ${group} works with ${program}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      // In TLS 1.2 the offered groups bind the curve of the certificate too, so the server's key is RSA here.
      const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers.rsa, args: TLS12[program] });
      const stream = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        ca,
        groups: [group],
      });
      assert.equal(stream.facts.group, group);
      await exchange(stream, group);
      stream.destroy();
    });
  }
}
