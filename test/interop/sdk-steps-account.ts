import { all, call, no, ok, through, type Given, type SdkStep } from "./sdk-steps.ts";

const GONE = "ResourceNotFoundException";
const TWICE = "ResourceAlreadyExistsException";
const ROLE = "arn:aws:iam::123456789012:role/r";
const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:none";
const TEMPLATE = JSON.stringify({
  Parameters: { Name: { Type: "String" } },
  Resources: { thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "Name" } } } },
});
const T = { templateName: "T" };
const NO_T = { templateName: "none" };

export const PROVISIONING_STEPS: readonly SdkStep[] = [
  ok(
    "CreateProvisioningTemplate",
    { ...T, provisioningRoleArn: ROLE, templateBody: TEMPLATE, enabled: true },
    "templateArn templateName defaultVersionId",
  ),
  no(TWICE, "CreateProvisioningTemplate", { ...T, provisioningRoleArn: ROLE, templateBody: TEMPLATE }),
  ok(
    "DescribeProvisioningTemplate",
    T,
    "templateArn templateName creationDate lastModifiedDate defaultVersionId templateBody enabled provisioningRoleArn type",
  ),
  ok("UpdateProvisioningTemplate", { ...T, description: "d" }),
  ok("ListProvisioningTemplates", {}, "templates"),
  ...["2", "3", "4", "5"].map(() =>
    ok(
      "CreateProvisioningTemplateVersion",
      { ...T, templateBody: TEMPLATE },
      "templateArn templateName versionId isDefaultVersion",
    ),
  ),
  no("VersionsLimitExceededException", "CreateProvisioningTemplateVersion", { ...T, templateBody: TEMPLATE }),
  no("DeleteConflictException", "DeleteProvisioningTemplate", T),
  no("DeleteConflictException", "DeleteProvisioningTemplateVersion", { ...T, versionId: 1 }),
  ok(
    "DescribeProvisioningTemplateVersion",
    { ...T, versionId: 2 },
    "versionId creationDate templateBody isDefaultVersion",
  ),
  ok("ListProvisioningTemplateVersions", T, "versions"),
  ok("DeleteProvisioningTemplateVersion", { ...T, versionId: 5 }),
  ok("CreateProvisioningClaim", T, "certificateId certificatePem keyPair expiration"),
  ok("RegisterThing", { templateBody: TEMPLATE, parameters: { Name: "by-sdk" } }, "resourceArns"),
  no("ResourceRegistrationFailureException", "RegisterThing", { templateBody: TEMPLATE, parameters: {} }),
  ok(
    "StartThingRegistrationTask",
    { templateBody: TEMPLATE, inputFileBucket: "bulk", inputFileKey: "list.json", roleArn: ROLE },
    "taskId",
    { task: "taskId" },
  ),
  ok(
    "DescribeThingRegistrationTask",
    ({ task }) => ({ taskId: task }),
    "taskId creationDate lastModifiedDate templateBody inputFileBucket inputFileKey roleArn status successCount failureCount percentageProgress",
  ),
  ok("ListThingRegistrationTasks", {}, "taskIds"),
  ok(
    "ListThingRegistrationTaskReports",
    ({ task }) => ({ taskId: task, reportType: "RESULTS" }),
    "resourceLinks reportType",
  ),
  ...all(GONE, [
    call("DescribeProvisioningTemplate", NO_T),
    call("UpdateProvisioningTemplate", NO_T),
    call("DeleteProvisioningTemplate", NO_T),
    call("CreateProvisioningTemplateVersion", { ...NO_T, templateBody: TEMPLATE }),
    call("DescribeProvisioningTemplateVersion", { ...T, versionId: 99 }),
    call("ListProvisioningTemplateVersions", NO_T),
    call("DeleteProvisioningTemplateVersion", { ...T, versionId: 99 }),
    call("CreateProvisioningClaim", NO_T),
    call("DescribeThingRegistrationTask", { taskId: "none" }),
    call("StopThingRegistrationTask", { taskId: "none" }),
  ]),
];

const A = { authorizerName: "A" };
const NO_A = { authorizerName: "none" };

export const AUTHORIZER_STEPS: readonly SdkStep[] = [
  ok(
    "CreateAuthorizer",
    { ...A, authorizerFunctionArn: FUNCTION, signingDisabled: true, status: "ACTIVE" },
    "authorizerName authorizerArn",
  ),
  no(TWICE, "CreateAuthorizer", { ...A, authorizerFunctionArn: FUNCTION, signingDisabled: true }),
  ok("DescribeAuthorizer", A, "authorizerDescription"),
  ok("UpdateAuthorizer", { ...A, enableCachingForHttp: true }, "authorizerName authorizerArn"),
  ok("ListAuthorizers", {}, "authorizers"),
  no(GONE, "DescribeDefaultAuthorizer", {}),
  ok("SetDefaultAuthorizer", A, "authorizerName authorizerArn"),
  ok("DescribeDefaultAuthorizer", {}, "authorizerDescription"),
  no("DeleteConflictException", "DeleteAuthorizer", A),
  ok("ClearDefaultAuthorizer", {}),
  no(GONE, "TestInvokeAuthorizer", { ...A, token: "x" }),
  ok("UpdateAuthorizer", { ...A, status: "INACTIVE" }, "authorizerName authorizerArn"),
  ok("DeleteAuthorizer", A),
  ok("CreateRoleAlias", { roleAlias: "R", roleArn: ROLE }, "roleAlias roleAliasArn"),
  no(TWICE, "CreateRoleAlias", { roleAlias: "R", roleArn: ROLE }),
  ok("DescribeRoleAlias", { roleAlias: "R" }, "roleAliasDescription"),
  ok("UpdateRoleAlias", { roleAlias: "R", credentialDurationSeconds: 900 }, "roleAlias roleAliasArn"),
  ok("ListRoleAliases", {}, "roleAliases"),
  ok("DeleteRoleAlias", { roleAlias: "R" }),
  ...all(GONE, [
    call("DescribeAuthorizer", NO_A),
    call("UpdateAuthorizer", NO_A),
    call("DeleteAuthorizer", NO_A),
    call("SetDefaultAuthorizer", NO_A),
    call("ClearDefaultAuthorizer", {}),
    call("DescribeRoleAlias", { roleAlias: "none" }),
    call("UpdateRoleAlias", { roleAlias: "none" }),
    call("DeleteRoleAlias", { roleAlias: "none" }),
  ]),
];

const D = { domainConfigurationName: "D" };
const NO_D = { domainConfigurationName: "none" };
const C = { certificateProviderName: "C" };
const NO_C = { certificateProviderName: "none" };
const FOR_CSR = { lambdaFunctionArn: FUNCTION, accountDefaultForOperations: ["CreateCertificateFromCsr"] };
const LOG_ROLE = "arn:aws:iam::123456789012:role/log";

export const SETTING_STEPS: readonly SdkStep[] = [
  ok(
    "CreateDomainConfiguration",
    { ...D, domainName: "a.example", serviceType: "DATA" },
    "domainConfigurationName domainConfigurationArn",
  ),
  no(TWICE, "CreateDomainConfiguration", { ...D, domainName: "a.example" }),
  ok(
    "DescribeDomainConfiguration",
    D,
    "domainConfigurationName domainConfigurationArn domainName serverCertificates domainConfigurationStatus serviceType domainType lastStatusChangeDate tlsConfig authenticationType applicationProtocol",
  ),
  ok("ListDomainConfigurations", {}, "domainConfigurations"),
  ok(
    "UpdateDomainConfiguration",
    { ...D, domainConfigurationStatus: "DISABLED" },
    "domainConfigurationName domainConfigurationArn",
  ),
  ok("DeleteDomainConfiguration", D),
  ok("CreateCertificateProvider", { ...C, ...FOR_CSR }, "certificateProviderName certificateProviderArn"),
  no(TWICE, "CreateCertificateProvider", { ...C, ...FOR_CSR }),
  ok(
    "DescribeCertificateProvider",
    C,
    "certificateProviderName lambdaFunctionArn accountDefaultForOperations creationDate lastModifiedDate certificateProviderArn",
  ),
  ok(
    "UpdateCertificateProvider",
    { ...C, lambdaFunctionArn: FUNCTION },
    "certificateProviderName certificateProviderArn",
  ),
  ok("ListCertificateProviders", {}, "certificateProviders"),
  ok("DeleteCertificateProvider", C),
  ok("DescribeEventConfigurations", {}, "eventConfigurations"),
  ok("UpdateEventConfigurations", { eventConfigurations: { THING: { Enabled: true } } }),
  ok("DescribeEventConfigurations", {}, "eventConfigurations creationDate lastModifiedDate"),
  no("NotConfiguredException", "GetV2LoggingOptions", {}),
  ok("SetV2LoggingOptions", { roleArn: LOG_ROLE, defaultLogLevel: "INFO" }),
  ok("GetV2LoggingOptions", {}, "roleArn defaultLogLevel disableAllLogs"),
  ok("SetLoggingOptions", { loggingOptionsPayload: { roleArn: LOG_ROLE, logLevel: "DEBUG" } }),
  ok("GetLoggingOptions", {}, "roleArn logLevel"),
  ok("DescribeEndpoint", { endpointType: "iot:Data-ATS" }, "endpointAddress"),
  ...all(GONE, [
    call("DescribeDomainConfiguration", NO_D),
    call("UpdateDomainConfiguration", NO_D),
    call("DeleteDomainConfiguration", NO_D),
    call("DescribeCertificateProvider", NO_C),
    call("UpdateCertificateProvider", { ...NO_C, lambdaFunctionArn: FUNCTION }),
    call("DeleteCertificateProvider", NO_C),
  ]),
];

const RULE = { sql: "SELECT * FROM 'a/b'", actions: [{ republish: { roleArn: ROLE, topic: "c" } }] };
const DENIED = "UnauthorizedException";
const NO_ARN = "arn:aws:iot:eu-central-1:123456789012:ruledestination/http/00000000-0000-0000-0000-000000000000";

export const RULE_STEPS: readonly SdkStep[] = [
  ok("CreateTopicRule", { ruleName: "r", topicRulePayload: RULE, tags: "site=A&line=7" }),
  no(TWICE, "CreateTopicRule", { ruleName: "r", topicRulePayload: RULE }),
  no("SqlParseException", "CreateTopicRule", { ruleName: "s", topicRulePayload: { ...RULE, sql: "SELECT" } }),
  ok("GetTopicRule", { ruleName: "r" }, "ruleArn rule", { rule: "ruleArn" }),
  ok("ListTagsForResource", ({ rule }) => ({ resourceArn: rule }), "tags"),
  ok("ReplaceTopicRule", { ruleName: "r", topicRulePayload: { ...RULE, description: "d" } }),
  no("SqlParseException", "ReplaceTopicRule", { ruleName: "r", topicRulePayload: { ...RULE, sql: "x" } }),
  ok("ListTopicRules", {}, "rules"),
  ok("DisableTopicRule", { ruleName: "r" }),
  ok("EnableTopicRule", { ruleName: "r" }),
  ok("DeleteTopicRule", { ruleName: "r" }),
  ...all(DENIED, [
    call("GetTopicRule", { ruleName: "none" }),
    call("ReplaceTopicRule", { ruleName: "none", topicRulePayload: RULE }),
    call("EnableTopicRule", { ruleName: "none" }),
    call("DisableTopicRule", { ruleName: "none" }),
    call("DeleteTopicRule", { ruleName: "none" }),
    call("GetTopicRuleDestination", { arn: NO_ARN }),
    call("DeleteTopicRuleDestination", { arn: NO_ARN }),
  ]),
  ok(
    "CreateTopicRuleDestination",
    ({ hook }) => ({ destinationConfiguration: { httpUrlConfiguration: { confirmationUrl: hook } } }),
    "topicRuleDestination",
    { destination: "topicRuleDestination.arn" },
  ),
  no(TWICE, "CreateTopicRuleDestination", ({ hook }) => ({
    destinationConfiguration: { httpUrlConfiguration: { confirmationUrl: hook } },
  })),
  ok("GetTopicRuleDestination", ({ destination }) => ({ arn: destination }), "topicRuleDestination"),
  ok("ListTopicRuleDestinations", {}, "destinationSummaries"),
  ok("ConfirmTopicRuleDestination", ({ token }) => ({ confirmationToken: token })),
  ok("UpdateTopicRuleDestination", ({ destination }) => ({ arn: destination, status: "DISABLED" })),
  ok("DeleteTopicRuleDestination", ({ destination }) => ({ arn: destination })),
];

const J = { jobId: "j" };
const NO_J = { jobId: "none" };
const ON_T = { jobId: "j", thingName: "t" };
const DESCRIBED =
  "jobTemplateArn jobTemplateId description document createdAt presignedUrlConfig jobExecutionsRolloutConfig abortConfig timeoutConfig jobExecutionsRetryConfig maintenanceWindows";
const TERMS = {
  presignedUrlConfig: { roleArn: ROLE, expiresInSec: 60 },
  jobExecutionsRolloutConfig: {
    maximumPerMinute: 5,
    exponentialRate: {
      baseRatePerMinute: 1,
      incrementFactor: 1.5,
      rateIncreaseCriteria: { numberOfNotifiedThings: 1 },
    },
  },
  abortConfig: {
    criteriaList: [{ failureType: "ALL", action: "CANCEL", thresholdPercentage: 50.5, minNumberOfExecutedThings: 9 }],
  },
  timeoutConfig: { inProgressTimeoutInMinutes: 5 },
  jobExecutionsRetryConfig: { criteriaList: [{ failureType: "TIMED_OUT", numberOfRetries: 2 }] },
};

/** Jobs. Given: `thing`, the ARN of the thing `t`. */
export const JOB_STEPS: readonly SdkStep[] = [
  ok(
    "CreateJob",
    ({ thing }) => ({
      ...J,
      targets: [thing],
      document: "{}",
      description: "d",
      targetSelection: "CONTINUOUS",
      ...TERMS,
    }),
    "jobArn jobId description",
    { job: "jobArn" },
  ),
  no(TWICE, "CreateJob", ({ thing }) => ({ ...J, targets: [thing], document: "{}" })),
  no(GONE, "CreateJob", { jobId: "k", targets: ["arn:aws:iot:eu-central-1:123456789012:thing/none"], document: "{}" }),
  ok("DescribeJob", J, "job"),
  ok("GetJobDocument", J, "document"),
  ok("ListJobs", {}, "jobs"),
  ok("UpdateJob", { ...J, description: "e" }),
  ok("AssociateTargetsWithJob", ({ thing }) => ({ ...J, targets: [thing], comment: "c" }), "jobArn jobId description"),
  ok("DescribeJobExecution", ON_T, "execution"),
  ok("ListJobExecutionsForJob", J, "executionSummaries"),
  ok("ListJobExecutionsForThing", { thingName: "t" }, "executionSummaries"),
  no("VersionConflictException", "CancelJobExecution", { ...ON_T, expectedVersion: 9 }),
  no("InvalidStateTransitionException", "DeleteJobExecution", { ...ON_T, executionNumber: 1 }),
  no("InvalidStateTransitionException", "DeleteJob", J),
  ok("CancelJobExecution", ON_T),
  no("InvalidStateTransitionException", "CancelJobExecution", ON_T),
  ok("DeleteJobExecution", { ...ON_T, executionNumber: 1 }),
  ok(
    "CreateJobTemplate",
    ({ job }) => ({ jobTemplateId: "u", jobArn: job, description: "d" }),
    "jobTemplateArn jobTemplateId",
  ),
  ok(
    "CreateJobTemplate",
    {
      jobTemplateId: "w",
      document: "{}",
      description: "d",
      ...TERMS,
      maintenanceWindows: [{ startTime: "0 2 * * ? *", durationInMinutes: 60 }],
    },
    "jobTemplateArn jobTemplateId",
  ),
  no("ConflictException", "CreateJobTemplate", { jobTemplateId: "u", document: "{}", description: "d" }),
  no(GONE, "CreateJobTemplate", {
    jobTemplateId: "v",
    jobArn: "arn:aws:iot:eu-central-1:123456789012:job/none",
    description: "d",
  }),
  ok("DescribeJobTemplate", { jobTemplateId: "w" }, DESCRIBED),
  ok("ListJobTemplates", {}, "jobTemplates"),
  ok("DeleteJobTemplate", { jobTemplateId: "u" }),
  ok("CancelJob", { ...J, reasonCode: "DONE", comment: "c" }, "jobArn jobId description"),
  no("InvalidRequestException", "UpdateJob", { ...J, description: "f" }),
  ok("DeleteJob", J),
  ...all(GONE, [
    call("DescribeJob", NO_J),
    call("GetJobDocument", NO_J),
    call("UpdateJob", NO_J),
    call("CancelJob", NO_J),
    call("DeleteJob", NO_J),
    call("AssociateTargetsWithJob", ({ thing }) => ({ ...NO_J, targets: [thing] })),
    call("DescribeJobExecution", { jobId: "none", thingName: "t" }),
    call("CancelJobExecution", { jobId: "none", thingName: "t" }),
    call("DeleteJobExecution", { jobId: "none", thingName: "t", executionNumber: 1 }),
    call("ListJobExecutionsForJob", NO_J),
    call("ListJobExecutionsForThing", { thingName: "none" }),
    call("DescribeJobTemplate", { jobTemplateId: "none" }),
    call("DeleteJobTemplate", { jobTemplateId: "none" }),
  ]),
];

const STATE = new TextEncoder().encode('{"state":{"desired":{"a":1}}}');
const bytes = (text: string) => new TextEncoder().encode(text);

/** The data plane: messages and shadows. */
export const DATA_STEPS: readonly SdkStep[] = through("data", [
  ok("Publish", { topic: "kept/here", qos: 1, retain: true, payload: bytes("x"), contentType: "text/plain" }),
  ok("GetRetainedMessage", { topic: "kept/here" }, "topic payload qos lastModifiedTime"),
  ok("ListRetainedMessages", {}, "retainedTopics"),
  ok("UpdateThingShadow", { thingName: "t", payload: STATE }, "payload"),
  ok("UpdateThingShadow", { thingName: "t", shadowName: "s", payload: STATE }, "payload"),
  ok("GetThingShadow", { thingName: "t", shadowName: "s" }, "payload"),
  ok("ListNamedShadowsForThing", { thingName: "t" }, "results timestamp"),
  no("ConflictException", "UpdateThingShadow", { thingName: "t", payload: bytes('{"state":{},"version":9}') }),
  no("RequestEntityTooLargeException", "UpdateThingShadow", {
    thingName: "t",
    payload: bytes(JSON.stringify({ state: { desired: { a: "x".repeat(20_000) } } })),
  }),
  no("UnsupportedDocumentEncodingException", "UpdateThingShadow", { thingName: "t", payload: new Uint8Array([0xff]) }),
  ok("DeleteThingShadow", { thingName: "t", shadowName: "s" }, "payload"),
  ...all("ResourceNotFoundException", [
    call("GetRetainedMessage", { topic: "none" }),
    call("DeleteConnection", { clientId: "nobody", cleanSession: true, preventWillMessage: false }),
    call("GetThingShadow", { thingName: "t", shadowName: "none" }),
    call("DeleteThingShadow", { thingName: "t", shadowName: "none" }),
  ]),
]);

const F = { FunctionName: "f" };
const WRONG_F = { FunctionName: "no name" };
const NO_F = { FunctionName: "none" };
const NEW_F = { Role: ROLE, Runtime: "nodejs22.x", Handler: "index.handler" };
const CONFIGURATION =
  "FunctionName FunctionArn Runtime Role Handler CodeSize Description Timeout MemorySize LastModified CodeSha256 Version RevisionId State LastUpdateStatus PackageType Architectures EphemeralStorage";

const EVENT_CONFIG = "LastModified FunctionArn MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig";
const ALIAS = "AliasArn Name FunctionVersion Description RevisionId";

/** Functions. Given: `zip`, base64 of a zip. */
export const LAMBDA_STEPS: readonly SdkStep[] = through("lambda", [
  ok("CreateFunction", ({ zip }) => ({ ...F, ...NEW_F, Code: { ZipFile: fromBase64(zip) } }), CONFIGURATION),
  no("ResourceConflictException", "CreateFunction", ({ zip }) => ({
    ...F,
    ...NEW_F,
    Code: { ZipFile: fromBase64(zip) },
  })),
  no("InvalidParameterValueException", "CreateFunction", ({ zip }) => ({
    FunctionName: "g",
    ...NEW_F,
    Runtime: "python3.12",
    Code: { ZipFile: fromBase64(zip) },
  })),
  ...[511, 10_241, 512.5].map((Size) =>
    no("InvalidParameterValueException", "CreateFunction", ({ zip }) => ({
      FunctionName: "g",
      ...NEW_F,
      EphemeralStorage: { Size },
      Code: { ZipFile: fromBase64(zip) },
    })),
  ),
  ok("GetFunction", F, "Configuration Code"),
  ok("GetFunctionConfiguration", F, CONFIGURATION),
  ok("ListFunctions", {}, "Functions"),
  ok("UpdateFunctionCode", ({ zip }) => ({ ...F, ZipFile: fromBase64(zip) }), CONFIGURATION),
  ok("UpdateFunctionConfiguration", { ...F, Timeout: 9, EphemeralStorage: { Size: 1024 } }, CONFIGURATION),
  no("InvalidParameterValueException", "UpdateFunctionConfiguration", { ...F, EphemeralStorage: { Size: 511 } }),
  no("InvalidParameterValueException", "UpdateFunctionConfiguration", { ...F, EphemeralStorage: {} }),
  no("PreconditionFailedException", "UpdateFunctionConfiguration", { ...F, Timeout: 9, RevisionId: "x" }),
  no("PreconditionFailedException", "UpdateFunctionCode", ({ zip }) => ({
    ...F,
    ZipFile: fromBase64(zip),
    RevisionId: "x",
  })),
  ok(
    "AddPermission",
    { ...F, StatementId: "s", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" },
    "Statement",
  ),
  no("ResourceConflictException", "AddPermission", {
    ...F,
    StatementId: "s",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
  }),
  no("PreconditionFailedException", "AddPermission", {
    ...F,
    StatementId: "z",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
    RevisionId: "x",
  }),
  ok("GetPolicy", F, "Policy RevisionId"),
  no("PreconditionFailedException", "RemovePermission", { ...F, StatementId: "s", RevisionId: "x" }),
  ok("RemovePermission", { ...F, StatementId: "s" }),
  no("ResourceNotFoundException", "RemovePermission", { ...F, StatementId: "s" }),
  ok("Invoke", { ...F, Payload: bytes('{"n":1}'), LogType: "Tail" }, "StatusCode LogResult Payload ExecutedVersion"),
  no("InvalidRequestContentException", "Invoke", { ...F, Payload: bytes("{") }),
  no("RequestTooLargeException", "Invoke", { ...F, Payload: new Uint8Array(7 * 1024 * 1024).fill(0x20) }),
  ...all("ResourceNotFoundException", [
    call("GetFunction", NO_F),
    call("GetFunctionConfiguration", NO_F),
    call("UpdateFunctionCode", ({ zip }) => ({ ...NO_F, ZipFile: fromBase64(zip) })),
    call("UpdateFunctionConfiguration", { ...NO_F, Timeout: 9 }),
    call("DeleteFunction", NO_F),
    call("AddPermission", { ...NO_F, StatementId: "s", Action: "lambda:InvokeFunction", Principal: "*" }),
    call("GetPolicy", F),
    call("Invoke", NO_F),
  ]),
  ok("PutFunctionEventInvokeConfig", { ...F, MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 90 }, EVENT_CONFIG),
  ok("UpdateFunctionEventInvokeConfig", { ...F, MaximumEventAgeInSeconds: 60 }, EVENT_CONFIG),
  ok("GetFunctionEventInvokeConfig", F, EVENT_CONFIG),
  ok("ListFunctionEventInvokeConfigs", F, "FunctionEventInvokeConfigs"),
  ok("DeleteFunctionEventInvokeConfig", F),
  ok("TagResource", (given) => ({ Resource: OWN(given), Tags: { site: "A" } })),
  ok("ListTags", (given) => ({ Resource: OWN(given) }), "Tags"),
  ok("UntagResource", (given) => ({ Resource: OWN(given), TagKeys: ["site"] })),
  ok("GetAccountSettings", {}, "AccountLimit AccountUsage"),
  ok("PublishVersion", { ...F, Description: "one" }, CONFIGURATION),
  ok("ListVersionsByFunction", F, "Versions"),
  ok("CreateAlias", { ...F, Name: "live", FunctionVersion: "1" }, ALIAS),
  no("ResourceConflictException", "CreateAlias", { ...F, Name: "live", FunctionVersion: "1" }),
  ok("GetAlias", { ...F, Name: "live" }, ALIAS),
  ok("UpdateAlias", { ...F, Name: "live", FunctionVersion: "$LATEST" }, ALIAS),
  no("PreconditionFailedException", "UpdateAlias", { ...F, Name: "live", RevisionId: "x" }),
  no("PreconditionFailedException", "PublishVersion", { ...F, RevisionId: "x" }),
  ok("ListAliases", F, "Aliases"),
  ok("DeleteAlias", { ...F, Name: "live" }),
  ...all("InvalidParameterValueException", [
    ...[
      "GetFunction",
      "GetFunctionConfiguration",
      "UpdateFunctionCode",
      "UpdateFunctionConfiguration",
      "DeleteFunction",
      "GetPolicy",
      "Invoke",
      "PublishVersion",
      "ListVersionsByFunction",
      "ListAliases",
      "PutFunctionEventInvokeConfig",
      "UpdateFunctionEventInvokeConfig",
      "GetFunctionEventInvokeConfig",
      "DeleteFunctionEventInvokeConfig",
      "ListFunctionEventInvokeConfigs",
    ].map((name) => call(name, WRONG_F)),
    call("ListFunctions", { MaxItems: 0 }),
    call("ListTags", { Resource: "no arn" }),
    call("TagResource", { Resource: "no arn", Tags: {} }),
    call("UntagResource", { Resource: "no arn", TagKeys: [] }),
    call("AddPermission", { ...WRONG_F, StatementId: "s", Action: "lambda:InvokeFunction", Principal: "*" }),
    call("RemovePermission", { ...WRONG_F, StatementId: "s" }),
    call("CreateAlias", { ...WRONG_F, Name: "live", FunctionVersion: "1" }),
    call("UpdateAlias", { ...WRONG_F, Name: "live" }),
    call("GetAlias", { ...WRONG_F, Name: "live" }),
    call("DeleteAlias", { ...WRONG_F, Name: "live" }),
  ]),
  ...all("ResourceNotFoundException", [
    ...["Get", "Delete"].map((verb) => call(`${verb}FunctionEventInvokeConfig`, F)),
    call("PutFunctionEventInvokeConfig", { ...NO_F, MaximumRetryAttempts: 1 }),
    call("UpdateFunctionEventInvokeConfig", { ...F, MaximumRetryAttempts: 1 }),
    call("ListFunctionEventInvokeConfigs", NO_F),
    call("ListTags", (given) => ({ Resource: `${OWN(given)}2` })),
    call("TagResource", (given) => ({ Resource: `${OWN(given)}2`, Tags: { a: "b" } })),
    call("UntagResource", (given) => ({ Resource: `${OWN(given)}2`, TagKeys: ["a"] })),
    call("PublishVersion", NO_F),
    call("ListVersionsByFunction", NO_F),
    call("CreateAlias", { ...NO_F, Name: "live", FunctionVersion: "1" }),
    call("UpdateAlias", { ...F, Name: "none", FunctionVersion: "1" }),
    call("GetAlias", { ...F, Name: "none" }),
    call("ListAliases", NO_F),
  ]),
]);

const OWN = ({ account }: Given) => `arn:aws:lambda:eu-central-1:${account}:function:f`;
const TO_IOT = { StatementId: "iot", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" };

/** A function as authorizer: it lets in who says yes, and gives nonsense otherwise. Given: the function `f`. */
export const ASKING_STEPS: readonly SdkStep[] = [
  ...through("lambda", [ok("AddPermission", { ...F, ...TO_IOT }, "Statement")]),
  ok(
    "CreateAuthorizer",
    (given) => ({ ...A, authorizerFunctionArn: OWN(given), signingDisabled: true, status: "ACTIVE" }),
    "authorizerName authorizerArn",
  ),
  ok(
    "TestInvokeAuthorizer",
    { ...A, token: "yes" },
    "isAuthenticated principalId policyDocuments refreshAfterInSeconds disconnectAfterInSeconds",
  ),
  no("InvalidResponseException", "TestInvokeAuthorizer", { ...A, token: "no" }),
  ...through("lambda", [ok("DeleteFunction", F, "StatusCode")]),
];

/** What was made goes away again. */
export const LAST_STEPS: readonly SdkStep[] = [
  ok("DeletePolicyVersion", { policyName: "p", policyVersionId: "1" }),
  ok("DeletePolicyVersion", { policyName: "p", policyVersionId: "2" }),
  ok("DeletePolicyVersion", { policyName: "p", policyVersionId: "4" }),
  ok("DeletePolicy", { policyName: "p" }),
  ...[2, 3, 4].map((versionId) => ok("DeleteProvisioningTemplateVersion", { ...T, versionId })),
  ok("DeleteProvisioningTemplate", T),
  ok("DetachThingPrincipal", ({ arn }) => ({ thingName: "t", principal: arn })),
  ok("DeleteThing", { thingName: "t" }),
  ok("DeleteThing", { thingName: "t" }),
  ok("DeleteThingGroup", { thingGroupName: "h" }),
  ok("DeleteThingGroup", { thingGroupName: "g" }),
  ok("UpdateCACertificate", ({ caId }) => ({ certificateId: caId, newStatus: "INACTIVE" })),
  ok("DeleteCACertificate", ({ caId }) => ({ certificateId: caId })),
  ok("DeleteRegistrationCode", {}),
  no(GONE, "DeleteRegistrationCode", {}),
];

function fromBase64(text: string | undefined): Uint8Array {
  return Buffer.from(text ?? "", "base64");
}
