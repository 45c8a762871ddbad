import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";

const OUTPUT = JSON.stringify(join(import.meta.dirname, "output.ts"));

function run(program: string): string {
  const source = `import { gatherLines, lineOutput } from ${OUTPUT};\nconst { line } = lineOutput(false);\n${program}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

test("gathered lines come in their order, and with those that are not gathered", () => {
  const program = `
    for (const turn of ["a", "b"]) {
      for (let i = 0; i < 3; i++) { gatherLines(); line({}, turn + i); }
      line({}, turn + " at once");
      await new Promise(setImmediate);
    }`;
  assert.equal(run(program), "a0\na1\na2\na at once\nb0\nb1\nb2\nb at once\n");
});

test("gathered lines are not lost where the process ends in the same turn", () => {
  assert.equal(run(`gatherLines(); line({}, "last words"); process.exit(0);`), "last words\n");
});
