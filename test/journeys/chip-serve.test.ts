import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser, words } from "../../scripts/programs.ts";
import type { TraceEvent } from "../../src/trace/index.ts";

test("hawser chip serve prints where it listens, serves hawser chip info, traces, and ends cleanly on SIGINT", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-chip-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const trace = join(directory, "chip.jsonl");
  const chip = hawser(["chip", "serve", "--port", "0", "--seed", "a chip", "--trace", trace, "--json"]);
  t.after(() => chip.stop("SIGKILL"));
  const { address, uniqueId } = await chip.json({ event: "listening" });
  const [line = ""] = await finished(hawser(["chip", "info", "--chip", String(address), "--json"]));
  const info = JSON.parse(line) as { model: string; uniqueId: string; variant: string; keySlots: { slot: number }[] };
  assert.deepEqual([info.model, info.uniqueId, info.variant, info.keySlots.length], ["A71CH", uniqueId, "B", 4]);
  assert.deepEqual(await chip.stop(), { status: 0, signal: null });
  assert.match(chip.complaints.join(), /--seed: every key .* tests only/);
  const names = readFileSync(trace, "utf8")
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as TraceEvent)
    .flatMap((event) => (event.kind === "chip.command" ? [event.name] : []));
  assert.deepEqual(names.slice(0, 3), ["SelectCardManager", "Select", "ReadUniqueId"]);
  assert.equal(statSync(trace).mode & 0o777, 0o600);
});

test("two chips from one seed have one identity, and a chip without a seed has its own", async (t) => {
  const idOf = async (...argv: readonly string[]) => {
    const chip = hawser(["chip", "serve", "--port", "0", "--json", ...argv]);
    t.after(() => chip.stop("SIGKILL"));
    const { uniqueId } = await chip.json();
    await chip.stop();
    return uniqueId;
  };
  const [first, again, other] = await Promise.all([idOf("--seed", "x"), idOf("--seed", "x"), idOf()]);
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test("a chip that is not there, and a port that is taken, end with status 1 and say what to do", async (t) => {
  const chip = hawser(["chip", "serve", "--port", "0", "--json"]);
  t.after(() => chip.stop("SIGKILL"));
  const { port } = await chip.json();
  const taken = hawser(["chip", "serve", "--port", String(port)]);
  assert.equal((await taken.ended).status, 1);
  assert.match(taken.complaints.join("\n"), /EADDRINUSE.*\ncause: .*\ncure: {2}Choose another port/);
  await chip.stop();
  const info = hawser(["chip", "info", "--chip", `127.0.0.1:${port}`]);
  assert.equal((await info.ended).status, 1);
  assert.match(
    info.complaints.join("\n"),
    /ECONNREFUSED.*\ncause: No connection to the chip.*\ncure: {2}Start the chip/,
  );
});

test("hawser chip serve --restricted-pair makes a part that says so, over restarts, and no other part into one", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-restricted-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const state = join(directory, "part.chip");
  const serve = (...argv: readonly string[]) => hawser(["chip", "serve", "--port", "0", "--json", ...argv]);
  for (const wanted of [["--restricted-pair", "1:7"], ["--restricted-pair", "1:7"], []]) {
    const chip = serve("--state", state, ...wanted);
    t.after(() => chip.stop("SIGKILL"));
    const { address } = await chip.json({ event: "listening" });
    const [line = ""] = await finished(hawser(["chip", "info", "--chip", String(address), "--json"]));
    const { restrictedKeyPair } = JSON.parse(line) as { restrictedKeyPair: Record<string, unknown> };
    const { slot, uses, maxUses } = restrictedKeyPair;
    assert.deepEqual([slot, uses, maxUses], [1, 0, 7]);
    await chip.stop();
  }
  const other = serve("--state", state, "--restricted-pair", "2:7");
  assert.equal((await other.ended).status, 1);
  assert.match(other.complaints.join("\n"), /was not born with key pair 2 restricted so/);
  for (const wrong of ["x", "1:", "1:2:3", "-1"]) {
    assert.equal((await serve(`--restricted-pair=${wrong}`).ended).status, 2, wrong);
  }
  assert.equal((await serve("--model", "a5000", "--restricted-pair", "1").ended).status, 2);
});

test("options that cannot work end with status 2, before anything is touched", async () => {
  const all = [
    ["chip", "serve", "--port", "70000"],
    ["chip", "serve", "--model", "a72"],
    ["chip", "info"],
    words`device connect --chip 127.0.0.1:1 --cloud localhost:1 --cafile x --performers sign=chip`,
    words`device connect --chip 127.0.0.1:1 --cloud nowhere --cafile x`,
    words`device connect --chip 127.0.0.1:1 --cloud localhost:1 --cafile x --mqtt-version 3`,
    words`device init --chip 127.0.0.1:1 --generate --inject key.pem --ca-dir ca`,
    words`device init --chip 127.0.0.1:1 --generate`,
    words`chip serve --state-key x`,
    words`timeline --data x`,
  ];
  for (const argv of all) assert.equal((await hawser(argv).ended).status, 2, argv.join(" "));
});
