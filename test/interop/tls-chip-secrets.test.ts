/** TLS 1.2 whose premaster and master secrets are made in a simulated A71CH or A5000, against openssl and gnutls-serv. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { chipEarlySecrets } from "../../src/agent/node.ts";
import { SE05X_OBJECT } from "../../src/apdu/se05x/index.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { fromHex, toHex } from "../../src/codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch, A71chTlsSecrets } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { secretObject, Se05x, Se05xCertificateVerifier, Se05xTls } from "../../src/host/se05x/index.ts";
import { connect, type ConnectOptions, type TlsDuplex } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const IDENTITY = "device-1";
const PSK = fromHex("00112233445566778899aabbccddeeff");

type Program = keyof typeof TLS_SERVERS;
type Exchange = "PSK" | "ECDHE_PSK";
/** gnutls and openssl know ECDHE_PSK with CBC only. */
const SUITES = {
  PSK: "TLS_PSK_WITH_AES_128_GCM_SHA256",
  ECDHE_PSK: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
} as const;

/** A server that knows the pre-shared key and nothing else. */
async function pskServer(t: TestContext, program: Program, exchange: Exchange | "TLS 1.3") {
  if (program === "openssl") {
    const cipher = exchange === "PSK" ? "PSK-AES128-GCM-SHA256" : "ECDHE-PSK-AES128-CBC-SHA256";
    const psk = ["-psk", toHex(PSK), "-psk_identity", IDENTITY, "-psk_hint", "which one"];
    return TLS_SERVERS.openssl(t, { hierarchy, server, args: ["-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`, ...psk] });
  }
  const folder = mkdtempSync(join(tmpdir(), "hawser-psk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const passwords = join(folder, "psk.txt");
  writeFileSync(passwords, `${IDENTITY}:${toHex(PSK)}\n`);
  const only13 = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:-CIPHER-ALL:+AES-128-GCM";
  const kx = exchange === "PSK" ? "+PSK" : "+ECDHE-PSK";
  const priority = `NORMAL:-KX-ALL:${kx}:-VERS-ALL:+VERS-TLS1.2:+AES-128-CBC:+SHA256`;
  return TLS_SERVERS[program](t, {
    hierarchy,
    server,
    args: ["--pskpasswd", passwords, "--priority", exchange === "TLS 1.3" ? only13 : priority],
  });
}

async function serve(t: TestContext, chip: A71chChip | Se05xChip) {
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const transport = await connectChip(`127.0.0.1:${served.port}`);
  t.after(() => transport.close());
  return transport;
}

async function a71ch(t: TestContext): Promise<A71ch> {
  const entropy = new SeededEntropy(nodeHash, "tls secrets");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock });
  const device = await A71ch.open(await serve(t, chip), { hash: nodeHash, clock: nodeClock });
  await device.send("setSecret", { slot: 1, key: PSK });
  return device;
}

async function a5000(t: TestContext): Promise<Se05x> {
  const entropy = new SeededEntropy(nodeHash, "tls secrets");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const device = await Se05x.open(await serve(t, chip), { hash: nodeHash, clock: nodeClock });
  await device.send("writeSymmKey", { kind: 0x05, objectId: secretObject(1), value: PSK });
  return device;
}

const common = { hash: nodeHash, clock: nodeClock };
const CHIPS = {
  A71CH: async (t: TestContext) => {
    const chip = await a71ch(t);
    return { secrets: new A71chTlsSecrets(chip, { pskSlot: 1, ...common }), keyAgreement: chip.keyAgreement(3) };
  },
  "A5000 by codes": async (t: TestContext) => {
    const tls = new Se05xTls(await a5000(t));
    return { secrets: tls.secrets({ psk: 1, ...common }), keyAgreement: tls.keyAgreement };
  },
  "A5000 by PRF command": async (t: TestContext) => {
    const tls = new Se05xTls(await a5000(t));
    return { secrets: tls.secrets({ psk: 1, derivation: "prf", ...common }), keyAgreement: tls.keyAgreement };
  },
} satisfies Record<string, (t: TestContext) => Promise<Partial<ConnectOptions>>>;

async function echoes(client: TlsDuplex): Promise<void> {
  client.write("from the chip\n");
  await once(client, "data");
  client.end();
  await once(client, "close");
}

/** Each operation of the handshake and who did it. */
function performed(trace: Ledger): string[] {
  return trace
    .events({ kinds: ["tls.operation"] })
    .flatMap((event) => (event.kind === "tls.operation" ? [`${event.operation} ${event.performer}`] : []));
}

/** Whether the trace says that the session is bound to the randoms only. */
function warnsOfEms(trace: Ledger): boolean {
  return trace.events({ kinds: ["process"] }).some((e) => e.kind === "process" && /no extended master/.test(e.detail));
}

for (const [what, open] of Object.entries(CHIPS)) {
  for (const program of ["openssl", "gnutls-serv"] as const) {
    for (const exchange of ["PSK", "ECDHE_PSK"] as const) {
      const ids = exchange === "PSK" ? "OE-29 AW-14" : "OE-30 AW-14";
      const title = `${ids} A5-04 ${program} speaks TLS_${exchange} with a key that is in the ${what}`;
      test(title, { timeout: 20_000 }, async (t) => {
        if (!requirePeer(t, program)) return;
        const inChip: Partial<ConnectOptions> = await open(t);
        const peer = await pskServer(t, program, exchange);
        const trace = new Ledger({ clock: nodeClock });
        const client = await connect({
          host: "127.0.0.1",
          port: peer.port,
          servername: "localhost",
          psk: { identity: IDENTITY },
          suites: [SUITES[exchange]],
          trace,
          ...inChip,
        });
        assert.equal(client.facts.suite, SUITES[exchange]);
        const hasEms = what === "A5000 by codes";
        assert.equal(client.facts.extendedMasterSecret, hasEms);
        assert.equal(warnsOfEms(trace), !hasEms);
        await echoes(client);
        assert.deepEqual(performed(trace), [
          ...(exchange === "ECDHE_PSK" ? ["key-share chip"] : []),
          hasEms ? "client-random host" : "client-random chip",
          "master-secret chip",
          ...Array.from({ length: 3 }, () => "master-secret host"),
        ]);
      });
    }
  }
}

for (const derivation of ["codes", "prf"] as const) {
  for (const where of ["every operation", "only the secrets", "master secret of a host agreement"] as const) {
    const ids = "A5-17 A5-18 A5-19 A5-35 A5-36";
    const title = `${ids} openssl accepts a device whose A5000 does ${where}, by ${derivation}`;
    test(title, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, "openssl")) return;
      const chip = await a5000(t);
      const tls = new Se05xTls(chip);
      const signer = await chip.signer(SE05X_OBJECT.deviceKey);
      const certificate = await hierarchy.deviceFor(signer.publicKey);
      const peer = await TLS_SERVERS.openssl(t, { hierarchy, server, demandsCertificate: true, args: ["-tls1_2"] });
      const trace = new Ledger({ clock: nodeClock });
      const rest: Partial<ConnectOptions> = {
        random: chip.random,
        chainVerifier: new Se05xCertificateVerifier(chip, nodeHash),
        schemes: ["ecdsa_secp256r1_sha256"],
        suites: ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
      };
      const client = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        ca: [hierarchy.root.certificate.der],
        certificate,
        signer,
        trace,
        secrets: tls.secrets({ derivation, ...common }),
        ...(where === "master secret of a host agreement" ? {} : { keyAgreement: tls.keyAgreement }),
        ...(where === "every operation" ? rest : {}),
      });
      assert.equal(client.facts.protocol, "TLSv1.2");
      assert.equal(client.facts.extendedMasterSecret, derivation === "codes");
      await echoes(client);
      const byWhom = (inChip: boolean) => (inChip ? "chip" : "host");
      const all = where === "every operation";
      assert.deepEqual(performed(trace), [
        `key-share ${byWhom(where !== "master secret of a host agreement")}`,
        `client-random ${byWhom(all || derivation === "prf")}`,
        `verify-chain ${byWhom(all)}`,
        `verify-server-signature ${byWhom(all)}`,
        "master-secret chip",
        "master-secret host",
        "client-signature chip",
        "master-secret host",
        "master-secret host",
      ]);
    });
  }
}

test("OE-29 a server that stalls keeps an A71CH from others up to the lease's end, and no longer", async (t) => {
  const chip = await a71ch(t);
  const stalled = createServer((socket) => t.after(() => socket.destroy())).listen(0, "127.0.0.1");
  t.after(() => stalled.close());
  await once(stalled, "listening");
  const clock = new VirtualClock();
  const secrets = new A71chTlsSecrets(chip, { pskSlot: 1, hash: nodeHash, clock, leaseMs: 5000 });
  const hello = once(stalled, "connection").then(([socket]) => once(socket as Socket, "data"));
  const giveUp = new AbortController();
  const connecting = connect({
    host: "127.0.0.1",
    port: (stalled.address() as AddressInfo).port,
    servername: "localhost",
    psk: { identity: IDENTITY },
    secrets,
    signal: giveUp.signal,
  });
  await hello;
  let isServed = false;
  const other = chip.random.random(8).then(() => (isServed = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isServed, false);
  clock.advance(5000);
  await other;
  giveUp.abort();
  await assert.rejects(connecting, { code: "aborted" });
});

for (const [what, open] of [
  ["A71CH", a71ch],
  ["A5000", a5000],
] as const) {
  for (const program of ["openssl", "gnutls-serv"] as const) {
    const title = `OE-29 A5-04 ${program} speaks TLS 1.3 with a pre-shared key whose early secrets are made in the ${what}`;
    test(title, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const chip = await open(t);
      const early = await chipEarlySecrets(chip, { slot: 1 });
      const args = ["-tls1_3", "-psk", toHex(PSK), "-psk_identity", IDENTITY, "-nocert"];
      const peer =
        program === "openssl"
          ? await TLS_SERVERS.openssl(t, { hierarchy, server, args })
          : await pskServer(t, program, "TLS 1.3");
      const client = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        psk: { identity: IDENTITY, early },
        random: chip.random,
      });
      assert.equal(client.facts.protocol, "TLSv1.3");
      assert.deepEqual(client.facts.peerChain, []);
      await echoes(client);
    });
  }
}
