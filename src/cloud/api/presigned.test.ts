import assert from "node:assert/strict";
import { test } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";

import { answerOf, deliver, newApi, type Answer, type Api } from "./fixtures.test.ts";
import { nodeHash } from "../../crypto/node.ts";
import { sha256Of } from "./client.ts";

/** A presigned GET of a path, as AWS's own signer for JavaScript makes it. */
async function presigned(api: Api, path: string, expiresIn = 60): Promise<string> {
  const { credentials, region, clock } = api.client;
  const signer = new SignatureV4({ credentials, region, service: "iot", sha256: sha256Of(nodeHash) });
  const { query } = await signer.presign(
    { method: "GET", protocol: "https:", hostname: "localhost", path, query: {}, headers: { host: "localhost" } },
    { signingDate: new Date(clock.now()), expiresIn },
  );
  const pairs = Object.entries(query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `https://localhost${path}?${pairs.join("&")}`;
}

async function get(api: Api, url: string, headers: Record<string, string> = {}): Promise<Answer> {
  const request = { method: "GET", url, headers: { host: "localhost", ...headers }, body: new Uint8Array(0) };
  return answerOf(await deliver(api.plane, request));
}

test("a URL that AWS's signer presigned is let in until it expires, and not longer", async (t) => {
  const api = await newApi(t);
  const url = await presigned(api, "/registrationcode", 600);
  assert.match(String((await get(api, url)).body["registrationCode"]), /^[0-9a-f]{64}$/);
  api.clock.advance(600_000);
  assert.equal((await get(api, url)).status, 200);
  api.clock.advance(1000);
  const late = await get(api, url);
  assert.deepEqual([late.status, late.type], [403, "InvalidSignatureException"]);
  assert.match(String(late.body["message"]), /^Signature expired: 20260101T000000Z is more than its 600 s before/);
});

test("a presigned URL opens nothing else: one character of it changed, a member added, another method or host", async (t) => {
  const api = await newApi(t);
  const url = await presigned(api, "/registrationcode");
  const changed = [
    url.replace("/registrationcode", "/things"),
    url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
    `${url}&pageSize=1`,
    url.replace(/Signature=([0-9a-f])/, (_, digit) => `Signature=${digit === "0" ? "1" : "0"}`),
  ];
  for (const each of changed) assert.equal((await get(api, each)).type, "InvalidSignatureException", each);
  assert.equal((await get(api, url, { host: "elsewhere" })).type, "InvalidSignatureException");
  const body = new TextEncoder().encode("{}");
  const posted = await deliver(api.plane, { method: "GET", url, headers: { host: "localhost" }, body });
  assert.equal(posted.headers["x-amzn-errortype"], "InvalidSignatureException");
});

test("incomplete-signature: a presigned URL whose parts are missing, given twice or out of bounds", async (t) => {
  const api = await newApi(t);
  const url = await presigned(api, "/registrationcode");
  const cases: [string, RegExp][] = [
    [url.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA1"), /^X-Amz-Algorithm must be/],
    [url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"), /^X-Amz-Expires must be .* from 1 to 604800$/],
    [url.replace("X-Amz-Expires=60", "X-Amz-Expires=0"), /^X-Amz-Expires must be/],
    [`${url}&X-Amz-Date=20260101T000000Z`, /^X-Amz-Date is given twice$/],
    [url.replace(/X-Amz-Credential=[^&]*/, "X-Amz-Credential=x"), /^Credential must be/],
    [url.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=date"), /^host must be among SignedHeaders$/],
  ];
  for (const [each, message] of cases) {
    const { type, body } = await get(api, each);
    assert.equal(type, "IncompleteSignatureException", each);
    assert.match(String(body["message"]), message);
  }
  const token = await get(api, `${url}&X-Amz-Security-Token=x`);
  assert.equal(token.type, "UnrecognizedClientException");
});

test("a signature in the query beside one in a header is a member that nobody knows", async (t) => {
  const api = await newApi(t);
  const { credentials, region, clock } = api.client;
  const signer = new SignatureV4({ credentials, region, service: "iot", sha256: sha256Of(nodeHash) });
  const query = { "X-Amz-Signature": "0".repeat(64) };
  const unsigned = { method: "GET", protocol: "https:", hostname: "localhost", path: "/things", query };
  const { headers } = await signer.sign(
    { ...unsigned, headers: { host: "localhost" } },
    { signingDate: new Date(clock.now()) },
  );
  const answer = await get(api, `https://localhost/things?X-Amz-Signature=${query["X-Amz-Signature"]}`, headers);
  assert.notEqual(answer.status, 200);
});
