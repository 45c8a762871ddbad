import assert from "node:assert/strict";
import { test } from "node:test";

import { toHex, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { ClientRequest } from "./client.ts";
import { answerOf, deliver, newApi, type Api } from "./fixtures.test.ts";
import {
  OPERATIONS,
  type Operation,
  type Parameter,
  canonicalRequest,
  scopesOf,
  signatureOf,
} from "../operations/index.ts";

const ROWS = Object.entries<Operation>(OPERATIONS).map(([key, row]) => ({ ...row, key }));

type Sent = Pick<ClientRequest, "method"> & {
  readonly path: string;
  readonly query?: string;
  readonly body?: Uint8Array;
};

/** Sends what a caller with a good key signed, whatever it is. AWS's own signer would tidy the path up. */
async function send(api: Api, service: string, { method, path, query = "", body = new Uint8Array(0) }: Sent) {
  const { credentials, region, clock } = api.client;
  const time = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = { date: time.slice(0, 8), region, service: scopesOf(service)[0] ?? "iot" };
  const hash = toHex(nodeHash.digest("sha256", body));
  const given = { host: "localhost", "x-amz-content-sha256": hash, "x-amz-date": time };
  const names = Object.keys(given);
  const canonical = canonicalRequest({ method, path, query, headers: Object.entries(given) }, names, hash);
  const signature = signatureOf(nodeHash, credentials.secretAccessKey, { scope, time, canonical });
  const credential = `${credentials.accessKeyId}/${scope.date}/${region}/${scope.service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  const url = `https://localhost${path}${query === "" ? "" : `?${query}`}`;
  return answerOf(await deliver(api.plane, { method, url, headers: { ...given, authorization }, body }));
}

/** Every row of every table of the store, as one text. */
async function storeOf({ registry }: Api): Promise<string> {
  const { read } = registry.store;
  const tables = [
    "things",
    "certificates",
    "ca_certificates",
    "policies",
    "resources",
    "jobs",
    "tags",
    "roles",
  ] as const;
  const rows = await Promise.all(tables.map((table) => read.selectFrom(table).selectAll().execute()));
  return JSON.stringify(rows);
}

/** What nobody is named: each stands in a path as it is. */
const TRICKS = [
  "%2F",
  "..%2F..%2Fetc",
  "%2e%2e",
  "..",
  ".",
  "",
  "%00",
  "a%00b",
  "%ff",
  "%",
  "a;b",
  "%F0%9F%92%A5",
  "a%0d%0aset-cookie:x",
  "x".repeat(3000),
];

/** Names of domain configurations are of word characters, dots, colons and hyphens: two dots are one. */
const DOTS = new Set(["CreateDomainConfiguration"]);

/** Operations for which an odd name is an odd name and no more: what is not there is as good as deleted; and the functions here are a stand-in that answers anybody. */
const MILD = new Set(["DeleteThing", "Invoke"]);

test("no trick in a path leads to a success, a 5xx or a change: dots, encoded and doubled slashes, NUL, too long, no UTF-8", async (t) => {
  const api = await newApi(t);
  const before = await storeOf(api);
  for (const { key, service, method, path } of ROWS) {
    if (!path.includes("{") || MILD.has(key)) continue;
    for (const trick of TRICKS) {
      // Without the last name a path is its list's, as older clients of AWS write it.
      if (trick === "" && path.endsWith("}")) continue;
      if (trick === "%2e%2e" && DOTS.has(key)) continue;
      const asked = path.replace(/\{\w+\+?\}/g, trick);
      const { status, type } = await send(api, service, { method, path: asked, body: utf8Bytes("{}") });
      const isTyped = (status >= 400 && status < 500) || status === 501;
      // A topic, a client id and a text to explain may hold anything.
      const isAnyText = /^\/(topics|retainedMessage|connections|hawser)/.test(path) && status === 200;
      assert.ok((isTyped && type !== undefined) || isAnyText, `${key} ${asked.slice(0, 100)}: ${status} ${type}`);
    }
  }
  assert.equal(await storeOf(api), before);
});

test("a path with a slash before, between or behind its own, and every other method, is nobody's or named", async (t) => {
  const api = await newApi(t);
  for (const { key, service, method, path } of ROWS) {
    if (path.includes("+}")) continue;
    const plain = path.replace(/\{\w+\}/g, "a").replace(/\/$/, "");
    for (const asked of [`/${plain}`, `${plain}//`, plain.replace(/(.)\//, "$1//"), `/x${plain}`]) {
      if (asked === plain) continue;
      const { status, type } = await send(api, service, { method, path: asked });
      assert.deepEqual([status, type], [501, "NotImplementedException"], `${key} ${asked}`);
    }
    for (const other of ["OPTIONS", "TRACE", "PROPFIND", "HEAD"]) {
      const { status } = await send(api, service, { method: other, path: plain });
      assert.equal(status, service === "iot-data" ? 405 : 501, `${other} ${plain}`);
    }
  }
});

test("a path of the data plane by another method is MethodNotAllowed, and one that cannot be read a bad request", async (t) => {
  const api = await newApi(t);
  const asked = async (method: string, path: string) => {
    const { status, type } = await send(api, "iot-data", { method, path });
    return [status, type];
  };
  assert.deepEqual(await asked("GET", "/topics/a/b"), [405, "MethodNotAllowedException"]);
  for (const path of ["/topics/%zz", "/things/%ff/shadow", "/things/../shadow"]) {
    assert.deepEqual(await asked("GET", path), [400, "InvalidRequestException"], path);
  }
});

test("no body, deep or huge or no JSON at all, is a 5xx or a change for any operation that takes one", async (t) => {
  const api = await newApi(t);
  const before = await storeOf(api);
  const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
  const bodies = [
    "{",
    "[]",
    "null",
    '"a"',
    "1",
    "{}{}",
    '{"a":1,"a":2}',
    deep,
    "[".repeat(100_000),
    "\u0000",
    '{"\\ud800":1}',
  ];
  for (const { key, service, method, path, input } of ROWS) {
    const places = Object.values<Parameter>(input).map(({ place }) => place);
    if (!places.includes("body")) continue;
    const plain = path.replace(/\{\w+\+?\}/g, "a");
    for (const body of bodies) {
      const { status, type } = await send(api, service, { method, path: plain, body: utf8Bytes(body) });
      const what = `${key} ${body.slice(0, 20)}: ${status} ${type}`;
      // 501: a service that these tests have not.
      assert.ok(((status >= 400 && status < 500) || status === 501) && type !== undefined, what);
    }
  }
  const huge = await send(api, "iot", { method: "POST", path: "/things/a", body: new Uint8Array(1024 * 1024 + 1) });
  assert.deepEqual([huge.status, huge.type], [413, "RequestEntityTooLargeException"]);
  assert.equal(await storeOf(api), before);
});

type Case = { readonly name: string; readonly parameter: Parameter; readonly value: unknown; readonly fits: boolean };

/** Values at both limits of a shape, and one beyond each. */
function casesOf(name: string, parameter: Parameter): readonly Case[] {
  const { schema } = parameter.shape;
  const of = (keyword: string) => schema[keyword];
  const [min, max] = [of("minLength"), of("maxLength")];
  const [least, most] = [of("minimum"), of("maximum")];
  const [items, pattern] = [of("maxItems"), of("pattern")];
  const made: [unknown, boolean][] = [];
  const letter = typeof pattern === "string" && !new RegExp(pattern, "u").test("a") ? undefined : "a";
  if (of("type") === "string" && letter !== undefined) {
    if (typeof max === "number" && max <= 100_000)
      made.push([letter.repeat(max), true], [letter.repeat(max + 1), false]);
    if (typeof min === "number" && min > 0) made.push([letter.repeat(min), true], [letter.repeat(min - 1), false]);
  }
  if (typeof least === "number") made.push([least, true], [least - 1, false]);
  if (typeof most === "number") made.push([most, true], [most + 1, false]);
  if (typeof items === "number") made.push([Array.from({ length: items + 1 }, () => null), false]);
  return made.map(([value, fits]) => ({ name, parameter, value, fits }));
}

test("every bounded member takes what lies at its limits and refuses what lies one beyond, by its name", () => {
  let count = 0;
  for (const { key, input } of ROWS) {
    for (const { name, parameter, value, fits } of Object.entries<Parameter>(input).flatMap((each) =>
      casesOf(...each),
    )) {
      count += 1;
      const { shape, place } = parameter;
      const read = () =>
        place === "body" || typeof value === "object"
          ? shape.fromJson(value, name)
          : shape.fromText(`${value as string | number}`, name);
      const at = `${key}.${name} ${JSON.stringify(value).slice(0, 40)}`;
      if (!fits) assert.throws(read, { code: /^(invalid-request|not-implemented)$/, message: new RegExp(name) }, at);
      else assert.doesNotThrow(read, at);
    }
  }
  assert.ok(count > 1000, String(count));
});
