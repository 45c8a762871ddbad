/** A key that is born in a chip, used by the Configure tool, a token and ordinary programs, and found nowhere but there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";

import { type Artefact, filesBelow, holdersOf } from "../../scripts/canary.ts";
import { finished, hawser, Program, words } from "../../scripts/programs.ts";
import { WireTap } from "../../scripts/wire-tap.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import { occurrencesInMemory } from "../journeys/process-memory.ts";
import { P11_KIT_CLIENT, requirePkcs11 } from "./pkcs11-token.ts";

/** A heap snapshot is large, and the scan of the memory itself finds the same. */
const DEEP = process.env["HAWSER_DEEP"] === "1";
const TIMEOUT = { timeout: 60_000 };
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

test(
  "OE-50 a key in a chip behind a secure channel signs for pkcs11-tool, openssl and curl, and is in no other process, file, trace or wire",
  TIMEOUT,
  async (t) => {
    if (!requirePkcs11(t, "pkcs11-tool", "openssl", "curl")) return;
    const folder = mkdtempSync(join(tmpdir(), "hawser-canary-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const outputs: Artefact[] = [];
    const started = (program: Program): Program => {
      t.after(() => program.stop("SIGKILL"));
      return program;
    };
    const told = async (program: Program): Promise<readonly string[]> => {
      const lines = await finished(program);
      outputs.push({ name: program.name, bytes: Buffer.from(program.transcript()) });
      return lines;
    };
    const scalar = seededScalar();

    const state = words`--state chip.state --trace chip.jsonl`;
    const chip = started(hawser(words`chip serve --port 0 --seed ${SEED} ${state} --json`, { cwd: folder }));
    const { address } = await chip.json({ event: "listening" });
    const tap = await WireTap.open(address ?? "");
    t.after(() => tap.close());

    const at = tap.address.replace("localhost", "127.0.0.1");
    const tool = (...argv: string[]) => told(hawser(["a71ch", at, ...argv], { cwd: folder }));
    await tool(...words`gen pair -x 0`);
    await tool(...words`refpem -c 10 -x 0 -r device.ref_key`);
    await tool(...words`info all`);
    const lines = Object.entries(CHANNEL).map(([name, key]) => `${name} ${key}`);
    writeFileSync(join(folder, "channel.txt"), `${lines.join("\n")}\n`, { mode: 0o600 });
    const script = ["scp put -h 21 -k channel.txt", "scp auth -h 21 -k channel.txt", "info pair", "info status"];
    writeFileSync(join(folder, "script.txt"), `${script.join("\n")}\n`);
    await tool(...words`script -f script.txt`);

    writeFileSync(join(folder, "pin"), PIN, { mode: 0o600 });
    const socket = join(folder, "run", "token");
    const serve = words`pkcs11 serve --socket ${socket} --chip ${at} --channel-keys channel.txt --pin-file pin`;
    const token = started(
      hawser([...serve, ...words`--label canary --trace token.jsonl --json`], {
        cwd: folder,
        nodeOptions: ["--heapsnapshot-signal=SIGUSR2"],
      }),
    );
    await token.json({ event: "listening" });
    const env = { P11_KIT_SERVER_ADDRESS: `unix:path=${socket}`, PKCS11_MODULE_PATH: P11_KIT_CLIENT };
    const run = (command: string, ...argv: string[]) =>
      told(started(new Program(command, command, argv, { cwd: folder, env })));

    writeFileSync(join(folder, "digest"), nodeHash.digest("sha256", Buffer.from("reading")));
    const onToken = ["--module", P11_KIT_CLIENT, "--token-label", "canary", "--login", "--pin", PIN];
    await run("pkcs11-tool", ...onToken, "-O");
    await run("pkcs11-tool", ...onToken, ...words`--sign -m ECDSA --id 00 -i digest -o signature`);
    const engine = words`-engine pkcs11 -keyform engine`;
    await run("openssl", ...words`req -new -x509 -days 1 -subj /CN=device -out device.pem ${engine} -key ${URI}`);
    const key = words`-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key`;
    const name = words`-subj /CN=localhost -addext subjectAltName=DNS:localhost`;
    await run("openssl", ...words`req -x509 -days 1 ${name} ${key} -out server.pem`);
    await tlsClients(folder, async (port) => {
      const client = words`--cacert server.pem --cert device.pem --key-type ENG --key ${URI} --engine pkcs11`;
      for (const version of ["1.2", "1.3"]) {
        await run("curl", "-sS", `--tlsv${version}`, "--tls-max", version, ...client, `https://localhost:${port}/`);
      }
    });

    const inChip = occurrencesInMemory(chip.pid, scalar);
    if (inChip !== undefined) {
      assert.ok(inChip > 0, "the search finds the key where it must be");
      assert.equal(occurrencesInMemory(token.pid, scalar), 0);
    }
    if (DEEP) token.signal("SIGUSR2");
    for (const program of [token, chip]) {
      await program.stop();
      outputs.push({ name: program.name, bytes: Buffer.from(program.transcript()) });
    }
    const files = filesBelow(folder);
    const wire = [...tap.sent, ...tap.received].map((bytes, i) => ({ name: `wire ${i}`, bytes }));
    assert.equal(
      files.some(({ name: file }) => file.endsWith(".heapsnapshot")),
      DEEP,
    );
    assert.ok(wire.length >= 10 && outputs.length >= 12, `${wire.length} conversations, ${outputs.length} outputs`);
    assert.deepEqual(holdersOf(scalar, [...files, ...wire, ...outputs]), []);
    const heapless = files.filter(({ name: file }) => !file.endsWith(".heapsnapshot"));
    for (const each of Object.values(CHANNEL)) {
      const holders = holdersOf(Buffer.from(each, "hex"), [...heapless, ...wire.slice(tap.sent.length), ...outputs]);
      assert.deepEqual(holders, [join(folder, "channel.txt")], "channel keys are in their file alone");
    }
    const signed = readFileSync(join(folder, "chip.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.includes('"Sign"'));
    assert.ok(signed.length >= 4, `${signed.length} signatures`);
    assert.equal(spawnSync("cmp", ["/dev/null", "signature"], { cwd: folder }).status, 1, "a signature was written");
  },
);

/** A server that wants a client certificate and answers with its subject. */
async function tlsClients(folder: string, work: (port: number) => Promise<void>): Promise<void> {
  const read = (name: string) => readFileSync(join(folder, name));
  const server = createServer(
    { key: read("server.key"), cert: read("server.pem"), ca: read("device.pem"), requestCert: true },
    (socket: TLSSocket) => {
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nhello device\n"));
      socket.on("error", () => undefined);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await work(typeof address === "object" && address ? address.port : 0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
