/** Builds `dist/` for the published package with the compiler's own emit. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
rmSync(join(root, "dist"), { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });

// What the compiler does not emit but the package needs at run time.
for (const path of globSync("**/*.{mjs,cjs,json,html,css}", { cwd: join(root, "src") })) {
  copyFileSync(join(root, "src", path), join(root, "dist", path));
}

const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: Record<string, string> };
for (const path of new Set(Object.values(bin))) {
  const program = join(root, path);
  const text = readFileSync(program, "utf8");
  if (!text.startsWith("#!")) writeFileSync(program, `#!/usr/bin/env node\n${text}`);
  chmodSync(program, 0o755);
}
