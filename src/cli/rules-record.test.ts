import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { callOperation } from "../cloud/api/node-client.ts";
import { startCloud } from "../cloud/node.ts";
import { utf8Bytes } from "../codec/index.ts";

const MAIN = join(import.meta.dirname, "main.ts");

type Ended = { readonly status: number; readonly stdout: string; readonly stderr: string };

async function world(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-record-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const { api, account, accessKey } = cloud;
  const credentials = join(directory, "credentials.json");
  writeFileSync(credentials, JSON.stringify({ api, region: account.region, ...accessKey }));
  const target = { endpoint: api, region: account.region, credentials: accessKey };
  const publish = (topic: string, payload: string | Uint8Array) =>
    callOperation(target, "Publish", { topic, payload: typeof payload === "string" ? utf8Bytes(payload) : payload });
  const rules = (...words: string[]) => ["rules", ...words, "--credentials", credentials];
  const hawser = (...words: string[]) =>
    new Promise<Ended>((resolve) => {
      execFile(process.execPath, [MAIN, ...rules(...words)], (error, stdout, stderr) =>
        resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  return { directory, cloud, target, publish, rules, hawser };
}

/** Resolves with the process once it says that it records. */
async function recording(words: readonly string[]): Promise<{ child: ChildProcess; ended: Promise<Ended> }> {
  const child = spawn(process.execPath, [MAIN, ...words]);
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code) => resolve({ status: code ?? -1, stdout, stderr })),
  );
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (stdout.includes("recording ")) resolve();
    });
    void ended.then(() => resolve());
  });
  return { child, ended };
}

test("hawser rules record writes live traffic that hawser rules try replays, and looks up what the SQL asks", async (t) => {
  const { directory, cloud, target, publish, rules, hawser } = await world(t);
  const out = join(directory, "messages.jsonl");
  const { ended } = await recording(rules("record", "--filter", "site/+", "--count", "3", "--out", out));
  await publish("other", "{}");
  await publish("site/pump", '{"t":31}');
  await publish("site/valve", '{"t": 3.0}');
  await publish("site/pump", new Uint8Array([0xff]));
  const { status, stdout } = await ended;
  assert.equal(status, 0, stdout);
  assert.match(
    stdout,
    /site\/pump from .*: \{"t":31\}\n.*site\/valve .*\n.*site\/pump .*1 bytes, base64 \/w==\n3 messages recorded\n$/,
  );
  assert.equal(statSync(out).mode & 0o777, 0o600);
  const lines = readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ topic, message, text, payload }) => [topic, message, text, payload]),
    [
      ["site/pump", { t: 31 }, undefined, undefined],
      ["site/valve", undefined, '{"t": 3.0}', undefined],
      ["site/pump", undefined, undefined, "/w=="],
    ],
  );
  await callOperation(target, "CreateThing", {
    thingName: "pump",
    attributePayload: { attributes: { site: "north" } },
  });
  const state = { state: { reported: { limit: 30 } } };
  await callOperation(target, "UpdateThingShadow", { thingName: "pump", payload: utf8Bytes(JSON.stringify(state)) });
  const sql =
    "SELECT get_registry_data('DescribeThing', topic(2), 'arn:aws:iam::123456789012:role/r').attributes.site AS site, timestamp() AS at, " +
    "aws_lambda('arn:aws:lambda:eu-central-1:123456789012:function:f', *) AS f, accountid() AS account " +
    "FROM 'site/+' WHERE t > get_thing_shadow(topic(2), 'arn:aws:iam::123456789012:role/r').state.reported.limit";
  const tried = await hawser("try", "--sql", sql, "--recorded", out, "--json");
  assert.equal(tried.status, 0, tried.stderr);
  const trials = tried.stdout
    .trim()
    .split("\n")
    .map(
      (line) =>
        JSON.parse(line) as { result: string; payload?: object; asked: { function: string; problem?: string }[] },
    );
  assert.deepEqual(
    trials.map(({ result }) => result),
    ["fires", "condition-false", "condition-false"],
  );
  assert.deepEqual(trials[0]?.payload, { site: "north", at: lines[0]?.["time"], account: cloud.account.id });
  const problems = trials.flatMap(({ asked }) =>
    asked.flatMap((each) => (each.problem ? [`${each.function}: ${each.problem}`] : [])),
  );
  assert.match(problems[0] ?? "", /^aws_lambda: not invoked: --invoke does/);
  assert.ok(
    problems.some((each) => /^get_thing_shadow: .*No shadow exists with name: 'valve'/.test(each)),
    problems.join("\n"),
  );
  const again = await hawser("record", "--out", out);
  assert.deepEqual([again.status, readFileSync(out, "utf8").split("\n").length], [2, 4], "nothing is overwritten");
  assert.match(again.stderr, /messages\.jsonl: exists already/);
});

test("hawser rules record ends upon Ctrl-C with what it has, and leaves no recording behind", async (t) => {
  const { directory, target, publish, rules, hawser } = await world(t);
  const out = join(directory, "messages.jsonl");
  const { child, ended } = await recording(rules("record", "--out", out));
  await publish("a", '"first"');
  child.kill("SIGINT");
  const { status, stdout } = await ended;
  assert.deepEqual([status, stdout.endsWith("1 messages recorded\n")], [0, true], stdout);
  assert.match(readFileSync(out, "utf8"), /^\{"time":\d+(\.\d+)?,"topic":"a","message":"first","qos":0,.*\}\n$/);
  // Four may be under way at once: one that was left behind would leave place for three.
  for (const filter of ["1", "2", "3", "4"]) {
    await callOperation(target, "StartRecording", { topicFilters: [`f/${filter}`] });
  }
  const fifth = await hawser("record");
  assert.match(fifth.stderr, /4 recordings are under way already/);
  const wrong = await hawser("record", "--filter", "a/#/b");
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /# is not alone in the last level/);
});
