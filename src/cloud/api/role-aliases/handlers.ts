import {
  changedResource,
  iotArn,
  newResource,
  putTags,
  removeTags,
  resourceKind,
  type Registry,
} from "../../registry/index.ts";
import { type HandlersOf, type ROLE_ALIAS_OPERATIONS, markerPage, pageRequestOf } from "../../operations/index.ts";

type Alias = { readonly roleArn: string; readonly durationS: number };

const ALIASES = resourceKind<Alias>("role-alias", "Role alias");

/** How many seconds the credentials for a role alias last. Throws `NotFound`. */
export async function credentialSeconds({ store }: Registry, roleAlias: string): Promise<number> {
  return (await ALIASES.named(store.read, roleAlias)).body.durationS;
}

/** Role aliases in AWS's words: a name for a role, and how long credentials for it last. */
export function roleAliasHandlers(registry: Registry): HandlersOf<keyof typeof ROLE_ALIAS_OPERATIONS> {
  const { account, store, clock } = registry;
  const named = (roleAlias: string) => ({ roleAlias, roleAliasArn: iotArn(account, "rolealias", roleAlias) });
  return {
    async CreateRoleAlias({ roleAlias, roleArn, credentialDurationSeconds: durationS = 3600, tags }) {
      const { roleAliasArn } = named(roleAlias);
      await store.write(async (queries) => {
        await ALIASES.insert(queries, newResource(roleAlias, { roleArn, durationS }, clock.now()), roleAliasArn);
        await putTags(queries, roleAliasArn, tags);
      });
      return named(roleAlias);
    },
    async DescribeRoleAlias({ roleAlias }) {
      const { body, createdAt, modifiedAt } = await ALIASES.named(store.read, roleAlias);
      const roleAliasDescription = {
        ...named(roleAlias),
        roleArn: body.roleArn,
        owner: account.id,
        credentialDurationSeconds: body.durationS,
        creationDate: createdAt / 1000,
        lastModifiedDate: modifiedAt / 1000,
      };
      return { roleAliasDescription };
    },
    async UpdateRoleAlias({ roleAlias, roleArn, credentialDurationSeconds }) {
      await store.write(async (queries) => {
        const known = await ALIASES.named(queries, roleAlias);
        const { body } = known;
        const changed = { roleArn: roleArn ?? body.roleArn, durationS: credentialDurationSeconds ?? body.durationS };
        await ALIASES.replace(queries, changedResource(known, changed, clock.now()));
      });
      return named(roleAlias);
    },
    async DeleteRoleAlias({ roleAlias }) {
      await store.write(async (queries) => {
        await ALIASES.named(queries, roleAlias);
        await ALIASES.remove(queries, roleAlias);
        await removeTags(queries, named(roleAlias).roleAliasArn);
      });
    },
    async ListRoleAliases(input) {
      return markerPage("roleAliases", await ALIASES.pageByName(store.read, pageRequestOf(input)), ({ name }) => name);
    },
  };
}
