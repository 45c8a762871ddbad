import { existsSync, globSync } from "node:fs";
import { join } from "node:path";

import type { ErrorTable } from "../src/codec/index.ts";
import { REFUSALS } from "../src/trace/index.ts";

const SOURCE = join(import.meta.dirname, "../src");

/** All error tables that rooms declare, by the name of the room. */
export async function errorTables(): Promise<ReadonlyMap<string, ErrorTable>> {
  const tables = new Map<string, ErrorTable>();
  const files = globSync("**/errors.ts", { cwd: SOURCE }).sort();
  for (const file of files) {
    const path = join(SOURCE, file);
    if (!existsSync(path)) continue;
    const exported = (await import(path)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported)) {
      if (name.endsWith("_ERRORS")) tables.set(file.replace(/\/errors\.ts$/, ""), value as ErrorTable);
    }
  }
  return tables;
}

/** The text of docs/errors.md. */
export async function errorsDocument(): Promise<string> {
  const parts = [
    "# Errors\n",
    "Every error that Hawser throws carries a `code`; its class says whose fault it is (see CONTRIBUTING.md). Codes are API, messages are not.",
    "This page is written by `npm run errors:write` from the tables in the code.\n",
  ];
  for (const [room, table] of await errorTables()) {
    parts.push(`## ${room}\n`, ...rows(table));
  }
  parts.push(
    "## Refusals\n",
    "Why a device or caller can be turned away. Each is an event in the ledger; `hawser why` prints it with its evidence.\n",
    ...rows(REFUSALS),
  );
  return `${parts.join("\n").trimEnd()}\n`;
}

function rows(table: ErrorTable): string[] {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const lines = Object.entries(table).map(
    ([code, { cause, cure }]) => `| \`${code}\` | ${cell(cause)} | ${cell(cure)} |`,
  );
  return ["| code | cause | cure |", "|---|---|---|", ...lines, ""];
}
