import { NotFound } from "../../codec/index.ts";
import { functionArn, type Account } from "../registry/index.ts";
import type { FunctionErrorCode } from "./errors.ts";

/** The one version that a function has. */
export const LATEST = "$LATEST";

const ARN = /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?(?:(\d{12}):)?(?:function:)?/;
const NAME = /^([\w-]+)(?::(\$LATEST|[\w-]+))?$/;

/**
 * The bare name in what callers may give: a name, `ACCOUNT:function:NAME`, or an ARN, each with a version behind it.
 * Throws `NotFound` `function-not-found` for another account or region, and for any version but `$LATEST`.
 */
export function bareName(given: string, account: Account, qualifier = LATEST): string {
  const [prefix = "", region = account.region, id = account.id] = ARN.exec(given) ?? [];
  const [, name, version = LATEST] = NAME.exec(given.slice(prefix.length)) ?? [];
  const isHere = region === account.region && id === account.id && version === LATEST && qualifier === LATEST;
  if (name === undefined || !isHere) {
    const wanted = qualifier === LATEST ? given : `${given}:${qualifier}`;
    throw new NotFound<FunctionErrorCode>("function-not-found", `Function not found: ${wanted}`);
  }
  return name;
}

/** No function has this name. */
export function functionNotFound(name: string, account: Account): NotFound<FunctionErrorCode> {
  return new NotFound("function-not-found", `Function not found: ${functionArn(account, name)}`);
}
