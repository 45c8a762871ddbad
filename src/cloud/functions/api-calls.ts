import { Refused } from "../../codec/index.ts";
import type { Trace } from "../../trace/index.ts";
import { httpFor } from "../operations/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { ApiCaller } from "./runtime.ts";

/** An API call of a function that was refused: `wire` is AWS's name of the error, the name that the function sees. */
export class CallRefused extends Refused<FunctionErrorCode, string> {
  constructor(name: string, message: string, cause: unknown) {
    super("function-call", message, name, { cause });
  }
}

/**
 * The same caller, whose refusals have AWS's names, so that a function can tell a ResourceAlreadyExistsException.
 * What nobody foresaw reaches the trace, and the function without its message.
 */
export function withAwsNames(api: ApiCaller, trace: Trace): ApiCaller {
  return async (operation, input, identity) => {
    try {
      return await api(operation, input, identity);
    } catch (error) {
      const { type, message, unforeseen } = httpFor(error, "iot");
      if (unforeseen) {
        const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
        const detail = `${operation} of function ${identity.functionArn} failed: ${stack}`;
        trace.emit("cloud", { kind: "process", what: "warning", detail });
      }
      throw new CallRefused(type, message, error);
    }
  };
}
