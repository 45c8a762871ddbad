import { Denied } from "../../codec/index.ts";
import type { FunctionErrorCode } from "./errors.ts";
import type { ApiCaller } from "./runtime.ts";

/** What functions may call: enough to bring a device in and to look at it, nothing that makes or hands out secrets. */
export const DEVICE_OPERATIONS: readonly string[] = [
  "AttachPolicy",
  "AttachPrincipalPolicy",
  "AttachThingPrincipal",
  "CreatePolicy",
  "CreateThing",
  "DescribeCACertificate",
  "DescribeCertificate",
  "DescribeThing",
  "DetachPolicy",
  "DetachThingPrincipal",
  "ListAttachedPolicies",
  "ListPrincipalThings",
  "ListThingPrincipals",
  "UpdateCertificate",
  "UpdateThing",
];

/** The same caller for these operations only; others reject with `Denied` `function-operation`. */
export function allowOperations(api: ApiCaller, operations: readonly string[] = DEVICE_OPERATIONS): ApiCaller {
  return async (operation, input, identity) => {
    if (operations.includes(operation)) return api(operation, input, identity);
    const message = `functions may not call ${operation.slice(0, 64)}, only ${operations.join(", ")}`;
    throw new Denied<FunctionErrorCode>("function-operation", message);
  };
}
