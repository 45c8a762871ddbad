/** A folder in which programs work with a key, and all that they say, for a search for the key afterwards. */
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import type { Artefact } from "../../scripts/canary.ts";
import { finished, hawser, Program } from "../../scripts/programs.ts";
import type { WireTap } from "../../scripts/wire-tap.ts";
import { memoryWatch, type MemoryWatch } from "./masked-key.ts";

/** The private scalar of a PEM file. */
export function scalarIn(path: string): Uint8Array {
  return Buffer.from(createPrivateKey(readFileSync(path)).export({ format: "jwk" }).d ?? "", "base64url");
}

/** The folder, the programs that run in it, and the wires that are tapped. */
export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), "hawser-canary-"));
  readonly outputs: Artefact[] = [];
  readonly taps: WireTap[] = [];
  readonly #t: TestContext;
  #watch: MemoryWatch | undefined;

  constructor(t: TestContext) {
    this.#t = t;
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string): void {
    writeFileSync(this.path(name), content, { mode: 0o600 });
  }

  start(argv: readonly string[], nodeOptions: readonly string[] = []): Program {
    const program = hawser(argv, { cwd: this.folder, nodeOptions });
    this.#t.after(() => program.stop("SIGKILL"));
    return program;
  }

  async tapped(tap: Promise<WireTap>): Promise<WireTap> {
    const opened = await tap;
    this.taps.push(opened);
    this.#t.after(() => opened.close());
    return opened;
  }

  /** From now on each `hawser` command that ends looks for this key in its own memory then. */
  watchFor(key: Uint8Array): MemoryWatch {
    this.#watch = memoryWatch(key, this.path("memory.txt"));
    return this.#watch;
  }

  /** A `hawser` command that ends. */
  async hawser(argv: readonly string[]): Promise<readonly string[]> {
    const { nodeOptions = [], env = {} } = this.#watch ?? {};
    return this.#told(hawser(argv, { cwd: this.folder, nodeOptions, env }));
  }

  async run(
    command: string,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<readonly string[]> {
    return this.#told(new Program(command, command, argv, { cwd: this.folder, env }));
  }

  keep(program: Program): void {
    this.outputs.push({ name: program.name, bytes: Buffer.from(program.transcript()) });
  }

  /** What passed over every wire. */
  wires(): Artefact[] {
    return this.taps.flatMap((tap, n) =>
      [...tap.sent, ...tap.received].map((bytes, i) => ({ name: `wire ${n}.${i}`, bytes })),
    );
  }

  async #told(program: Program): Promise<readonly string[]> {
    this.#t.after(() => program.stop("SIGKILL"));
    const lines = await finished(program);
    this.keep(program);
    return lines;
  }
}
