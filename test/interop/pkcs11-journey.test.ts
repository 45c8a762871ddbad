/** AN12131, chapter 8, with ordinary programs: the device's key is in the chip, mosquitto reaches it through the engine. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { type Artefact, filesBelow, holdersOf } from "../../scripts/canary.ts";
import { finished, hawser, Program, words } from "../../scripts/programs.ts";
import { WireTap } from "../../scripts/wire-tap.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { scalarIn } from "../journeys/canary-scene.ts";
import { occurrencesInMemory } from "../journeys/process-memory.ts";
import { P11_KIT_CLIENT, requirePkcs11 } from "./pkcs11-token.ts";

const SEED = "a chip that is onboarded";

type Listening = { readonly mqtt: string; readonly caFile: string };
/** How a program ended, and what it printed. */
type Ended = { readonly status: number; readonly stdout: string; readonly stderr: string };
type Serving = { readonly serverAddress: string; readonly module: string };

const uriOf = (slot: number) => `pkcs11:token=device;object=key-${slot};type=private;pin-value=1234`;

const CHIPS = [
  {
    model: "a71ch",
    title: "AW-90 OE-34 mosquitto_pub and mosquitto_sub onboard just in time with keys that never leave the chip",
    inject: (address: string) => words`a71ch ${address} set pair -x 1 -k deviceKey.key`,
    // The first key that the seeded chip generates: its unique id takes 8 bytes of entropy before.
    born: (entropy: SeededEntropy) => [(entropy.bytes(8), entropy.bytes(32))],
  },
  {
    model: "a5000",
    title:
      "A5-02 A5-30 mosquitto_pub and mosquitto_sub onboard just in time with the keys of an A5000, a rogue device does not",
    inject: (address: string) => words`se inject --chip ${address} --slot 1 --key deviceKey.key`,
    born: () => [],
  },
];

for (const { model, title, inject, born } of CHIPS) {
  test(title, { timeout: 120_000 }, async (t) => {
    if (!requirePkcs11(t, "openssl", "pkcs11-tool", "mosquitto_pub", "mosquitto_sub")) return;
    const directory = mkdtempSync(join(tmpdir(), "hawser-p11-journey-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const outputs: Artefact[] = [];
    const keep = (program: Program) => outputs.push({ name: program.name, bytes: Buffer.from(program.transcript()) });
    const run = (argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd: directory }));
    const started = (argv: readonly string[]) => {
      const program = hawser([...argv, "--json"], { cwd: directory });
      t.after(() => program.stop("SIGKILL"));
      return program;
    };

    const cloud = started(words`up --data cloud --api-port 0 --mqtt-port 0`);
    const chip = started(
      words`chip serve --model ${model} --seed ${SEED} --port 0 --state chip.state --trace chip.trace`,
    );
    const { address } = await chip.json({ event: "listening" });
    assert.ok(address);
    const taps: WireTap[] = [];
    const tapped = async (tap: Promise<WireTap>) => {
      const opened = await tap;
      taps.push(opened);
      t.after(() => opened.close());
      return opened;
    };
    const bus = await tapped(WireTap.open(address));
    writeFileSync(join(directory, "pin"), "1234\n", { mode: 0o600 });
    const token = started(
      words`pkcs11 serve --socket run/pkcs11 --chip ${bus.address} --pin-file pin --label device --trace token.trace`,
    );
    const { serverAddress, module } = await token.json<Serving>({ event: "listening" });
    assert.equal(module, `remote: ${serverAddress}\n`);
    const { mqtt, caFile } = await cloud.json<Listening>({ event: "listening" });
    const network = await tapped(WireTap.open(mqtt));
    const port = network.address.slice(network.address.lastIndexOf(":") + 1);
    await run(words`ca init --dir ca --root-name Root --intermediate-name Intermediate`);
    await run(words`cloud register-ca --data cloud --ca-dir ca`);
    await run(words`cloud install-jitr --data cloud --policy any-name`);

    await tapped(WireTap.openSocket(join(directory, "run/pkcs11"), join(directory, "run/tapped")));
    const at = `unix:path=${join(directory, "run/tapped")}`;
    const env = { ...process.env, P11_KIT_SERVER_ADDRESS: at, PKCS11_MODULE_PATH: P11_KIT_CLIENT };
    // Never by a call that blocks: the wires are tapped in this process.
    const typed = async (program: string, ...argv: readonly string[]): Promise<Ended> => {
      const ended = await new Promise<Ended>((resolve) => {
        execFile(program, argv, { cwd: directory, env, timeout: 30_000 }, (error, stdout, stderr) =>
          resolve({ status: error === null ? 0 : 1, stdout, stderr }),
        );
      });
      outputs.push({ name: program, bytes: Buffer.from(ended.stdout + ended.stderr) });
      return ended;
    };
    const ok = async (program: string, ...argv: readonly string[]) => {
      const { status, stderr } = await typed(program, ...argv);
      assert.equal(status, 0, `${program} ${argv.join(" ")}\n${stderr}`);
    };
    const tool = (...argv: readonly string[]) =>
      ok("pkcs11-tool", "--module", P11_KIT_CLIENT, "--login", "--pin", "1234", ...argv);

    // Slot 0 is born in the chip; slot 1 is injected as in 8.6, and its file is deleted before anybody connects.
    await tool(...words`--keypairgen --key-type EC:prime256v1`);
    await ok("openssl", ...words`ecparam -genkey -name prime256v1 -noout -out deviceKey.key`);
    await finished(hawser(inject(address), { cwd: directory }));
    const scalars = [scalarIn(join(directory, "deviceKey.key")), ...born(new SeededEntropy(nodeHash, SEED))];
    rmSync(join(directory, "deviceKey.key"));

    const credentials = async (slot: number) => {
      const engine = words`req -new -engine pkcs11 -keyform engine -key ${uriOf(slot)} -out ${`${slot}.csr`}`;
      await ok("openssl", ...engine, "-subj", `/CN=IoT device ${slot}`);
      await run(words`ca issue --dir ca --csr ${`${slot}.csr`} --out ${`${slot}.pem`} --chain`);
      // mosquitto 2.0.11 wants a file of the key's name before it asks the engine: an empty one stands in for the key.
      writeFileSync(join(directory, uriOf(slot)), "");
      const chain = `${slot}.pem`;
      const tls = words`--cafile ${caFile} --cert ${chain} --tls-engine pkcs11 --keyform engine --key ${uriOf(slot)}`;
      return [...tls, ...words`-h localhost -p ${port} --tls-version tlsv1.2 -q 1`];
    };
    const [publisher, subscriber] = [await credentials(0), await credentials(1)];

    const publish = () => typed("mosquitto_pub", ...publisher, ...words`-t foo/bar -i publisher -m Hello -d`);
    assert.notEqual((await publish()).status, 0, "the first attempt is dropped");
    await cloud.line(/"step":"registered".*"clientId":"publisher"/);
    const subscribe = () =>
      new Program("mosquitto_sub", "stdbuf", words`-oL mosquitto_sub ${subscriber} -t foo/# -i listener -C 1 -d -v`, {
        cwd: directory,
        env: { P11_KIT_SERVER_ADDRESS: at, PKCS11_MODULE_PATH: P11_KIT_CLIENT },
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
    const second = await publish();
    assert.equal(second.status, 0, second.stderr);
    assert.match(second.stdout, /received CONNACK \(0\)[^]*received PUBACK/);
    assert.equal(await sub.line(/^foo\/bar/), "foo/bar Hello");
    assert.equal((await sub.ended).status, 0);

    // Whoever has the device's name, and a key and a certificate of nobody's, gets nowhere.
    const subject = [...words`-nodes -keyout rogue.key -out rogue.pem -subj`, "/CN=IoT device 0"];
    await ok("openssl", ...words`req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256`, ...subject);
    const rogue = words`--cafile ${caFile} --cert rogue.pem --key rogue.key -h localhost -p ${port} -q 1`;
    const refused = await typed("mosquitto_pub", ...rogue, ...words`-t foo/bar -i publisher -m Hello -d`);
    assert.notEqual(refused.status, 0);
    assert.doesNotMatch(refused.stdout, /received CONNACK \(0\)/);

    for (const scalar of scalars) {
      const inChip = occurrencesInMemory(chip.pid, scalar);
      if (inChip === undefined) continue;
      assert.ok(inChip > 0, "the search finds the key where it must be");
      for (const { pid, name } of [token, cloud]) assert.equal(occurrencesInMemory(pid, scalar), 0, name);
    }
    for (const program of [token, chip, cloud]) assert.deepEqual(await program.stop(), { status: 0, signal: null });
    for (const program of [token, chip, cloud, sub, knocking]) keep(program);
    assert.deepEqual(readdirSync(join(directory, "run")), ["tapped"], "the socket is gone");
    const signed = readFileSync(join(directory, "chip.trace"), "utf8").match(/"name":"(ECDSA)?Sign"/g) ?? [];
    assert.ok(signed.length >= 6, "two requests and four handshakes were signed in the chip");
    const wires = taps.flatMap(({ sent, received }) => [...sent, ...received]);
    assert.ok(wires.length >= 20, `${wires.length} wires`);
    const said = wires.map((bytes, i) => ({ name: `wire ${i}`, bytes }));
    for (const scalar of scalars) {
      assert.deepEqual(
        holdersOf(scalar, [...filesBelow(directory), ...said, ...outputs]),
        [],
        "no wire, file or output",
      );
    }
  });
}
