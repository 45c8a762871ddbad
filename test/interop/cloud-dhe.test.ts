/** `legacyDhe`: the cloud's TLS for clients without elliptic curves, with openssl's client and with ours. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { type RunningCloud, startCloud } from "../../src/cloud/node.ts";
import { connect } from "../../src/tls/node.ts";
import { requirePeer } from "./peers.ts";

const DHE_GCM = ["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"] as const;

async function cloudOf(t: TestContext, legacyDhe: boolean): Promise<RunningCloud> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-dhe-"));
  const where = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [] };
  const cloud = await startCloud({ ...where, directory, legacyDhe, httpsPorts: [0] });
  t.after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return cloud;
}

/** What openssl s_client prints of a TLS 1.2 handshake with these suites; the port is the cloud's. */
function opensslSays(cloud: RunningCloud, port: number, cipher: string): Promise<string> {
  const target = ["-connect", `127.0.0.1:${port}`, "-servername", "localhost", "-CAfile", cloud.caFile];
  const args = ["s_client", ...target, "-verify_hostname", "localhost", "-tls1_2", "-cipher", cipher];
  const child = spawn("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}

function portsOf(cloud: RunningCloud): readonly number[] {
  return [cloud.mqtt.port, ...cloud.httpsPorts];
}

test("EG-23 T-32 with legacyDhe openssl and our client agree on DHE_RSA with AES-GCM, on 2048 bits", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const cloud = await cloudOf(t, true);
  for (const port of portsOf(cloud)) {
    for (const cipher of ["DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"]) {
      const said = await opensslSays(cloud, port, cipher);
      assert.match(said, new RegExp(`Cipher is ${cipher}`), said);
      assert.match(said, /Server Temp Key: DH, 2048 bits/);
      assert.match(said, /Verification: OK/);
    }
    for (const suite of DHE_GCM) {
      const ca = readFileSync(cloud.caFile, "utf8");
      const client = await connect({ host: "127.0.0.1", port, servername: "localhost", ca, suites: [suite] });
      assert.equal(client.facts.suite, suite);
      client.destroy();
    }
  }
  const warnings = cloud.ledger
    .events({ kinds: ["process"] })
    .filter((event) => "what" in event && event.what === "warning");
  assert.match(JSON.stringify(warnings), /DHE_RSA/);
});

test("T-32 an RSA certificate brings neither RSA key exchange nor CBC under DHE, and curves stay preferred", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const cloud = await cloudOf(t, true);
  for (const port of portsOf(cloud)) {
    for (const cipher of [
      "kRSA",
      "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA",
    ]) {
      assert.match(await opensslSays(cloud, port, `${cipher}:@SECLEVEL=0`), /alert handshake failure/);
    }
    assert.match(await opensslSays(cloud, port, "ALL"), /Cipher is ECDHE-/);
  }
});

test("EG-23 without legacyDhe the cloud refuses DHE_RSA", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const cloud = await cloudOf(t, false);
  for (const port of portsOf(cloud)) {
    assert.match(await opensslSays(cloud, port, "DHE-RSA-AES128-GCM-SHA256"), /alert handshake failure/);
  }
});
