import { invalidRequest, notFound, ResourceExists } from "../errors.ts";
import type { RoleRow } from "../store/index.ts";
import type { Registry } from "./registry.ts";

/** A role: a name that functions and rules are given, with the policy that says who may take it. */
export type Role = {
  readonly name: string;
  /** Begins and ends in a slash. */
  readonly path: string;
  readonly id: string;
  /** A JSON document, as it was given. */
  readonly trustPolicy: string;
  readonly description: string;
  readonly maxSessionS: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
};

export type RoleRequest = {
  readonly name: string;
  readonly trustPolicy: string;
  readonly path?: string | undefined;
  readonly description?: string | undefined;
  readonly maxSessionS?: number | undefined;
};

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Makes a role. Throws `UsageError` `invalid-request` for a trust policy that is no JSON object, `Conflict` `resource-exists`. */
export async function createRole(registry: Registry, request: RoleRequest): Promise<Role> {
  const { name, trustPolicy, path = "/", description = "", maxSessionS = 3600 } = request;
  checkDocument(trustPolicy);
  const { store, clock, entropy, account } = registry;
  const row: RoleRow = {
    name,
    path,
    id: `AROA${[...entropy.bytes(16)].map((byte) => BASE32[byte % 32]).join("")}`,
    trust_policy: trustPolicy,
    description,
    max_session_s: maxSessionS,
    created_at: Math.floor(clock.now()),
  };
  await store.write(async (queries) => {
    const known = await queries.selectFrom("roles").select("path").where("name", "=", name).executeTakeFirst();
    if (known) {
      const resource = { resourceId: name, resourceArn: `arn:aws:iam::${account.id}:role${known.path}${name}` };
      throw new ResourceExists(`Role with name ${name} already exists.`, resource);
    }
    await queries.insertInto("roles").values(row).execute();
  });
  return roleOf(row);
}

/** A role by its name. Throws `NotFound`. */
export async function describeRole({ store }: Registry, name: string): Promise<Role> {
  const row = await store.read.selectFrom("roles").selectAll().where("name", "=", name).executeTakeFirst();
  if (!row) throw notFound(`Role ${name}`);
  return roleOf(row);
}

/** Removes a role. Throws `NotFound`. */
export async function deleteRole({ store }: Registry, name: string): Promise<void> {
  await store.write(async (queries) => {
    const { numDeletedRows } = await queries.deleteFrom("roles").where("name", "=", name).executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) throw notFound(`Role ${name}`);
  });
}

function checkDocument(text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidRequest(`AssumeRolePolicyDocument is not JSON: ${cause instanceof Error ? cause.message : ""}`, {
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && "Statement" in value) return;
  throw invalidRequest("AssumeRolePolicyDocument must be a JSON object with a Statement");
}

function roleOf(row: RoleRow): Role {
  const { name, path, id, description } = row;
  const { trust_policy: trustPolicy, max_session_s: maxSessionS, created_at: createdAt } = row;
  return { name, path, id, trustPolicy, description, maxSessionS, createdAt };
}
