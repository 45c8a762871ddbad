import { HawserError, type Json } from "../../codec/index.ts";
import { parsePolicyDocument, type PolicyDocument } from "../policy/index.ts";
import { evaluate, listOf, scopeOf, textOf, type Scope } from "./intrinsics.ts";
import {
  isObject,
  registrationFailed,
  type Override,
  type ProvisioningTemplate,
  type TemplateResource,
} from "./template.ts";

type Overrides = Readonly<Record<string, Override>>;

export type PlannedThing = {
  readonly logical: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly type: string | undefined;
  readonly groups: readonly string[];
  readonly billingGroup: string | undefined;
  readonly overrides: Overrides;
};

export type PlannedCertificate = {
  readonly logical: string;
  readonly source:
    | { readonly id: string }
    | { readonly csr: string }
    | { readonly pem: string; readonly caPem: string | undefined };
  readonly status: "ACTIVE" | "INACTIVE";
  readonly isExclusive: boolean;
  readonly overrides: Overrides;
};

/** A policy by its name; with a document where the template brings one, under the name that follows from it. */
export type PlannedPolicy = {
  readonly logical: string;
  readonly name: string | undefined;
  readonly document: { readonly text: string; readonly compiled: PolicyDocument } | undefined;
};

/** What a template makes with one set of parameters. */
export type Plan = {
  readonly thing: PlannedThing | undefined;
  readonly certificate: PlannedCertificate | undefined;
  readonly policies: readonly PlannedPolicy[];
  readonly deviceConfiguration: Readonly<Record<string, string>>;
};

const NAME = /^[a-zA-Z0-9:_-]{1,128}$/;

/** Fills a template in. Throws `UsageError` `registration-failure`, naming the place. */
export function planOf(template: ProvisioningTemplate, given: Readonly<Record<string, string>>): Plan {
  const scope = scopeOf(template, given);
  const { thing, certificate, policies, deviceConfiguration } = template;
  return {
    thing: thing && planThing(thing, scope),
    certificate: certificate && planCertificate(certificate, scope),
    policies: policies.map((policy) => planPolicy(policy, scope)),
    deviceConfiguration: textsOf(deviceConfiguration, scope, "DeviceConfiguration"),
  };
}

function planThing({ logical, properties, overrides }: TemplateResource, scope: Scope): PlannedThing {
  const at = `Resources.${logical}.Properties`;
  const { ThingName = "", AttributePayload = {}, ThingTypeName, ThingGroups = [], BillingGroup } = properties;
  const optional = (value: Json | undefined, place: string) =>
    value === undefined ? undefined : nameAt(textOf(value, scope, place), place);
  return {
    logical,
    name: nameAt(textOf(ThingName, scope, `${at}.ThingName`), `${at}.ThingName`),
    attributes: attributesOf(AttributePayload, scope, `${at}.AttributePayload`),
    type: optional(ThingTypeName, `${at}.ThingTypeName`),
    groups: listOf(ThingGroups, scope, `${at}.ThingGroups`),
    billingGroup: optional(BillingGroup, `${at}.BillingGroup`),
    overrides,
  };
}

/** A map, or as some of AWS's samples write it, a map under `attributes`. */
function attributesOf(value: Json, scope: Scope, at: string): Readonly<Record<string, string>> {
  const inner =
    isObject(value) && isObject(value["attributes"]) && !("Ref" in value["attributes"]) ? value["attributes"] : value;
  const attributes = textsOf(inner, scope, at);
  for (const [name, text] of Object.entries(attributes)) {
    if (!/^[a-zA-Z0-9_.,@/:#-]{1,128}$/.test(name) || !/^[a-zA-Z0-9_.,@/:#=[\]-]{0,800}$/.test(text)) {
      throw registrationFailed(`${at}.${name.slice(0, 64)} is no attribute that a thing may have`);
    }
  }
  return attributes;
}

function planCertificate({ logical, properties, overrides }: TemplateResource, scope: Scope): PlannedCertificate {
  const at = `Resources.${logical}.Properties`;
  const text = (name: string) => {
    const value = properties[name];
    return value === undefined ? undefined : textOf(value, scope, `${at}.${name}`);
  };
  const id = text("CertificateId");
  const csr = text("CertificateSigningRequest");
  const source =
    id !== undefined
      ? { id }
      : csr !== undefined
        ? { csr }
        : { pem: text("CertificatePem") ?? "", caPem: text("CACertificatePem") };
  const status = (text("Status") ?? "ACTIVE").toUpperCase();
  if (status !== "ACTIVE" && status !== "INACTIVE") throw registrationFailed(`${at}.Status must be ACTIVE or INACTIVE`);
  return { logical, source, status, isExclusive: text("ThingPrincipalType") === "EXCLUSIVE_THING", overrides };
}

function planPolicy({ logical, properties }: TemplateResource, scope: Scope): PlannedPolicy {
  const at = `Resources.${logical}.Properties`;
  const { PolicyName, PolicyDocument } = properties;
  if (PolicyName !== undefined) {
    return { logical, name: textOf(PolicyName, scope, `${at}.PolicyName`), document: undefined };
  }
  const value = evaluate(PolicyDocument ?? "", scope, `${at}.PolicyDocument`);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  try {
    return { logical, name: undefined, document: { text, compiled: parsePolicyDocument(text) } };
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    throw registrationFailed(`${at}.PolicyDocument: ${error.message}`);
  }
}

function textsOf(value: Json, scope: Scope, at: string): Readonly<Record<string, string>> {
  if (!isObject(value)) throw registrationFailed(`${at} must be an object`);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, textOf(each, scope, `${at}.${name}`)]));
}

function nameAt(name: string, at: string): string {
  if (!NAME.test(name)) throw registrationFailed(`${at} is ${JSON.stringify(name.slice(0, 140))}, need ${NAME.source}`);
  return name;
}
