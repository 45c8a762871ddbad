import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { replaceFile } from "./node.ts";

test("replaceFile gives a file its mode and all of its text, whatever a cut left behind", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-replace-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, other] = [join(folder, "pin"), join(folder, "other")];
  writeFileSync(file, "old", { mode: 0o644 });
  writeFileSync(`${file}.new`, "a longer half of what was", { mode: 0o666 });
  replaceFile(file, "new", 0o600);
  assert.deepEqual([readFileSync(file, "utf8"), statSync(file).mode & 0o777], ["new", 0o600]);
  // A link in the place of the new file leads nowhere.
  writeFileSync(other, "another's");
  symlinkSync(other, `${file}.new`);
  replaceFile(file, "newer", 0o600);
  assert.deepEqual([readFileSync(file, "utf8"), readFileSync(other, "utf8")], ["newer", "another's"]);
  assert.deepEqual(readdirSync(folder), ["other", "pin"]);
  assert.throws(() => replaceFile(join(folder, "missing", "pin"), "x", 0o600), { code: "ENOENT" });
});
