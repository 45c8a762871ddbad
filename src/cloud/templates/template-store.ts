import { Conflict } from "../../codec/index.ts";
import { invalidRequest, notFound, type CloudErrorCode } from "../errors.ts";
import {
  changedResource,
  iotArn,
  limitNamed,
  newResource,
  putTags,
  removeTags,
  resourceKind,
  type Page,
  type PageRequest,
  type Registry,
  type Resource,
  type Tag,
} from "../registry/index.ts";
import { parseTemplate } from "./template.ts";

/** A function that is asked before a device is provisioned. */
export type ProvisioningHook = { readonly payloadVersion?: string | undefined; readonly targetArn: string };

export type TemplateVersion = { readonly id: number; readonly text: string; readonly createdAt: number };

type Body = {
  readonly description: string | undefined;
  readonly isEnabled: boolean;
  readonly roleArn: string;
  readonly hook: ProvisioningHook | undefined;
  readonly type: "FLEET_PROVISIONING" | "JITP";
  readonly defaultVersion: number;
  readonly nextVersion: number;
  /** In the order in which they were made. */
  readonly versions: readonly TemplateVersion[];
};

/** A provisioning template with its versions. */
export type StoredTemplate = Resource<Body>;

const TEMPLATES = resourceKind<Body>("provisioning-template", "Provisioning template");

export type NewTemplate = {
  readonly text: string;
  readonly roleArn: string;
  readonly description?: string | undefined;
  readonly isEnabled?: boolean | undefined;
  readonly hook?: ProvisioningHook | undefined;
  readonly type?: "FLEET_PROVISIONING" | "JITP" | undefined;
  readonly tags?: readonly Tag[] | undefined;
};

/** Makes a template. Throws `UsageError` for a text that is none, `Conflict` `resource-exists`. AWS IoT API, CreateProvisioningTemplate */
export async function createTemplate(registry: Registry, name: string, given: NewTemplate): Promise<StoredTemplate> {
  const { store, clock, account } = registry;
  const { text, roleArn, description, isEnabled = false, hook, type = "FLEET_PROVISIONING", tags } = given;
  parseTemplate(text);
  if (type === "JITP" && hook) throw invalidRequest("a JITP template has no preProvisioningHook");
  const first = { id: 1, text, createdAt: Math.floor(clock.now()) };
  const versions = { defaultVersion: 1, nextVersion: 2, versions: [first] };
  const made = newResource<Body>(name, { description, isEnabled, roleArn, hook, type, ...versions }, clock.now());
  const arn = iotArn(account, "provisioningtemplate", name);
  await store.write(async (queries) => {
    await TEMPLATES.insert(queries, made, arn);
    await putTags(queries, arn, tags);
  });
  return made;
}

/** A template. Throws `NotFound`. */
export function describeTemplate({ store }: Registry, name: string): Promise<StoredTemplate> {
  return TEMPLATES.named(store.read, name);
}

export type TemplateUpdate = {
  readonly description?: string | undefined;
  readonly isEnabled?: boolean | undefined;
  readonly defaultVersion?: number | undefined;
  readonly roleArn?: string | undefined;
  readonly hook?: ProvisioningHook | undefined;
  readonly removeHook?: boolean | undefined;
};

/** Changes what a template says besides its versions' texts. Throws `NotFound`, `UsageError`. AWS IoT API, UpdateProvisioningTemplate */
export async function updateTemplate(registry: Registry, name: string, update: TemplateUpdate): Promise<void> {
  if (update.hook && update.removeHook === true) {
    throw invalidRequest("preProvisioningHook and removePreProvisioningHook exclude each other");
  }
  await change(registry, name, (body) => {
    const { defaultVersion = body.defaultVersion } = update;
    if (!body.versions.some(({ id }) => id === defaultVersion)) {
      throw invalidRequest(`template ${name} has no version ${defaultVersion}`);
    }
    if (update.hook && body.type === "JITP") throw invalidRequest("a JITP template has no preProvisioningHook");
    return {
      ...body,
      description: update.description ?? body.description,
      isEnabled: update.isEnabled ?? body.isEnabled,
      roleArn: update.roleArn ?? body.roleArn,
      hook: update.removeHook === true ? undefined : (update.hook ?? body.hook),
      defaultVersion,
    };
  });
}

/** Deletes a template that has one version only. Throws `NotFound`, `Conflict` `delete-conflict`. */
export async function deleteTemplate({ store, account }: Registry, name: string): Promise<void> {
  await store.write(async (queries) => {
    const { body } = await TEMPLATES.named(queries, name);
    if (body.versions.length > 1)
      throw inUse(`template ${name} has ${body.versions.length} versions; delete them first`);
    await TEMPLATES.remove(queries, name);
    await removeTags(queries, iotArn(account, "provisioningtemplate", name));
  });
}

/** Templates by creation date, newest first. */
export function listTemplates({ store }: Registry, request: PageRequest): Promise<Page<StoredTemplate>> {
  return TEMPLATES.page(store.read, request);
}

/** Adds a version. Throws `NotFound`, `UsageError`, `Conflict` `versions-limit`. AWS IoT API, CreateProvisioningTemplateVersion */
export async function createTemplateVersion(
  registry: Registry,
  name: string,
  { text, setAsDefault = false }: { readonly text: string; readonly setAsDefault?: boolean | undefined },
): Promise<{ readonly id: number; readonly isDefault: boolean }> {
  parseTemplate(text);
  const { nextVersion, defaultVersion } = await change(registry, name, (body) => {
    const { templateVersions: most } = registry.limits;
    if (body.versions.length >= most) {
      const limit = limitNamed(registry.limits, "templateVersions");
      const message = `The template ${name} already has the maximum number of versions (${most}); ${limit}`;
      throw new Conflict<CloudErrorCode>("versions-limit", message);
    }
    const id = body.nextVersion;
    const version = { id, text, createdAt: Math.floor(registry.clock.now()) };
    const defaultVersion = setAsDefault ? id : body.defaultVersion;
    return { ...body, versions: [...body.versions, version], nextVersion: id + 1, defaultVersion };
  });
  const id = nextVersion - 1;
  return { id, isDefault: id === defaultVersion };
}

/** A version of a template; the one in force where `version` is absent. Throws `NotFound`. */
export function versionOf({ name, body }: StoredTemplate, version = body.defaultVersion): TemplateVersion {
  const found = body.versions.find(({ id }) => id === version);
  if (!found) throw notFound(`Version ${version} of template ${name}`);
  return found;
}

/** Deletes a version that is not in force. Throws `NotFound`, `Conflict` `delete-conflict`. */
export async function deleteTemplateVersion(registry: Registry, name: string, version: number): Promise<void> {
  await change(registry, name, (body, template) => {
    versionOf(template, version);
    if (body.defaultVersion === version) throw inUse("Cannot delete the default version of a template");
    return { ...body, versions: body.versions.filter(({ id }) => id !== version) };
  });
}

async function change(
  { store, clock }: Registry,
  name: string,
  changed: (body: Body, template: StoredTemplate) => Body,
): Promise<Body> {
  return store.write(async (queries) => {
    const known = await TEMPLATES.named(queries, name);
    const body = changed(known.body, known);
    await TEMPLATES.replace(queries, changedResource(known, body, clock.now()));
    return body;
  });
}

function inUse(message: string): Conflict<CloudErrorCode> {
  return new Conflict("delete-conflict", message);
}
