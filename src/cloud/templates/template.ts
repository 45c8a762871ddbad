import { type Json, UsageError } from "../../codec/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";

type JsonObject = { readonly [key: string]: Json };

/** What to do with what exists already. AWS IoT Core, "Provisioning templates" */
export type Override = "DO_NOTHING" | "REPLACE" | "FAIL" | "MERGE";

/** One resource that a template asks for; `properties` still hold references. */
export type TemplateResource = {
  /** Its name in the template. */
  readonly logical: string;
  readonly properties: JsonObject;
  readonly overrides: Readonly<Record<string, Override>>;
};

/** A provisioning template, read: what it takes and what it makes. */
export type ProvisioningTemplate = {
  /** Each parameter with its default, or undefined. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
  readonly mappings: JsonObject;
  readonly thing: TemplateResource | undefined;
  readonly certificate: TemplateResource | undefined;
  readonly policies: readonly TemplateResource[];
  readonly deviceConfiguration: JsonObject;
};

const MEMBERS = ["Description", "Parameters", "Mappings", "Resources", "DeviceConfiguration"];
const KINDS = {
  "AWS::IoT::Thing": ["ThingName", "AttributePayload", "ThingTypeName", "ThingGroups", "BillingGroup"],
  "AWS::IoT::Certificate": [
    "CertificateId",
    "CertificateSigningRequest",
    "CertificatePem",
    "CACertificatePem",
    "Status",
    "ThingPrincipalType",
  ],
  "AWS::IoT::Policy": ["PolicyName", "PolicyDocument"],
} as const;
/** What OverrideSettings may speak of, and which words it may use there. */
const OVERRIDES: Readonly<Record<string, readonly Override[]>> = {
  AttributePayload: ["DO_NOTHING", "REPLACE", "FAIL", "MERGE"],
  ThingTypeName: ["DO_NOTHING", "REPLACE", "FAIL"],
  ThingGroups: ["DO_NOTHING", "REPLACE", "FAIL", "MERGE"],
  Status: ["DO_NOTHING", "REPLACE", "FAIL"],
  Type: ["DO_NOTHING", "REPLACE", "FAIL"],
};
const MAX_DEPTH = 24;

/** Templates that were read lately, by their text: a fleet's devices come with the same few. */
const READ = new Map<string, ProvisioningTemplate>();
const MOST_READ = 16;

/** Reads a template's text. Throws `UsageError` `invalid-request`, naming the place. AWS IoT Core, "Provisioning templates" */
export function parseTemplate(text: string): ProvisioningTemplate {
  const template = READ.get(text) ?? readTemplate(text);
  READ.delete(text);
  READ.set(text, template);
  if (READ.size > MOST_READ) READ.delete(READ.keys().next().value ?? "");
  return template;
}

function readTemplate(text: string): ProvisioningTemplate {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidRequest(`templateBody is not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
  checkDepth(value as Json, 0);
  const template = objectAt("templateBody", value as Json);
  onlyMembers("templateBody", template, MEMBERS);
  const resources = Object.entries(objectAt("Resources", template["Resources"] ?? {})).map(readResource);
  if (resources.length === 0) throw invalidRequest("templateBody.Resources must have at least one resource");
  return {
    parameters: readParameters(objectAt("Parameters", template["Parameters"] ?? {})),
    mappings: objectAt("Mappings", template["Mappings"] ?? {}),
    thing: only(resources, "AWS::IoT::Thing"),
    certificate: only(resources, "AWS::IoT::Certificate"),
    policies: resources.filter(({ type }) => type === "AWS::IoT::Policy"),
    deviceConfiguration: readDeviceConfiguration(template["DeviceConfiguration"] ?? {}),
  };
}

/** The refusal of a template that cannot be carried out as it is. */
export function registrationFailed(message: string): UsageError<CloudErrorCode> {
  return new UsageError("registration-failure", message);
}

function readParameters(given: JsonObject): ReadonlyMap<string, string | undefined> {
  return new Map(
    Object.entries(given).map(([name, value]) => {
      const at = `Parameters.${name}`;
      const parameter = objectAt(at, value);
      onlyMembers(at, parameter, ["Type", "Default", "Description"]);
      if (parameter["Type"] !== "String") throw invalidRequest(`${at}.Type must be "String"`);
      const { Default: byDefault } = parameter;
      if (byDefault !== undefined && typeof byDefault !== "string") {
        throw invalidRequest(`${at}.Default must be a string`);
      }
      return [name, byDefault];
    }),
  );
}

type Typed = TemplateResource & { readonly type: keyof typeof KINDS };

function readResource([logical, value]: [string, Json]): Typed {
  const at = `Resources.${logical}`;
  const resource = objectAt(at, value);
  onlyMembers(at, resource, ["Type", "Properties", "OverrideSettings"]);
  const type = resource["Type"];
  if (typeof type !== "string" || !Object.hasOwn(KINDS, type)) {
    throw invalidRequest(`${at}.Type must be one of ${Object.keys(KINDS).join(", ")}`);
  }
  const kind = type as keyof typeof KINDS;
  const properties = objectAt(`${at}.Properties`, resource["Properties"] ?? {});
  onlyMembers(`${at}.Properties`, properties, KINDS[kind]);
  const overrides = objectAt(`${at}.OverrideSettings`, resource["OverrideSettings"] ?? {});
  for (const [name, word] of Object.entries(overrides)) {
    const words = Object.hasOwn(OVERRIDES, name) ? OVERRIDES[name] : undefined;
    if (!words?.includes(word as Override)) {
      throw invalidRequest(`${at}.OverrideSettings.${name} must be one of ${words?.join(", ") ?? "no known setting"}`);
    }
  }
  checkPresent(kind, `${at}.Properties`, properties);
  return { logical, type: kind, properties, overrides: overrides as Readonly<Record<string, Override>> };
}

function checkPresent(kind: keyof typeof KINDS, at: string, properties: JsonObject): void {
  const given = (names: readonly string[]) => names.filter((name) => properties[name] !== undefined);
  if (kind === "AWS::IoT::Thing" && given(["ThingName"]).length === 0) throw invalidRequest(`${at} needs ThingName`);
  if (kind === "AWS::IoT::Policy" && given(["PolicyName", "PolicyDocument"]).length !== 1) {
    throw invalidRequest(`${at} needs either PolicyName or PolicyDocument`);
  }
  if (kind !== "AWS::IoT::Certificate") return;
  const sources = ["CertificateId", "CertificateSigningRequest", "CertificatePem"];
  if (given(sources).length !== 1) throw invalidRequest(`${at} needs one of ${sources.join(", ")}`);
}

function only(resources: readonly Typed[], type: keyof typeof KINDS): TemplateResource | undefined {
  const [first, second] = resources.filter((each) => each.type === type);
  if (second) throw invalidRequest(`templateBody.Resources has two of ${type}: ${first?.logical}, ${second.logical}`);
  return first;
}

/** Flat: no value is an object, unless it is a function to be evaluated. */
function readDeviceConfiguration(value: Json): JsonObject {
  const configuration = objectAt("DeviceConfiguration", value);
  for (const [name, each] of Object.entries(configuration)) {
    const isFunction = isObject(each) && Object.keys(each).every((key) => key === "Ref" || key.startsWith("Fn::"));
    if (typeof each === "object" && !isFunction) throw invalidRequest(`DeviceConfiguration.${name} must be flat`);
  }
  return configuration;
}

function checkDepth(value: Json, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw invalidRequest(`templateBody nests deeper than ${MAX_DEPTH} levels`);
  for (const each of Object.values(value)) checkDepth(each, depth + 1);
}

function onlyMembers(at: string, object: JsonObject, names: readonly string[]): void {
  const stranger = Object.keys(object).find((name) => !names.includes(name));
  if (stranger === undefined) return;
  throw invalidRequest(`${at} has no member ${JSON.stringify(stranger.slice(0, 64))}; it has ${names.join(", ")}`);
}

function objectAt(at: string, value: Json): JsonObject {
  if (!isObject(value)) throw invalidRequest(`${at} must be an object`);
  return value;
}

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
