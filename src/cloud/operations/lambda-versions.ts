/** @table Versions and aliases of functions: paths, places and limits as in AWS Lambda's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { DESCRIPTION, FUNCTION_NAME, NAMESPACED_FUNCTION_NAME } from "./lambda.ts";
import type { AliasConfiguration, AliasList, FunctionConfiguration, VersionList } from "./service-results.ts";
import { integer, map, number, record, string, unavailable } from "./shape.ts";

const ALIAS = string({ min: 1, max: 128, pattern: /(?!^[0-9]+$)([a-zA-Z0-9-_]+)/ });
const VERSION = string({ min: 1, max: 1024, pattern: /\$LATEST|[0-9]+/ });
const ROUTING = record({
  AdditionalVersionWeights: map(string({ min: 1, max: 1024, pattern: /[0-9]+/ }), number({ min: 0, max: 1 })),
});
const PAGE = { Marker: query(string({ max: 1024 })), MaxItems: query(integer({ min: 1, max: 10_000 })) } as const;

export const LAMBDA_VERSION_OPERATIONS = {
  PublishVersion: operation<FunctionConfiguration>()({
    service: "lambda",
    method: "POST",
    path: "/2015-03-31/functions/{FunctionName}/versions",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      CodeSha256: body(string()),
      Description: body(DESCRIPTION),
      RevisionId: body(string()),
      PublishTo: body(unavailable),
    },
    output: { status: 201 },
    errors: [
      "InvalidParameterValueException",
      "ResourceNotFoundException",
      "CodeStorageExceededException",
      "PreconditionFailedException",
    ],
  }),
  ListVersionsByFunction: operation<VersionList>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}/versions",
    input: { FunctionName: uri(NAMESPACED_FUNCTION_NAME), ...PAGE },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  CreateAlias: operation<AliasConfiguration>()({
    service: "lambda",
    method: "POST",
    path: "/2015-03-31/functions/{FunctionName}/aliases",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      Name: required(body(ALIAS)),
      FunctionVersion: required(body(VERSION)),
      Description: body(DESCRIPTION),
      RoutingConfig: body(ROUTING),
    },
    output: { status: 201 },
    errors: ["InvalidParameterValueException", "ResourceConflictException", "ResourceNotFoundException"],
  }),
  UpdateAlias: operation<AliasConfiguration>()({
    service: "lambda",
    method: "PUT",
    path: "/2015-03-31/functions/{FunctionName}/aliases/{Name}",
    input: {
      FunctionName: uri(FUNCTION_NAME),
      Name: uri(ALIAS),
      FunctionVersion: body(VERSION),
      Description: body(DESCRIPTION),
      RoutingConfig: body(ROUTING),
      RevisionId: body(string()),
    },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException", "PreconditionFailedException"],
  }),
  GetAlias: operation<AliasConfiguration>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}/aliases/{Name}",
    input: { FunctionName: uri(FUNCTION_NAME), Name: uri(ALIAS) },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  ListAliases: operation<AliasList>()({
    service: "lambda",
    method: "GET",
    path: "/2015-03-31/functions/{FunctionName}/aliases",
    input: { FunctionName: uri(FUNCTION_NAME), FunctionVersion: query(VERSION), ...PAGE },
    output: OK,
    errors: ["InvalidParameterValueException", "ResourceNotFoundException"],
  }),
  DeleteAlias: operation<void>()({
    service: "lambda",
    method: "DELETE",
    path: "/2015-03-31/functions/{FunctionName}/aliases/{Name}",
    input: { FunctionName: uri(FUNCTION_NAME), Name: uri(ALIAS) },
    output: { status: 204 },
    errors: ["InvalidParameterValueException"],
  }),
} as const;
