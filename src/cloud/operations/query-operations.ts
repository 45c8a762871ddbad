import { invalidRequest, notImplemented } from "../errors.ts";
import { createRole, deleteRole, describeRole, type Registry, type Role } from "../registry/index.ts";
import type { XmlValue } from "./query-protocol.ts";
import { integer, string, type Shape } from "./shape.ts";

/** A service of AWS that speaks its query protocol: a form to `/`, XML back. */
export type QueryService = "sts" | "iam";

/** One operation of such a service over its form. */
export type QueryOperation = (form: ReadonlyMap<string, string>) => Promise<XmlMembers | undefined>;

type XmlMembers = { readonly [name: string]: XmlValue | undefined };

/** Namespaces and versions. Service models of botocore 1.43.11. */
export const QUERY_SERVICES: Readonly<Record<QueryService, { readonly version: string; readonly namespace: string }>> =
  {
    sts: { version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
    iam: { version: "2010-05-08", namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
  };

/** Whether a scope's service is one of them. */
export function isQueryService(service: string | undefined): service is QueryService {
  return service !== undefined && Object.hasOwn(QUERY_SERVICES, service);
}

const ROLE_NAME = string({ min: 1, max: 64, pattern: /[\w+=,.@-]+/ });
const ROLE_PATH = string({ min: 1, max: 512, pattern: /\/|\/[\x21-\x7e]+\// });
const TRUST_POLICY = string({ min: 1, max: 131_072 });
const DESCRIPTION = string({ max: 1000 });
const SESSION_SECONDS = integer({ min: 3600, max: 43_200 });

/**
 * Who am I, and roles by name: what people type beside `aws iot`, and what functions and rules ask an ARN of. A role is a
 * name with a trust policy here; it grants nothing, since only the account's own keys sign requests.
 */
export function queryOperations(registry: Registry): Readonly<Record<QueryService, Record<string, QueryOperation>>> {
  const { account } = registry;
  const arn = `arn:aws:iam::${account.id}`;
  const described = (role: Role) => ({ Role: roleMembers(arn, role) });
  return {
    sts: {
      async GetCallerIdentity(form) {
        read(form, {});
        return { Arn: `${arn}:root`, UserId: account.id, Account: account.id };
      },
    },
    iam: {
      async CreateRole(form) {
        const input = read(form, {
          RoleName: ROLE_NAME,
          AssumeRolePolicyDocument: TRUST_POLICY,
          Path: ROLE_PATH,
          Description: DESCRIPTION,
          MaxSessionDuration: SESSION_SECONDS,
        });
        const { RoleName: name, AssumeRolePolicyDocument: trustPolicy } = input;
        if (name === undefined) throw invalidRequest("RoleName is required");
        if (trustPolicy === undefined) throw invalidRequest("AssumeRolePolicyDocument is required");
        const { Path: path, Description: description, MaxSessionDuration: maxSessionS } = input;
        return described(await createRole(registry, { name, trustPolicy, path, description, maxSessionS }));
      },
      GetRole: async (form) => described(await describeRole(registry, roleName(form))),
      async DeleteRole(form) {
        await deleteRole(registry, roleName(form));
        return undefined;
      },
    },
  };
}

function roleName(form: ReadonlyMap<string, string>): string {
  const { RoleName } = read(form, { RoleName: ROLE_NAME });
  if (RoleName === undefined) throw invalidRequest("RoleName is required");
  return RoleName;
}

function roleMembers(
  arn: string,
  { name, path, id, trustPolicy, createdAt, description, maxSessionS }: Role,
): XmlMembers {
  return {
    Path: path,
    RoleName: name,
    RoleId: id,
    Arn: `${arn}:role${path}${name}`,
    CreateDate: new Date(createdAt).toISOString().replace(/\.\d+/, ""),
    // As IAM returns it: percent-encoded.
    AssumeRolePolicyDocument: encodeURIComponent(trustPolicy),
    Description: description,
    MaxSessionDuration: maxSessionS,
  };
}

type Members = Readonly<Record<string, Shape<unknown>>>;
type Read<M extends Members> = { readonly [K in keyof M]?: M[K] extends Shape<infer T> ? T : never };

/** Members of a form by their shapes; one that is not known is refused by name, as everywhere. */
function read<const M extends Members>(form: ReadonlyMap<string, string>, members: M): Read<M> {
  const given = [...form].filter(([name]) => name !== "Action" && name !== "Version");
  const stranger = given.find(([name]) => !Object.hasOwn(members, name));
  if (stranger) throw notImplemented(`form member ${stranger[0].slice(0, 64)}`);
  return Object.fromEntries(given.map(([name, text]) => [name, members[name]?.fromText(text, name)])) as Read<M>;
}
