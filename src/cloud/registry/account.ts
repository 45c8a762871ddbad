import { invalidRequest } from "../errors.ts";

/** Whose cloud this is: 12 digits, and the region that stands in every ARN. */
export type Account = { readonly id: string; readonly region: string };

/** The kinds of resource that an ARN can name. */
export type IotResource =
  | "cert"
  | "cacert"
  | "thing"
  | "policy"
  | "rule"
  | "thingtype"
  | "thinggroup"
  | "billinggroup"
  | "provisioningtemplate"
  | "authorizer"
  | "rolealias"
  | "domainconfiguration"
  | "certificateprovider"
  | "ruledestination"
  | "index"
  | "deviceregistry"
  | "job"
  | "jobtemplate";

/** arn:aws:iot:REGION:ACCOUNT:KIND/NAME, the name of every resource of the control plane. */
export function iotArn(account: Account, kind: IotResource, name: string): string {
  return `${iotArnStart(account, kind)}${name}`;
}

/** arn:aws:lambda:REGION:ACCOUNT:function:NAME */
export function functionArn(account: Account, name: string): string {
  return `arn:aws:lambda:${account.region}:${account.id}:function:${name}`;
}

/**
 * The certificate id in a certificate's ARN. `at` names the field in messages. Throws `UsageError` `invalid-request` for
 * anything else, naming what was expected.
 */
export function certificateIdOfArn(account: Account, arn: string, at: string): string {
  const start = iotArnStart(account, "cert");
  const id = normalCertificateId(arn.slice(start.length));
  if (arn.startsWith(start) && /^[0-9a-f]{64}$/.test(id)) return id;
  const shown = arn.length > 200 ? `${arn.slice(0, 200)}…` : arn;
  const hint = /[{}<>]/.test(arn) ? "; put the ARN that the registration returned in place of the braces" : "";
  throw invalidRequest(`${at} must be a certificate ARN, ${start}<64 hex digits>, not ${shown}${hint}`);
}

/** The name in an ARN of this kind and account, or undefined. */
export function nameOfArn(account: Account, kind: IotResource, arn: string): string | undefined {
  const start = iotArnStart(account, kind);
  return arn.startsWith(start) && arn.length > start.length ? arn.slice(start.length) : undefined;
}

/** Lower case, without the 0x that AWS's pattern allows. */
export function normalCertificateId(id: string): string {
  return id.toLowerCase().replace(/^0x/, "");
}

function iotArnStart(account: Account, kind: IotResource): string {
  return `arn:aws:iot:${account.region}:${account.id}:${kind}/`;
}
