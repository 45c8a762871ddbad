import assert from "node:assert/strict";
import { test } from "node:test";

import { type ApiResponse, type PageHandlers, pageExchange } from "../operations/index.ts";
import { VirtualClock } from "../../crypto/index.ts";
import { Ledger } from "../../trace/index.ts";
import { operatorPages, readiness, type PageSources } from "./index.ts";
import { openMetrics } from "./node.ts";

const head = (path: string, address = "127.0.0.1", method = "GET") => ({
  method,
  path,
  query: "",
  headers: [],
  address,
});

async function operatorPage(request: ReturnType<typeof head>, sources: PageSources): Promise<ApiResponse | undefined> {
  const handlers = { ...operatorPages(sources), OpenApi: () => assert.fail("not asked") } as unknown as PageHandlers;
  const exchange = pageExchange(request, handlers);
  if (!exchange) return undefined;
  assert.ok("complete" in exchange);
  return exchange.complete(new Uint8Array(0));
}

const metrics = { contentType: "text/plain", text: async () => "a 1\n" };

test("a cloud that cannot write, or is stopping, is healthy and not ready, and says why", async () => {
  const sources = { metrics, notReady: async () => "the disk did not take what was written" };
  const ready = await operatorPage(head("/ready"), sources);
  assert.equal(ready?.status, 503);
  assert.match(new TextDecoder().decode(ready?.body), /disk did not take/);
  assert.equal((await operatorPage(head("/health"), sources))?.status, 200);
});

test("metrics are shown to callers of this machine alone", async () => {
  const sources = { metrics, notReady: async () => undefined };
  for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
    assert.equal((await operatorPage(head("/metrics", address), sources))?.status, 200);
  for (const address of ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", ""]) {
    const refused = await operatorPage(head("/metrics", address), sources);
    assert.equal(refused?.status, 403);
    assert.match(new TextDecoder().decode(refused?.body), /cure/);
  }
});

test("every other request is none of the pages' business", async () => {
  const sources = { metrics, notReady: async () => undefined };
  for (const path of ["/", "/metrics/", "/health/x", "/__proto__", "/constructor", "/toString"])
    assert.equal(await operatorPage(head(path), sources), undefined);
  assert.equal(await operatorPage(head("/metrics", "127.0.0.1", "POST"), sources), undefined);
});

test("readiness writes to the disk once a second at most, and says what the disk said", async () => {
  const clock = new VirtualClock();
  let writes = 0;
  let failure: Error | undefined;
  let stopping = false;
  const notReady = readiness({
    clock,
    isStopping: () => stopping,
    write: async () => {
      writes++;
      if (failure) throw failure;
    },
  });
  for (let i = 0; i < 10; i++) assert.equal(await notReady(), undefined);
  assert.equal(writes, 1);
  failure = new Error("the disk is full");
  assert.equal(await notReady(), undefined);
  clock.advance(1000);
  assert.equal(await notReady(), "the disk is full");
  stopping = true;
  assert.equal(await notReady(), "the cloud is stopping");
  assert.equal(writes, 2);
});

test("metrics have names that Prometheus's own lint accepts: only counters end in _total", async () => {
  const metrics = openMetrics({
    ledger: new Ledger({ clock: new VirtualClock() }),
    sessions: () => [],
    retained: () => 0,
    resources: () => ({}),
    onPublish: () => () => undefined,
  });
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
  metrics.close();
  assert.ok(types.length > 20);
  for (const [name, type] of types) assert.equal(name?.endsWith("_total"), type === "counter", `${name} is a ${type}`);
});
