/** AN12131, chapter 8, with ordinary programs: the device's key is in the chip, mosquitto reaches it through the engine. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser, Program, words } from "../../scripts/programs.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { P11_KIT_CLIENT, requirePkcs11 } from "./pkcs11-token.ts";

type Listening = { readonly mqtt: string; readonly caFile: string };
type Serving = { readonly serverAddress: string; readonly module: string };

const uriOf = (slot: number) => `pkcs11:token=device;object=key-${slot};type=private;pin-value=1234`;

const CHIPS = [
  {
    model: "a71ch",
    title: "AW-90 OE-34 mosquitto_pub and mosquitto_sub onboard just in time with keys that never leave the chip",
    inject: (address: string) => words`a71ch ${address} set pair -x 1 -k deviceKey.key`,
  },
  {
    model: "a5000",
    title:
      "A5-02 A5-30 mosquitto_pub and mosquitto_sub onboard just in time with the keys of an A5000, a rogue device does not",
    inject: (address: string) => words`se inject --chip ${address} --slot 1 --key deviceKey.key`,
  },
];

for (const { model, title, inject } of CHIPS) {
  test(title, { timeout: 120_000 }, async (t) => {
    if (!requirePkcs11(t, "openssl", "pkcs11-tool", "mosquitto_pub", "mosquitto_sub")) return;
    const directory = mkdtempSync(join(tmpdir(), "hawser-p11-journey-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const run = (argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd: directory }));
    const started = (argv: readonly string[]) => {
      const program = hawser([...argv, "--json"], { cwd: directory });
      t.after(() => program.stop("SIGKILL"));
      return program;
    };

    const cloud = started(words`up --data cloud --api-port 0 --mqtt-port 0`);
    const chip = started(words`chip serve --model ${model} --port 0 --state chip.state --trace chip.trace`);
    const { address } = await chip.json({ event: "listening" });
    assert.ok(address);
    writeFileSync(join(directory, "pin"), "1234\n", { mode: 0o600 });
    const token = started(
      words`pkcs11 serve --socket run/pkcs11 --chip ${address} --pin-file pin --label device --trace token.trace`,
    );
    const { serverAddress, module } = await token.json<Serving>({ event: "listening" });
    assert.equal(module, `remote: ${serverAddress}\n`);
    const { mqtt, caFile } = await cloud.json<Listening>({ event: "listening" });
    const port = mqtt.slice(mqtt.lastIndexOf(":") + 1);
    await run(words`ca init --dir ca --root-name Root --intermediate-name Intermediate`);
    await run(words`cloud register-ca --data cloud --ca-dir ca`);
    await run(words`cloud install-jitr --data cloud --policy any-name`);

    const env = { ...process.env, P11_KIT_SERVER_ADDRESS: serverAddress, PKCS11_MODULE_PATH: P11_KIT_CLIENT };
    const typed = (program: string, ...argv: readonly string[]) =>
      execFileSync(program, argv, { cwd: directory, env, stdio: "pipe", encoding: "utf8" });
    const tool = (...argv: readonly string[]) =>
      typed("pkcs11-tool", "--module", P11_KIT_CLIENT, "--login", "--pin", "1234", ...argv);

    // Slot 0 is born in the chip; slot 1 is injected as in 8.6, and its file is deleted before anybody connects.
    tool(...words`--keypairgen --key-type EC:prime256v1`);
    typed("openssl", ...words`ecparam -genkey -name prime256v1 -noout -out deviceKey.key`);
    await finished(hawser(inject(address), { cwd: directory }));
    const scalars = [scalarOf(typed("openssl", ...words`ec -in deviceKey.key -text -noout`))];
    rmSync(join(directory, "deviceKey.key"));

    const credentials = async (slot: number) => {
      const engine = words`req -new -engine pkcs11 -keyform engine -key ${uriOf(slot)} -out ${`${slot}.csr`}`;
      typed("openssl", ...engine, "-subj", `/CN=IoT device ${slot}`);
      await run(words`ca issue --dir ca --csr ${`${slot}.csr`} --out ${`${slot}.pem`} --chain`);
      // mosquitto 2.0.11 wants a file of the key's name before it asks the engine: an empty one stands in for the key.
      writeFileSync(join(directory, uriOf(slot)), "");
      const chain = `${slot}.pem`;
      const tls = words`--cafile ${caFile} --cert ${chain} --tls-engine pkcs11 --keyform engine --key ${uriOf(slot)}`;
      return [...tls, ...words`-h localhost -p ${port} --tls-version tlsv1.2 -q 1`];
    };
    const [publisher, subscriber] = [await credentials(0), await credentials(1)];

    const publish = () =>
      spawnSync("mosquitto_pub", [...publisher, ...words`-t foo/bar -i publisher -m Hello -d`], {
        cwd: directory,
        env,
        encoding: "utf8",
        timeout: 20_000,
      });
    assert.notEqual(publish().status, 0, "the first attempt is dropped");
    await cloud.line(/"step":"registered".*"clientId":"publisher"/);
    const subscribe = () =>
      new Program("mosquitto_sub", "stdbuf", words`-oL mosquitto_sub ${subscriber} -t foo/# -i listener -C 1 -d -v`, {
        cwd: directory,
        env: { P11_KIT_SERVER_ADDRESS: serverAddress, PKCS11_MODULE_PATH: P11_KIT_CLIENT },
      });
    const knocking = subscribe();
    await cloud.line(/"step":"connection-dropped","clientId":"listener"/);
    await knocking.stop("SIGTERM");
    for (const slot of [0, 1]) {
      const [certificate] = certificatesFromPem(readFileSync(join(directory, `${slot}.pem`), "utf8"));
      await cloud.line(new RegExp(`"step":"activated".*"certificate":"${certificate?.id}"`));
    }

    const sub = subscribe();
    t.after(() => sub.stop("SIGKILL"));
    await sub.line(/Subscribed \(mid: 1\): 1/);
    const second = publish();
    assert.equal(second.status, 0, second.stderr);
    assert.match(second.stdout, /received CONNACK \(0\)[^]*received PUBACK/);
    assert.equal(await sub.line(/^foo\/bar/), "foo/bar Hello");
    assert.equal((await sub.ended).status, 0);

    // Whoever has the device's name, and a key and a certificate of nobody's, gets nowhere.
    const subject = [...words`-nodes -keyout rogue.key -out rogue.pem -subj`, "/CN=IoT device 0"];
    typed("openssl", ...words`req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256`, ...subject);
    const rogue = words`--cafile ${caFile} --cert rogue.pem --key rogue.key -h localhost -p ${port} -q 1`;
    const refused = spawnSync("mosquitto_pub", [...rogue, ...words`-t foo/bar -i publisher -m Hello -d`], {
      cwd: directory,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.notEqual(refused.status, 0);
    assert.doesNotMatch(refused.stdout, /received CONNACK \(0\)/);

    for (const program of [token, chip, cloud]) assert.deepEqual(await program.stop(), { status: 0, signal: null });
    assert.deepEqual(readdirSync(join(directory, "run")), [], "the socket is gone");
    const signed = readFileSync(join(directory, "chip.trace"), "utf8").match(/"name":"(ECDSA)?Sign"/g) ?? [];
    assert.ok(signed.length >= 6, "two requests and four handshakes were signed in the chip");
    for (const scalar of scalars) for (const file of filesIn(directory)) assert.ok(!holds(file, scalar), file);
  });
}

/** The private scalar in openssl's text form of a key. */
function scalarOf(text: string): Buffer {
  const [, digits = ""] = /priv:\s+([0-9a-f:\s]+)pub:/.exec(text) ?? [];
  const scalar = Buffer.from(digits.replaceAll(/[^0-9a-f]/g, ""), "hex");
  assert.ok(scalar.length >= 31 && scalar.length <= 33);
  return scalar.subarray(-31);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

/** Whether a file has the key in it, as bytes, hex or base64. */
function holds(path: string, scalar: Buffer): boolean {
  const content = readFileSync(path);
  return (
    content.includes(scalar) || content.includes(scalar.toString("hex")) || content.includes(scalar.toString("base64"))
  );
}
