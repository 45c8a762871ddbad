import { Denied } from "../../codec/index.ts";
import { parseTemplate } from "../templates/index.ts";
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
  "RegisterThing",
  "UpdateCertificate",
  "UpdateThing",
];

/** The same caller for these operations only; others reject with `Denied` `function-operation`. */
export function allowOperations(api: ApiCaller, operations: readonly string[] = DEVICE_OPERATIONS): ApiCaller {
  return async (operation, input, identity) => {
    if (operation === "RegisterThing") refuseIssuing(input);
    if (operations.includes(operation)) return api(operation, input, identity);
    const message = `functions may not call ${operation.slice(0, 64)}, only ${operations.join(", ")}`;
    throw new Denied<FunctionErrorCode>("function-operation", message);
  };
}

/** A template for a certificate that is registered already is fine; one that has a new one made, or registered, is not. */
function refuseIssuing(input: unknown): void {
  const { templateBody } = (input ?? {}) as { readonly templateBody?: unknown };
  if (typeof templateBody !== "string") return;
  const { certificate } = parseTemplate(templateBody);
  if (!certificate || Object.hasOwn(certificate.properties, "CertificateId")) return;
  const message = "functions may call RegisterThing for a certificate that it names by CertificateId only";
  throw new Denied<FunctionErrorCode>("function-operation", message);
}
