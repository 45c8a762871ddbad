/** `tlsSeClient.sh IP psk` and `ecdhe-psk`: the chip's master secrets against servers that nobody here wrote. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { runOemClient } from "../../src/cli/oem-client.ts";
import { createCredentials } from "../../src/cli/oem-credentials.ts";
import { prepareClient } from "../../src/cli/oem-prepare.ts";
import { type ClientMode, FILES, PSK_IDENTITY, SERVER_NAME } from "../../src/cli/oem-words.ts";
import type { Output } from "../../src/cli/output.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();

type Line = Record<string, unknown>;

function recording(lines: Line[]): Output {
  return { json: true, line: (fields) => void lines.push(fields), note: () => undefined, warn: () => undefined };
}

/** How each server is told the key and the exchange. */
const SERVERS = {
  openssl: (mode: ClientMode, psk: string) => [
    "-tls1_2",
    "-psk",
    psk,
    "-psk_identity",
    PSK_IDENTITY,
    "-cipher",
    mode === "psk" ? "PSK-AES128-GCM-SHA256" : "ECDHE-PSK-AES128-CBC-SHA256:@SECLEVEL=0",
  ],
  "gnutls-serv": (mode: ClientMode, psk: string, folder: string) => {
    const passwords = join(folder, "psk.txt");
    writeFileSync(passwords, `${PSK_IDENTITY}:${psk}\n`);
    const exchange = mode === "psk" ? "+PSK" : "+ECDHE-PSK";
    const priority = `NORMAL:-KX-ALL:${exchange}:-VERS-ALL:+VERS-TLS1.2:+AES-128-CBC:+SHA256`;
    return ["--pskpasswd", passwords, "--priority", priority];
  },
} as const;

for (const program of Object.keys(SERVERS) as (keyof typeof SERVERS)[]) {
  test(`OE-29 OE-30 T-12 the client's modes psk and ecdhe-psk connect to ${program} with the master secret of the chip`, async (t) => {
    if (!requirePeer(t, program)) return;
    const ecc = mkdtempSync(join(tmpdir(), "hawser-oem-psk-"));
    t.after(() => rmSync(ecc, { recursive: true, force: true }));
    const entropy = new SeededEntropy(nodeHash, `psk ${program}`);
    const served = await serveChip({
      chip: new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock }),
      port: 0,
    });
    t.after(() => served.close());
    const chip = `127.0.0.1:${served.port}`;
    await createCredentials({ ecc, manufacturer: "Example Pumps", function: "Flow meter" }, recording([]));
    assert.equal(await prepareClient({ ecc, chip }, recording([])), 0);
    const psk = readFileSync(join(ecc, FILES.psk), "utf8").trim();
    for (const mode of ["psk", "ecdhe-psk"] as const) {
      const peer = await TLS_SERVERS[program](t, { hierarchy, server, args: SERVERS[program](mode, psk, ecc) });
      const lines: Line[] = [];
      const options = { ecc, chip, port: peer.port, servername: SERVER_NAME, message: "0123\n" };
      const ends = { output: recording(lines), signal: new AbortController().signal };
      await runOemClient("127.0.0.1", { mode, options }, ends);
      const [facts] = lines;
      assert.match(String(facts?.["suite"]), mode === "psk" ? /^TLS_PSK_/ : /^TLS_ECDHE_PSK_/);
      assert.equal(facts?.["extendedMasterSecret"], false, "an A71CH knows randoms only");
      assert.match(String(facts?.["timeline"]), /master-secret by chip/);
      assert.match(String(facts?.["answer"]), program === "openssl" ? /^3210/ : /^0123/);
    }
  });
}
