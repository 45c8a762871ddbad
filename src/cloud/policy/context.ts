import {
  ipAddressText,
  nameValues,
  type AlternativeNames,
  type Certificate,
  type NameAttributeType,
} from "../../pki/index.ts";
import type { PolicyContext } from "./pattern.ts";

/** A thing to which the connection's certificate is attached and whose name is the client id; what else is known of it. */
export type ConnectedThing = {
  readonly name: string;
  readonly type?: string | null;
  readonly attributes?: Readonly<Record<string, string>>;
};

/** What is known about one connection before its policies are asked. */
export type ConnectionFacts = {
  readonly clientId: string;
  readonly sourceIp?: string;
  /** The server name that the client asked for. RFC 6066, section 3 */
  readonly domainName?: string;
  readonly thing?: ConnectedThing;
  readonly certificate?: Pick<Certificate, "subject" | "issuer" | "serialNumber" | "extensions">;
  readonly persistentSession?: boolean;
  /** The ARN of the will's topic. */
  readonly lastWillTopic?: string;
};

/** How many values of one attribute of a certificate count. AWS IoT Core, "X.509 certificate policy variable limitations" */
const MAX_VALUES = 5;

/** The attributes of a name that policies may use. AWS IoT Core, "X.509 certificate policy variables" */
const NAME_ATTRIBUTES = [
  "CommonName",
  "Country",
  "DistinguishedNameQualifier",
  "GenerationQualifier",
  "GivenName",
  "Initials",
  "Organization",
  "OrganizationalUnit",
  "Pseudonym",
  "SerialNumber",
  "State",
  "Surname",
  "Title",
] as const satisfies readonly NameAttributeType[];

/** The alternative names of a subject or issuer, as policies and as certificates call them. RFC 5280, section 4.2.1.6 */
const ALTERNATIVE_NAMES: Readonly<Record<string, (names: AlternativeNames) => readonly string[]>> = {
  RFC822Name: ({ email }) => email,
  DNSName: ({ dns }) => dns,
  DirectoryName: ({ directoryNames }) => directoryNames.map(({ text }) => text),
  UniformResourceIdentifier: ({ uri }) => uri,
  IPAddress: ({ ip }) => ip.map(ipAddressText),
};

const CONTEXT_KEYS = new RegExp(
  [
    "aws:SourceIp|iot:(ClientId|DomainName|LastWillTopic|ConnectAttributes|Certificate\\.(SerialNumber|AvailableKeys))",
    "iot:Connection\\.Thing\\.(ThingName|ThingTypeName|IsAttached|Attributes\\[[a-zA-Z0-9_.,@/:#-]{1,128}\\])",
    `iot:Certificate\\.(Subject|Issuer)\\.(${NAME_ATTRIBUTES.join("|")})(\\.List|\\.\\d{1,3})?`,
    `iot:Certificate\\.(Subject|Issuer)\\.AlternativeName\\.(${Object.keys(ALTERNATIVE_NAMES).join("|")})(\\.List|\\.\\d{1,3})?`,
  ]
    .map((keys) => `^(${keys})$`)
    .join("|"),
);

/** Whether a name is one that `policyContext` can ever set. */
export function isContextKey(key: string): boolean {
  return CONTEXT_KEYS.test(key);
}

/** Whether a name is one of the facts about a thing that the registry alone knows. */
export function isThingFact(key: string): boolean {
  return key === "iot:Connection.Thing.ThingTypeName" || key.startsWith("iot:Connection.Thing.Attributes[");
}

/** Everything that policies can ask about one connection, under the policy language's names. */
export function policyContext(facts: ConnectionFacts): PolicyContext {
  const context = new Map<string, readonly string[]>();
  const one = (key: string, value: string | undefined) => {
    if (value !== undefined) context.set(key, [value]);
  };
  one("iot:ClientId", facts.clientId);
  one("aws:SourceIp", facts.sourceIp);
  one("iot:DomainName", facts.domainName);
  one("iot:LastWillTopic", facts.lastWillTopic);
  one("iot:Connection.Thing.IsAttached", String(facts.thing !== undefined));
  one("iot:Connection.Thing.ThingName", facts.thing?.name);
  one("iot:Connection.Thing.ThingTypeName", facts.thing?.type ?? undefined);
  for (const [name, value] of Object.entries(facts.thing?.attributes ?? {})) {
    one(`iot:Connection.Thing.Attributes[${name}]`, value);
  }
  const attributes = [
    ...(facts.persistentSession ? ["PersistentConnect"] : []),
    ...(facts.lastWillTopic === undefined ? [] : ["LastWill"]),
  ];
  if (attributes.length > 0) context.set("iot:ConnectAttributes", attributes);
  if (facts.certificate) addCertificate(context, facts.certificate);
  return context;
}

function addCertificate(
  context: Map<string, readonly string[]>,
  { subject, issuer, serialNumber, extensions }: NonNullable<ConnectionFacts["certificate"]>,
): void {
  const available = new Set(["iot:Certificate.SerialNumber"]);
  context.set("iot:Certificate.SerialNumber", [serialNumber]);
  const add = (key: string, values: readonly string[]) => {
    if (values.length === 0) return;
    available.add(key);
    addValues(context, key, values.slice(0, MAX_VALUES));
  };
  for (const attribute of NAME_ATTRIBUTES) {
    add(`iot:Certificate.Subject.${attribute}`, nameValues(subject, attribute));
    add(`iot:Certificate.Issuer.${attribute}`, nameValues(issuer, attribute));
  }
  const { subjectAltName, issuerAltName } = extensions;
  for (const [kind, valuesOf] of Object.entries(ALTERNATIVE_NAMES)) {
    if (subjectAltName) add(`iot:Certificate.Subject.AlternativeName.${kind}`, valuesOf(subjectAltName));
    if (issuerAltName) add(`iot:Certificate.Issuer.AlternativeName.${kind}`, valuesOf(issuerAltName));
  }
  context.set("iot:Certificate.AvailableKeys", [...available]);
}

/** A key without an index is the first value, index 1 the second; all of them together are its List. */
function addValues(context: Map<string, readonly string[]>, key: string, values: readonly string[]): void {
  context.set(key, values.slice(0, 1));
  context.set(`${key}.List`, values);
  values.forEach((value, i) => context.set(`${key}.${i}`, [value]));
}
