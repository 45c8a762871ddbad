/** The interop matrix, run: every cell of matrix.ts against its peer, which takes 10 ms a cell. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { interopDocument } from "../../scripts/interop-document.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { SE05X_OBJECT } from "../../src/apdu/se05x/index.ts";
import { fromHex } from "../../src/codec/index.ts";
import { SeededEntropy, type Signer } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch, A71chTlsSecrets } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { secretObject, Se05x, Se05xTls } from "../../src/host/se05x/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { suiteOf } from "../../src/tls/suites.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requireLibrary } from "./c-peers.ts";
import {
  type ClientName,
  CLIENTS,
  isChip,
  type Outcome,
  outcomeOf,
  type PeerName,
  PEERS,
  type Row,
  ROWS,
} from "./matrix.ts";
import { PSK, startMatrixPeer } from "./matrix-peers.ts";
import { requirePeer } from "./peers.ts";

const LINE = "telemetry 21.5\n";

const hierarchy = await newHierarchy();
type Identity = { readonly certificate: readonly Uint8Array[]; readonly signer: Signer };
/** What a chip does for a suite of a pre-shared key, and what it does for the others. */
type ChipIdentity = Identity & { readonly psk: () => Partial<ConnectOptions> };
const common = { hash: nodeHash, clock: nodeClock };
const identities = {
  none: undefined,
  ecdsa: await softwareIdentity("ecdsa"),
  rsa: await softwareIdentity("rsa"),
  a71ch: await a71chIdentity(),
  a5000: await a5000Identity(),
} satisfies Readonly<Record<ClientName, Identity | undefined>>;

async function softwareIdentity(kind: "ecdsa" | "rsa"): Promise<Identity> {
  const { chain, signer } = await hierarchy.device(kind);
  return { certificate: chain, signer };
}

async function a71chIdentity(): Promise<ChipIdentity> {
  const entropy = new SeededEntropy(nodeHash, "matrix a71ch");
  const transport = await overTcp(new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock }));
  const chip = await A71ch.open(transport, common);
  const certificate = await hierarchy.deviceFor(await chip.generateKeyPair(0));
  await chip.send("setSecret", { slot: 1, key: fromHex(PSK.key) });
  const psk = () => ({
    secrets: new A71chTlsSecrets(chip, { pskSlot: 1, ...common }),
    keyAgreement: chip.keyAgreement(3),
  });
  return { certificate, signer: await chip.signer(0), psk };
}

async function a5000Identity(): Promise<ChipIdentity> {
  const entropy = new SeededEntropy(nodeHash, "matrix a5000");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const host = await Se05x.open(await overTcp(chip), common);
  const signer = await host.signer(SE05X_OBJECT.deviceKey);
  await host.send("writeSymmKey", { kind: 0x05, objectId: secretObject(1), value: fromHex(PSK.key) });
  const tls = new Se05xTls(host);
  const psk = () => ({ secrets: tls.secrets({ psk: 1, ...common }), keyAgreement: tls.keyAgreement });
  return { certificate: await hierarchy.deviceFor(signer.publicKey), signer, psk };
}

/** A chip behind its own server, which lasts as long as the file's tests. */
async function overTcp(chip: Parameters<typeof serveChip>[0]["chip"]) {
  const served = await serveChip({ chip, port: 0 });
  const transport = await connectChip(`127.0.0.1:${served.port}`);
  after(async () => {
    await transport.close();
    await served.close();
  });
  return transport;
}

type Cell = { readonly row: Row; readonly client: ClientName; readonly outcome: Outcome };

/** All that can be tried with a peer. */
function cellsOf(peer: PeerName): Cell[] {
  const clients = Object.keys(CLIENTS) as ClientName[];
  const cells = ROWS.flatMap((row) =>
    clients.map((client) => ({ row, client, outcome: outcomeOf(peer, row, client) })),
  );
  return cells.filter(({ outcome }) => outcome.does !== "nothing");
}

function optionsFor({ row, client }: Cell, port: number): ConnectOptions {
  const suite = suiteOf(row.suite);
  return {
    host: "127.0.0.1",
    port,
    servername: "localhost",
    suites: [row.suite],
    minVersion: row.version,
    maxVersion: row.version,
    ...(row.group ? { groups: [row.group] } : {}),
    ...("legacy" in suite && suite.legacy ? { legacy: true } : {}),
    ...credentialsFor(row, client),
  };
}

/** Whom to trust and who we are; or the pre-shared key, as bytes or where the chip has it. */
function credentialsFor({ server }: Row, client: ClientName): Partial<ConnectOptions> {
  if (server === undefined) {
    const { identity, key } = PSK;
    return isChip(client)
      ? { psk: { identity }, ...identities[client].psk() }
      : { psk: { identity, key: fromHex(key) } };
  }
  const ca = [hierarchy.root.certificate.der];
  if (client === "none") return { ca };
  const { certificate, signer } = identities[client];
  return { ca, certificate, signer };
}

/** Connects, sends a line, waits for as much to come back and closes; what it says is to be what the table says. */
async function tried(cell: Cell, port: number): Promise<Record<string, unknown>> {
  try {
    const stream = await connect(optionsFor(cell, port));
    const { protocol, suite, group, clientCertificate, extendedMasterSecret } = stream.facts;
    stream.write(LINE);
    for (let received = 0; received < LINE.length;) received += ((await once(stream, "data")) as [Buffer])[0].length;
    stream.end();
    await once(stream, "close");
    assert.deepEqual([protocol, suite, group], [cell.row.version, cell.row.suite, cell.row.group ?? group]);
    return { does: "connects", clientCertificate, extendedMasterSecret };
  } catch (error) {
    const { code, alert, message } = error as Error & { code?: string; alert?: string };
    return { does: "fails", error: code, alert, message };
  }
}

function isAsTheTableSays({ row, client, outcome }: Cell, seen: Record<string, unknown>): boolean {
  if (outcome.does === "fails") {
    return seen.does === "fails" && seen.error === outcome.error && seen.alert === outcome.alert;
  }
  const isKeptByChip = row.server === undefined && isChip(client);
  // Each of the peers knows the extension, so one that leaves it out was not asked rightly; an A71CH cannot do it.
  if (seen.extendedMasterSecret !== !(isKeptByChip && client === "a71ch")) return false;
  if (outcome.does === "withholds") return seen.clientCertificate === "none-fitting";
  return seen.does === "connects" && (seen.clientCertificate === "sent") === (client !== "none" && !isKeptByChip);
}

function canRun(t: TestContext, peer: PeerName): boolean {
  if (peer === "node") return true;
  if (peer === "mbedtls" || peer === "wolfssl") return requireLibrary(t, peer) && requirePeer(t, "openssl");
  return requirePeer(t, peer === "gnutls" ? "gnutls-serv" : "openssl") && requirePeer(t, "openssl");
}

test("docs/interop.md is what the matrix says", () => {
  const path = join(import.meta.dirname, "../../docs/interop.md");
  assert.equal(readFileSync(path, "utf8"), interopDocument(), "run node scripts/interop.ts");
});

for (const peer of Object.keys(PEERS) as PeerName[]) {
  const ids = "A5-04 A5-18 A5-20 A5-25 A5-29 A5-30 OE-25 OE-28 OE-29 OE-30 AW-14 EG-20 EG-21 EG-22 EG-23 EG-24";
  test(`${ids} each cell of the matrix with ${peer} ends as docs/interop.md says`, { timeout: 180_000 }, async (t) => {
    if (!canRun(t, peer)) return;
    const server = await startMatrixPeer(peer, t, hierarchy);
    const cells = cellsOf(peer);
    const wrong: string[] = [];
    for (const cell of cells) {
      const seen = await tried(cell, server.port(cell.row));
      if (!isAsTheTableSays(cell, seen)) wrong.push(`${cell.row.id}, ${cell.client}: ${JSON.stringify(seen)}`);
    }
    t.diagnostic(`${cells.length} cells tried`);
    assert.deepEqual(wrong, [], server.output().slice(-2000));
  });
}
