/** @table Role aliases. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, list, record, string } from "./shape.ts";
import type {
  CreateRoleAliasResponse,
  DescribeRoleAliasResponse,
  ListRoleAliasesResponse,
  UpdateRoleAliasResponse,
} from "./role-aliases-results.ts";

const ROLE_ALIAS = string({ min: 1, max: 128, pattern: /[\w=,@-]+/ });
const ROLE_ARN = string({ min: 20, max: 2048 });
const CREDENTIAL_DURATION_SECONDS = integer({ min: 900, max: 43_200 });
const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const PAGE_SIZE = integer({ min: 1, max: 250 });
const MARKER = string({ max: 1024, pattern: /[A-Za-z0-9+/]+={0,2}/ });

export const ROLE_ALIAS_OPERATIONS = {
  CreateRoleAlias: operation<CreateRoleAliasResponse>()({
    service: "iot",
    method: "POST",
    path: "/role-aliases/{roleAlias}",
    input: {
      roleAlias: uri(ROLE_ALIAS),
      roleArn: required(body(ROLE_ARN)),
      credentialDurationSeconds: body(CREDENTIAL_DURATION_SECONDS),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "LimitExceededException"],
  }),
  DescribeRoleAlias: operation<DescribeRoleAliasResponse>()({
    service: "iot",
    method: "GET",
    path: "/role-aliases/{roleAlias}",
    input: { roleAlias: uri(ROLE_ALIAS) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateRoleAlias: operation<UpdateRoleAliasResponse>()({
    service: "iot",
    method: "PUT",
    path: "/role-aliases/{roleAlias}",
    input: {
      roleAlias: uri(ROLE_ALIAS),
      roleArn: body(ROLE_ARN),
      credentialDurationSeconds: body(CREDENTIAL_DURATION_SECONDS),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeleteRoleAlias: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/role-aliases/{roleAlias}",
    input: { roleAlias: uri(ROLE_ALIAS) },
    output: OK,
    errors: ["DeleteConflictException", "ResourceNotFoundException"],
  }),
  ListRoleAliases: operation<ListRoleAliasesResponse>()({
    service: "iot",
    method: "GET",
    path: "/role-aliases",
    input: { pageSize: query(PAGE_SIZE), marker: query(MARKER), ascendingOrder: query(boolean, "isAscendingOrder") },
    output: OK,
    errors: [],
  }),
} as const;
