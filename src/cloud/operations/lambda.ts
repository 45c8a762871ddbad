/** @table The functions of AWS Lambda that rules need: paths, places and limits as in its service model (botocore 1.43.11). */
import { blob, boolean, integer, list, map, oneOf, record, string, unavailable } from "./shape.ts";
import { body, header, OK, operation, payload, query, required, uri } from "./operation.ts";
import type {
  AddPermissionResult,
  FunctionConfiguration,
  FunctionDescription,
  FunctionList,
  FunctionPolicy,
  Invocation,
} from "./service-results.ts";

const ARN_START =
  "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?";
/** A name, partial ARN or ARN of a function. */
export const FUNCTION_NAME = string({
  min: 1,
  max: 140,
  pattern: new RegExp(`${ARN_START}([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`),
});
/** The same, with a longer bound. */
export const NAMESPACED_FUNCTION_NAME = string({
  min: 1,
  max: 256,
  pattern: new RegExp(`${ARN_START}([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`),
});
/** A version, an alias, or `$LATEST`. */
export const QUALIFIER = string({ min: 1, max: 128, pattern: /\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+/ });
const ROLE_ARN = string({ pattern: /arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role\/?[a-zA-Z_0-9+=,.@\-_/]+/ });
const ARN = string({
  pattern: /arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)/,
});
/** What a person says about a function, version or alias. */
export const DESCRIPTION = string({ max: 256 });
const HANDLER = string({ max: 128, pattern: /[^\s]+/ });
const TIMEOUT_SECONDS = integer({ min: 1, max: 900 });
const MEMORY_MEGABYTES = integer({ min: 128, max: 10_240 });
const EPHEMERAL_STORAGE = record({ Size: integer({ min: 512, max: 10_240 }) }, ["Size"]);
const ENVIRONMENT = record({ Variables: map(string({ pattern: /[a-zA-Z]([a-zA-Z0-9_])+/ }), string()) });
/** Tags by key. */
export const TAGS = map(string({ min: 1, max: 128 }), string({ max: 256 }), { max: 50 });
const ARCHITECTURES = list(oneOf("x86_64", "arm64"), { min: 1, max: 1 });
/** Node runtimes only: the service model lists others, which this version cannot run. */
const RUNTIME = oneOf("nodejs16.x", "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x");

/** What a function's configuration may say and ours does not run; refused by name. */
const UNAVAILABLE_CONFIGURATION = {
  VpcConfig: body(unavailable),
  DeadLetterConfig: body(unavailable),
  KMSKeyArn: body(unavailable),
  TracingConfig: body(unavailable),
  Layers: body(unavailable),
  FileSystemConfigs: body(unavailable),
  ImageConfig: body(unavailable),
  SnapStart: body(unavailable),
  LoggingConfig: body(unavailable),
  CapacityProviderConfig: body(unavailable),
  DurableConfig: body(unavailable),
} as const;

export const LAMBDA_OPERATIONS = {
  CreateFunction: operation<FunctionConfiguration>()({
    service: "lambda",
    method: "POST",
    path: "/2015-03-31/functions",
    input: {
      FunctionName: required(body(FUNCTION_NAME)),
      Role: required(body(ROLE_ARN)),
      Code: required(
        body(record({ ZipFile: blob, S3Bucket: unavailable, S3Key: unavailable, S3ObjectVersion: unavailable })),
      ),
      Runtime: body(RUNTIME),
      Handler: body(HANDLER),
      Description: body(DESCRIPTION),
      Timeout: body(TIMEOUT_SECONDS),
      MemorySize: body(MEMORY_MEGABYTES),
      EphemeralStorage: body(EPHEMERAL_STORAGE),
      Publish: body(boolean),
      PackageType: body(oneOf("Zip")),
      Environment: body(ENVIRONMENT),
      Architectures: body(ARCHITECTURES),
      Tags: body(TAGS),
      CodeSigningConfigArn: body(unavailable),
      PublishTo: body(unavailable),
      TenancyConfig: body(unavailable),
      ...UNAVAILABLE_CONFIGURATION,
    },
    output: { status: 201 },
    errors: ["InvalidParameterValueException", "ResourceConflictException", "CodeStorageExceededException"],
  }),
  GetFunction: operation<FunctionDescription>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}",
    input: { FunctionName: uri(NAMESPACED_FUNCTION_NAME), Qualifier: query(QUALIFIER) },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  GetFunctionConfiguration: operation<FunctionConfiguration>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}/configuration",
    input: { FunctionName: uri(NAMESPACED_FUNCTION_NAME), Qualifier: query(QUALIFIER) },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  UpdateFunctionCode: operation<FunctionConfiguration>()({
    service: "lambda",
    method: "PUT",
    path: "/2015-03-31/functions/{FunctionName}/code",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      ZipFile: body(blob),
      Publish: body(boolean),
      DryRun: body(boolean),
      RevisionId: body(string()),
      Architectures: body(ARCHITECTURES),
      S3Bucket: body(unavailable),
      S3Key: body(unavailable),
      S3ObjectVersion: body(unavailable),
      S3ObjectStorageMode: body(unavailable),
      ImageUri: body(unavailable),
      SourceKMSKeyArn: body(unavailable),
      PublishTo: body(unavailable),
    },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException", "PreconditionFailedException"],
  }),
  UpdateFunctionConfiguration: operation<FunctionConfiguration>()({
    service: "lambda",
    method: "PUT",
    path: "/2015-03-31/functions/{FunctionName}/configuration",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      Role: body(ROLE_ARN),
      Handler: body(HANDLER),
      Description: body(DESCRIPTION),
      Timeout: body(TIMEOUT_SECONDS),
      MemorySize: body(MEMORY_MEGABYTES),
      EphemeralStorage: body(EPHEMERAL_STORAGE),
      Environment: body(ENVIRONMENT),
      Runtime: body(RUNTIME),
      RevisionId: body(string()),
      ...UNAVAILABLE_CONFIGURATION,
    },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException", "PreconditionFailedException"],
  }),
  DeleteFunction: operation<void>()({
    service: "lambda",
    method: "DELETE",
    path: "/2015-03-31/functions/{FunctionName}",
    input: { FunctionName: uri(FUNCTION_NAME), Qualifier: query(QUALIFIER) },
    output: { status: 204 },
    errors: ["InvalidParameterValueException", "ResourceNotFoundException", "ResourceConflictException"],
  }),
  ListFunctions: operation<FunctionList>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions",
    input: {
      FunctionVersion: query(oneOf("ALL")),
      Marker: query(string({ max: 1024 })),
      MaxItems: query(integer({ min: 1, max: 10_000 })),
      MasterRegion: query(unavailable),
    },
    output: OK,
    errors: ["InvalidParameterValueException"],
  }),
  AddPermission: operation<AddPermissionResult>()({
    service: "lambda",
    method: "POST",
    path: "/2015-03-31/functions/{FunctionName}/policy",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      StatementId: required(body(string({ min: 1, max: 100, pattern: /([a-zA-Z0-9-_]+)/ }))),
      Action: required(body(string({ pattern: /(lambda:[*]|lambda:[a-zA-Z]+|[*])/ }))),
      Principal: required(body(string({ max: 1024, pattern: /[^\s]+/ }))),
      SourceArn: body(ARN),
      SourceAccount: body(string({ max: 12, pattern: /\d{12}/ })),
      Qualifier: query(QUALIFIER),
      RevisionId: body(string()),
      EventSourceToken: body(unavailable),
      PrincipalOrgID: body(unavailable),
      FunctionUrlAuthType: body(unavailable),
      InvokedViaFunctionUrl: body(unavailable),
    },
    output: { status: 201 },
    errors: [
      "InvalidParameterValueException",
      "ResourceNotFoundException",
      "ResourceConflictException",
      "PolicyLengthExceededException",
      "PreconditionFailedException",
    ],
  }),
  RemovePermission: operation<void>()({
    service: "lambda",
    method: "DELETE",
    path: "/2015-03-31/functions/{FunctionName}/policy/{StatementId}",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      StatementId: uri(string({ min: 1, max: 100, pattern: /([a-zA-Z0-9-_.]+)/ })),
      Qualifier: query(QUALIFIER),
      RevisionId: query(string()),
    },
    output: { status: 204 },
    errors: ["InvalidParameterValueException", "ResourceNotFoundException", "PreconditionFailedException"],
  }),
  GetFunctionPolicy: operation<FunctionPolicy>()({
    service: "lambda",
    name: "GetPolicy",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}/policy",
    input: { FunctionName: uri(NAMESPACED_FUNCTION_NAME), Qualifier: query(QUALIFIER) },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  Invoke: operation<Invocation>()({
    service: "lambda",
    method: "POST",
    path: "/2015-03-31/functions/{FunctionName}/invocations",
    input: {
      FunctionName: uri(NAMESPACED_FUNCTION_NAME),
      InvocationType: header("x-amz-invocation-type", oneOf("Event", "RequestResponse", "DryRun")),
      LogType: header("x-amz-log-type", oneOf("None", "Tail")),
      ClientContext: header("x-amz-client-context", string({ max: 3583 })),
      Qualifier: query(QUALIFIER),
      Payload: payload(blob),
      DurableExecutionName: header("x-amz-durable-execution-name", unavailable),
      TenantId: header("x-amz-tenant-id", unavailable),
    },
    output: {
      status: 200,
      statusMember: "StatusCode",
      headers: {
        FunctionError: "X-Amz-Function-Error",
        LogResult: "X-Amz-Log-Result",
        ExecutedVersion: "X-Amz-Executed-Version",
      },
      payload: { member: "Payload", contentType: "application/json" },
    },
    errors: [
      "InvalidParameterValueException",
      "InvalidRequestContentException",
      "RequestTooLargeException",
      "ResourceNotFoundException",
      "TooManyRequestsException",
    ],
  }),
} as const;
