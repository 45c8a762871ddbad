import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

import { UsageError } from "../codec/index.ts";
import type { CliErrorCode } from "./errors.ts";

/** Where a passphrase comes from: a file's first line, or the person at the terminal. */
export type PassphraseOptions = { readonly passphraseFile?: string };

/** The passphrase of `--passphrase-file`: the first line of the file. */
export function passphraseOf({ passphraseFile }: PassphraseOptions): string | undefined {
  return passphraseFile === undefined ? undefined : readFileSync(passphraseFile, "utf8").split(/\r?\n/)[0];
}

/**
 * The passphrase of a key that is never kept in clear: from the file, or asked for at the terminal without showing it,
 * twice where it is a new one. Throws `UsageError` `no-passphrase` where there is neither, or the two differ.
 */
export async function requirePassphrase(options: PassphraseOptions, { isNew }: { isNew: boolean }): Promise<string> {
  const given = passphraseOf(options);
  if (given === "") throw noPassphrase(`${options.passphraseFile} begins with an empty line`);
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) throw noPassphrase("there is no terminal to ask at, and no --passphrase-file");
  const typed = await asked(isNew ? "passphrase of the new key: " : "passphrase of the key: ");
  if (typed === "") throw noPassphrase("an empty passphrase protects nothing");
  if (isNew && (await asked("the same again: ")) !== typed) throw noPassphrase("the two passphrases differ");
  return typed;
}

/** Asks on standard error, so that what a command prints can be kept, and shows nothing of the answer. */
async function asked(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const leave = new AbortController();
  terminal.once("SIGINT", () => leave.abort());
  process.stderr.write(question);
  try {
    return await terminal.question("", { signal: leave.signal });
  } catch (cause) {
    throw new UsageError<CliErrorCode>("no-passphrase", "nothing was typed", { cause });
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}

function noPassphrase(message: string): UsageError<CliErrorCode> {
  return new UsageError<CliErrorCode>("no-passphrase", message);
}
