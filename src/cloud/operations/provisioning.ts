/** @table Provisioning templates, just-in-time and fleet provisioning, bulk registration. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, list, map, oneOf, record, string } from "./shape.ts";
import type {
  CreateProvisioningClaimResponse,
  CreateProvisioningTemplateResponse,
  CreateProvisioningTemplateVersionResponse,
  DescribeProvisioningTemplateResponse,
  DescribeProvisioningTemplateVersionResponse,
  DescribeThingRegistrationTaskResponse,
  ListProvisioningTemplateVersionsResponse,
  ListProvisioningTemplatesResponse,
  ListThingRegistrationTaskReportsResponse,
  ListThingRegistrationTasksResponse,
  RegisterThingResponse,
  StartThingRegistrationTaskResponse,
} from "./provisioning-results.ts";

const TEMPLATE_NAME = string({ min: 1, max: 36, pattern: /[0-9A-Za-z_-]+/ });
const TEMPLATE_DESCRIPTION = string({ max: 500, pattern: /[^\p{C}]*/u });
const TEMPLATE_BODY = string({ max: 10_240 });
const ROLE_ARN = string({ min: 20, max: 2048 });
const PAYLOAD_VERSION = string({ min: 10, max: 32, pattern: /[0-9-]+/ });
const TARGET_ARN = string({ max: 2048 });
const PROVISIONING_HOOK = record({ payloadVersion: PAYLOAD_VERSION, targetArn: TARGET_ARN }, ["targetArn"]);
const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const TEMPLATE_TYPE = oneOf("FLEET_PROVISIONING", "JITP");
const MAX_RESULTS = integer({ min: 1, max: 250 });
const NEXT_TOKEN = string({ max: 1024 });
const PARAMETER = string({ max: 2048 });
const VALUE = string({ max: 4096 });
const PARAMETERS = map(PARAMETER, VALUE, { max: 200 });
const REGISTRY_S3_BUCKET_NAME = string({ min: 3, max: 256, pattern: /[a-zA-Z0-9._-]+/ });
const REGISTRY_S3_KEY_NAME = string({ min: 1, max: 1024, pattern: /[a-zA-Z0-9!_.*'()-/]+/ });
const TASK_ID = string({ max: 40 });
const REGISTRY_MAX_RESULTS = integer({ min: 1, max: 250 });
const STATUS = oneOf("InProgress", "Completed", "Failed", "Cancelled", "Cancelling");
const REPORT_TYPE = oneOf("ERRORS", "RESULTS");

export const PROVISIONING_OPERATIONS = {
  CreateProvisioningTemplate: operation<CreateProvisioningTemplateResponse>()({
    service: "iot",
    method: "POST",
    path: "/provisioning-templates",
    input: {
      templateName: required(body(TEMPLATE_NAME)),
      description: body(TEMPLATE_DESCRIPTION),
      templateBody: required(body(TEMPLATE_BODY)),
      enabled: body(boolean),
      provisioningRoleArn: required(body(ROLE_ARN)),
      preProvisioningHook: body(PROVISIONING_HOOK),
      tags: body(TAG_LIST),
      type: body(TEMPLATE_TYPE),
    },
    output: OK,
    errors: ["LimitExceededException", "ResourceAlreadyExistsException"],
  }),
  DescribeProvisioningTemplate: operation<DescribeProvisioningTemplateResponse>()({
    service: "iot",
    method: "GET",
    path: "/provisioning-templates/{templateName}",
    input: { templateName: uri(TEMPLATE_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateProvisioningTemplate: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/provisioning-templates/{templateName}",
    input: {
      templateName: uri(TEMPLATE_NAME),
      description: body(TEMPLATE_DESCRIPTION),
      enabled: body(boolean),
      defaultVersionId: body(integer()),
      provisioningRoleArn: body(ROLE_ARN),
      preProvisioningHook: body(PROVISIONING_HOOK),
      removePreProvisioningHook: body(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "ConflictingResourceUpdateException"],
  }),
  DeleteProvisioningTemplate: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/provisioning-templates/{templateName}",
    input: { templateName: uri(TEMPLATE_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException", "DeleteConflictException", "ConflictingResourceUpdateException"],
  }),
  ListProvisioningTemplates: operation<ListProvisioningTemplatesResponse>()({
    service: "iot",
    method: "GET",
    path: "/provisioning-templates",
    input: { maxResults: query(MAX_RESULTS), nextToken: query(NEXT_TOKEN) },
    output: OK,
    errors: [],
  }),
  CreateProvisioningTemplateVersion: operation<CreateProvisioningTemplateVersionResponse>()({
    service: "iot",
    method: "POST",
    path: "/provisioning-templates/{templateName}/versions",
    input: {
      templateName: uri(TEMPLATE_NAME),
      templateBody: required(body(TEMPLATE_BODY)),
      setAsDefault: query(boolean),
    },
    output: OK,
    errors: ["VersionsLimitExceededException", "ResourceNotFoundException", "ConflictingResourceUpdateException"],
  }),
  DescribeProvisioningTemplateVersion: operation<DescribeProvisioningTemplateVersionResponse>()({
    service: "iot",
    method: "GET",
    path: "/provisioning-templates/{templateName}/versions/{versionId}",
    input: { templateName: uri(TEMPLATE_NAME), versionId: uri(integer()) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListProvisioningTemplateVersions: operation<ListProvisioningTemplateVersionsResponse>()({
    service: "iot",
    method: "GET",
    path: "/provisioning-templates/{templateName}/versions",
    input: { templateName: uri(TEMPLATE_NAME), maxResults: query(MAX_RESULTS), nextToken: query(NEXT_TOKEN) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeleteProvisioningTemplateVersion: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/provisioning-templates/{templateName}/versions/{versionId}",
    input: { templateName: uri(TEMPLATE_NAME), versionId: uri(integer()) },
    output: OK,
    errors: ["ResourceNotFoundException", "ConflictingResourceUpdateException", "DeleteConflictException"],
  }),
  CreateProvisioningClaim: operation<CreateProvisioningClaimResponse>()({
    service: "iot",
    method: "POST",
    path: "/provisioning-templates/{templateName}/provisioning-claim",
    input: { templateName: uri(TEMPLATE_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  RegisterThing: operation<RegisterThingResponse>()({
    service: "iot",
    method: "POST",
    path: "/things",
    input: { templateBody: required(body(TEMPLATE_BODY)), parameters: body(PARAMETERS) },
    output: OK,
    errors: ["ConflictingResourceUpdateException", "ResourceRegistrationFailureException"],
  }),
  StartThingRegistrationTask: operation<StartThingRegistrationTaskResponse>()({
    service: "iot",
    method: "POST",
    path: "/thing-registration-tasks",
    input: {
      templateBody: required(body(TEMPLATE_BODY)),
      inputFileBucket: required(body(REGISTRY_S3_BUCKET_NAME)),
      inputFileKey: required(body(REGISTRY_S3_KEY_NAME)),
      roleArn: required(body(ROLE_ARN)),
    },
    output: OK,
    errors: [],
  }),
  DescribeThingRegistrationTask: operation<DescribeThingRegistrationTaskResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-registration-tasks/{taskId}",
    input: { taskId: uri(TASK_ID) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListThingRegistrationTasks: operation<ListThingRegistrationTasksResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-registration-tasks",
    input: { nextToken: query(NEXT_TOKEN), maxResults: query(REGISTRY_MAX_RESULTS), status: query(STATUS) },
    output: OK,
    errors: [],
  }),
  ListThingRegistrationTaskReports: operation<ListThingRegistrationTaskReportsResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-registration-tasks/{taskId}/reports",
    input: {
      taskId: uri(TASK_ID),
      reportType: required(query(REPORT_TYPE)),
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
    },
    output: OK,
    errors: [],
  }),
  StopThingRegistrationTask: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/thing-registration-tasks/{taskId}/cancel",
    input: { taskId: uri(TASK_ID) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;
