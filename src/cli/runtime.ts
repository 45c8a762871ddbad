import nodeModule from "node:module";

import { UsageError } from "../codec/index.ts";
import type { CliErrorCode } from "./errors.ts";

const LEAST: readonly [major: number, minor: number] = [24, 12];

/** Refuses a Node that is older than package.json's `engines`, before any file loads that it could not. Throws `node-too-old`. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return;
  throw new UsageError<CliErrorCode>(
    "node-too-old",
    `this is Node ${version}, and Hawser needs ${LEAST.join(".")} or later`,
  );
}

/** Keeps compiled code in `directory`: in a checkout, most of a short command's time goes into stripping types and compiling. */
export function keepCompiledCode(directory: string): void {
  // Through the default export: a name that an old Node's module lacks would fail before requireNode can speak.
  nodeModule.enableCompileCache(directory);
}
