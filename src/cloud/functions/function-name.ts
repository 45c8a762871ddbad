import { NotFound, UsageError } from "../../codec/index.ts";
import { functionArn, type Account } from "../registry/index.ts";
import type { FunctionErrorCode } from "./errors.ts";

/** The version that changes; all others are numbers. */
export const LATEST = "$LATEST";

/** A function as a caller names it. The qualifier is a version or an alias; `$LATEST` and none mean the same. */
export type FunctionRef = { readonly name: string; readonly qualifier: string };

const ARN = /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?(?:(\d{12}):)?(?:function:)?/;
const NAME = /^([\w-]+)(?::(\$LATEST|[\w-]+))?$/;

/**
 * The function that a name, `ACCOUNT:function:NAME`, or an ARN means, each with a qualifier behind it or beside it.
 * Throws `NotFound` `function-not-found` for another account or region, `UsageError` `function-parameter` where the two
 * qualifiers differ.
 */
export function refOf(given: string, account: Account, beside?: string): FunctionRef {
  const [prefix = "", region = account.region, id = account.id] = ARN.exec(given) ?? [];
  const [, name, behind] = NAME.exec(given.slice(prefix.length)) ?? [];
  if (name === undefined || region !== account.region || id !== account.id) {
    throw new NotFound<FunctionErrorCode>("function-not-found", `Function not found: ${given}`);
  }
  if (behind !== undefined && beside !== undefined && behind !== beside) {
    const message = `The derived qualifier from the function name does not match the specified qualifier: ${behind} is not ${beside}`;
    throw new UsageError<FunctionErrorCode>("function-parameter", message);
  }
  return { name, qualifier: behind ?? beside ?? LATEST };
}

/** The function's name where no version or alias is meant. Throws as `refOf`, and `function-parameter` for a qualified one. */
export function bareName(given: string, account: Account): string {
  const { name, qualifier } = refOf(given, account);
  if (qualifier === LATEST) return name;
  const message =
    `This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. ` +
    `Please specify either a function name or an unqualified function ARN, not ${name}:${qualifier}`;
  throw new UsageError<FunctionErrorCode>("function-parameter", message);
}

/** The ARN with the qualifier behind it, or the function's own for `$LATEST`. */
export function qualifiedArn(account: Account, { name, qualifier }: FunctionRef): string {
  const arn = functionArn(account, name);
  return qualifier === LATEST ? arn : `${arn}:${qualifier}`;
}

/** No function, version or alias has this name. */
export function functionNotFound(ref: FunctionRef, account: Account): NotFound<FunctionErrorCode> {
  return new NotFound("function-not-found", `Function not found: ${qualifiedArn(account, ref)}`);
}
