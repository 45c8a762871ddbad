import assert from "node:assert/strict";
import { test } from "node:test";

import { Conflict, DecodeError, Denied, NotFound, Refused, UsageError, utf8Bytes } from "../../codec/index.ts";
import { MalformedPolicy } from "../policy/index.ts";
import { answerOf, capture, CONFIGURATION, deliver, newApi, type Api } from "./fixtures.test.ts";
import { httpFor } from "../operations/index.ts";
import type { OperationRefused } from "./client.ts";

/** Signs a request for any method and target, as an SDK would, and delivers it. */
async function raw(api: Api, method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", target: string, service = "iot") {
  const { SignatureV4 } = await import("@smithy/signature-v4");
  const { createHash, createHmac } = await import("node:crypto");
  class Sha256 {
    readonly #hash;
    constructor(secret?: unknown) {
      this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as string);
    }
    update(data: Uint8Array): void {
      this.#hash.update(data);
    }
    reset(): void {}
    async digest(): Promise<Uint8Array> {
      return this.#hash.digest();
    }
  }
  const { credentials, region, clock } = api.client;
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256 });
  const headers = { host: "localhost:8443" };
  const path = target.split("?")[0] ?? "";
  const query = Object.fromEntries(new URLSearchParams(target.split("?")[1] ?? ""));
  const request = { method, protocol: "https:", hostname: "localhost", path, query, headers };
  const signed = await signer.sign(request, { signingDate: new Date(clock.now()) });
  const url = `https://localhost:8443${target}`;
  return answerOf(await deliver(api.plane, { method, url, headers: signed.headers, body: new Uint8Array(0) }));
}

test("what AWS has and this version does not answers 501 with its name, and never an empty success", async (t) => {
  const api = await newApi(t);
  for (const [method, target, service, name] of [
    ["PUT", "/commands/c1", "iot", "CreateCommand"],
    ["GET", "/streams", "execute-api", "ListStreams"],
    ["GET", "/connections/a%2Fb", "iotdata", "GetConnection"],
    ["POST", "/command-executions", "iot-jobs-data", "StartCommandExecution"],
    ["GET", "/2015-03-31/functions", "lambda", "ListFunctions"],
    ["GET", "/rules/r", "iot", "GetTopicRule"],
  ] as const) {
    const answer = await raw(api, method, target, service);
    assert.deepEqual([answer.status, answer.type], [501, "NotImplementedException"], name);
    assert.equal(answer.body["message"], `${name} is not available in this version`);
  }
});

test("what nobody knows answers 501 with method and path", async (t) => {
  const api = await newApi(t);
  for (const target of ["/", "/nothing/here", "/things/x/y", "/hawser/v2/status"]) {
    const answer = await raw(api, "GET", target);
    assert.deepEqual([answer.status, answer.type], [501, "NotImplementedException"]);
    assert.equal(answer.body["message"], `GET ${target} is not available in this version`);
  }
});

test("every answer carries a request id, and api.call events tell operation, status and error", async (t) => {
  const api = await newApi(t);
  const request = await capture(api, "GetRegistrationCode", {});
  const { headers } = await deliver(api.plane, request);
  assert.match(headers["x-amzn-requestid"] ?? "", /^[0-9a-f-]{36}$/);
  await assert.rejects(api.call("DescribeThing", { thingName: "nobody" }), {
    name: "OperationRefused",
    code: "operation-refused",
    wire: 404,
    type: "ResourceNotFoundException",
    message: "DescribeThing: ResourceNotFoundException: Thing nobody not found.",
  });
  assert.deepEqual(
    api.ledger
      .events({ kinds: ["api.call"] })
      .map((event) => event.kind === "api.call" && [event.operation, event.status, event.code]),
    [
      ["GetRegistrationCode", 200, ""],
      ["DescribeThing", 404, "ResourceNotFoundException"],
    ],
  );
});

test("functions and rules get their input as the table reads it, and answer as it says", async (t) => {
  const api = await newApi(t);
  const zip = Uint8Array.of(80, 75);
  const create = {
    FunctionName: "activate",
    Role: "arn:aws:iam::000000000000:role/r",
    Runtime: "nodejs22.x",
    Handler: "index.handler",
    Code: { ZipFile: zip },
    Environment: { Variables: { KEY: "value" } },
  } as const;
  assert.deepEqual(await api.call("CreateFunction", create), CONFIGURATION);
  const permission = {
    FunctionName: "arn:aws:lambda:eu-central-1:000000000000:function:activate",
    StatementId: "s1",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
  };
  assert.deepEqual(await api.call("AddPermission", permission), { Statement: "{}" });
  const payload = utf8Bytes('{"a":1}');
  assert.deepEqual(
    await api.call("Invoke", { FunctionName: "activate", InvocationType: "Event", LogType: "Tail", Payload: payload }),
    {
      StatusCode: 200,
      FunctionError: "Unhandled",
      LogResult: "bG9n",
      ExecutedVersion: "$LATEST",
      Payload: utf8Bytes('{"errorType":"Error"}'),
    },
  );
  const rule = { sql: "SELECT * FROM 'a/+'", actions: [{ lambda: { functionArn: "arn" } }], extra: [1, null, "x"] };
  assert.equal(await api.call("CreateTopicRule", { ruleName: "r1", topicRulePayload: rule }), undefined);
  assert.deepEqual(api.calls, [
    { name: "createFunction", input: create },
    { name: "addPermission", input: permission },
    {
      name: "invoke",
      input: { FunctionName: "activate", InvocationType: "Event", LogType: "Tail", Payload: payload },
    },
    { name: "createTopicRule", input: { ruleName: "r1", topicRulePayload: rule } },
  ]);
  const created = answerOf(await deliver(api.plane, await capture(api, "CreateFunction", create)));
  assert.equal(created.status, 201);
  await assert.rejects(api.call("CreateFunction", { ...create, Layers: [] as never }), {
    wire: 501,
    message: "CreateFunction: NotImplementedException: Layers is not available in this version",
  });
  await assert.rejects(api.call("CreateTopicRule", { ruleName: "r-1", topicRulePayload: rule }), {
    type: "InvalidRequestException",
  });
});

test("body-too-large: a body beyond its operation's limit is refused before it is read", async (t) => {
  const api = await newApi(t);
  const request = await capture(api, "CreatePolicy", { policyName: "P", policyDocument: "{}" });
  const answer = answerOf(await deliver(api.plane, { ...request, body: new Uint8Array(1024 * 1024 + 1) }));
  assert.deepEqual([answer.status, answer.type], [413, "RequestEntityTooLargeException"]);
  assert.equal(answer.body["message"], "the body is larger than 1048576 bytes");
});

test("ControlPlane.call runs an operation for a program inside, from JSON, without a signature", async (t) => {
  const api = await newApi(t);
  const made = (await api.plane.call("CreateThing", { thingName: "t1" })) as { thingName: string };
  assert.equal(made.thingName, "t1");
  await assert.rejects(api.plane.call("CreateThing", { thingName: "t 1" }), { code: "invalid-request" });
  await assert.rejects(api.plane.call("GetTopicRule", { ruleName: "r" }), { code: "not-implemented" });
  await assert.rejects(api.plane.call("toString", {}), { code: "not-implemented" });
});

test("an error that nobody foresaw is an internal failure outside, and a warning with its stack inside", async (t) => {
  const api = await newApi(t, {
    why: {
      explain() {
        throw new TypeError("secret detail");
      },
    },
  });
  await assert.rejects(api.call("Why", {}), (error: OperationRefused) => {
    assert.deepEqual([error.wire, error.type], [500, "InternalFailureException"]);
    assert.ok(!error.message.includes("secret detail"));
    return true;
  });
  assert.match(
    api.ledger.jsonLines({ kinds: ["process"] }),
    /Why failed, request [0-9a-f-]{36}: TypeError: secret detail/,
  );
});

test("httpFor is total: codes by their row, classes by their fault, everything else internal", () => {
  const cases: [unknown, "iot" | "lambda", number, string][] = [
    [new MalformedPolicy("Version", "is missing"), "iot", 400, "MalformedPolicyException"],
    [new UsageError("anything", ""), "iot", 400, "InvalidRequestException"],
    [new UsageError("anything", ""), "lambda", 400, "InvalidParameterValueException"],
    [new NotFound("anything", ""), "lambda", 404, "ResourceNotFoundException"],
    [new Conflict("anything", ""), "lambda", 409, "ResourceConflictException"],
    [new Conflict("anything", ""), "iot", 409, "ConflictException"],
    [new Denied("anything", ""), "iot", 403, "AccessDeniedException"],
    [new Denied("rule-access-denied", ""), "iot", 401, "UnauthorizedException"],
    [new Denied("functions-unavailable", ""), "lambda", 501, "NotImplementedException"],
    [new Refused("too-many-requests", "", 429), "lambda", 429, "TooManyRequestsException"],
    [new Refused("anything", "", 0), "iot", 500, "InternalFailureException"],
    [new DecodeError("value", "", 0), "iot", 400, "InvalidRequestException"],
    [new TypeError("x"), "iot", 500, "InternalFailureException"],
    ["text", "iot", 500, "InternalFailureException"],
    [undefined, "iot", 500, "InternalFailureException"],
  ];
  for (const [error, service, status, type] of cases) {
    const http = httpFor(error, service);
    assert.deepEqual([http.status, http.type, http.unforeseen], [status, type, status === 500]);
  }
});

test("Lambda's errors have Lambda's members besides", async (t) => {
  const api = await newApi(t, {
    functions: {
      createFunction: () => Promise.reject(new Conflict("function-exists", "Function already exist: f")),
      addPermission: () => Promise.reject(new NotFound("function-not-found", "no f")),
      invoke: () => Promise.reject(new NotFound("function-not-found", "no f")),
    },
  });
  const request = await capture(api, "Invoke", { FunctionName: "f" });
  assert.deepEqual(answerOf(await deliver(api.plane, request)), {
    status: 404,
    type: "ResourceNotFoundException",
    body: {
      message: "no f",
      Type: "User",
      Message: "no f",
      cure: "aws lambda list-functions shows the names, list-versions-by-function and list-aliases what is behind them.",
    },
  });
});

test("Status tells whose cloud it is and what it holds; Why asks the room that explains", async (t) => {
  const api = await newApi(t);
  await api.call("CreateThing", { thingName: "t1" });
  api.clock.advance(90_000);
  assert.deepEqual(await api.call("Status", {}), {
    accountId: api.registry.account.id,
    region: "eu-central-1",
    startedAt: Date.UTC(2026, 0, 1),
    uptimeS: 90,
    counts: { caCertificates: 0, certificates: 0, things: 1, policies: 0 },
    sessions: { connected: 0, away: 0 },
    listeners: [],
  });
  assert.deepEqual(await api.call("Why", { subject: "d1" }), {
    subject: "d1",
    verdict: "unknown",
    note: "",
    findings: [],
  });
  assert.deepEqual(await api.call("Why", {}), { verdict: "unknown", note: "", findings: [] });
});

test("Ledger gives matching events as JSON Lines", async (t) => {
  const api = await newApi(t);
  await api.call("CreateThing", { thingName: "t1" });
  await api.call("CreateThing", { thingName: "t2" });
  const linesOf = async (input: Parameters<typeof api.call<"Ledger">>[1]) => {
    const { lines } = await api.call("Ledger", input);
    const text = new TextDecoder().decode(lines);
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { seq: number; kind: string; detail?: string });
  };
  const created = await linesOf({ kinds: "onboarding,refusal" });
  assert.deepEqual(
    created.map((event) => event.detail),
    ["t1", "t2"],
  );
  assert.deepEqual((await linesOf({ kinds: "onboarding", sinceSeq: (created[0]?.seq ?? 0) + 1 })).length, 1);
  assert.deepEqual(
    (await linesOf({ device: "t2" })).map((event) => event.detail),
    ["t2"],
  );
  assert.equal((await linesOf({ limit: 1 })).length, 1);
  await assert.rejects(api.call("Ledger", { kinds: "onbording" }), {
    type: "InvalidRequestException",
    message: /kinds must be of/,
  });
});

test("DescribeEndpoint gives the one host for the types that devices ask for, old ones too", async (t) => {
  const api = await newApi(t);
  for (const endpointType of [undefined, "iot:Data-ATS", "iot:CredentialProvider", "iot:Data", "iot:Jobs"]) {
    const input = endpointType === undefined ? {} : { endpointType };
    assert.deepEqual(await api.call("DescribeEndpoint", input), { endpointAddress: "iot.example" });
  }
  await assert.rejects(api.call("DescribeEndpoint", { endpointType: "mqtt" }), { type: "InvalidRequestException" });
});
