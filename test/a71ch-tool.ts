/** The A71CH Configure tool on a served chip, run in the test's own process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";

import { A71chChip } from "../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../src/chip/node.ts";
import { runA71chTool } from "../src/cli/a71ch-tool.ts";
import type { Output } from "../src/cli/output.ts";
import { SeededEntropy, VirtualClock } from "../src/crypto/index.ts";
import { nodeHash } from "../src/crypto/node.ts";

export type Said = {
  status: number;
  fields: Record<string, unknown>[];
  text: string;
  warnings: string[];
  failure: string;
};

/** A served chip, a folder for files, and a way to run the tool on both. */
export async function bench(t: TestContext) {
  const entropy = new SeededEntropy(nodeHash, "tool");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock() });
  const served = await serveChip({ chip, port: 0 });
  const folder = mkdtempSync(join(tmpdir(), "a71ch-"));
  t.after(async () => {
    rmSync(folder, { recursive: true });
    await served.close();
  });
  const address = `127.0.0.1:${served.port}`;
  const inFolder = (name: string) => join(folder, name);
  return {
    chip,
    address,
    folder,
    inFolder,
    file: (name: string, content: string | Uint8Array) => (writeFileSync(inFolder(name), content), inFolder(name)),
    run: (line: string, input = "") => run([address, ...line.split(" ")], { input }),
  };
}

/** Runs the tool in this process, with what it says caught. */
export async function run(words: readonly string[], { input = "", environmentAddress = "" } = {}): Promise<Said> {
  const said: Omit<Said, "status" | "failure"> = { fields: [], text: "", warnings: [] };
  const output: Output = {
    json: false,
    line: (fields, text) => {
      said.fields.push({ ...fields });
      said.text += `${text}\n`;
    },
    note: (text) => void (said.text += `${text}\n`),
    warn: (text) => void said.warnings.push(text),
  };
  const write = process.stderr.write.bind(process.stderr);
  let failure = "";
  process.stderr.write = (chunk) => ((failure += String(chunk)), true);
  try {
    const status = await runA71chTool({
      words,
      program: "a71chConfig",
      output,
      environmentAddress,
      input: Readable.from([input]),
    });
    return { ...said, status, failure };
  } finally {
    process.stderr.write = write;
  }
}
