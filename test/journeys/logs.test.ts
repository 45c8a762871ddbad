/** `hawser logs` as an operator meets it: what a function printed, the past and what comes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { zipSync } from "fflate";

import { hawser, finished, words } from "../../scripts/programs.ts";
import { apiAccess } from "../../src/cli/api-access.ts";
import { utf8Bytes } from "../../src/codec/index.ts";

const SOURCE = `exports.handler = async ({ say }) => { console.log("said " + say + "\\u001b[2J"); };`;

test("hawser logs shows what runs printed, harmlessly, and with --follow what later runs print", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-logs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "cloud");
  const cloud = hawser(words`up --data ${data} --api-port 0 --mqtt-port 0 --json`);
  t.after(() => cloud.stop("SIGKILL"));
  await cloud.json();
  const missing = hawser(words`logs say --data ${data}`);
  assert.equal((await missing.ended).status, 1);
  const { call } = apiAccess({ data });
  await call("CreateFunction", {
    FunctionName: "say",
    Role: "arn:aws:iam::123456789012:role/any",
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Code: { ZipFile: zipSync({ "index.js": utf8Bytes(SOURCE) }) },
  });
  assert.deepEqual(await finished(hawser(words`logs say --data ${data}`)), ["no run is recorded"]);
  const say = (text: string) =>
    call("Invoke", { FunctionName: "say", Payload: utf8Bytes(JSON.stringify({ say: text })) });
  await say("one");
  const shown = await finished(hawser(words`logs say --data ${data}`));
  assert.match(shown[0] ?? "", /^\d{4}-.*Z [0-9a-f-]{36} succeeded$/);
  assert.match(shown[1] ?? "", /^ {2}START RequestId: /);
  assert.match(shown[2] ?? "", /^ {2}said one/);
  assert.ok(!shown.join("").includes("\u001b"));
  const follower = hawser(words`logs say --data ${data} --follow --json`);
  t.after(() => follower.stop("SIGKILL"));
  const first = await follower.json<{ log: string }>({ outcome: "succeeded" });
  assert.match(first.log, /said one/);
  await say("two");
  const next = JSON.parse(await follower.line(/said two/)) as { id: number; outcome: string };
  assert.deepEqual([next.id, next.outcome], [2, "succeeded"]);
  assert.deepEqual(await follower.stop("SIGINT"), { status: 0, signal: null });
  await cloud.stop();
});
