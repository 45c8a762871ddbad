import { matchesPattern } from "../policy/pattern.ts";

/** One statement of a function's resource policy, as AddPermission makes it. */
export type PermissionStatement = {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: "*" | { readonly Service: string } | { readonly AWS: string };
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: {
    readonly StringEquals?: { readonly "AWS:SourceAccount": string };
    readonly ArnLike?: { readonly "AWS:SourceArn": string };
  };
};

/** What AddPermission is given; the function's ARN is the resource. */
export type Permission = {
  readonly statementId: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
};

/** Who wants to invoke a function: a service, on behalf of one of its resources. */
export type ServiceCaller = { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string };

/** The statement for a permission. A principal with a dot is a service, `*` is everybody, the rest an account or ARN. */
export function statementOf(permission: Permission, functionArn: string): PermissionStatement {
  const { statementId, action, principal, sourceArn, sourceAccount } = permission;
  const isService = principal.endsWith(".amazonaws.com");
  const account = /^\d{12}$/.test(principal) ? `arn:aws:iam::${principal}:root` : principal;
  const condition = {
    ...(sourceAccount !== undefined && { StringEquals: { "AWS:SourceAccount": sourceAccount } }),
    ...(sourceArn !== undefined && { ArnLike: { "AWS:SourceArn": sourceArn } }),
  };
  return {
    Sid: statementId,
    Effect: "Allow",
    Principal: principal === "*" ? "*" : isService ? { Service: principal } : { AWS: account },
    Action: action,
    Resource: functionArn,
    ...(Object.keys(condition).length > 0 && { Condition: condition }),
  };
}

/** The policy as Lambda prints it. */
export function policyText(statements: readonly PermissionStatement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Id: "default", Statement: statements });
}

/** Undefined where a statement lets the caller invoke the function, else what is missing, and the statement nearest to it. */
export function whyNot(statements: readonly PermissionStatement[], caller: ServiceCaller): string | undefined {
  const forService = statements.filter((statement) => concerns(statement, caller.service));
  if (forService.length === 0) return `no statement of its policy allows lambda:InvokeFunction to ${caller.service}`;
  const reasons = forService.map((statement) => unmet(statement, caller));
  if (reasons.includes(undefined)) return undefined;
  return reasons[0];
}

function concerns({ Principal, Action }: PermissionStatement, service: string): boolean {
  const isInvoke = ["lambda:invokefunction", "lambda:*", "*"].includes(Action.toLowerCase());
  return isInvoke && (Principal === "*" || ("Service" in Principal && Principal.Service === service));
}

function unmet({ Sid, Condition }: PermissionStatement, caller: ServiceCaller): string | undefined {
  const account = Condition?.StringEquals?.["AWS:SourceAccount"];
  const arn = Condition?.ArnLike?.["AWS:SourceArn"];
  if (account !== undefined && account !== caller.sourceAccount) {
    return `statement ${Sid} allows source account ${account}, not ${caller.sourceAccount}`;
  }
  if (arn !== undefined && !isArnLike(arn, caller.sourceArn)) {
    return `statement ${Sid} allows source ${arn}, not ${caller.sourceArn}`;
  }
  return undefined;
}

/** Each of the six parts by itself: a star in one never reaches into the next. */
function isArnLike(pattern: string, arn: string): boolean {
  const [wanted, has] = [parts(pattern), parts(arn)];
  return wanted.length === has.length && wanted.every((part, i) => matchesPattern(part, has[i] ?? ""));
}

function parts(arn: string): string[] {
  const all = arn.split(":");
  return [...all.slice(0, 5), all.slice(5).join(":")];
}
