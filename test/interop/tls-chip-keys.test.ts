/** Device keys of other kinds in a simulated SE050 or SE051, and the groups that it agrees on, against openssl and gnutls. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test, type TestContext } from "node:test";

import { SE05X_CURVE, SE05X_PART } from "../../src/apdu/se05x/index.ts";
import { nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip, type Se05xModelName } from "../../src/chip/se05x/index.ts";
import { HawserError } from "../../src/codec/index.ts";
import { SeededEntropy, type Signer } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash, nodeVerifier } from "../../src/crypto/node.ts";
import { localTransport } from "../../src/host/index.ts";
import { Se05x, Se05xTls } from "../../src/host/se05x/index.ts";
import { createCsr, nameFromText, parseCsr } from "../../src/pki/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const servers = { ecdsa: await hierarchy.server("ecdsa"), ed25519: await hierarchy.server("ed25519") };
const KEY = 0x2000_0001;
const ARGS = {
  openssl: { "TLSv1.2": ["-tls1_2"], "TLSv1.3": ["-tls1_3"] },
  "gnutls-serv": {
    "TLSv1.2": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"],
    "TLSv1.3": ["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3"],
  },
} as const;

async function openChip(model: Se05xModelName): Promise<Se05x> {
  const entropy = new SeededEntropy(nodeHash, `keys ${model}`);
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  return Se05x.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
}

/** A new key of the chip's, and a certificate for it that was asked for by a request. */
async function newIdentity(chip: Se05x, kind: "ed25519" | "rsa") {
  if (kind === "rsa") await chip.rsa.generate(KEY, 2048);
  else await chip.send("writeEcKey", { part: SE05X_PART.pair, objectId: KEY, curve: SE05X_CURVE.ed25519 });
  const signer = await chip.signer(KEY);
  const request = await parseCsr(await createCsr({ subject: nameFromText("CN=d"), signer }), nodeVerifier);
  return { signer, certificate: await hierarchy.deviceFor(request.publicKey.der) };
}

async function shakeHands(
  t: TestContext,
  program: keyof typeof ARGS,
  version: "TLSv1.2" | "TLSv1.3",
  { more, server = servers.ecdsa, demandsCertificate = true }: Shake,
) {
  const peer = await TLS_SERVERS[program](t, { hierarchy, server, demandsCertificate, args: ARGS[program][version] });
  const ca = [hierarchy.root.certificate.der];
  const client = await connect({ host: "127.0.0.1", port: peer.port, servername: "localhost", ca, ...more });
  client.write("from the chip\n");
  await once(client, "data");
  client.end();
  await once(client, "close");
  return { facts: client.facts, output: peer.output };
}

type Shake = {
  readonly more: Partial<ConnectOptions>;
  readonly server?: (typeof servers)["ecdsa"];
  readonly demandsCertificate?: boolean;
};

for (const [program, version, kind, algorithm] of [
  ["openssl", "TLSv1.3", "ed25519", "ed25519"],
  ["gnutls-serv", "TLSv1.3", "ed25519", "ed25519"],
  ["openssl", "TLSv1.3", "rsa", "rsa_pss_sha256"],
  ["gnutls-serv", "TLSv1.3", "rsa", "rsa_pss_sha384"],
  ["openssl", "TLSv1.2", "rsa", "rsa_pss_sha256"],
  ["openssl", "TLSv1.2", "rsa", "rsa_pkcs1_sha256"],
  ["gnutls-serv", "TLSv1.2", "rsa", "rsa_pkcs1_sha384"],
] as const) {
  const title = `A5-30 ${program} accepts over ${version} a device whose SE051 signs with ${algorithm}`;
  test(title, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const { signer, certificate } = await newIdentity(await openChip("se051"), kind);
    const one: Signer = { ...signer, algorithms: [algorithm] };
    const { facts } = await shakeHands(t, program, version, { more: { signer: one, certificate } });
    assert.deepEqual([facts.protocol, facts.clientCertificate], [version, "sent"]);
  });
}

test("TLS 1.2 signs a whole handshake: an Ed25519 key in a chip says that it cannot, and what to do", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { signer, certificate } = await newIdentity(await openChip("se050"), "ed25519");
  await assert.rejects(shakeHands(t, "openssl", "TLSv1.2", { more: { signer, certificate } }), (error: unknown) => {
    for (let at = error; at instanceof Error; at = at.cause) {
      if (at instanceof HawserError && at.code === "not-in-chip") return /TLS 1\.3/.test(at.message);
    }
    return false;
  });
});

for (const [program, version] of [
  ["openssl", "TLSv1.3"],
  ["openssl", "TLSv1.2"],
  ["gnutls-serv", "TLSv1.3"],
  ["gnutls-serv", "TLSv1.2"],
] as const) {
  test(`${program} shows an Ed25519 certificate over ${version}, and proves it`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, program)) return;
    const device = await hierarchy.device("ed25519");
    const more = { signer: device.signer, certificate: device.chain };
    const { facts } = await shakeHands(t, program, version, { more, server: servers.ed25519 });
    assert.deepEqual([facts.protocol, facts.clientCertificate], [version, "sent"]);
  });
}

for (const model of ["se050", "se051"] as const) {
  test(`an ${model} agrees on X25519 and X448 with openssl and gnutls`, { timeout: 20_000 }, async (t) => {
    if (!requirePeer(t, "openssl") || !requirePeer(t, "gnutls-serv")) return;
    const chip = await openChip(model);
    const tls = new Se05xTls(chip);
    for (const [program, version, group] of [
      ["openssl", "TLSv1.3", "x25519"],
      ["openssl", "TLSv1.2", "x25519"],
      ["openssl", "TLSv1.3", "x448"],
      ["gnutls-serv", "TLSv1.3", "x448"],
    ] as const) {
      for (const keyAgreement of [chip.keyAgreement(1), tls.keyAgreement]) {
        const trace = new Ledger({ clock: nodeClock });
        // In TLS 1.2 groups bind the server's certificate, too. RFC 8422, section 5.1
        const groups = version === "TLSv1.2" ? [group, "secp256r1" as const] : [group];
        const more = { keyAgreement, groups, trace };
        const { facts } = await shakeHands(t, program, version, { more, demandsCertificate: false });
        assert.deepEqual([facts.protocol, facts.group], [version, group]);
        const inChip = trace
          .events({ kinds: ["tls.operation"] })
          .flatMap((event) => (event.kind === "tls.operation" && event.performer === "chip" ? [event.operation] : []));
        assert.deepEqual(inChip, ["key-share", "key-agreement"]);
      }
    }
    // A master secret in the chip of a premaster secret on a group that the chip's TLS command does not know.
    const secrets = tls.secrets({ hash: nodeHash, clock: nodeClock });
    const more = { keyAgreement: tls.keyAgreement, secrets, groups: ["x25519", "secp256r1"] } as const;
    const { facts } = await shakeHands(t, "openssl", "TLSv1.2", { more, demandsCertificate: false });
    assert.equal(facts.group, "x25519");
  });
}
