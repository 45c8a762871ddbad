import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

test("docs/openapi.json is what hawser cloud openapi prints (npm run errors:write writes it)", () => {
  const printed = execFileSync(process.execPath, [join(ROOT, "src/cli/main.ts"), "cloud", "openapi"]).toString();
  const kept = readFileSync(join(ROOT, "docs/openapi.json"), "utf8");
  assert.deepEqual(JSON.parse(kept), JSON.parse(printed));
  assert.equal((JSON.parse(printed) as { readonly openapi: string }).openapi, "3.1.0");
});
