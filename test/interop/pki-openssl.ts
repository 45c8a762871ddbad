/** A directory in which openssl works, and what the tests of pki ask of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export type Openssl = {
  readonly directory: string;
  /** Runs `openssl` with a command line as typed (quotes are understood); throws where it fails. */
  run(commandLine: string, input?: string): string;
  /** What openssl said, and whether it was content. */
  ask(commandLine: string): { readonly ok: boolean; readonly text: string };
  write(name: string, text: string): void;
  read(name: string): string;
};

export function opensslIn(t: TestContext): Openssl {
  const directory = mkdtempSync(join(tmpdir(), "hawser-openssl-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const ask = (commandLine: string, input = "") => {
    const [program = "", ...argv] = words(commandLine);
    const { status, stdout, stderr } = spawnSync(program, argv, { cwd: directory, encoding: "utf8", input });
    return { ok: status === 0, text: stdout + stderr, stdout };
  };
  return {
    directory,
    ask,
    run(commandLine, input) {
      const { ok, text, stdout } = ask(commandLine, input);
      if (!ok) throw new Error(`${commandLine}\n${text}`);
      return stdout;
    },
    write: (name, text) => writeFileSync(join(directory, name), text),
    read: (name) => readFileSync(join(directory, name), "utf8"),
  };
}

function words(commandLine: string): string[] {
  return [...commandLine.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}
