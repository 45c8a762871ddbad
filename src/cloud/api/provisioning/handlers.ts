import { iotArn, pageAmong } from "../../registry/index.ts";
import {
  carryOut,
  claimFor,
  createTemplate,
  createTemplateVersion,
  deleteTemplate,
  deleteTemplateVersion,
  describeTemplate,
  listTemplates,
  parseTemplate,
  planOf,
  updateTemplate,
  versionOf,
  type RegistrationTasks,
  type StoredTemplate,
  type Workshop,
} from "../../templates/index.ts";
import { type HandlersOf, type PROVISIONING_OPERATIONS, pageRequestOf, tokenPage } from "../../operations/index.ts";

type Names = keyof typeof PROVISIONING_OPERATIONS;

/** Provisioning in AWS's words. */
export function provisioningHandlers(services: {
  readonly shop: Workshop;
  readonly tasks: RegistrationTasks;
}): HandlersOf<Names> {
  const { shop, tasks } = services;
  return {
    ...templateHandlers(shop),
    ...versionHandlers(shop),
    ...taskHandlers(tasks),
    async CreateProvisioningClaim({ templateName }) {
      const { certificateId, certificatePem, keyPair, expiration } = await claimFor(shop, templateName);
      const { publicKeyPem: PublicKey, privateKeyPem: PrivateKey } = keyPair;
      return { certificateId, certificatePem, keyPair: { PublicKey, PrivateKey }, expiration: expiration / 1000 };
    },
    async RegisterThing({ templateBody, parameters = {} }) {
      const { certificatePem, resourceArns } = await carryOut(shop, planOf(parseTemplate(templateBody), parameters));
      return { certificatePem, resourceArns };
    },
  };
}

type TemplateNames = Extract<Names, `${string}ProvisioningTemplate` | "ListProvisioningTemplates">;

function templateHandlers({ registry }: Workshop): HandlersOf<TemplateNames> {
  const arnOf = (name: string) => iotArn(registry.account, "provisioningtemplate", name);
  const summary = ({ name, body, createdAt, modifiedAt }: StoredTemplate) => ({
    templateArn: arnOf(name),
    templateName: name,
    description: body.description,
    creationDate: createdAt / 1000,
    lastModifiedDate: modifiedAt / 1000,
    enabled: body.isEnabled,
    type: body.type,
  });
  return {
    async CreateProvisioningTemplate(input) {
      const { templateName, templateBody: text, provisioningRoleArn: roleArn } = input;
      const { description, enabled: isEnabled, preProvisioningHook: hook, tags, type } = input;
      await createTemplate(registry, templateName, { text, roleArn, description, isEnabled, hook, tags, type });
      return { templateArn: arnOf(templateName), templateName, defaultVersionId: 1 };
    },
    async DescribeProvisioningTemplate({ templateName }) {
      const template = await describeTemplate(registry, templateName);
      const { defaultVersion: defaultVersionId, roleArn: provisioningRoleArn, hook } = template.body;
      const { text: templateBody } = versionOf(template);
      const more = { defaultVersionId, templateBody, provisioningRoleArn };
      return { ...summary(template), ...more, preProvisioningHook: hook };
    },
    UpdateProvisioningTemplate: (input) =>
      updateTemplate(registry, input.templateName, {
        description: input.description,
        isEnabled: input.enabled,
        defaultVersion: input.defaultVersionId,
        roleArn: input.provisioningRoleArn,
        hook: input.preProvisioningHook,
        removeHook: input.removePreProvisioningHook,
      }),
    DeleteProvisioningTemplate: ({ templateName }) => deleteTemplate(registry, templateName),
    ListProvisioningTemplates: async (input) =>
      tokenPage("templates", await listTemplates(registry, pageRequestOf(input)), summary),
  };
}

type VersionNames = Extract<Names, `${string}ProvisioningTemplateVersion` | "ListProvisioningTemplateVersions">;

function versionHandlers({ registry }: Workshop): HandlersOf<VersionNames> {
  return {
    async CreateProvisioningTemplateVersion({ templateName, templateBody: text, setAsDefault }) {
      const { id, isDefault } = await createTemplateVersion(registry, templateName, { text, setAsDefault });
      const templateArn = iotArn(registry.account, "provisioningtemplate", templateName);
      return { templateArn, templateName, versionId: id, isDefaultVersion: isDefault };
    },
    async DescribeProvisioningTemplateVersion({ templateName, versionId }) {
      const template = await describeTemplate(registry, templateName);
      const { text: templateBody, createdAt } = versionOf(template, versionId);
      const isDefaultVersion = template.body.defaultVersion === versionId;
      return { versionId, creationDate: createdAt / 1000, templateBody, isDefaultVersion };
    },
    // Five versions at most: they are one page.
    async ListProvisioningTemplateVersions({ templateName, ...request }) {
      const { body } = await describeTemplate(registry, templateName);
      const page = pageAmong(`versions of ${templateName}`, pageRequestOf(request), {
        rows: body.versions,
        // The newest first.
        keyOf: ({ id }) => String(Number.MAX_SAFE_INTEGER - id).padStart(16, "0"),
      });
      return tokenPage("versions", page, ({ id, createdAt }) => ({
        versionId: id,
        creationDate: createdAt / 1000,
        isDefaultVersion: body.defaultVersion === id,
      }));
    },
    DeleteProvisioningTemplateVersion: ({ templateName, versionId }) =>
      deleteTemplateVersion(registry, templateName, versionId),
  };
}

function taskHandlers(
  tasks: RegistrationTasks,
): HandlersOf<Exclude<Names, TemplateNames | VersionNames | "CreateProvisioningClaim" | "RegisterThing">> {
  return {
    async StartThingRegistrationTask({ templateBody, inputFileBucket: bucket, inputFileKey: key, roleArn }) {
      return { taskId: await tasks.start({ templateBody, bucket, key, roleArn }) };
    },
    async DescribeThingRegistrationTask({ taskId }) {
      const { body, createdAt, modifiedAt } = await tasks.describe(taskId);
      return {
        taskId,
        creationDate: createdAt / 1000,
        lastModifiedDate: modifiedAt / 1000,
        templateBody: body.templateBody,
        inputFileBucket: body.bucket,
        inputFileKey: body.key,
        roleArn: body.roleArn,
        status: body.status,
        message: body.message,
        successCount: body.succeeded,
        failureCount: body.failed,
        percentageProgress: body.percent,
      };
    },
    async ListThingRegistrationTasks({ status, ...input }) {
      return tokenPage("taskIds", await tasks.list({ ...pageRequestOf(input), status }), ({ name }) => name);
    },
    async ListThingRegistrationTaskReports({ taskId, reportType }) {
      const { reports } = (await tasks.describe(taskId)).body;
      const link = reports[reportType];
      return { resourceLinks: link === undefined ? [] : [link], reportType };
    },
    StopThingRegistrationTask: ({ taskId }) => tasks.stop(taskId),
  };
}
