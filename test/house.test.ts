/**
 * The house rules of CONTRIBUTING.md, executed: who may import whom, what a pure file may touch, names and sizes.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");

/** Which rooms a room may import besides itself. */
const ROOMS: Record<string, readonly string[]> = {
  codec: [],
  crypto: ["codec"],
  trace: ["codec", "crypto"],
  pki: ["codec", "crypto", "trace"],
  apdu: ["codec", "crypto", "trace"],
  chip: ["codec", "crypto", "trace", "apdu", "pki"],
  host: ["codec", "crypto", "trace", "apdu"],
  tls: ["codec", "crypto", "trace", "pki"],
  pkcs11: ["codec", "crypto", "trace", "pki"],
  cloud: ["codec", "crypto", "trace", "pki"],
  provisioning: ["codec", "crypto", "trace", "pki", "apdu"],
  agent: ["codec", "crypto", "trace", "pki", "apdu", "host", "tls", "pkcs11", "provisioning"],
  cli: ["codec", "crypto", "trace", "pki", "apdu", "chip", "host", "tls", "pkcs11", "cloud", "provisioning", "agent"],
};

const BANNED_NAMES = ["utils", "util", "helpers", "common", "misc", "types", "manager", "base"];
const MAX_LINES = 400;

type Source = { path: string; text: string; room: string; isTest: boolean; isNode: boolean; isCli: boolean };

const sources: Source[] = globSync("src/**/*.ts", { cwd: ROOT }).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), "utf8"),
  room: path.split("/")[1] ?? "",
  isTest: path.endsWith(".test.ts"),
  isNode: /^node(-[\w-]+)?\.ts$/.test(basename(path)),
  isCli: path.startsWith("src/cli/"),
}));
const shipped = sources.filter((source) => !source.isTest);
const pure = shipped.filter((source) => !source.isNode && !source.isCli);

function importsOf(source: Source): string[] {
  const pattern = /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?["']([^"']+)["']|import\(\s*["']([^"']+)["']/g;
  return [...source.text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? "");
}

function report(offences: readonly string[]): void {
  assert.deepEqual(offences, []);
}

test("every room is a known room and imports only the rooms below it, by their doors", () => {
  const offences: string[] = [];
  for (const source of sources) {
    const allowed = ROOMS[source.room];
    if (!allowed) offences.push(`${source.path}: ${source.room} is not a room`);
    for (const target of importsOf(source).filter((each) => each.startsWith("."))) {
      const path = normalize(join(dirname(source.path), target));
      const [, room = "", ...inside] = path.split("/");
      if (!existsSync(join(ROOT, path))) offences.push(`${source.path}: ${target} does not exist`);
      if (room === source.room) continue;
      if (!source.isTest && !allowed?.includes(room))
        offences.push(`${source.path}: ${source.room} may not import ${room}`);
      const isDoor = /^(index|node(-[\w-]+)?)\.ts$/.test(inside.at(-1) ?? "") && inside.length <= 2;
      if (!isDoor) offences.push(`${source.path}: ${path} is not a door`);
    }
  }
  report(offences);
});

test("host and chip, and tls and host, meet only in tests and programs", () => {
  report(
    shipped
      .filter((source) => ["host", "chip", "tls"].includes(source.room))
      .flatMap((source) => importsOf(source).map((target) => ({ source, target })))
      .filter(({ source, target }) => {
        const room = normalize(join(dirname(source.path), target)).split("/")[1] ?? "";
        return target.startsWith(".") && room !== source.room && ["host", "chip", "tls"].includes(room);
      })
      .map(({ source, target }) => `${source.path}: ${target}`),
  );
});

test("a pure file touches no clock, no randomness, no process and no node: module", () => {
  const forbidden: [RegExp, string][] = [
    [/\bDate\.now\(/, "reads a clock"],
    [/\bnew Date\(\)/, "reads a clock"],
    [/\bperformance\./, "reads a clock"],
    [/\bMath\.random\(/, "makes randomness"],
    [/\bcrypto\.(getRandomValues|randomUUID|subtle)/, "makes randomness"],
    [/\b(setTimeout|setInterval|setImmediate)\(/, "sets a timer"],
    [/\bprocess\.(?!\w+\s*:)/, "touches the process"],
    [/\bBuffer\b(?!ed|ing)/, "uses Buffer"],
    [/\bconsole\./, "prints"],
  ];
  const offences: string[] = [];
  for (const source of pure) {
    const code = source.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"/gm, "");
    for (const [pattern, what] of forbidden) if (pattern.test(code)) offences.push(`${source.path}: ${what}`);
    for (const target of importsOf(source)) {
      if (target.startsWith("node:")) offences.push(`${source.path}: imports ${target}`);
    }
  }
  report(offences);
});

test("files are kebab-case, named for a thing, and at most 400 lines", () => {
  const offences: string[] = [];
  for (const { path, text } of shipped) {
    const name = basename(path, ".ts");
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) offences.push(`${path}: not kebab-case`);
    if (BANNED_NAMES.includes(name)) offences.push(`${path}: nothing in ${name} has an owner`);
    const isTable = text.startsWith("/** @table");
    const lines = text.split("\n").length;
    if (lines > MAX_LINES && !isTable) offences.push(`${path}: ${lines} lines`);
  }
  report(offences);
});

test("src throws no bare Error, exports no default, declares no enum", () => {
  const offences: string[] = [];
  for (const { path, text } of shipped) {
    if (/throw new (Error|TypeError|RangeError)\(/.test(text)) offences.push(`${path}: bare Error`);
    if (/^export default/m.test(text)) offences.push(`${path}: default export`);
    if (/^(export )?(const )?enum /m.test(text)) offences.push(`${path}: enum`);
    if (/\b(TODO|FIXME|XXX)\b/.test(text)) offences.push(`${path}: unfinished note`);
    if (/from "node:events"/.test(text)) offences.push(`${path}: EventEmitter`);
  }
  report(offences);
});

test("every specification that a comment cites is listed in docs/specs.md", () => {
  const listed = readFileSync(join(ROOT, "docs/specs.md"), "utf8");
  const offences = new Set<string>();
  for (const { path, text } of shipped) {
    for (const match of text.matchAll(/\b(RFC \d{3,5}|FIPS \d{3}(?:-\d)?|SEC \d|SP 800-\d+[A-Z]?)\b/g)) {
      const spec = match[1] ?? "";
      if (!listed.includes(`| ${spec} |`)) offences.add(`${path}: ${spec} is not in docs/specs.md`);
    }
  }
  report([...offences]);
});

test("nothing that is committed names the machine it was written on", () => {
  const offences: string[] = [];
  const files = globSync("{src,test,docs,scripts,examples,console}/**/*.{ts,md,sh,json,html}", { cwd: ROOT });
  for (const path of [...files, "package.json", "package-lock.json", "README.md"]) {
    if (path === "test/house.test.ts" || !existsSync(join(ROOT, path))) continue;
    const text = readFileSync(join(ROOT, path), "utf8");
    if (/"resolved": "https?:|\/(work|home)\/[a-z]/.test(text)) offences.push(path);
  }
  report(offences);
});

test("the top folder holds what belongs there: nothing that a run by hand left behind is committed", (t) => {
  const listed = spawnSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" });
  if (listed.status !== 0) return t.skip("not a clone of the repository");
  const paths = listed.stdout.split("\n").filter((path) => path !== "");
  const folders = new Set(paths.filter((path) => path.includes("/")).map((path) => path.split("/")[0] ?? ""));
  report([...folders].filter((folder) => ![".ci", "docs", "scripts", "src", "test"].includes(folder)));
  const files = paths.filter((path) => !path.includes("/"));
  report(
    files.filter(
      (file) => !/^(?:[A-Z]+(?:\.md)?|[\w.-]+\.json|\.(?:gitignore|npmrc|oxfmtrc\.json|oxlintrc\.json))$/.test(file),
    ),
  );
  report(paths.filter((path) => /(?:\.key|key\.pem|\.log|\.cpuprofile)$/i.test(path)));
});
