import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const MAIN = join(import.meta.dirname, "main.ts");

function hawser(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("hawser rules try shows what a rule makes of a message, and ends with 1 where it does not fire", () => {
  const sql = "SELECT topic(2) AS device, t FROM 'site/+' WHERE t > 30";
  const fires = hawser("rules", "try", "--sql", sql, "--topic", "site/pump", "--message", '{"t":31}', "--json");
  assert.equal(fires.status, 0, fires.stderr);
  assert.deepEqual(JSON.parse(fires.stdout), {
    topic: "site/pump",
    result: "fires",
    asked: [],
    payload: { device: "pump", t: 31 },
    actions: [],
  });
  const not = hawser("rules", "try", "--sql", sql, "--topic", "site/pump", "--message", '{"t":3}');
  assert.deepEqual([not.status, not.stdout], [1, "site/pump: the condition does not hold\n"]);
  const malformed = hawser("rules", "try", "--sql", "SELECT FROM 'a'", "--topic", "a");
  assert.notEqual(malformed.status, 0);
  assert.match(malformed.stderr, /at character 8 of the SQL/);
});

test("hawser rules try goes through recorded messages", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-rules-try-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "messages.jsonl");
  writeFileSync(
    file,
    '{"topic":"a","message":{"n":1}}\n\n{"topic":"b","payload":"eyJuIjoyfQ=="}\n{"topic":"d","text":"{\\"n\\": 3.0}"}\n{"topic":"c"}\n',
  );
  const { status, stdout } = hawser(
    "rules",
    "try",
    "--sql",
    "SELECT n FROM '+' WHERE n > 0",
    "--recorded",
    file,
    "--json",
  );
  assert.equal(status, 0);
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { result: string }).result);
  assert.deepEqual(results, ["fires", "fires", "fires", "condition-false"]);
  writeFileSync(file, "no json\n");
  assert.match(hawser("rules", "try", "--sql", "SELECT *", "--recorded", file).stderr, /line 1 is not JSON/);
});
