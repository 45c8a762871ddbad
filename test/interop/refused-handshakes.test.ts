/** Handshakes that fail: the alert that the client sees, or that there is none to see, and what the ledger says of it. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { newCa, newLeaf, newSigner } from "../../src/cloud/registry/fixtures.test.ts";
import { type RunningCloud, startCloud } from "../../src/cloud/node.ts";
import { connect } from "../../src/tls/node.ts";
import type { RefusalCause } from "../../src/trace/index.ts";
import { requirePeer } from "./peers.ts";

type Case = {
  readonly what: string;
  readonly client: string;
  /** Its number. RFC 8446, section 6 */
  readonly alert: number;
  readonly cause: RefusalCause;
  /** Where not every port says so. */
  readonly only?: "https";
};

const CASES: readonly Case[] = [
  {
    what: "TLS 1.1 at most: protocol_version",
    client: "-tls1_1 -cipher DEFAULT@SECLEVEL=0",
    alert: 70,
    cause: "tls-version",
  },
  {
    what: "CBC under RSA: handshake_failure",
    client: "-tls1_2 -cipher AES128-SHA",
    alert: 40,
    cause: "tls-cipher-suite",
  },
  {
    what: "a suite of TLS 1.3 that nobody has: handshake_failure",
    client: "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256",
    alert: 40,
    cause: "tls-cipher-suite",
  },
  {
    what: "no group in common: handshake_failure",
    client: "-tls1_2 -groups secp256k1",
    alert: 40,
    cause: "tls-cipher-suite",
  },
  {
    what: "no signature scheme for our key in TLS 1.2: handshake_failure",
    client: "-tls1_2 -sigalgs rsa_pss_rsae_sha256",
    alert: 40,
    cause: "tls-cipher-suite",
  },
  {
    what: "the same in TLS 1.3: handshake_failure",
    client: "-tls1_3 -sigalgs ed25519",
    alert: 40,
    cause: "tls-cipher-suite",
  },
  {
    what: "a fallback that nobody forced: inappropriate_fallback",
    client: "-tls1_2 -fallback_scsv",
    alert: 86,
    cause: "tls-failed",
  },
  {
    what: "a key on a curve that was not offered: illegal_parameter",
    client: "-tls1_2 -cert k1.pem -key k1.key",
    alert: 47,
    cause: "tls-failed",
  },
  {
    what: "protocols of which none is known: no_application_protocol",
    client: "-alpn bogus",
    alert: 120,
    cause: "tls-failed",
    only: "https",
  },
];

async function cloudOf(t: TestContext, more: Partial<Parameters<typeof startCloud>[0]> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-alerts-"));
  const where = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, httpsPorts: [0], serverNames: [] };
  const cloud = await startCloud({ ...where, directory: join(directory, "data"), ...more });
  t.after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { cloud, directory };
}

/** An MQTT CONNECT. */
const CONNECT = Buffer.from("101000044d5154540402003c000464657631", "hex");

/** What openssl's client prints of a handshake, all of its messages included. */
function opensslSays(directory: string, port: number, client: string): Promise<string> {
  const argv = `s_client -connect 127.0.0.1:${port} -servername localhost -msg ${client}`.split(" ");
  const child = spawn("openssl", argv, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}

/** The last refusal of the ledger, once there is one more than before. */
async function refusalOf(cloud: RunningCloud, run: () => Promise<unknown>) {
  const { promise, resolve } = Promise.withResolvers<{ cause: RefusalCause; evidence: object }>();
  const end = cloud.ledger.subscribe((event) => event.kind === "refusal" && resolve(event));
  await run();
  const refusal = await promise;
  end();
  return refusal;
}

test("F-17 each handshake that cannot be is ended with the alert that RFC 8446 has for it, and its cause is in the ledger", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { cloud, directory } = await cloudOf(t);
  const key =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout k1.key -out k1.pem -subj /CN=k1";
  execFileSync("openssl", key.split(" "), { cwd: directory, stdio: "pipe" });
  for (const { what, client, alert, cause, only } of CASES) {
    for (const port of only ? cloud.httpsPorts : [cloud.mqtt.port, ...cloud.httpsPorts]) {
      let said = "";
      const refusal = await refusalOf(cloud, async () => void (said = await opensslSays(directory, port, client)));
      assert.match(said, new RegExp(`<<< TLS 1\\.\\d, Alert \\[length 0002\\], fatal`), `${what}: ${said}`);
      assert.match(said, new RegExp(`SSL alert number ${alert}$`, "m"), `${what}: ${said}`);
      assert.equal(refusal.cause, cause, what);
    }
  }
});

test("F-17 a certificate whose key the client does not have: decrypt_error, in TLS 1.3 behind the client's own Finished", async (t) => {
  const { cloud } = await cloudOf(t);
  const [key, other] = [newSigner(), newSigner()];
  const leaf = await newLeaf({ issuer: await newCa(), publicKey: key.publicKey });
  const signer = { ...key, publicKey: key.publicKey, algorithms: key.algorithms, sign: other.sign.bind(other) };
  const ca = readFileSync(cloud.caFile, "utf8");
  for (const port of [cloud.mqtt.port, ...cloud.httpsPorts]) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const who = { servername: "localhost", ca, certificate: [leaf.der], signer, waitsForServer: true };
      const refusal = await refusalOf(cloud, async () => {
        const refused = connect({ host: "127.0.0.1", port, ...who, minVersion: version, maxVersion: version });
        await assert.rejects(refused, { name: "AlertReceived", message: /the alert decrypt_error/ }, version);
      });
      assert.equal(refusal.cause, "tls-failed");
    }
  }
});

test("F-17 where the server can send no alert, the client sees none, and the cause is in the ledger", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { cloud, directory } = await cloudOf(t, { jitr: "note-literal" });
  const { port } = cloud.mqtt;
  // Literal mode: the decision falls when node:tls has finished, which has no door for an alert: the connection is reset.
  const key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout d.key -out d.pem -subj /CN=d";
  execFileSync("openssl", key.split(" "), { cwd: directory, stdio: "pipe" });
  let said = "";
  const device = `-cert d.pem -key d.key`;
  const literal = await refusalOf(cloud, async () => void (said = await opensslSays(directory, port, device)));
  assert.doesNotMatch(said, /<<< .*Alert/, said);
  assert.match(said, /write:errno=104|unexpected eof|Connection reset/i);
  assert.equal(literal.cause, "unknown-ca");
  // The client's own alert: it does not trust our root.
  const client = await refusalOf(cloud, async () => {
    said = await opensslSays(directory, port, "-verify_return_error -CAfile d.pem");
  });
  assert.match(said, />>> TLS 1\.\d, Alert \[length 0002\], fatal unknown_ca/);
  assert.doesNotMatch(said, /<<< .*Alert/);
  assert.equal(client.cause, "tls-failed");
  // What is no TLS could read no alert.
  const heard: Buffer[] = [];
  const stranger = await refusalOf(cloud, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connectTcp(port, "127.0.0.1");
    socket.on("data", (data: Buffer) => heard.push(data)).on("error", () => undefined);
    socket.once("close", () => resolve());
    socket.write(CONNECT);
    return promise;
  });
  assert.deepEqual([stranger.cause, heard], ["not-tls", []]);
});
