import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { UsageError } from "../../codec/index.ts";
import { ABSENT_OPERATIONS } from "./absent.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { anyText } from "./fixtures.test.ts";
import { findRoute, leadsNowhere, scopesOf } from "./router.ts";

/** A template with a value in every label. */
const filled = (path: string) => path.replace(/\{\w+\+?\}/g, "v");

test("findRoute leads every row of the table to itself, with its labels", () => {
  for (const [name, { service, method, path }] of Object.entries<Operation>(OPERATIONS)) {
    const labels = [...path.matchAll(/\{(\w+)\+?\}/g)].map((match) => [match[1], "v"]);
    const route = findRoute(method, filled(path), scopesOf(service)[0]);
    assert.deepEqual(route, { found: "operation", name, labels: Object.fromEntries(labels) as object });
  }
});

test("findRoute names every operation of AWS that is not offered", () => {
  for (const [service, rows] of Object.entries(ABSENT_OPERATIONS)) {
    for (const [name, method, path] of rows) {
      const route = findRoute(method, filled(path), scopesOf(service)[0]);
      assert.deepEqual(route, { found: "absent", name, service }, `${method} ${path}`);
    }
  }
});

test("no operation is both offered and named as absent", () => {
  const offered = Object.entries<Operation>(OPERATIONS).map(([key, row]) => `${row.service} ${row.name ?? key}`);
  const absent = Object.entries(ABSENT_OPERATIONS).flatMap(([service, rows]) =>
    rows.map(([name]) => `${service} ${name}`),
  );
  assert.deepEqual(
    offered.filter((each) => absent.includes(each)),
    [],
  );
});

test("findRoute tells services that share a path apart by what the caller signed for", () => {
  assert.deepEqual(findRoute("GET", "/things/t/jobs", "iot"), {
    found: "operation",
    name: "ListJobExecutionsForThing",
    labels: { thingName: "t" },
  });
  assert.deepEqual(findRoute("GET", "/things/t/jobs", "iot-jobs-data"), {
    found: "operation",
    name: "GetPendingJobExecutions",
    labels: { thingName: "t" },
  });
  assert.deepEqual(findRoute("GET", "/things/t/jobs/$next", "iot-jobs-data"), {
    found: "operation",
    name: "DescribeDeviceJobExecution",
    labels: { thingName: "t", jobId: "$next" },
  });
});

test("findRoute decodes a segment after the path was split: %2F is part of a name, dots lead nowhere", () => {
  assert.deepEqual(findRoute("POST", "/attached-policies/arn%3Aaws%3Aiot%2Fx", "iot"), {
    found: "operation",
    name: "ListAttachedPolicies",
    labels: { target: "arn:aws:iot/x" },
  });
  assert.deepEqual(findRoute("GET", "/things/%2e%2e", "iot"), {
    found: "operation",
    name: "DescribeThing",
    labels: { thingName: ".." },
  });
  const nowhere = ["//things/x", "/things//x", "/things//", "/things/x//", "/THINGS/x", "/%74hings/x/y/z", "/"];
  for (const path of nowhere) assert.deepEqual(findRoute("GET", path, "iot"), { found: "nothing" }, path);
  const unreadable = [
    "",
    "things/x",
    "/things/x/..",
    "/policies/../things/x",
    "/things/./x",
    "/things/%",
    "/things/%ff",
  ];
  for (const path of [...unreadable, "http://host/things/x"]) {
    assert.deepEqual(findRoute("GET", path, "iot"), { found: "nothing", why: "unreadable" }, path);
  }
});

test("findRoute bears one slash at the end of a path, as older clients of AWS send it", () => {
  assert.deepEqual(findRoute("GET", "/2015-03-31/functions/", "lambda"), {
    found: "operation",
    name: "ListFunctions",
    labels: {},
  });
  for (const [name, { service, method, path }] of Object.entries<Operation>(OPERATIONS)) {
    const route = findRoute(method, `${filled(path).replace(/\/$/, "")}/`, scopesOf(service)[0]);
    assert.equal(route.found === "operation" && route.name, name);
  }
});

test("findRoute takes any path without throwing, and finds no operation behind another method", () => {
  fc.assert(
    fc.property(anyText(200), (path) => {
      findRoute("GET", `/${path}`, "iot");
      assert.equal(findRoute("OPTIONS", `/${path}`, undefined).found, "nothing");
    }),
    { numRuns: 500 },
  );
});

test("findRoute takes a topic whole, its slashes encoded or as curl users type them", () => {
  const topics: [string, string | undefined][] = [
    ["/topics/a%2Fb", "a/b"],
    ["/topics/a/b", "a/b"],
    ["/topics/a/b/", "a/b/"],
    ["/topics//a", "/a"],
    ["/topics/a%2Fb/c%25", "a/b/c%"],
    ["/topics/", undefined],
    ["/topics/a/../b", undefined],
  ];
  for (const [path, topic] of topics) {
    const route = findRoute("POST", path, "iotdata");
    assert.equal(route.found === "operation" ? route.labels["topic"] : undefined, topic, path);
  }
});

test("findRoute tells a path of the data plane that has other methods", () => {
  for (const [method, path] of [
    ["GET", "/topics/a/b"],
    ["PUT", "/things/t/shadow"],
    ["POST", "/retainedMessage"],
    ["DELETE", "/api/things/shadow/ListNamedShadowsForThing/t"],
  ] as const) {
    assert.deepEqual(findRoute(method, path, "iotdata"), { found: "nothing", why: "method" }, path);
  }
  assert.deepEqual(findRoute("PUT", "/endpoint", "iot"), { found: "nothing" });
  const error = leadsNowhere({ found: "nothing", why: "method" }, "GET /topics/a");
  assert.ok(error instanceof UsageError && error.code === "method-not-allowed");
});
