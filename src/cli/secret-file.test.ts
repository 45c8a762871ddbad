import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { put } from "./se-values.ts";
import { writeSecretFile } from "./secret-file.ts";

const silent = { json: false, line: () => undefined, note: () => undefined, warn: () => undefined };

test("writeSecretFile makes a file that only its owner reads, and takes an open one from the others", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-secret-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [fresh, open] = [join(folder, "fresh"), join(folder, "open")];
  writeFileSync(open, "what was longer before");
  chmodSync(open, 0o666);
  for (const path of [fresh, open]) {
    writeSecretFile(path, "secret");
    assert.equal(readFileSync(path, "utf8"), "secret");
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }
  writeSecretFile("/dev/null", "nowhere");
});

test("what an SE05x gives away of its secrets goes into a file of its owner's, and results into one like any", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-secret-"));
  const before = process.umask(0o022);
  t.after(() => {
    process.umask(before);
    rmSync(folder, { recursive: true });
  });
  const modeOf = (isSecret: boolean) => {
    const file = join(folder, String(isSecret));
    put(silent, { file, content: Uint8Array.of(1, 2), isSecret, text: "2 bytes" });
    return statSync(file).mode & 0o777;
  };
  assert.deepEqual([modeOf(true), modeOf(false)], [0o600, 0o644]);
});
