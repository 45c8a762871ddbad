import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { UsageError } from "../codec/index.ts";
import { type LineRunOptions, runLineCommand } from "./line-run.ts";
import type { Output } from "./output.ts";

const nothing = (): void => undefined;
const silent: Output = { json: false, line: nothing, note: nothing, warn: nothing };

test("hawser line run refuses to go on with another line's directory before it makes anything, a CA above all", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "line-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = (model: string, options: Partial<LineRunOptions> = {}) =>
    runLineCommand(
      {
        model,
        chipModel: "a5000",
        count: 1,
        out: join(folder, "line"),
        days: 10,
        subject: "CN={uniqueId}",
        stations: 1,
        ...options,
      } as LineRunOptions,
      silent,
    );
  const files = () => readdirSync(folder, { recursive: true }).map(String).toSorted();
  await run("preconfigured");
  const before = files();
  assert.ok(!before.includes(join("line", "ca")), "born parts need none");
  const differs = (error: unknown) => error instanceof UsageError && error.code === "line-differs";
  for (const model of ["vendor", "distributor", "oem"]) {
    await assert.rejects(run(model, { resume: true }), differs);
    await assert.rejects(run(model), differs);
  }
  await assert.rejects(run("preconfigured", { count: 2, resume: true }), differs);
  await assert.rejects(run("preconfigured", { chipModel: "se051" }), differs);
  assert.deepEqual(files(), before);
  assert.equal(existsSync(join(folder, "line", "ca")), false);
  await run("preconfigured");
});
