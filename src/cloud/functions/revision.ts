import { Conflict } from "../../codec/index.ts";
import type { FunctionErrorCode } from "./errors.ts";

/** Throws `Conflict` `function-revision` where a caller expects another revision than there is. */
export function checkRevision(expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return;
  const message = `The RevisionId provided does not match the latest: ${expected} is not ${actual}`;
  throw new Conflict<FunctionErrorCode>("function-revision", message);
}
