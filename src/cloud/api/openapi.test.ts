import assert from "node:assert/strict";
import { test } from "node:test";

import {
  OPERATIONS,
  type Operation,
  type OperationName,
  PUBLIC_PAGES,
  findRoute,
  openApiDocument,
} from "../operations/index.ts";
import { newApi } from "./fixtures.test.ts";

type Described = {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly responses: Readonly<Record<string, unknown>>;
};

const { paths } = openApiDocument() as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
};
const described = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, each]) => ({ path, method: method.toUpperCase(), ...each })),
);
const own = Object.entries<Operation>(OPERATIONS).filter(([, { service }]) => service === "hawser");

test("openApiDocument holds every operation of ours and every page, each under its own id and with a sentence", () => {
  const ids = described.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  const pages = Object.keys(PUBLIC_PAGES);
  assert.deepEqual(
    [...own.map(([name]) => name), ...pages].filter((name) => !ids.includes(name)),
    [],
  );
  for (const [name, { summary }] of own) assert.match(summary ?? "", /^[A-Z].*\.$/, name);
  assert.deepEqual(
    described.filter(({ security }) => security?.length === 0).map(({ path }) => path),
    Object.values(PUBLIC_PAGES).flatMap(({ methods, path }: { methods: readonly string[]; path: string }) =>
      methods.map(() => path.replace("+}", "}")),
    ),
  );
});

test("what openApiDocument says of a path is what the router does with it: operation, labels, required members", () => {
  for (const { path, method, operationId, parameters = [], responses, security } of described) {
    const labels = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = parameters.filter((each) => each.in === "path");
    assert.deepEqual(
      inPath.map(({ name }) => name),
      labels,
    );
    assert.ok(inPath.every(({ required }) => required));
    if (security) continue;
    const route = findRoute(method, path.replaceAll(/\{\w+\}/g, "x"), "hawser");
    assert.ok(route.found === "operation");
    const row: Operation = OPERATIONS[route.name];
    assert.equal(row.name ?? route.name, operationId);
    assert.ok(String(row.output.status) in responses && "400" in responses && "403" in responses);
  }
});

/** A call of each operation that answers with JSON, in an order in which each finds what it needs. */
const CALLS: readonly (readonly [OperationName, (api: Awaited<ReturnType<typeof newApi>>) => Promise<unknown>])[] = [
  ["Status", (api) => api.call("Status", {})],
  ["Why", (api) => api.call("Why", { subject: "d1" })],
  ["CreateAccessKey", (api) => api.call("CreateAccessKey", {})],
  ["ListAccessKeys", (api) => api.call("ListAccessKeys", {})],
  ["DenyCertificate", (api) => api.call("DenyCertificate", { certificateId: "a".repeat(64), reason: "stolen" })],
  ["ListDeniedCertificates", (api) => api.call("ListDeniedCertificates", {})],
  ["ListCertificateRevocationLists", (api) => api.call("ListCertificateRevocationLists", {})],
  ["ListDeviceRegistries", (api) => api.call("ListDeviceRegistries", {})],
];

test("what our own operations answer has the shape that their document promises", async (t) => {
  const api = await newApi(t);
  for (const [name, call] of CALLS) {
    const { output }: Operation = OPERATIONS[name];
    assert.ok(output.shape, name);
    const answer = await call(api);
    assert.deepEqual(output.shape.fromJson(answer, name), answer);
  }
  // The others need a CA, a function, a broker or a token: their answers are the same records, and typed by the same shapes.
  const shaped = own.filter(([, { output }]) => output.shape).map(([name]) => name);
  const called = CALLS.map(([name]) => name as string);
  assert.deepEqual(shaped.filter((name) => !called.includes(name)).sort(), [
    "CreateDeviceRegistry",
    "DescribeDeviceRegistry",
    "FetchRecording",
    "FunctionLogs",
    "PutCertificateRevocationList",
    "StartRecording",
  ]);
});
