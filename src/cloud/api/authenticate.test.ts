import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { Denied } from "../../codec/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { callOperation, type ClientRequest } from "./client.ts";
import { refusalCauseOf } from "./refusal-cause.ts";
import { answerOf, capture, deliver, newApi, type Answer, type Api } from "./fixtures.test.ts";

/** Signs CreatePolicy, lets `change` alter what was signed, and delivers it. */
async function altered(api: Api, change: (request: ClientRequest) => ClientRequest): Promise<Answer> {
  const request = await capture(api, "CreatePolicy", { policyName: "P", policyDocument: "{}" });
  return answerOf(await deliver(api.plane, change(request)));
}

const withHeader = (name: string, value: string) => (request: ClientRequest) => ({
  ...request,
  headers: { ...request.headers, [name]: value },
});

async function refused(
  t: TestContext,
  code: CloudErrorCode,
  change: (request: ClientRequest) => ClientRequest,
): Promise<Answer> {
  const api = await newApi(t);
  const answer = await altered(api, change);
  assert.equal(answer.status, 403, JSON.stringify(answer));
  assert.equal(api.registry.directory.counts.policies, 0);
  const [refusal] = api.ledger.events({ kinds: ["refusal"] });
  assert.ok(refusal?.kind === "refusal" && refusal.cause === refusalCauseOf(new Denied(code, "")));
  assert.equal(refusal.address, "192.0.2.7");
  assert.equal(refusal.evidence["operation"], "CreatePolicy");
  assert.equal(refusal.evidence["code"], code);
  return answer;
}

/** The codes of all refusals so far, as the ledger has them. */
function codesOf({ ledger }: Api): unknown[] {
  return ledger.events({ kinds: ["refusal"] }).map((event) => event.kind === "refusal" && event.evidence["code"]);
}

test("a request as it was signed is let in: what is refused next is its policy", async (t) => {
  const api = await newApi(t);
  assert.equal((await altered(api, (request) => request)).type, "MalformedPolicyException");
  assert.deepEqual(api.ledger.events({ kinds: ["refusal"] }), []);
});

test("body-hash-mismatch: one byte of the body changed", async (t) => {
  const { type, body } = await refused(t, "body-hash-mismatch", (request) => {
    const changed = Uint8Array.from(request.body);
    changed[2] = (changed[2] ?? 0) ^ 1;
    return { ...request, body: changed };
  });
  assert.equal(type, "InvalidSignatureException");
  assert.match(String(body["message"]), /^x-amz-content-sha256 is [0-9a-f]{64}, the body's hash is [0-9a-f]{64}$/);
});

test("signature-mismatch: the body and its declared hash changed together", async (t) => {
  const { type, body } = await refused(t, "signature-mismatch", ({ headers, ...request }) => {
    const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    return { ...request, headers: { ...headers, "x-amz-content-sha256": empty }, body: new Uint8Array(0) };
  });
  assert.equal(type, "InvalidSignatureException");
  assert.match(
    String(body["message"]),
    /The Canonical String for this request should have been\n'POST\n\/policies\/P\n\n/,
  );
});

test("signature-mismatch: one character of the path, of the query or of a signed header changed", async (t) => {
  const changes: ((request: ClientRequest) => ClientRequest)[] = [
    (request) => ({ ...request, url: request.url.replace("/policies/P", "/policies/Q") }),
    (request) => ({ ...request, url: request.url.replace("/policies/P", "/policies/%50") }),
    (request) => ({ ...request, url: `${request.url}?x-id=1` }),
    withHeader("host", "localhost:8444"),
    withHeader("content-type", "application/jsom"),
    (request) => ({
      ...request,
      headers: {
        ...request.headers,
        authorization: (request.headers["authorization"] ?? "").replace(/.$/, (c) => (c === "0" ? "1" : "0")),
      },
    }),
  ];
  for (const change of changes)
    assert.equal((await refused(t, "signature-mismatch", change)).type, "InvalidSignatureException");
});

test("signature-mismatch: a header added to the list of signed ones", async (t) => {
  const { type } = await refused(t, "signature-mismatch", ({ headers, ...request }) => {
    const authorization = (headers["authorization"] ?? "").replace("content-type;host", "content-type;foo;host");
    return { ...request, headers: { ...headers, authorization, foo: "bar" } };
  });
  assert.equal(type, "InvalidSignatureException");
});

test("incomplete-signature: a deciding header that was not signed, host not signed, a signed header that is missing", async (t) => {
  const cases: [(request: ClientRequest) => ClientRequest, RegExp][] = [
    [withHeader("x-amzn-principal", "arn:evil"), /^x-amzn-principal must be among SignedHeaders$/],
    [
      ({ headers, ...request }) => {
        const authorization = (headers["authorization"] ?? "").replace("content-type;host;", "content-type;");
        return { ...request, headers: { ...headers, authorization } };
      },
      /^host must be among SignedHeaders$/,
    ],
    [
      ({ headers, ...request }) => {
        const { "content-type": _, ...others } = headers;
        return { ...request, headers: others };
      },
      /the header that the request lacks, content-type,/,
    ],
    [withHeader("x-amz-date", "today"), /X-Amz-Date must be YYYYMMDDTHHMMSSZ/],
    [withHeader("authorization", "Bearer x"), /must begin with AWS4-HMAC-SHA256/],
  ];
  for (const [change, message] of cases) {
    const { type, body } = await refused(t, "incomplete-signature", change);
    assert.equal(type, "IncompleteSignatureException");
    assert.match(String(body["message"]), message);
  }
});

test("a header that proxies add on the way need not be signed", async (t) => {
  const api = await newApi(t);
  for (const name of ["x-amzn-trace-id", "x-forwarded-for", "user-agent"]) {
    assert.equal((await altered(api, withHeader(name, "1"))).status, 400);
  }
});

test("missing-authentication: no signature, neither in a header nor in the query", async (t) => {
  const without = ({ headers, ...request }: ClientRequest): ClientRequest => {
    const { authorization: _, ...others } = headers;
    return { ...request, headers: others };
  };
  const { type } = await refused(t, "missing-authentication", without);
  assert.equal(type, "MissingAuthenticationTokenException");
});

test("unknown-access-key: a key of somebody else's, and a session token left over from elsewhere", async (t) => {
  const api = await newApi(t);
  const credentials = { ...api.client.credentials, accessKeyId: "AKIDEXAMPLE" };
  await assert.rejects(callOperation({ ...api.client, credentials }, "GetRegistrationCode", {}), {
    type: "UnrecognizedClientException",
    wire: 403,
    message: /no active access key AKIDEXAMPLE$/,
    cure: /unset AWS_SESSION_TOKEN/,
  });
  const token = { ...api.client.credentials, sessionToken: "left over" };
  await assert.rejects(callOperation({ ...api.client, credentials: token }, "GetRegistrationCode", {}), {
    type: "UnrecognizedClientException",
  });
  assert.deepEqual(codesOf(api), ["unknown-access-key", "unknown-access-key"]);
});

test("signature-mismatch: the right key with another secret", async (t) => {
  const api = await newApi(t);
  const credentials = { ...api.client.credentials, secretAccessKey: "wrong" };
  const refusal = callOperation({ ...api.client, credentials }, "GetRegistrationCode", {});
  await assert.rejects(refusal, { type: "InvalidSignatureException" });
  const [event] = api.ledger.events({ kinds: ["refusal"] });
  assert.ok(event?.kind === "refusal" && event.evidence["accessKeyId"] === api.client.credentials.accessKeyId);
  assert.ok(!JSON.stringify(event).includes(api.client.credentials.secretAccessKey));
});

test("wrong-scope: signed for another region, service or day, and told the right one", async (t) => {
  const api = await newApi(t);
  await assert.rejects(callOperation({ ...api.client, region: "us-west-2" }, "GetRegistrationCode", {}), {
    type: "InvalidSignatureException",
    message: /Credential should be scoped to a valid region: 'eu-central-1', not 'us-west-2'$/,
  });
  const service = (to: string) => (request: ClientRequest) => ({
    ...request,
    headers: {
      ...request.headers,
      authorization: (request.headers["authorization"] ?? "").replace("/iot/", `/${to}/`),
    },
  });
  const { body } = await refused(t, "wrong-scope", service("s3"));
  assert.match(String(body["message"]), /scoped to correct service: 'iot' or 'execute-api', not 's3'$/);
  assert.match(
    String((await refused(t, "signature-mismatch", service("execute-api"))).body["message"]),
    /does not match the signature/,
  );
  const { body: day } = await refused(t, "wrong-scope", (request) => {
    const authorization = (request.headers["authorization"] ?? "").replace("/20260101/", "/20260102/");
    return { ...request, headers: { ...request.headers, authorization } };
  });
  assert.match(String(day["message"]), /^Date in Credential scope does not match YYYYMMDD from X-Amz-Date/);
});

test("clock-skew: five minutes are borne, a second more is not, and both times are told", async (t) => {
  const api = await newApi(t);
  const request = await capture(api, "GetRegistrationCode", {});
  const minutes = 60_000;
  api.clock.advance(5 * minutes);
  assert.equal((await deliver(api.plane, request)).status, 200);
  api.clock.advance(1000);
  const late = answerOf(await deliver(api.plane, request));
  assert.deepEqual([late.status, late.type], [403, "InvalidSignatureException"]);
  assert.equal(
    late.body["message"],
    "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T000501Z - 5 min.); check the clocks of both machines",
  );
  api.clock.advance(-10 * minutes - 2000);
  const early = answerOf(await deliver(api.plane, request));
  assert.deepEqual(codesOf(api), ["clock-skew", "clock-skew"]);
  assert.match(String(early.body["message"]), /^Signature not yet current: 20260101T000000Z is still later than/);
});
