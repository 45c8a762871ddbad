import assert from "node:assert/strict";
import { test } from "node:test";

import { pageBytes, pageBytesIn } from "./node-page-size.ts";

test("pageBytes is a power of two where there is an auxiliary vector, and undefined where it is cut", () => {
  const bytes = pageBytes();
  if (process.platform === "linux") assert.equal(Math.log2(bytes ?? 0) % 1, 0);
  const vector = new Uint8Array(BigUint64Array.of(33n, 7n, 6n, 16384n, 0n, 0n, 6n, 1n).buffer);
  assert.equal(pageBytesIn(vector, 8), 16384);
  assert.equal(pageBytesIn(vector.subarray(0, 24), 8), undefined);
  assert.equal(pageBytesIn(vector.subarray(32), 8), undefined);
  assert.equal(pageBytesIn(new Uint8Array(Uint32Array.of(16, 1, 6, 4096, 0, 0).buffer), 4), 4096);
  assert.equal(pageBytesIn(new Uint8Array(3), 8), undefined);
});
