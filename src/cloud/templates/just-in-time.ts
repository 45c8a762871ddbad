import { HawserError } from "../../codec/index.ts";
import { nameValues, type Certificate, type NameAttributeType } from "../../pki/index.ts";
import { invalidRequest } from "../errors.ts";
import { isStandInText, newResource, resourceKind, type Registry } from "../registry/index.ts";
import type { Queries } from "../store/index.ts";
import { carryOut, type Workshop } from "./carry-out.ts";
import { planOf } from "./plan.ts";
import { parseTemplate } from "./template.ts";
import { describeTemplate, versionOf } from "./template-store.ts";

/** What a CA's new devices are provisioned with: a template of the CA's own, or a named one. */
export type RegistrationConfig = {
  readonly templateBody?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly templateName?: string | undefined;
};

const CONFIGS = resourceKind<RegistrationConfig>("registration-config", "Registration configuration");

/** Subject attributes that a template may take as parameters. AWS IoT Core, "Just-in-time provisioning" */
const SUBJECT: Readonly<Record<string, NameAttributeType>> = {
  Country: "Country",
  Organization: "Organization",
  OrganizationalUnit: "OrganizationalUnit",
  DistinguishedNameQualifier: "DistinguishedNameQualifier",
  StateName: "State",
  CommonName: "CommonName",
  SerialNumber: "SerialNumber",
};

/** What is known of a device at its first contact: its certificate's subject and id. An attribute that is not there is absent. */
export function parametersOf(certificate: Certificate): Readonly<Record<string, string>> {
  const subject = Object.entries(SUBJECT).flatMap(([name, type]) => {
    const [value] = nameValues(certificate.subject, type);
    return value === undefined ? [] : [[`AWS::IoT::Certificate::${name}`, value] as const];
  });
  return { ...Object.fromEntries(subject), "AWS::IoT::Certificate::Id": certificate.id };
}

/** Checks a configuration before a CA gets it. Throws `UsageError` `invalid-request`, `NotFound`. */
export async function checkRegistrationConfig(registry: Registry, config: RegistrationConfig): Promise<void> {
  const { templateBody, roleArn, templateName } = config;
  if (templateName !== undefined) {
    if (templateBody !== undefined || roleArn !== undefined) {
      throw invalidRequest("registrationConfig has templateName, or templateBody and roleArn, not both");
    }
    const { body } = await describeTemplate(registry, templateName);
    if (body.type !== "JITP") throw invalidRequest(`template ${templateName} is of type ${body.type}, need JITP`);
    return;
  }
  if (templateBody === undefined || roleArn === undefined) {
    throw invalidRequest("registrationConfig needs templateName, or templateBody and roleArn");
  }
  if (isStandInText(registry, templateBody, "Resources")) return;
  const template = parseTemplate(templateBody);
  const id = template.certificate?.properties["CertificateId"];
  if (id === undefined) throw invalidRequest("templateBody must refer to the certificate by AWS::IoT::Certificate::Id");
}

/** A CA's configuration, if it has one. */
export async function registrationConfigOf(queries: Queries, caId: string): Promise<RegistrationConfig | undefined> {
  return (await CONFIGS.find(queries, caId))?.body;
}

/** Gives a CA a configuration, or takes it away. */
export async function setRegistrationConfig(
  { store, clock, account }: Registry,
  caId: string,
  config: RegistrationConfig | undefined,
): Promise<void> {
  await store.write(async (queries) => {
    await CONFIGS.remove(queries, caId);
    if (config) await CONFIGS.insert(queries, newResource(caId, config, clock.now()), account.id);
  });
}

/** The ids of the CAs whose devices a named template provisions. */
export async function casWithTemplate(queries: Queries, templateName: string): Promise<ReadonlySet<string>> {
  const all = await CONFIGS.all(queries);
  return new Set(all.filter(({ body }) => body.templateName === templateName).map(({ name }) => name));
}

/**
 * Provisions a device that waits for activation, if its CA has a template. What goes wrong goes into the ledger, and the
 * certificate goes on waiting: the device's next contact tries again. Gives whether there is a template.
 */
export async function provisionJustInTime(shop: Workshop, certificate: Certificate, caId: string): Promise<boolean> {
  const { registry } = shop;
  const config = await registrationConfigOf(registry.store.read, caId);
  if (!config) return false;
  const tell = (step: "provisioned" | "provisioning-failed", detail: string) => {
    const event = { kind: "onboarding" as const, step, clientId: "", caCertificate: caId, detail };
    registry.trace.emit("cloud", event, { certificate: certificate.id });
  };
  try {
    const template = parseTemplate(await templateText(registry, config));
    const { thingName = "" } = await carryOut(shop, planOf(template, parametersOf(certificate)));
    tell("provisioned", thingName);
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    tell("provisioning-failed", error.message);
    const evidence = { caCertificateId: caId, template: config.templateName ?? "of the CA", problem: error.message };
    const refusal = { kind: "refusal" as const, cause: "provisioning-failed" as const, clientId: "", address: "" };
    registry.trace.emit("cloud", { ...refusal, evidence }, { certificate: certificate.id });
  }
  return true;
}

async function templateText(
  registry: Registry,
  { templateBody, templateName = "" }: RegistrationConfig,
): Promise<string> {
  if (templateBody !== undefined) return templateBody;
  const template = await describeTemplate(registry, templateName);
  if (!template.body.isEnabled) throw invalidRequest(`template ${templateName} is not enabled`);
  return versionOf(template).text;
}
