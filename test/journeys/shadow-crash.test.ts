/** F-22 for shadows: the process is killed at random points while things write them, and what it said is checked. */
import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import type { Answered, Asked } from "./shadow-crash-server.ts";

const DEEP = process.env["HAWSER_DEEP"] === "1";
const SIZE = DEEP ? { kills: 40, perRound: 500 } : { kills: 2, perRound: 60 };
/** Classic shadows and named ones, of the same things. */
const SHADOWS = ["a", "b", "c"].flatMap((thing) => [
  { thing, name: "" },
  { thing, name: "named" },
]);

async function start(t: TestContext, directory: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "shadow-crash-server.ts"), [directory]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

test("F-22 shadows of a cloud killed under load have every change that anybody was told of, and versions without gaps", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-shadows-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const entropy = new SeededEntropy(nodeHash, "shadow-crash");
  const keyOf = ({ thing, name }: Asked) => `${thing}/${name}`;
  /** The last change that anybody was told of, and the next number to write, by shadow. */
  const known = new Map<string, Answered>();
  let next = 0;
  let changes = 0;
  for (let round = 0; round <= SIZE.kills; round++) {
    const child = await start(t, directory);
    let left = Math.ceil(SIZE.perRound * (0.5 + (entropy.bytes(1)[0] ?? 0) / 255));
    const over = Promise.withResolvers<void>();
    const isReading = new Set(known.keys());
    child.on("message", (answers: readonly Answered[]) => {
      for (const answer of answers) {
        const key = keyOf(answer);
        const last = known.get(key);
        if (last) {
          // A change that was on its way when the process was killed may be there or not.
          assert.ok(answer.version >= last.version, `${key}: version ${answer.version} after ${last.version}`);
          assert.ok((answer.n ?? -1) >= (last.n ?? 0), `${key}: ${answer.n} after ${last.n}`);
          if (!isReading.has(key)) assert.ok(answer.version - last.version <= 1, `${key}: a version is missing`);
        }
        isReading.delete(key);
        known.set(key, answer);
      }
      const { thing, name } = answers.at(-1) as Answered;
      changes += 1;
      left -= 1;
      if (left <= 0) over.resolve();
      else child.send({ thing, name, n: next++ } satisfies Asked);
    });
    // Whoever was told something first looks whether it is still there.
    for (const { thing, name } of SHADOWS) child.send(round > 0 ? { thing, name } : { thing, name, n: next++ });
    await over.promise;
    child.removeAllListeners("message");
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  assert.equal(known.size, SHADOWS.length);
  t.diagnostic(`${changes} changes and ${SIZE.kills} kills`);
});
