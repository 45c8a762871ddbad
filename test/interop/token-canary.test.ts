/** A key that is born in a chip, used by the Configure tool, a token and ordinary programs, and found nowhere but there. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { createServer, type TLSSocket } from "node:tls";

import { filesBelow, holdersOf } from "../../scripts/canary.ts";
import { words } from "../../scripts/programs.ts";
import { WireTap } from "../../scripts/wire-tap.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import { Scene, scalarIn } from "../journeys/canary-scene.ts";
import { occurrencesInMemory } from "../journeys/process-memory.ts";
import { requireSshd, startSshd } from "./pkcs11-ssh.ts";
import { P11_KIT_CLIENT, requirePkcs11 } from "./pkcs11-token.ts";

/** A heap snapshot is large, and the scan of the memory itself finds the same. */
const DEEP = process.env["HAWSER_DEEP"] === "1";
const TIMEOUT = { timeout: 90_000 };
const SEED = "a token whose key is known";
const PIN = "4711";
const URI = `pkcs11:token=canary;object=key-0;type=private;pin-value=${PIN}`;
/** Other secrets of the flow, which are in one file each by their nature. */
const CHANNEL = { ENC: "a1".repeat(16), MAC: "b2".repeat(16), DEK: "c3".repeat(16) };

/** The scalar that the seeded chip generates first: its unique id takes 8 bytes of entropy before. */
function seededScalar(): Uint8Array {
  const entropy = new SeededEntropy(nodeHash, SEED);
  entropy.bytes(8);
  return entropy.bytes(32);
}

/** The Configure tool: every family of commands around the key, and a second key that is injected wrapped. */
async function configure(scene: Scene, at: string): Promise<void> {
  const tool = (argv: readonly string[]) => scene.hawser(["a71ch", at, ...argv]);
  await tool(words`gen pair -x 0`);
  await tool(words`refpem -c 10 -x 0 -r device.ref_key`);
  const lines = Object.entries(CHANNEL).map(([name, key]) => `${name} ${key}`);
  scene.write("channel.txt", `${lines.join("\n")}\n`);
  const wrapping = "d4".repeat(16);
  const script = [
    "get pub -c 10 -x 0 -k device.pub",
    "info all",
    `set cfg -x 1 -h ${wrapping}`,
    `set pair -x 1 -k wrapped.key -w ${wrapping}`,
    "set sym -x 0 -h 00112233445566778899aabbccddeeff",
    "set cnt -x 0 -h 00000007",
    "set gp -h 0800 -h cafe",
    "info gp -h 0800 -n 1",
    "obj write -x 3 -n 32",
    "obj get -x 3",
    "obj erase -x 3",
    "lock pair -x 1",
    "apdu -cmd 8011000000 -sw 9000",
    "scp put -h 21 -k channel.txt",
    "scp auth -h 21 -k channel.txt",
    "info pair",
    "info status",
  ];
  scene.write("script.txt", `${script.join("\n")}\n`);
  await tool(words`script -f script.txt`);
}

/** Every ordinary program of the promise, on the key through the token. */
async function ordinaryPrograms(t: TestContext, scene: Scene, socket: string): Promise<void> {
  const env = { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}`, PKCS11_MODULE_PATH: P11_KIT_CLIENT };
  const run = (command: string, argv: readonly string[], more = {}) => scene.run(command, argv, { ...env, ...more });
  writeFileSync(scene.path("digest"), nodeHash.digest("sha256", Buffer.from("reading")));
  const onToken = ["--module", P11_KIT_CLIENT, "--token-label", "canary", "--login", "--pin", PIN];
  await run("pkcs11-tool", [...onToken, "-O"]);
  await run("pkcs11-tool", [...onToken, ...words`--sign -m ECDSA --id 00 -i digest -o signature`]);
  await run("pkcs11-tool", [...onToken, "--test"]);
  await run("p11tool", [
    "--provider",
    P11_KIT_CLIENT,
    "--login",
    "--set-pin",
    PIN,
    "--list-all",
    "pkcs11:token=canary",
  ]);
  const engine = words`-engine pkcs11 -keyform engine -key ${URI}`;
  await run("openssl", words`req -new -x509 -days 1 -subj /CN=device -out device.pem ${engine}`);
  const key = words`-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key`;
  const name = words`-subj /CN=localhost -addext subjectAltName=DNS:localhost`;
  await run("openssl", words`req -x509 -days 1 ${name} ${key} -out server.pem`);
  await tlsClients(scene, async (port) => {
    const curl = words`--cacert server.pem --cert device.pem --key-type ENG --key ${URI} --engine pkcs11`;
    const { argv: ssh, env: askpass } = await startSshd(t, {
      folder: scene.folder,
      authorized: `${(await run("ssh-keygen", ["-D", P11_KIT_CLIENT])).join("\n")}\n`,
      pin: PIN,
    });
    for (const version of ["1.2", "1.3"]) {
      const tls = `-tls${version.replace(".", "_")}`;
      await run("curl", ["-sS", `--tlsv${version}`, "--tls-max", version, ...curl, `https://localhost:${port}/`]);
      const client = words`s_client -connect localhost:${port} -CAfile server.pem -cert device.pem ${engine} ${tls}`;
      const said = await run("openssl", [...client, "-verify_return_error", "-ign_eof"]);
      assert.ok(said.includes("hello device"), `${tls}: ${said.join("\n")}`);
    }
    const credentials = words`--x509cafile server.pem --x509certfile device.pem --x509keyfile ${URI}`;
    const gnutls = await run("gnutls-cli", ["--provider", P11_KIT_CLIENT, ...credentials, "-p", port, "localhost"]);
    assert.ok(gnutls.includes("hello device"), gnutls.join("\n"));
    assert.deepEqual(await run("ssh", ssh, askpass), ["signed in"]);
  });
}

test(
  "OE-50 a key in a chip signs for the Configure tool, pkcs11-tool, openssl, curl, gnutls-cli and ssh, and is in no other process, file, trace or wire",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "pkcs11-tool", "openssl", "curl", "gnutls-cli", "p11tool", "ssh") || !requireSshd(t)) return;
    const scalar = seededScalar();
    const scene = new Scene(t);
    const watch = scene.watchFor(scalar);
    mkdirSync(scene.path("run"), { mode: 0o700 });
    await scene.run("openssl", words`ecparam -genkey -name prime256v1 -noout -out wrapped.key`, {});
    const wrapped = scalarIn(scene.path("wrapped.key"));

    const state = words`--state chip.state --trace chip.jsonl`;
    const chip = scene.start(words`chip serve --port 0 --seed ${SEED} ${state} --json`);
    const { address } = await chip.json({ event: "listening" });
    const bus = await scene.tapped(WireTap.open(address ?? ""));
    const at = bus.address.replace("localhost", "127.0.0.1");
    await configure(scene, at);

    scene.write("pin", PIN);
    const serve = words`pkcs11 serve --socket ${scene.path("run/token")} --chip ${at} --channel-keys channel.txt`;
    const token = scene.start(
      [...serve, ...words`--pin-file pin --label canary --trace token.jsonl --json`],
      ["--heapsnapshot-signal=SIGUSR2"],
    );
    await token.json({ event: "listening" });
    const calls = await scene.tapped(WireTap.openSocket(scene.path("run/token"), scene.path("run/tapped")));
    await ordinaryPrograms(t, scene, calls.address);

    const inChip = occurrencesInMemory(chip.pid, scalar);
    if (inChip !== undefined) {
      assert.ok(inChip > 0, "the search finds the key where it must be");
      assert.equal(occurrencesInMemory(token.pid, scalar), 0);
      assert.deepEqual(
        watch.reports().filter(({ count }) => count > 0),
        [],
      );
      assert.ok(watch.reports().length >= 3, "each run of the Configure tool has looked");
    }
    if (DEEP) token.signal("SIGUSR2");
    for (const program of [token, chip]) {
      await program.stop();
      scene.keep(program);
    }
    const files = filesBelow(scene.folder);
    const wires = scene.wires();
    assert.equal(
      files.some(({ name: file }) => file.endsWith(".heapsnapshot")),
      DEEP,
    );
    assert.ok(
      wires.length >= 40 && scene.outputs.length >= 15,
      `${wires.length} wires, ${scene.outputs.length} outputs`,
    );
    assert.deepEqual(holdersOf(scalar, [...files, ...wires, ...scene.outputs]), []);
    assert.deepEqual(holdersOf(wrapped, [...files, ...wires, ...scene.outputs]), [scene.path("wrapped.key")]);
    const heapless = files.filter(({ name: file }) => !file.endsWith(".heapsnapshot"));
    const others = wires.filter(({ name }) => !bus.sent.some((_, i) => name === `wire 0.${i}`));
    for (const each of Object.values(CHANNEL)) {
      const holders = holdersOf(Buffer.from(each, "hex"), [...heapless, ...others, ...scene.outputs]);
      assert.deepEqual(holders, [scene.path("channel.txt")], "channel keys are in their file alone");
    }
    const signed = readFileSync(scene.path("chip.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.includes('"Sign"'));
    assert.ok(signed.length >= 8, `${signed.length} signatures`);
    assert.equal(readFileSync(scene.path("signature")).length, 64);
  },
);

/** A server, behind a tap, that wants a client certificate and says hello to whoever has one. */
async function tlsClients(scene: Scene, work: (port: string) => Promise<void>): Promise<void> {
  const read = (name: string) => readFileSync(scene.path(name));
  const server = createServer(
    { key: read("server.key"), cert: read("server.pem"), ca: read("device.pem"), requestCert: true },
    (socket: TLSSocket) => {
      // What is not read keeps a connection from ending.
      socket.resume().end("HTTP/1.0 200 OK\r\n\r\nhello device\n");
      socket.on("error", () => undefined);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    const tap = await scene.tapped(
      WireTap.open(`127.0.0.1:${typeof address === "object" && address ? address.port : 0}`),
    );
    await work(tap.address.slice(tap.address.indexOf(":") + 1));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
