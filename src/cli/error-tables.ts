import { AGENT_ERRORS } from "../agent/index.ts";
import { CODEC_ERRORS, type ErrorEntry, type ErrorTable } from "../codec/index.ts";
import { CRYPTO_ERRORS } from "../crypto/index.ts";
import { REFUSALS } from "../trace/index.ts";
import { CLI_ERRORS } from "./errors.ts";

/** Every room's error table by the room's name: what the commands print from, and what docs/errors.md is written from. */
export const ERROR_TABLES: Readonly<Record<string, ErrorTable>> = {
  codec: CODEC_ERRORS,
  crypto: CRYPTO_ERRORS,
  agent: AGENT_ERRORS,
  cli: CLI_ERRORS,
  refusals: REFUSALS,
};

/** Cause and cure of a code, or undefined where no room knows it. Rooms are asked in the tables' order. */
export function explain(code: string): ErrorEntry | undefined {
  for (const table of Object.values(ERROR_TABLES)) {
    if (Object.hasOwn(table, code)) return table[code];
  }
  return undefined;
}
