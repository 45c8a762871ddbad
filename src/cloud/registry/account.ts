/** Whose cloud this is: 12 digits, and the region that stands in every ARN. */
export type Account = { readonly id: string; readonly region: string };

/** arn:aws:iot:REGION:ACCOUNT:KIND/NAME, the name of every resource of the control plane. */
export function iotArn(account: Account, kind: "cert" | "cacert" | "thing" | "policy" | "rule", name: string): string {
  return `arn:aws:iot:${account.region}:${account.id}:${kind}/${name}`;
}

/** arn:aws:lambda:REGION:ACCOUNT:function:NAME */
export function functionArn(account: Account, name: string): string {
  return `arn:aws:lambda:${account.region}:${account.id}:function:${name}`;
}
