/**
 * Runs the code blocks of a Markdown page as a reader would, top to bottom, in one empty folder.
 *
 * The word behind the language of a block says how it runs:
 *
 *   sh              to its end, which must be a good one; `cd` and `export` last for the blocks behind it
 *   sh background   stays up until the page is done; the next block starts once it says `listening`
 *   sh fails        must end badly, as the text around it says
 *   ts              a module of its own, which imports `hawser/...`
 *
 * Blocks of `text`, `json` and `mermaid` show something and are not run.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const SHOWN = ["text", "json", "mermaid"];

/** A fenced block: its language, the word behind it, its text, and the line where it begins. */
export type Block = {
  readonly language: string;
  readonly mode: string;
  readonly text: string;
  readonly line: number;
};

/** What a block printed. */
export type BlockRun = { readonly block: Block; readonly stdout: string; readonly stderr: string };

export type PageOptions = {
  /** More commands for the reader's path: each name with the body of a bash script. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Looks at what the reader's home folder holds after the last block. */
  readonly atEnd?: (home: string) => void;
};

/** The blocks of a page, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? "",
    mode: match[2]?.trim() ?? "",
    text: match[3] ?? "",
    line: markdown.slice(0, match.index).split("\n").length,
  }));
}

/** Runs every block of a page of this repository; the first one that does not do what it says fails the test. */
export async function runPage(t: TestContext, page: string, options: PageOptions = {}): Promise<BlockRun[]> {
  const blocks = blocksOf(readFileSync(join(ROOT, page), "utf8"));
  assert.ok(blocks.length > 0, `${page} has no code block`);
  const reader = new Reader(t, page, options);
  const runs: BlockRun[] = [];
  for (const block of blocks) if (!SHOWN.includes(block.language)) runs.push(await reader.read(block));
  options.atEnd?.(reader.home);
  return runs.map((each) => ({ ...each, ...reader.printedBy(each.block) }));
}

/** Somebody at a terminal in an empty folder, with `hawser` and the pinned `node` on the path. */
class Reader {
  readonly #page: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "hawser-page-"));
  // Inside the package's folder, so that `hawser/...` resolves to the package itself.
  readonly #modules: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #background = new Map<Block, { readonly child: ChildProcess; stdout: string; stderr: string }>();
  #cwd = this.#folder;

  constructor(t: TestContext, page: string, { commands = {}, env = {} }: PageOptions) {
    this.#page = page;
    const name = page.replaceAll(/\W+/g, "-").toLowerCase();
    this.#modules = join(ROOT, ".hawser", `${name}-${process.pid}`);
    mkdirSync(this.#modules, { recursive: true });
    t.after(async () => {
      await Promise.all([...this.#background.values()].map(({ child }) => stopGroup(child)));
      rmSync(this.#folder, { recursive: true, force: true });
      rmSync(this.#modules, { recursive: true, force: true });
    });
    const path = `${commandFolder(this.#folder, commands)}:${process.env["PATH"]}`;
    this.#env = { ...process.env, PATH: path, HOME: this.#folder, ...env };
  }

  get home(): string {
    return this.#folder;
  }

  async read(block: Block): Promise<BlockRun> {
    try {
      if (block.language === "ts") return { block, ...(await this.#runModule(block)) };
      if (block.language !== "sh") assert.fail(`a block of ${block.language} cannot be run`);
      if (block.mode === "background") return await this.#start(block);
      if (block.mode !== "fails") return { block, ...(await this.#runShell(block)) };
      return await this.#fail(block);
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return assert.fail(`${this.#page} line ${block.line}: ${String(error)}\n${stdout}\n${stderr}${this.#told()}`);
    }
  }

  /** What a block in the background has printed up to now; nothing for the others, whose run says it all. */
  printedBy(block: Block): { stdout: string; stderr: string } | undefined {
    const found = this.#background.get(block);
    return found && { stdout: found.stdout, stderr: found.stderr };
  }

  #runModule({ text, line }: Block): Promise<{ stdout: string; stderr: string }> {
    const file = join(this.#modules, `line-${line}.ts`);
    writeFileSync(file, text);
    return run(process.execPath, ["--conditions=hawser-source", file], { cwd: this.#cwd, env: this.#env });
  }

  async #runShell({ text }: Block): Promise<{ stdout: string; stderr: string }> {
    const [place, exported] = [join(this.#folder, ".cwd"), join(this.#folder, ".exported")];
    const script = `${this.#begin}trap 'pwd > "${place}"; export -p > "${exported}"' EXIT\n${text}`;
    const options = { cwd: this.#cwd, env: this.#env, maxBuffer: 1 << 24 };
    try {
      return await run("bash", ["-euo", "pipefail", "-c", script], options);
    } finally {
      if (existsSync(place)) this.#cwd = readFileSync(place, "utf8").trimEnd();
    }
  }

  /** What earlier blocks have exported. */
  get #begin(): string {
    const exported = join(this.#folder, ".exported");
    return existsSync(exported) ? `source "${exported}"\n` : "";
  }

  async #fail(block: Block): Promise<BlockRun> {
    const ended = await this.#runShell(block).then(
      () => assert.fail("it was to fail and did not"),
      (error: { code?: number; stdout?: string; stderr?: string }) => error,
    );
    if (typeof ended.code !== "number") throw ended;
    return { block, stdout: ended.stdout ?? "", stderr: ended.stderr ?? "" };
  }

  #start(block: Block): Promise<BlockRun> {
    // A group of its own, so that what bash starts ends with it.
    const child = spawn("bash", ["-euo", "pipefail", "-c", `${this.#begin}${block.text}`], {
      cwd: this.#cwd,
      env: this.#env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const printed = { child, stdout: "", stderr: "" };
    this.#background.set(block, printed);
    return new Promise((resolve, reject) => {
      const take = (stream: "stdout" | "stderr") => (text: string) => {
        printed[stream] += text;
        if (/listening/i.test(printed[stream])) resolve({ block, stdout: printed.stdout, stderr: printed.stderr });
      };
      child.stdout.setEncoding("utf8").on("data", take("stdout"));
      child.stderr.setEncoding("utf8").on("data", take("stderr"));
      child.once("exit", (code) => {
        reject(Object.assign(new Error(`it ended with ${code} before it was listening`), printed));
      });
    });
  }

  #told(): string {
    return [...this.#background].map(([{ line }, each]) => `\nline ${line}:\n${each.stdout}${each.stderr}`).join("");
  }
}

function stopGroup(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    process.kill(-child.pid, "SIGTERM");
  });
}

/** A folder with the commands that a reader would have: `npm` in a checkout, the package's own, and the pinned `node`. */
function commandFolder(folder: string, more: Readonly<Record<string, string>>): string {
  const bin = join(folder, ".bin");
  mkdirSync(bin);
  const npm = execFileSync("which", ["npm"], { encoding: "utf8" }).trim();
  const scripts = {
    node: `exec "${process.execPath}" "$@"`,
    npm: `cd "${ROOT}"\nif [ "$1" = ci ]; then exec "${npm}" ci --dry-run --offline; fi\nif [ "$1" = test ]; then exit 0; fi\nexec "${npm}" "$@"`,
    ...packageCommands(bin),
    ...more,
  };
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/usr/bin/env bash\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

/** The programs that package.json installs, each run from its source and under the name that it is called by. */
function packageCommands(folder: string): Record<string, string> {
  const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { bin: Record<string, string> };
  const names = join(folder, ".names");
  mkdirSync(names);
  return Object.fromEntries(
    Object.entries(bin).map(([name, path]) => {
      symlinkSync(join(ROOT, path.replace("./dist/", "src/").replace(/\.js$/, ".ts")), join(names, name));
      return [name, `exec "${process.execPath}" "${join(names, name)}" "$@"`];
    }),
  );
}
