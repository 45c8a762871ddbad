/**
 * Runs `hawser se` command lines one behind the other in one process: each line of standard input is a JSON array of
 * words, each line of standard output what the command printed and how it would have ended.
 */
import { createInterface } from "node:readline";

import { Command } from "commander";

import { reportFailure } from "../../src/cli/output.ts";
import { registerSeCommands } from "../../src/cli/se.ts";

const write = process.stdout.write.bind(process.stdout);

for await (const line of createInterface({ input: process.stdin })) {
  const words = JSON.parse(line) as string[];
  const [out, err]: [string[], string[]] = [[], []];
  process.stdout.write = (text) => out.push(String(text)) > 0;
  process.stderr.write = (text) => err.push(String(text)) > 0;
  process.exitCode = 0;
  const program = new Command("hawser").option("--json").exitOverride();
  registerSeCommands(program);
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    process.exitCode = await reportFailure(error, true);
  }
  write(`${JSON.stringify({ status: process.exitCode, stdout: out.join(""), stderr: err.join("") })}\n`);
}
process.exitCode = 0;
