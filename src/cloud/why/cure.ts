import { printable, REFUSALS, type FieldValue, type RefusalCause } from "../../trace/index.ts";

type Evidence = Readonly<Record<string, FieldValue>>;

/** Which piece of evidence each placeholder of a cure stands for. */
const PLACEHOLDERS: Readonly<Record<string, readonly string[]>> = {
  CERTIFICATE_ARN: ["certificateArn"],
  CLIENT_ID: ["clientId"],
  CA_ID: ["caCertificateId"],
  ID: ["certificateId"],
  TOPIC: ["topic"],
  FILTER: ["filter", "topic"],
  REGION: ["region"],
  ACCOUNT: ["account"],
  FUNCTION: ["function"],
  RULE_ARN: ["ruleArn"],
};

/** A refusal's cure, with its placeholders replaced by what the evidence holds, so that a command can be pasted. */
export function cureFor(cause: RefusalCause, evidence: Evidence): string {
  return REFUSALS[cause].cure.replaceAll(/\b[A-Z]+(?:_[A-Z]+)*\b/g, (word) => {
    const key = PLACEHOLDERS[word]?.find((name) => evidence[name] !== undefined && evidence[name] !== "");
    return key === undefined ? word : pasteable(String(evidence[key]));
  });
}

/** A client chooses its id and topics: what a shell would act upon is quoted, whatever a terminal would is shown as text. */
function pasteable(value: string): string {
  const plain = printable(value);
  return /^[\w@%+=:,./-]*$/.test(plain) ? plain : `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}
