/** A cloud as the machines that watch it meet it: health, readiness, metrics, log. */
import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser, words } from "../../scripts/programs.ts";
import { apiAccess } from "../../src/cli/api-access.ts";

test("health, readiness, metrics and the log of a cloud say what a watcher needs", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-observe-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [data, log] = [join(folder, "cloud"), join(folder, "cloud.log")];
  const cloud = hawser(words`up --data ${data} --api-port 0 --mqtt-port 0 --log ${log} --log-level debug --json`);
  t.after(() => cloud.stop("SIGKILL"));
  const { api } = await cloud.json<{ api: string }>();
  const page = async (path: string, method = "GET") => {
    const response = await fetch(api + path, { method });
    return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
  };
  assert.deepEqual(await page("/health"), { status: 200, text: '{"status":"ok"}\n', type: "application/json" });
  assert.deepEqual(await page("/ready"), { status: 200, text: '{"status":"ready"}\n', type: "application/json" });
  assert.equal((await page("/ready", "HEAD")).text, "");
  assert.equal((await page("/health", "POST")).status, 403, "only GET goes without a signature");
  assert.equal((await page("/healthy")).status, 403);

  await apiAccess({ data }).call("CreateThing", { thingName: "watched" });
  const metrics = await page("/metrics");
  assert.equal(metrics.type, "text/plain; version=0.0.4; charset=utf-8");
  const series = new Map(
    metrics.text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
  assert.equal(series.get('hawser_registry_resources{resource="things"}'), 1);
  assert.equal(series.get('hawser_api_calls_total{operation="CreateThing",status="200"}'), 1);
  assert.equal(series.get("hawser_api_call_seconds_count"), 3, "two refusals and a call");
  assert.equal(series.get('hawser_api_calls_total{operation="unknown",status="403"}'), 2);
  assert.equal(series.get('hawser_mqtt_sessions{state="connected"}'), 0);
  assert.equal(series.get("hawser_mqtt_retained_messages"), 0);
  assert.ok(series.has("process_cpu_seconds_total") && series.has("hawser_mqtt_messages_total"));

  const status = await finished(hawser(words`status --data ${data}`));
  assert.match(
    status.join("\n"),
    /listening: MQTT on 127\.0\.0\.1:\d+\n {2}listening: control plane on http:.*\n {2}MQTT sessions: 0 connected, 0 away/,
  );
  assert.match(status.join("\n"), /account \d{12} in us-east-1, up for \d+ s\n.*MQTT localhost:\d+\n[^]*things: 1/);
  assert.deepEqual(await cloud.stop("SIGTERM"), { status: 0, signal: null });

  assert.equal(statSync(log).mode & 0o777, 0o600);
  const lines = readFileSync(log, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: number; msg: string; event: string; time: number; cure?: string });
  assert.ok(lines.some(({ msg, level }) => msg === "CreateThing 200" && level === 20));
  assert.ok(lines.some(({ event, level, cure }) => event === "refusal" && level === 40 && cure));
  assert.match(lines.at(-1)?.msg ?? "", /^stopped: /);
  assert.ok(lines.every(({ time }) => time > 1_000_000_000_000));
  const secret = (JSON.parse(readFileSync(join(data, "credentials.json"), "utf8")) as { secretAccessKey: string })
    .secretAccessKey;
  assert.ok(!readFileSync(log, "utf8").includes(secret));
});
