import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { startCloud } from "../cloud/node.ts";

test("AW-72 hawser cloud keys rotates the key in credentials.json, and shows a secret only where it is made", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-keys-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const file = join(directory, "credentials.json");
  writeFileSync(file, JSON.stringify({ api: cloud.api, region: cloud.account.region, ...cloud.accessKey }));
  const keys = (...words: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const argv = [join(import.meta.dirname, "main.ts"), "cloud", "keys", ...words, "--credentials", file];
      execFile(process.execPath, argv, (error, stdout, stderr) =>
        resolve({ status: error?.code ?? 0, stdout, stderr }),
      );
    });
  const old = cloud.accessKey.accessKeyId;
  const rotated = await keys("rotate");
  assert.equal(rotated.status, 0, rotated.stderr);
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  assert.notEqual(accessKeyId, old);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(rotated.stdout, new RegExp(`^${old} is deactivated; .* holds ${accessKeyId}, secret .{4}\\*{8}\\n$`));
  const listed = await keys("list");
  assert.match(
    listed.stdout,
    new RegExp(`${old} {2}Inactive {2}since .*\n${accessKeyId} {2}Active {4}since .*in credentials`),
  );
  assert.ok(!`${rotated.stdout}${listed.stdout}`.includes(secretAccessKey ?? "?"));
  for (const verb of ["deactivate", "delete"]) {
    const mine = await keys(verb, accessKeyId ?? "", "--json");
    assert.equal(mine.status, 1);
    assert.match(mine.stderr, /"code":"key-in-credentials".*is the access key in .*keys rotate/);
  }
  const last = await keys("deactivate", "--force", accessKeyId ?? "");
  assert.equal(last.status, 1);
  assert.match(last.stderr, /is the last active access key; make another one first/);
  assert.match((await keys("delete", old)).stdout, new RegExp(`^${old} deleted\n$`));
});
