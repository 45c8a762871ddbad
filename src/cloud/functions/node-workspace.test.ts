import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeClock } from "../../crypto/node.ts";
import { silentTrace } from "../../trace/index.ts";
import { openFunctionRuntime } from "./node.ts";
import { boundariesHere } from "./node-probe.ts";
import { Workspaces } from "./node-workspace.ts";
import type { Deployment } from "./runtime.ts";

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-workspace-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const DEPLOYMENT: Deployment = {
  functionName: "f",
  functionArn: "arn:aws:lambda:eu-central-1:123456789012:function:f",
  version: "$LATEST",
  revision: "1",
  handler: "index.handler",
  memoryMb: 128,
  tmpMb: 512,
  timeoutMs: 10_000,
  environment: {},
  files: async () => new Map([["index.js", utf8Bytes("exports.handler = async () => 'ran';")]]),
};

test("a server that is killed leaves its functions' code in its own directory, and the next one removes it", async (t) => {
  const parent = temporary(t);
  const [directory, temp] = [join(parent, "functions"), join(parent, "tmp")];
  mkdirSync(temp);
  const script = `
    import { openFunctionRuntime } from ${JSON.stringify(join(import.meta.dirname, "node.ts"))};
    import { nodeClock } from ${JSON.stringify(join(import.meta.dirname, "../../crypto/node.ts"))};
    const runtime = await openFunctionRuntime({
      clock: nodeClock, trace: { emit() {} }, api: async () => ({}), directory: ${JSON.stringify(directory)},
    });
    const files = async () => new Map([["index.js", new TextEncoder().encode("exports.handler = async () => 'ran';")]]);
    const deployment = { ...${JSON.stringify(DEPLOYMENT)}, files };
    const { payload } = await runtime.run(deployment, { requestId: "r", event: "{}" });
    process.stdout.write(runtime.isolation.boundary + " " + payload + "\\n");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    env: { ...process.env, TMPDIR: temp },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const [boundary, payload] = line.split(" ");
  assert.equal(payload, '"ran"');
  child.kill("SIGKILL");
  await once(child, "exit");
  const outside = readdirSync(temp);
  assert.equal(outside.length, boundary === "user" ? 1 : 0);
  assert.ok(existsSync(join(directory, boundary === "user" ? "outside" : "work/code-0/index.js")));
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const runtime = await openFunctionRuntime({
    clock: nodeClock,
    trace: silentTrace,
    api: async () => ({}),
    directory,
  });
  t.after(() => runtime.close());
  assert.ok(!existsSync(join(directory, "work/code-0")));
  assert.deepEqual(readdirSync(temp), []);
  await runtime.close();
  assert.ok(!existsSync(directory));
});

test("functions run behind every boundary with their code in a given directory, even one of an odd name", async (t) => {
  for (const boundary of boundariesHere()) {
    const directory = join(temporary(t), "a,b*");
    const runtime = await openFunctionRuntime({
      clock: nodeClock,
      trace: silentTrace,
      api: async () => ({}),
      directory,
      boundaries: [boundary],
    });
    t.after(() => runtime.close());
    if (!runtime.isolation.runs) continue;
    const result = await runtime.run(DEPLOYMENT, { requestId: "r", event: "{}" });
    assert.equal(result.outcome === "succeeded" && result.payload, '"ran"', boundary);
    await runtime.close();
  }
});

test("Workspaces keeps a record of the folder that other users must enter, and follows no record of another form", (t) => {
  const directory = join(temporary(t), "functions");
  const first = new Workspaces(directory);
  const [inside, outside] = [first.folderFor("bubblewrap"), first.folderFor("user")];
  assert.equal(readFileSync(join(directory, "outside"), "utf8"), outside);
  assert.equal(statSync(outside).mode & 0o777, 0o711);
  first.keepOnly("user");
  assert.ok(!existsSync(inside));
  // This is how it looks after a kill.
  const second = new Workspaces(directory);
  assert.ok(!existsSync(outside));
  const precious = join(temporary(t), "precious");
  mkdirSync(precious);
  for (const record of [precious, "/hawser-functions-x", "hawser-functions-x", ""]) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "outside"), record);
    assert.ok(new Workspaces(directory));
    assert.ok(existsSync(precious));
    assert.ok(!existsSync(directory));
  }
  second.close();
});
