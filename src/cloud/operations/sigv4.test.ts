import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { toHex, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { anyText } from "./fixtures.test.ts";
import { canonicalRequest, equalInConstantTime, parseAuthorization, signatureOf } from "./sigv4.ts";

/**
 * AWS's signing test suite, as awslabs/aws-c-auth publishes it (Apache License 2.0, tests/aws-signing-test-suite/v4 at
 * e70d49e): the cases for unnormalised paths, since what we route is what must be signed. The multi-line header is left
 * out: HTTP forbids it today, and node:http refuses it.
 */
const VECTORS: readonly (readonly [name: string, target: string, headers: string[], signature: string])[] = [
  ["get-vanilla", "GET /", [], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  [
    "get-header-key-duplicate",
    "GET /",
    ["My-Header1:value2", "My-Header1:value2", "My-Header1:value1"],
    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
  ],
  [
    "get-header-value-order",
    "GET /",
    ["My-Header1:value4", "My-Header1:value1", "My-Header1:value3", "My-Header1:value2"],
    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
  ],
  [
    "get-header-value-trim",
    "GET /",
    ["My-Header1: value1", 'My-Header2: "a   b   c"'],
    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  ],
  [
    "get-relative-relative-unnormalized",
    "GET /example1/example2/../..",
    [],
    "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b",
  ],
  [
    "get-relative-unnormalized",
    "GET /example/..",
    [],
    "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282",
  ],
  [
    "get-slash-dot-slash-unnormalized",
    "GET /./",
    [],
    "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145",
  ],
  [
    "get-slash-pointless-dot-unnormalized",
    "GET /./example",
    [],
    "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff",
  ],
  ["get-slash-unnormalized", "GET //", [], "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"],
  [
    "get-slashes-unnormalized",
    "GET //example//",
    [],
    "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5",
  ],
  [
    "get-space-unnormalized",
    "GET /example space/",
    [],
    "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
  ],
  [
    "get-unreserved",
    "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    [],
    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
  ],
  ["get-utf8", "GET /ሴ", [], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"],
  [
    "get-vanilla-empty-query-key",
    "GET /?Param1=value1",
    [],
    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
  ],
  [
    "get-vanilla-query-order-encoded",
    "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
    [],
    "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
  ],
  [
    "get-vanilla-query-order-key-case",
    "GET /?Param2=value2&Param1=value1",
    [],
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
  [
    "get-vanilla-query-unreserved",
    "GET /?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    [],
    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
  ],
  ["get-vanilla-utf8-query", "GET /?ሴ=bar", [], "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"],
  [
    "get-vanilla-with-session-token",
    "GET /",
    ["X-Amz-Security-Token:6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"],
    "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
  ],
  ["post-vanilla", "POST /", [], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  [
    "post-header-key-sort",
    "POST /",
    ["My-Header1:value1"],
    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
  ],
  [
    "post-header-value-case",
    "POST /",
    ["My-Header1:VALUE1"],
    "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
  ],
  [
    "post-vanilla-query",
    "POST /?Param1=value1",
    [],
    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
  ],
  [
    "post-x-www-form-urlencoded",
    "POST / Param1=value1",
    [
      "Content-Type:application/x-www-form-urlencoded",
      "Content-Length:13",
      "x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
    ],
    "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
  ],
  [
    "post-x-www-form-urlencoded-parameters",
    "POST / Param1=value1",
    [
      "Content-Type:application/x-www-form-urlencoded; charset=utf-8",
      "Content-Length:13",
      "x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
    ],
    "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
  ],
];

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TIME = "20150830T123600Z";
const SCOPE = { date: "20150830", region: "us-east-1", service: "service" };

for (const [name, target, more, signature] of VECTORS) {
  test(`signatureOf gives AWS's signature for ${name}`, () => {
    const [, method = "", path = "", query = "", body = ""] =
      /^(\w+) ([^?]*?)(?:\?(.*?))?(?: (Param1=value1))?$/.exec(target) ?? [];
    const headers = ["Host:example.amazonaws.com", `X-Amz-Date:${TIME}`, ...more].map((line): [string, string] => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1)];
    });
    const signedHeaders = [...new Set(headers.map(([each]) => each.toLowerCase()))].sort();
    const bodyHash = toHex(nodeHash.digest("sha256", utf8Bytes(body)));
    const canonical = canonicalRequest({ method, path, query, headers }, signedHeaders, bodyHash);
    assert.equal(signatureOf(nodeHash, SECRET, { scope: SCOPE, time: TIME, canonical }), signature);
  });
}

test("canonicalRequest encodes an encoded path once more, and takes a query apart before it sorts", () => {
  const request = {
    method: "POST",
    path: "/attached-policies/arn%3Aaws%2Fx",
    query: "b=%2f&a&b=%2B&a=1+2",
    headers: [],
  };
  assert.equal(
    canonicalRequest(request, [], "hash"),
    "POST\n/attached-policies/arn%253Aaws%252Fx\na=&a=1%2B2&b=%2B&b=%2F\n\n\nhash",
  );
});

test("parseAuthorization says what is wrong with a header", () => {
  const credential = "Credential=KEY/20260101/us-east-1/iot/aws4_request";
  const signature = `Signature=${"0".repeat(64)}`;
  const good = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, ${signature}`;
  assert.deepEqual(parseAuthorization(good), {
    accessKeyId: "KEY",
    scope: { date: "20260101", region: "us-east-1", service: "iot" },
    signedHeaders: ["host", "x-amz-date"],
    signature: "0".repeat(64),
  });
  assert.ok(!("wrong" in parseAuthorization(good.replaceAll(", ", ","))));
  const cases: [string, RegExp][] = [
    ["Bearer abc", /must begin with AWS4-HMAC-SHA256/],
    [good.replace("HMAC-SHA256", "ECDSA-P256-SHA256"), /must begin with/],
    [good.replace("/aws4_request", ""), /Credential must be/],
    [good.replace("20260101", "2026-01-01"), /Credential must be/],
    [good.replace("0000", "00"), /Signature must be/],
    [good.replace("Signature=0", "Signature=A"), /Signature must be/],
    [good.replace("host;x-amz-date", "x-amz-date;host"), /in order/],
    [good.replace("host;x-amz-date", "host;host"), /in order/],
    [good.replace("host;x-amz-date", "Host"), /lower-case/],
    [good.replace("host;x-amz-date", ""), /lower-case/],
  ];
  for (const [header, wrong] of cases) {
    const parsed = parseAuthorization(header);
    assert.ok("wrong" in parsed && wrong.test(parsed.wrong), header);
  }
});

test("parseAuthorization and canonicalRequest take any text without throwing", () => {
  fc.assert(
    fc.property(anyText(), anyText(), (path, query) => {
      parseAuthorization(`AWS4-HMAC-SHA256 ${path}`);
      canonicalRequest({ method: "GET", path: `/${path}`, query, headers: [[path, query]] }, [path], "");
    }),
    { numRuns: 300 },
  );
});

test("equalInConstantTime is equality", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      assert.equal(equalInConstantTime(a, b), a === b);
      assert.ok(equalInConstantTime(a, a));
    }),
    { numRuns: 200 },
  );
});
