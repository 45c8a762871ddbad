import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Conflict, Denied, utf8Bytes } from "../../codec/index.ts";
import { nodeClock } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { allowOperations } from "./allowed-operations.ts";
import { boundariesHere } from "./node-probe.ts";
import { sdkPackages } from "./node-sdk.ts";
import { openFunctionRuntime } from "./node.ts";
import type { ApiCaller, FunctionRuntime, RunResult } from "./runtime.ts";

type Called = { readonly operation: string; readonly input: unknown };

async function open(t: TestContext, api: ApiCaller, more: object = {}): Promise<FunctionRuntime> {
  const trace = new Ledger({ clock: nodeClock });
  const runtime = await openFunctionRuntime({ clock: nodeClock, trace, api, ...more });
  t.after(() => runtime.close());
  return runtime;
}

let made = 0;

function run(runtime: FunctionRuntime, files: Record<string, string>, event: unknown = {}): Promise<RunResult> {
  return runtime.run(
    {
      functionName: "f",
      functionArn: `arn:aws:lambda:eu-central-1:123456789012:function:sdk${made++}`,
      version: "$LATEST",
      revision: "1",
      handler: "index.handler",
      memoryMb: 128,
      tmpMb: 512,
      timeoutMs: 10_000,
      environment: {
        AWS_REGION: "eu-central-1",
        AWS_ENDPOINT_URL: "http://api.hawser.internal",
        AWS_ACCESS_KEY_ID: "FUNCTION",
        AWS_SECRET_ACCESS_KEY: "not-needed",
        HOME: "/tmp",
      },
      files: () => Promise.resolve(new Map(Object.entries(files).map(([path, text]) => [path, utf8Bytes(text)]))),
    },
    { requestId: "r", event: JSON.stringify(event) },
  );
}

function payloadOf(result: RunResult): unknown {
  assert.ok(result.outcome === "succeeded", new TextDecoder().decode(result.log));
  return JSON.parse(result.payload) as unknown;
}

/** As AWS's samples do it: a client without configuration, commands, errors by name. */
const ACTIVATE = `
const { IoTClient, CreatePolicyCommand, AttachPrincipalPolicyCommand, UpdateCertificateCommand, ListThingsCommand } =
  require("@aws-sdk/client-iot");
const client = new IoTClient();
exports.handler = async ({ certificateId, principal }) => {
  const seen = [];
  try {
    await client.send(new CreatePolicyCommand({ policyName: "p-a", policyDocument: "{}" }));
  } catch (error) {
    seen.push(error.name, error.message, error.$metadata.httpStatusCode);
  }
  await client.send(new AttachPrincipalPolicyCommand({ policyName: "p-a", principal }));
  await client.send(new UpdateCertificateCommand({ certificateId, newStatus: "ACTIVE" }));
  try {
    await client.send(new ListThingsCommand({}));
  } catch (error) {
    seen.push(error.name, error.$metadata.httpStatusCode);
  }
  return seen;
};`;

const PRINCIPAL = `arn:aws:iot:eu-central-1:123456789012:cert/${"ab".repeat(32)}`;

for (const boundary of boundariesHere()) {
  test(`@aws-sdk/client-iot works unchanged inside a function, behind ${boundary}: requests go over the descriptor`, async (t) => {
    const called: Called[] = [];
    const api = allowOperations(async (operation, input) => {
      called.push({ operation, input });
      if (operation === "CreatePolicy") throw new Conflict("resource-exists", "Policy p-a exists");
      return undefined;
    });
    const runtime = await open(t, api, { boundaries: [boundary] });
    const event = { certificateId: "ab".repeat(32), principal: PRINCIPAL };
    const result = await run(runtime, { "index.js": ACTIVATE }, event);
    assert.deepEqual(payloadOf(result), [
      "ResourceAlreadyExistsException",
      "Policy p-a exists",
      409,
      "AccessDeniedException",
      403,
    ]);
    assert.deepEqual(called, [
      { operation: "CreatePolicy", input: { policyName: "p-a", policyDocument: "{}" } },
      { operation: "AttachPrincipalPolicy", input: { policyName: "p-a", principal: PRINCIPAL } },
      { operation: "UpdateCertificate", input: { certificateId: "ab".repeat(32), newStatus: "ACTIVE" } },
    ]);
    assert.ok(result.maxMemoryBytes < 128 * 1024 * 1024, "the smallest function has room for it");
  });
}

test("an ES module imports the SDK, too, and the function's own packages come first", async (t) => {
  const runtime = await open(t, () => Promise.resolve({ thingName: "t", thingArn: "a", thingId: "i" }));
  const source = `import { IoTClient, CreateThingCommand } from "@aws-sdk/client-iot";
    import { mine } from "@aws-sdk/mine";
    export const handler = async () => {
      const { thingName } = await new IoTClient({ region: "x-1" }).send(new CreateThingCommand({ thingName: "t" }));
      return { thingName, mine };
    };`;
  const own = { "node_modules/@aws-sdk/mine/index.js": "exports.mine = 1;" };
  const json = { "node_modules/@aws-sdk/mine/package.json": '{"name":"@aws-sdk/mine"}' };
  assert.deepEqual(payloadOf(await run(runtime, { "index.mjs": source, ...own, ...json })), {
    thingName: "t",
    mine: 1,
  });
});

test("requests to other hosts, and packages beside the SDK, stay closed", async (t) => {
  const runtime = await open(t, () => Promise.reject(new Denied("function-operation", "no")));
  const source = `require("@aws-sdk/client-iot");
    const attempt = async (act) => { try { await act(); return "open"; } catch (error) { return error.code; } };
    const get = (url) => new Promise((resolve, reject) =>
      require("node:http").request(url, resolve).on("error", reject).end());
    exports.handler = async () => [
      await attempt(() => get("http://127.0.0.1:1/")),
      await attempt(() => get("http://api.hawser.internal.evil.example/")),
      await attempt(() => require("fast-check")),
      await attempt(() => require("fs").readFileSync(${JSON.stringify(join(import.meta.dirname, "service.ts"))})),
      await attempt(() => require("fs").writeFileSync(require.resolve("@aws-sdk/client-iot"), "")),
      await attempt(() => hawser.call("http", { method: 1 })),
      await attempt(async () => {
        const { status } = await hawser.call("http", { method: "GET", path: "/no/such", headers: {}, body: "" });
        if (status !== 501) throw new Error(String(status));
      }),
    ];`;
  const answers = payloadOf(await run(runtime, { "index.js": source })) as (string | undefined)[];
  assert.equal(answers[0], "ERR_ACCESS_DENIED");
  assert.ok(answers[1] !== "open" && answers[1] !== undefined, "a host that only begins like the API's is another one");
  assert.equal(answers[2], "MODULE_NOT_FOUND");
  assert.match(String(answers[3]), /^(ERR_ACCESS_DENIED|ENOENT)$/);
  assert.ok(answers[4] !== "open", "what functions share cannot be written");
  assert.deepEqual(answers.slice(5), ["open", "open"], "a request that is none is answered 400, an unknown one 501");
});

test("aws-sdk version 2 is named with its cure where it is absent, and found in a layer", async (t) => {
  const source = `const AWS = require("aws-sdk");
    exports.handler = (event, context, callback) => {
      const request = require("https").request({ method: "PUT", hostname: "iot.eu-central-1.amazonaws.com", port: 443,
        path: "/certificates/${"ab".repeat(32)}?newStatus=ACTIVE", headers: {} }, (response) => {
        response.resume();
        response.on("end", () => callback(null, [AWS.version, response.statusCode]));
      });
      request.end();
    };`;
  const called: Called[] = [];
  const api: ApiCaller = async (operation, input) => void called.push({ operation, input });
  const bare = await open(t, api);
  const failed = await run(bare, { "index.js": source });
  assert.equal(failed.outcome, "failed");
  assert.ok("error" in failed);
  assert.equal(failed.error.errorType, "Runtime.ImportModuleError");
  assert.match(failed.error.errorMessage, /aws-sdk \(version 2 .* --function-layer DIRECTORY after npm install/);

  const layer = mkdtempSync(join(tmpdir(), "hawser-layer-"));
  t.after(() => rmSync(layer, { recursive: true, force: true }));
  mkdirSync(join(layer, "node_modules/aws-sdk"), { recursive: true });
  writeFileSync(join(layer, "node_modules/aws-sdk/package.json"), '{"name":"aws-sdk","version":"2.1693.0"}');
  writeFileSync(join(layer, "node_modules/aws-sdk/index.js"), "exports.version = '2.1693.0';");
  const layered = await open(t, api, { layer });
  assert.deepEqual(payloadOf(await run(layered, { "index.js": source })), ["2.1693.0", 200]);
  assert.deepEqual(called, [
    { operation: "UpdateCertificate", input: { certificateId: "ab".repeat(32), newStatus: "ACTIVE" } },
  ]);
});

test("sdkPackages names the client and what it needs, and nothing for a client that is not there", () => {
  const names = sdkPackages().map(({ name }) => name);
  assert.equal(names[0], "@aws-sdk/client-iot");
  assert.ok(names.includes("@smithy/core") && !names.includes("fast-check"));
  assert.deepEqual(sdkPackages("@aws-sdk/client-nothing"), []);
});
