/** AN12131, chapters 6 and 7, as typed there: a device with a software key, OpenSSL and mosquitto. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser, Program, words } from "../../scripts/programs.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { requirePeer } from "./peers.ts";

type Facts = { readonly mqtt: string; readonly caFile: string };

test("AW-20 AW-59 AW-60 AW-63 AW-66 T-26 mosquitto_pub onboards with a software key and its message reaches mosquitto_sub", async (t) => {
  for (const peer of ["openssl", "mosquitto_pub", "mosquitto_sub"]) if (!requirePeer(t, peer)) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-mosquitto-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const openssl = (...argv: readonly string[]) => void execFileSync("openssl", argv, { cwd: directory, stdio: "pipe" });
  const run = (argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd: directory }));
  const cloud = hawser(words`up --data cloud --api-port 0 --mqtt-port 0 --json`, { cwd: directory });
  t.after(() => cloud.stop("SIGKILL"));
  const { mqtt, caFile } = await cloud.json<Facts>({ event: "listening" });
  const port = mqtt.slice(mqtt.lastIndexOf(":") + 1);
  await run(words`ca init --dir ca --root-name Root --intermediate-name Intermediate`);
  await run(words`cloud register-ca --data cloud --ca-dir ca`);
  await run(words`cloud install-jitr --data cloud --policy any-name`);

  /** A key, a request and a chain file, as AN12131 7.1 and 8.6 make them. */
  const makeDevice = async (name: string) => {
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", `${name}Key.pem`);
    openssl("req", "-new", "-key", `${name}Key.pem`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    await run(words`ca issue --dir ca --csr ${name}.csr --out ${name}Certificate.pem`);
    await run(words`ca issue --dir ca --csr ${name}.csr --out ${name}Chain.pem --chain`);
    const [, intermediate] = certificatesFromPem(readFileSync(join(directory, `${name}Chain.pem`), "utf8"));
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(intermediate?.der ?? []).toString("base64")}\n-----END CERTIFICATE-----\n`;
    writeFileSync(join(directory, "intCAcertificate.pem"), pem);
    const cat = `cat ${name}Certificate.pem intCAcertificate.pem > CAand${name}.pem`;
    execFileSync("sh", ["-c", cat], { cwd: directory });
    return words`--cafile ${caFile} --cert CAand${name}.pem --key ${name}Key.pem -h localhost -p ${port} --tls-version tlsv1.2`;
  };
  const publishAs = (credentials: readonly string[]) =>
    spawnSync("mosquitto_pub", [...credentials, ...words`-q 1 -t foo/bar -i anyclientID -m Hello -d`], {
      cwd: directory,
      encoding: "utf8",
      timeout: 20_000,
    });

  const device = await makeDevice("IoTdevice");
  await t.test(
    "AW-44 AW-52 AW-55 the first attempt is dropped, and registers the device as PENDING_ACTIVATION",
    async () => {
      const first = publishAs(device);
      assert.notEqual(first.status, 0);
      assert.doesNotMatch(first.stdout, /received CONNACK \(0\)/);
      await cloud.line(/"step":"registered".*"clientId":"anyclientID"/);
      await cloud.line(/"step":"activated".*PENDING_ACTIVATION to ACTIVE/);
    },
  );

  const listener = await makeDevice("Listener");
  const subscribe = () =>
    // mosquitto_sub keeps its lines back where they go into a pipe.
    new Program("mosquitto_sub", "stdbuf", words`-oL mosquitto_sub ${listener} -q 1 -t foo/# -i listener -C 1 -d -v`, {
      cwd: directory,
    });
  // The subscriber registers itself in the same way: its first attempt ends without a connection.
  const knocking = subscribe();
  await cloud.line(/"step":"connection-dropped","clientId":"listener"/);
  await knocking.stop("SIGTERM");
  await cloud.line(new RegExp(`"step":"activated".*"certificate":"${idOf(join(directory, "CAandListener.pem"))}"`));

  await t.test("AW-47 AW-65 the second attempt is accepted, and the message arrives", async () => {
    const sub = subscribe();
    t.after(() => sub.stop("SIGKILL"));
    await sub.line(/Subscribed \(mid: 1\): 1/);
    const second = publishAs(device);
    assert.equal(second.status, 0, second.stderr);
    assert.match(second.stdout, /received CONNACK \(0\)[^]*received PUBACK/);
    assert.equal(await sub.line(/^foo\/bar/), "foo/bar Hello");
    assert.equal((await sub.ended).status, 0);
  });
  assert.deepEqual(await cloud.stop(), { status: 0, signal: null });
});

function idOf(chainFile: string): string {
  return certificatesFromPem(readFileSync(chainFile, "utf8"))[0]?.id ?? "";
}
