import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { finished, hawser, words } from "../../scripts/programs.ts";
import { nodeSe05xCrypto, serveChip } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../../src/crypto/node.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { decodeBirths, verifyBirths } from "../../src/provisioning/line/index.ts";
import { bar } from "../../src/cli/line-progress.ts";

type Line = Readonly<Record<string, unknown>>;

function desk(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-line-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const start = (argv: readonly string[]) => {
    const program = hawser([...argv, "--json"], { cwd: folder });
    t.after(() => program.stop("SIGKILL"));
    return program;
  };
  const json = async (argv: readonly string[]) => (await finished(start(argv))).map((line) => JSON.parse(line) as Line);
  const failing = async (argv: readonly string[]) => {
    const program = start(argv);
    const { status } = await program.ended;
    return { status, err: program.complaints.join("\n"), out: program.lines };
  };
  return { at: (...names: string[]) => join(folder, ...names), start, json, failing };
}

test("A5-42 hawser line run makes parts ready and adds them up; a second run changes nothing, another order is refused", async (t) => {
  const { at, json, failing } = desk(t);
  const order = words`line run --model oem --count 3 --chip-model a71ch --out line --stations 2`;
  const first = await json(order);
  const report = first.at(-1);
  assert.deepEqual([report?.["event"], report?.["done"], report?.["faults"]], ["report", 3, []]);
  assert.equal(first.filter(({ event }) => event === "part").length, 3);
  assert.deepEqual(JSON.parse(readFileSync(at("line/report.json"), "utf8")), without(report, "event"));
  assert.equal(statSync(at("line")).mode & 0o077, 0);
  const before = readFileSync(at("line/journal.jsonl"), "utf8");
  for (const more of [[], ["--resume"]]) {
    const again = await json([...order, ...more]);
    assert.deepEqual(without(again.at(-1), "event"), without(report, "event"));
    assert.equal(again.length, 1);
  }
  assert.equal(readFileSync(at("line/journal.jsonl"), "utf8"), before);
  const other = await failing(words`line run --model oem --count 4 --chip-model a71ch --out line`);
  assert.deepEqual([other.status, /line-differs/.test(other.err)], [1, true]);
  const listed = await json(words`ca list --dir line/ca --ca line-oem`);
  assert.ok(listed.length > 0);
});

test("a line that is interrupted ends with 130 and resumes; without --resume it says what to do", async (t) => {
  const { start, json, failing } = desk(t);
  const order = words`line run --model distributor --count 40 --chip-model a71ch --out line`;
  const program = start(order);
  await program.line(/"event":"part"/);
  program.signal("SIGINT");
  assert.deepEqual(await program.ended, { status: 130, signal: null });
  const stopped = JSON.parse(program.lines.at(-1) ?? "") as { done: number; open: number; faults: unknown[] };
  assert.ok(stopped.done > 0 && stopped.open > 0 && stopped.done + stopped.open === 40, JSON.stringify(stopped));
  assert.deepEqual(stopped.faults, []);
  const plain = await failing(order);
  assert.deepEqual([plain.status, /line-unfinished.*--resume/.test(plain.err)], [1, true]);
  const report = (await json([...order, "--resume"])).at(-1);
  assert.deepEqual([report?.["done"], report?.["certificates"], report?.["faults"]], [40, 40, []]);
});

test("a line that is killed resumes to the same sum", async (t) => {
  const { start, json } = desk(t);
  const order = words`line run --model vendor --count 30 --chip-model a71ch --out line`;
  for (let kill = 0; kill < 2; kill++) {
    const program = start([...order, "--resume"]);
    await program.line(/"event":"part"/);
    await program.stop("SIGKILL");
  }
  const report = (await json([...order, "--resume"])).at(-1);
  assert.deepEqual([report?.["done"], report?.["certificates"], report?.["undelivered"]], [30, 30, []]);
  assert.deepEqual([report?.["refused"], report?.["faults"]], [[], []]);
});

test("a line issues with a CA that is there, by its only intermediate or the one that --ca names", async (t) => {
  const { at, json } = desk(t);
  await json(words`ca init --dir ca --root-name Ours --intermediate-name Factory`);
  await json(words`line run --model oem --count 1 --chip-model a71ch --ca-dir ca --out one`);
  assert.deepEqual(readdirSync(at("ca/issuers/factory/issued")).length, 1);
  await json(words`line run --model vendor --count 1 --chip-model a71ch --ca-dir ca --out two`);
  assert.deepEqual(readdirSync(at("ca/issuers")).sort(), ["factory", "line-vendor", "ours"]);
  await json(words`line run --model distributor --count 1 --chip-model a71ch --ca-dir ca --ca factory --out three`);
  assert.deepEqual(readdirSync(at("ca/issuers/factory/issued")).length, 2);
  assert.equal(existsSync(at("ca/issuers/line-distributor")), false);
});

test("a line takes parts in sockets, and refuses what does not fit together", async (t) => {
  const { json, failing } = desk(t);
  const chip = await Se05xChip.open({
    model: "se050",
    crypto: nodeSe05xCrypto,
    entropy: nodeEntropy,
    clock: nodeClock,
  });
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const address = `127.0.0.1:${served.port}`;
  const born = await json(words`line run --model preconfigured --chip ${address} --out born`);
  assert.deepEqual([born.at(-1)?.["done"], born.at(-1)?.["certificates"]], [1, 3]);
  await json(words`line run --model oem --chip ${address} --out oem`);
  const second = await failing(words`line run --model oem --chip ${address} --out again`);
  assert.equal(second.status, 1);
  assert.match(second.out.join(), /part-not-blank/);
  for (const wrong of [
    words`line run --count 1 --out x`,
    words`line run --model oem --out x`,
    words`line run --model oem --count 2 --chip ${address} --out x`,
    words`line run --model preconfigured --count 1 --ca-dir ca --out x`,
    words`line run --model oem --count 0 --out x`,
    words`line run --model nobody --count 1 --out x`,
    words`line run --model oem --chip-model se050 --chip ${address} --born-keys ec+rsa --out x`,
    words`line run --model preconfigured --count 1 --born-keys ec+rsa --out x`,
    words`line run --model preconfigured --count 1 --born-keys rsa --out x`,
  ]) {
    assert.equal((await failing(wrong)).status, 2, wrong.join(" "));
  }
});

test("A5-38 a line takes RSA births in where it is asked to, and their records verify under the maker's root", async (t) => {
  const { at, json, failing } = desk(t);
  // A seed whose primes are soon found.
  const entropy = new SeededEntropy(nodeHash, "births 6");
  const chip = await Se05xChip.open({ model: "se050", crypto: nodeSe05xCrypto, entropy, clock: nodeClock });
  const served = await serveChip({ chip, port: 0 });
  t.after(() => served.close());
  const address = `127.0.0.1:${served.port}`;
  const order = words`line run --model preconfigured --chip-model se050 --chip ${address} --out born`;
  const report = (await json([...order, "--born-keys", "ec+rsa"])).at(-1);
  assert.deepEqual([report?.["done"], report?.["certificates"], report?.["faults"]], [1, 8, []]);
  assert.match((await failing(order)).err, /line-differs/);
  await json(words`line births --dir born --out births.json`);
  const batch = decodeBirths(readFileSync(at("births.json"), "utf8"));
  const anchors = certificatesFromPem(readFileSync(at("born/roots.pem"), "utf8"));
  await verifyBirths(batch, { anchors, verifier: nodeVerifier, time: nodeClock.now() });
  const bits = Object.fromEntries(
    (batch.parts[0]?.identities ?? []).map(({ name, certificate: { publicKey } }) => [
      name,
      publicKey.kind === "rsa" ? publicKey.bits : 0,
    ]),
  );
  assert.deepEqual(bits, {
    device: 0,
    gateway: 0,
    connection: 0,
    "device-rsa2048": 2048,
    "gateway-rsa2048": 2048,
    "device-rsa4096": 4096,
    "gateway-rsa4096": 4096,
    "connection-rsa2048": 2048,
  });
});

test("the progress bar is empty, half and full where it should be", () => {
  assert.equal(bar(0, 10), `[${".".repeat(30)}]`);
  assert.equal(bar(5, 10), `[${"#".repeat(15)}${".".repeat(15)}]`);
  assert.equal(bar(10, 10), `[${"#".repeat(30)}]`);
});

function without(line: Line | undefined, name: string): Line {
  const { [name]: _, ...rest } = line ?? {};
  return rest;
}
