/** No file needs itself: not by what it runs, and not by its types. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

type Imports = ReadonlyMap<string, readonly string[]>;

/** What each file imports or passes on, types included; what is only loaded when it is needed (`import()`) is not. */
function importsOf(files: Iterable<readonly [path: string, text: string]>): Imports {
  const pattern = /^(?:import|export)\s[^'";]*?\sfrom\s+"(\.[^"]+)"/gm;
  return new Map(
    [...files].map(([path, text]) => [
      path,
      [...text.matchAll(pattern)].map(([, target = ""]) => normalize(join(dirname(path), target))),
    ]),
  );
}

/** Circles as one finds them going from file to file; each that is removed may let another be seen. */
function circlesIn(imports: Imports): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    const from = way.indexOf(path);
    if (from >= 0) circles.push([...way.slice(from), path].join(" -> "));
    if (from >= 0 || done.has(path)) return;
    way.push(path);
    for (const target of imports.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const path of imports.keys()) visit(path);
  return circles;
}

test("no file of src imports itself through others, not even by types", () => {
  const paths = globSync("src/**/*.ts", { cwd: ROOT }).filter((path) => !path.endsWith(".test.ts"));
  const imports = importsOf(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
  assert.ok(imports.size > 500 && (imports.get("src/cli/chip.ts") ?? []).length > 3, "the sources were read");
  assert.deepEqual(circlesIn(imports), []);
});

test("a circle is found, by types and by what is passed on as well", () => {
  const imports = importsOf([
    ["a/one.ts", 'import { two } from "./two.ts";\n'],
    ["a/two.ts", 'import {\n  type Three,\n} from "../b/three.ts";\n'],
    ["b/three.ts", 'export type { One } from "../a/one.ts";\nexport type Three = 3;\n'],
    ["b/four.ts", 'import { three } from "./three.ts";\nconst later = await import("../a/one.ts");\n'],
  ]);
  assert.deepEqual(circlesIn(imports), ["a/one.ts -> a/two.ts -> b/three.ts -> a/one.ts"]);
});
