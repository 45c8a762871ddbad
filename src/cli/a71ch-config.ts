#!/usr/bin/env node
import { basename } from "node:path";

import { lineOutput, reportFailure, surviveClosedPipes } from "./output.ts";
import { requireNode } from "./runtime.ts";

/** `a71chConfig`, also under the name that AN12131 section 8.6 gives it: the Configure tool as a program of its own. */
async function main(argv: readonly string[]): Promise<void> {
  surviveClosedPipes();
  const words = argv.filter((word) => word !== "--json");
  try {
    requireNode(process.versions.node);
  } catch (error) {
    process.exitCode = await reportFailure(error, words.length < argv.length);
    return;
  }
  const { runA71chTool } = await import("./a71ch-tool.ts");
  process.exitCode = await runA71chTool({
    words: words[0] === "--help" ? ["help"] : words,
    program: basename(process.argv[1] ?? "a71chConfig", ".ts"),
    output: lineOutput(words.length < argv.length),
    environmentAddress: process.env.RJCT_SERVER_ADDR,
    input: process.stdin,
  });
}

await main(process.argv.slice(2));
