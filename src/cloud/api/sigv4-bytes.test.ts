import assert from "node:assert/strict";
import { test } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";

import { toHex, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { sha256Of, type ClientRequest } from "./client.ts";
import { answerOf, capture, deliver, newApi, type Answer, type Api } from "./fixtures.test.ts";

const SIGNATURE_TYPES = [
  "InvalidSignatureException",
  "IncompleteSignatureException",
  "UnrecognizedClientException",
  "MissingAuthenticationTokenException",
];

/** A request with a path, a query, a deciding header and a body, signed by AWS's own signer. */
async function signed(api: Api, headers: Record<string, string> = {}): Promise<ClientRequest> {
  const { credentials, region, clock } = api.client;
  const body = utf8Bytes('{"attributePayload":{"attributes":{"a":"1"}}}');
  const signer = new SignatureV4({ credentials, region, service: "iot", sha256: sha256Of(nodeHash) });
  const hash = toHex(nodeHash.digest("sha256", body));
  const request = {
    method: "POST",
    protocol: "https:",
    hostname: "localhost",
    path: "/things/t",
    query: { "x-id": "CreateThing", n: "1" },
    headers: { host: "localhost", "content-type": "application/json", "x-amz-content-sha256": hash, ...headers },
    body,
  };
  const result = await signer.sign(request, { signingDate: new Date(clock.now()) });
  return { method: "POST", url: "https://localhost/things/t?n=1&x-id=CreateThing", headers: result.headers, body };
}

const send = async (api: Api, request: ClientRequest): Promise<Answer> => answerOf(await deliver(api.plane, request));

const changedAt = (text: string, at: number, by: number): string => {
  const bytes = utf8Bytes(text);
  const i = at % bytes.length;
  bytes[i] = ((bytes[i] ?? 0) ^ by) & 0x7f;
  return new TextDecoder().decode(bytes);
};

test("any one byte changed in body, path, query or signed header is refused by its signature, and nothing is stored", async (t) => {
  const api = await newApi(t);
  const request = await signed(api);
  assert.equal((await send(api, request)).type, "InvalidRequestException", "the signature itself is good: x-id is not");
  const { search, pathname } = new URL(request.url);
  const names = Object.keys(request.headers).filter((name) => name !== "authorization");
  const change = fc.tuple(
    fc.constantFrom("body", "path", "query", "authorization", ...names),
    fc.nat(500),
    fc.integer({ min: 1, max: 127 }),
  );
  const alter = ([what, at, by]: readonly [string, number, number]): ClientRequest => {
    if (what === "body") {
      const body = Uint8Array.from(request.body);
      body[at % body.length] = (body[at % body.length] ?? 0) ^ by;
      return { ...request, body };
    }
    if (what === "path")
      return { ...request, url: `https://localhost/${changedAt(pathname.slice(1), at, by)}${search}` };
    if (what === "query")
      return { ...request, url: `https://localhost${pathname}?${changedAt(search.slice(1), at, by)}` };
    const value = changedAt(request.headers[what] ?? "", at, by);
    return { ...request, headers: { ...request.headers, [what]: value } };
  };
  const meaningless = (a: ClientRequest) => JSON.stringify(normal(a)) === JSON.stringify(normal(request));
  await fc.assert(
    fc.asyncProperty(change, async (each) => {
      const altered = alter(each);
      fc.pre(!meaningless(altered));
      const { status, type } = await send(api, altered);
      assert.equal(status, 403, `${JSON.stringify(each)} ${type}`);
      assert.ok(SIGNATURE_TYPES.includes(type ?? ""), String(type));
    }),
    { numRuns: 400 },
  );
  assert.deepEqual((await api.call("ListThings", {})).things, []);
});

/** A request but for what does not travel or means the same: spaces around a header's value. */
function normal({ method, url, headers, body }: ClientRequest): unknown {
  const trimmed = Object.entries(headers).map(([name, value]) => [name, value.trim().replace(/ +/g, " ")]);
  return [method, url, trimmed, toHex(body)];
}

test("a header that was added is refused where it could decide, and borne where it cannot, signed or not", async (t) => {
  const api = await newApi(t);
  const request = await capture(api, "ListThings", {});
  const add = (name: string, value: string) => ({ ...request, headers: { ...request.headers, [name]: value } });
  for (const name of [
    "x-amz-tagging",
    "x-amzn-principal",
    "x-amz-security-token",
    "X-Amz-Invocation-Type",
    "x-amzn-iot-policy",
  ]) {
    const { status, type } = await send(api, add(name, "x"));
    assert.equal(status, 403, name);
    assert.ok(SIGNATURE_TYPES.includes(type ?? ""), `${name}: ${type}`);
  }
  for (const name of ["accept", "x-forwarded-for", "user-agent", "x-amzn-trace-id"]) {
    assert.equal((await send(api, add(name, "x"))).status, 200, name);
  }
  const authorization = request.headers["authorization"] ?? "";
  const claimed = authorization.replace(/SignedHeaders=[^,]*/, (list) => `${list};zz`);
  const headers = { ...request.headers, authorization: claimed, zz: "x" };
  assert.equal((await send(api, { ...request, headers })).type, "InvalidSignatureException");
});

test("a payload that says it is unsigned or streamed is refused, however well the rest is signed", async (t) => {
  const api = await newApi(t);
  for (const claim of [
    "UNSIGNED-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "",
  ]) {
    const request = await signed(api, { "x-amz-content-sha256": claim });
    const { status, type, body } = await send(api, request);
    assert.deepEqual([status, type], [403, "InvalidSignatureException"], claim);
    assert.match(String(body["message"]), /x-amz-content-sha256 is .*, the body's hash is [0-9a-f]{64}/);
  }
  assert.deepEqual((await api.call("ListThings", {})).things, []);
});
