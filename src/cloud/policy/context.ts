import type { PolicyContext } from "./pattern.ts";

/** An attribute of a distinguished name: its type as a dotted OID, and its value as text. RFC 5280, section 4.1.2.4 */
export type NameAttribute = { readonly type: string; readonly value: string };

/** A certificate's names as policies see them. */
export type CertificateNames = {
  readonly subject: readonly NameAttribute[];
  readonly issuer: readonly NameAttribute[];
  readonly subjectAlternativeNames: readonly AlternativeName[];
  readonly issuerAlternativeNames: readonly AlternativeName[];
  /** The certificate's serial number, in lower-case hex. */
  readonly serialNumber: string;
};

/** One alternative name, by the policy language's name for its kind. RFC 5280, section 4.2.1.6 */
export type AlternativeName = {
  readonly kind: "RFC822Name" | "DNSName" | "DirectoryName" | "UniformResourceIdentifier" | "IPAddress";
  readonly value: string;
};

/** A thing to which the connection's certificate is attached and whose name is the client id. */
export type ConnectedThing = {
  readonly name: string;
  readonly typeName?: string;
  readonly attributes?: Readonly<Record<string, string>>;
};

/** What is known about one connection before its policies are asked. */
export type ConnectionFacts = {
  readonly clientId: string;
  readonly sourceIp?: string;
  /** The server name that the client asked for. RFC 6066, section 3 */
  readonly domainName?: string;
  readonly thing?: ConnectedThing;
  readonly certificate?: CertificateNames;
  readonly persistentSession?: boolean;
  readonly lastWillTopic?: string;
};

/** The attributes of a name that policies may use. AWS IoT Core, "X.509 certificate policy variables" */
const NAME_ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CommonName",
  "2.5.4.4": "Surname",
  "2.5.4.5": "SerialNumber",
  "2.5.4.6": "Country",
  "2.5.4.8": "State",
  "2.5.4.10": "Organization",
  "2.5.4.11": "OrganizationalUnit",
  "2.5.4.12": "Title",
  "2.5.4.42": "GivenName",
  "2.5.4.43": "Initials",
  "2.5.4.44": "GenerationQualifier",
  "2.5.4.46": "DistinguishedNameQualifier",
  "2.5.4.65": "Pseudonym",
};

const ALTERNATIVE_NAMES = ["RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress"];

const CONTEXT_KEYS = new RegExp(
  [
    "aws:SourceIp|iot:(ClientId|DomainName|LastWillTopic|ConnectAttributes|Certificate\\.SerialNumber)",
    "iot:Connection\\.Thing\\.(ThingName|ThingTypeName|IsAttached|Attributes\\[[\\w.,@/:#-]{1,128}\\])",
    `iot:Certificate\\.(Subject|Issuer)\\.(${Object.values(NAME_ATTRIBUTES).join("|")})(\\.List|\\.\\d{1,3})?`,
    `iot:Certificate\\.(Subject|Issuer)\\.AlternativeName\\.(${ALTERNATIVE_NAMES.join("|")})(\\.List|\\.\\d{1,3})?`,
  ]
    .map((keys) => `^(${keys})$`)
    .join("|"),
);

/** Whether a name is one that `policyContext` can ever set. */
export function isContextKey(key: string): boolean {
  return CONTEXT_KEYS.test(key);
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
  one("iot:Connection.Thing.ThingTypeName", facts.thing?.typeName);
  for (const [name, value] of Object.entries(facts.thing?.attributes ?? {}))
    one(`iot:Connection.Thing.Attributes[${name}]`, value);
  const attributes = [
    ...(facts.persistentSession ? ["PersistentConnect"] : []),
    ...(facts.lastWillTopic === undefined ? [] : ["LastWill"]),
  ];
  if (attributes.length > 0) context.set("iot:ConnectAttributes", attributes);
  if (facts.certificate) addCertificate(context, facts.certificate);
  return context;
}

function addCertificate(context: Map<string, readonly string[]>, names: CertificateNames): void {
  context.set("iot:Certificate.SerialNumber", [names.serialNumber]);
  for (const side of ["Subject", "Issuer"] as const) {
    const [name, alternatives] =
      side === "Subject"
        ? [names.subject, names.subjectAlternativeNames]
        : [names.issuer, names.issuerAlternativeNames];
    const values = new Map<string, string[]>();
    const add = (key: string, value: string) => values.set(key, [...(values.get(key) ?? []), value]);
    for (const { type, value } of name) {
      const known = NAME_ATTRIBUTES[type];
      if (known !== undefined) add(`iot:Certificate.${side}.${known}`, value);
    }
    for (const { kind, value } of alternatives) add(`iot:Certificate.${side}.AlternativeName.${kind}`, value);
    for (const [key, list] of values) {
      // A key without an index is the first value; all of them together are its List.
      context.set(key, list.slice(0, 1));
      context.set(`${key}.List`, list);
      list.forEach((value, i) => context.set(`${key}.${i}`, [value]));
    }
  }
}
