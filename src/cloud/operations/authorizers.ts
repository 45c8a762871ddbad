/** @table Custom authorizers, and what policies say to a question. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { blob, boolean, integer, list, map, oneOf, record, string } from "./shape.ts";
import type {
  CreateAuthorizerResponse,
  DescribeAuthorizerResponse,
  DescribeDefaultAuthorizerResponse,
  GetEffectivePoliciesResponse,
  ListAuthorizersResponse,
  SetDefaultAuthorizerResponse,
  TestAuthorizationResponse,
  TestInvokeAuthorizerResponse,
  UpdateAuthorizerResponse,
} from "./authorizers-results.ts";

const AUTHORIZER_NAME = string({ min: 1, max: 128, pattern: /[\w=,@-]+/ });
const AUTHORIZER_FUNCTION_ARN = string({ max: 2048 });
const TOKEN_KEY_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9_-]+/ });
const KEY_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const KEY_VALUE = string({ max: 5120 });
const PUBLIC_KEY_MAP = map(KEY_NAME, KEY_VALUE, { max: 200 });
const AUTHORIZER_STATUS = oneOf("ACTIVE", "INACTIVE");
const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const PAGE_SIZE = integer({ min: 1, max: 250 });
const MARKER = string({ max: 1024, pattern: /[A-Za-z0-9+/]+={0,2}/ });
const TOKEN = string({ min: 1, max: 6144 });
const TOKEN_SIGNATURE = string({ min: 1, max: 2560, pattern: /[A-Za-z0-9+/]+={0,2}/ });
const HTTP_HEADER_NAME = string({ min: 1, max: 8192 });
const HTTP_HEADER_VALUE = string({ min: 1, max: 8192 });
const HTTP_HEADERS = map(HTTP_HEADER_NAME, HTTP_HEADER_VALUE, { max: 200 });
const HTTP_QUERY_STRING = string({ min: 1, max: 4096 });
const HTTP_CONTEXT = record({ headers: HTTP_HEADERS, queryString: HTTP_QUERY_STRING });
const MQTT_USERNAME = string({ min: 1, max: 65_535 });
const MQTT_CLIENT_ID = string({ min: 1, max: 65_535 });
const MQTT_CONTEXT = record({ username: MQTT_USERNAME, password: blob, clientId: MQTT_CLIENT_ID });
const SERVER_NAME = string({ min: 1, max: 253 });
const TLS_CONTEXT = record({ serverName: SERVER_NAME });
const PRINCIPAL = string({ max: 2048 });
const COGNITO_IDENTITY_POOL_ID = string({ max: 2048 });
const ACTION_TYPE = oneOf("PUBLISH", "SUBSCRIBE", "RECEIVE", "CONNECT");
const RESOURCE = string({ max: 2048 });
const RESOURCES = list(RESOURCE, { max: 100 });
const AUTH_INFO = record({ actionType: ACTION_TYPE, resources: RESOURCES }, ["resources"]);
const AUTH_INFOS = list(AUTH_INFO, { min: 1, max: 10 });
const CLIENT_ID = string({ max: 2048 });
const POLICY_NAME = string({ min: 1, max: 128, pattern: /[\w+=,.@-]+/ });
const POLICY_NAMES = list(POLICY_NAME, { max: 100 });
const THING_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });

export const AUTHORIZER_OPERATIONS = {
  CreateAuthorizer: operation<CreateAuthorizerResponse>()({
    service: "iot",
    method: "POST",
    path: "/authorizer/{authorizerName}",
    input: {
      authorizerName: uri(AUTHORIZER_NAME),
      authorizerFunctionArn: required(body(AUTHORIZER_FUNCTION_ARN)),
      tokenKeyName: body(TOKEN_KEY_NAME),
      tokenSigningPublicKeys: body(PUBLIC_KEY_MAP),
      status: body(AUTHORIZER_STATUS),
      tags: body(TAG_LIST),
      signingDisabled: body(boolean),
      enableCachingForHttp: body(boolean),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "LimitExceededException"],
  }),
  DescribeAuthorizer: operation<DescribeAuthorizerResponse>()({
    service: "iot",
    method: "GET",
    path: "/authorizer/{authorizerName}",
    input: { authorizerName: uri(AUTHORIZER_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateAuthorizer: operation<UpdateAuthorizerResponse>()({
    service: "iot",
    method: "PUT",
    path: "/authorizer/{authorizerName}",
    input: {
      authorizerName: uri(AUTHORIZER_NAME),
      authorizerFunctionArn: body(AUTHORIZER_FUNCTION_ARN),
      tokenKeyName: body(TOKEN_KEY_NAME),
      tokenSigningPublicKeys: body(PUBLIC_KEY_MAP),
      status: body(AUTHORIZER_STATUS),
      enableCachingForHttp: body(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  DeleteAuthorizer: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/authorizer/{authorizerName}",
    input: { authorizerName: uri(AUTHORIZER_NAME) },
    output: OK,
    errors: ["DeleteConflictException", "ResourceNotFoundException"],
  }),
  ListAuthorizers: operation<ListAuthorizersResponse>()({
    service: "iot",
    method: "GET",
    path: "/authorizers",
    input: {
      pageSize: query(PAGE_SIZE),
      marker: query(MARKER),
      ascendingOrder: query(boolean, "isAscendingOrder"),
      status: query(AUTHORIZER_STATUS),
    },
    output: OK,
    errors: [],
  }),
  SetDefaultAuthorizer: operation<SetDefaultAuthorizerResponse>()({
    service: "iot",
    method: "POST",
    path: "/default-authorizer",
    input: { authorizerName: required(body(AUTHORIZER_NAME)) },
    output: OK,
    errors: ["ResourceNotFoundException", "ResourceAlreadyExistsException"],
  }),
  DescribeDefaultAuthorizer: operation<DescribeDefaultAuthorizerResponse>()({
    service: "iot",
    method: "GET",
    path: "/default-authorizer",
    input: {},
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ClearDefaultAuthorizer: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/default-authorizer",
    input: {},
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  TestInvokeAuthorizer: operation<TestInvokeAuthorizerResponse>()({
    service: "iot",
    method: "POST",
    path: "/authorizer/{authorizerName}/test",
    input: {
      authorizerName: uri(AUTHORIZER_NAME),
      token: body(TOKEN),
      tokenSignature: body(TOKEN_SIGNATURE),
      httpContext: body(HTTP_CONTEXT),
      mqttContext: body(MQTT_CONTEXT),
      tlsContext: body(TLS_CONTEXT),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "InvalidResponseException"],
  }),
  TestAuthorization: operation<TestAuthorizationResponse>()({
    service: "iot",
    method: "POST",
    path: "/test-authorization",
    input: {
      principal: body(PRINCIPAL),
      cognitoIdentityPoolId: body(COGNITO_IDENTITY_POOL_ID),
      authInfos: required(body(AUTH_INFOS)),
      clientId: query(CLIENT_ID),
      policyNamesToAdd: body(POLICY_NAMES),
      policyNamesToSkip: body(POLICY_NAMES),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  GetEffectivePolicies: operation<GetEffectivePoliciesResponse>()({
    service: "iot",
    method: "POST",
    path: "/effective-policies",
    input: {
      principal: body(PRINCIPAL),
      cognitoIdentityPoolId: body(COGNITO_IDENTITY_POOL_ID),
      thingName: query(THING_NAME),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
} as const;
