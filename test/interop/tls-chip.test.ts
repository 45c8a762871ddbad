/** Mutual TLS 1.2 with the device's key in a simulated A71CH behind JRCP: four operations in the chip or on the host. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test, type TestContext } from "node:test";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { SeededEntropy, verifierOverDigests } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const ARGS = {
  openssl: { "TLSv1.2": ["-tls1_2"], "TLSv1.3": ["-tls1_3"] },
  "gnutls-serv": {
    "TLSv1.2": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"],
    "TLSv1.3": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3"],
  },
};
/** What the chip does, in order, where it does all that it can. */
const OPERATIONS = {
  "TLSv1.2": ["key-share", "client-random", "verify-server-signature", "key-agreement", "client-signature"],
  "TLSv1.3": ["key-share", "client-random", "key-agreement", "verify-server-signature", "client-signature"],
};

/** A chip in its own server, reached over TCP. */
async function openChip(t: TestContext, trace: Ledger): Promise<A71ch> {
  const entropy = new SeededEntropy(nodeHash, "tls chip");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock, trace });
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const transport = await connectChip(`127.0.0.1:${served.port}`);
  t.after(() => transport.close());
  return A71ch.open(transport, { hash: nodeHash, clock: nodeClock });
}

for (const [program, version] of [
  ["openssl", "TLSv1.2"],
  ["openssl", "TLSv1.3"],
  ["gnutls-serv", "TLSv1.2"],
  ["gnutls-serv", "TLSv1.3"],
] as const) {
  for (const where of ["only the signature", "every operation"] as const) {
    const ids = where === "every operation" ? "A5-22 A5-28 A5-30 OE-02 OE-33" : "A5-30 A5-32 OE-33";
    test(
      `${ids} ${program} accepts over ${version} a device whose chip does ${where}`,
      { timeout: 20_000 },
      async (t) => {
        if (!requirePeer(t, program)) return;
        const trace = new Ledger({ clock: nodeClock });
        const chip = await openChip(t, trace);
        const certificate = await hierarchy.deviceFor(await chip.generateKeyPair(0));
        const args = ARGS[program][version];
        const peer = await TLS_SERVERS[program](t, { hierarchy, server, demandsCertificate: true, args });
        const inChip: Partial<ConnectOptions> = {
          random: chip.random,
          keyAgreement: chip.keyAgreement(1),
          verifier: verifierOverDigests(chip.verifier, nodeHash),
          schemes: ["ecdsa_secp256r1_sha256"],
        };
        const client = await connect({
          host: "127.0.0.1",
          port: peer.port,
          servername: "localhost",
          ca: [hierarchy.root.certificate.der],
          certificate,
          signer: await chip.signer(0),
          trace,
          ...(where === "every operation" ? inChip : {}),
        });
        assert.equal(client.facts.protocol, version);
        client.write("from the chip\n");
        await once(client, "data");
        client.end();
        await once(client, "close");
        const performed = trace
          .events({ kinds: ["tls.operation"] })
          .flatMap((event) => (event.kind === "tls.operation" && event.performer === "chip" ? [event.operation] : []));
        assert.deepEqual(performed, where === "every operation" ? OPERATIONS[version] : ["client-signature"]);
      },
    );
  }
}

test("A5-22 the client random on the wire is the one that the chip made", { timeout: 20_000 }, async (t) => {
  const chip = await openChip(t, new Ledger({ clock: nodeClock }));
  const made: string[] = [];
  const random = {
    performer: chip.random.performer,
    random: async (length: number) => {
      const bytes = await chip.random.random(length);
      made.push(createHash("sha256").update(bytes).digest("hex"));
      return bytes;
    },
  };
  const heard = Promise.withResolvers<Buffer>();
  const listener = createServer((socket) => {
    socket.once("data", (bytes: Buffer) => {
      heard.resolve(bytes);
      socket.destroy();
    });
  }).listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  await assert.rejects(connect({ host: "127.0.0.1", port, ca: [hierarchy.root.certificate.der], random }));
  // Record header 5, handshake header 4, version 2.
  const onTheWire = (await heard.promise).subarray(11, 43);
  assert.deepEqual(made, [createHash("sha256").update(onTheWire).digest("hex")]);
});
