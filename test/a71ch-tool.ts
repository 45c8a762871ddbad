/** The A71CH Configure tool on a served chip, run in the test's own process. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";

import { keyPairFromPem } from "../src/agent/node.ts";
import { A71chChip } from "../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../src/chip/node.ts";
import { A71CH_TOOL_ERRORS, type A71chToolErrorCode } from "../src/cli/a71ch-errors.ts";
import { runA71chTool } from "../src/cli/a71ch-tool.ts";
import type { Output } from "../src/cli/output.ts";
import { toHex } from "../src/codec/index.ts";
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
export async function bench(t: TestContext, variant: "A" | "B" = "B") {
  const entropy = new SeededEntropy(nodeHash, "tool");
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: new VirtualClock(), variant });
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

/** A key; stands for `K16` in lines. */
export const K16 = "000102030405060708090a0b0c0d0e0f";

/** A line, the exit status that it has to end with, and what is to be said. */
export type Row = readonly [line: string, status: number, said?: RegExp | A71chToolErrorCode];

/** Runs lines one after the other on a new chip; `@` stands for the folder with the files. */
export async function original(t: TestContext, variant: "A" | "B" = "B") {
  const { run, file, inFolder, chip, address } = await bench(t, variant);
  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = ec.privateKey.export({ format: "pem", type: "sec1" });
  file("key.pem", pem);
  file("pub.pem", ec.publicKey.export({ format: "pem", type: "spki" }));
  const { point, scalar } = keyPairFromPem(pem);
  const [p, d] = [toHex(point), toHex(scalar)];
  mkdirSync(inFolder("dir"));
  const line = async (words: string, input?: string) =>
    run(words.replaceAll("@", inFolder("/")).replaceAll("K16", K16).replace("POINT", p).replace("SCALAR", d), input);
  const rows = async (...all: readonly Row[]) => {
    for (const [words, status, said] of all) checkSaid(words, await line(words), status, said);
  };
  return {
    line,
    rows,
    file,
    inFolder,
    point,
    chip,
    address,
    pkcs8: ec.privateKey.export({ format: "pem", type: "pkcs8" }),
  };
}

/** Checks what a line came to. */
export function checkSaid(words: string, got: Said, status: number, said?: RegExp | A71chToolErrorCode): void {
  assert.equal(got.status, status, `${words}: ${got.failure}${got.text}`);
  const all = `${got.warnings.join("\n")}${got.failure}`;
  if (said instanceof RegExp) assert.match(all, said, words);
  else if (said)
    assert.ok(got.failure.includes(`cause: ${A71CH_TOOL_ERRORS[said].cause}\ncure:  `), `${words}: ${all}`);
  // What ends well without having done what was typed says so.
  if (status === 0 && said === undefined) assert.equal(all, "", words);
}

/** ENC, MAC and DEK lines of a key file, "" for an empty line. */
export function keyLines(names: readonly string[]): string {
  return names.map((name) => (name === "" ? "\n" : `${name} ${name.charCodeAt(0).toString(16).repeat(16)}\n`)).join("");
}
