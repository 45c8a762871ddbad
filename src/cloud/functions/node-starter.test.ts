import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { test } from "node:test";

import { OwnTmp } from "./node-starter.ts";

test("a process that still sees this machine's /tmp is not charged for what others have in it", (t) => {
  const others = mkdtempSync("/tmp/hawser-others-");
  t.after(() => rmSync(others, { recursive: true, force: true }));
  assert.deepEqual(new OwnTmp(process.pid).use(), { contents: 0, names: 0 });
});
