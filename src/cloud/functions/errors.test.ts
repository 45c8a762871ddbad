import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { FUNCTION_ERRORS } from "./errors.ts";

test("every code of cloud/functions is thrown by the code and provoked by a test", () => {
  const files = globSync("*.ts", { cwd: import.meta.dirname }).filter((file) => !file.startsWith("errors."));
  const texts = (pick: (file: string) => boolean) =>
    files
      .filter(pick)
      .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"))
      .join("\n");
  const tests = texts((file) => file.endsWith(".test.ts"));
  const code = texts((file) => !file.endsWith(".test.ts"));
  for (const name of Object.keys(FUNCTION_ERRORS)) {
    assert.ok(code.includes(`"${name}"`), `${name} is never thrown`);
    assert.ok(tests.includes(`"${name}"`), `${name} is never provoked`);
  }
});
