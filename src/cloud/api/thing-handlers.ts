import {
  attachThingPrincipal,
  createThing,
  deleteThing,
  describeThing,
  detachThingPrincipal,
  iotArn,
  listPrincipalThings,
  listThingPrincipals,
  listThings,
  updateThing,
  type Registry,
} from "../registry/index.ts";
import type { HandlersOf } from "./handlers.ts";
import type { THING_OPERATIONS } from "./operations-registry.ts";
import { pageRequestOf } from "./paging.ts";

/** Things in AWS's words. */
export function thingHandlers(registry: Registry): HandlersOf<keyof typeof THING_OPERATIONS> {
  const { account } = registry;
  const arnOf = (name: string) => iotArn(account, "thing", name);
  return {
    async CreateThing({ thingName, attributePayload }) {
      const { id } = await createThing(registry, thingName, attributePayload?.attributes);
      return { thingName, thingArn: arnOf(thingName), thingId: id };
    },
    async DescribeThing({ thingName }) {
      const { id, attributes, version } = await describeThing(registry, thingName);
      const thingArn = arnOf(thingName);
      return { defaultClientId: thingName, thingName, thingId: id, thingArn, attributes, version };
    },
    UpdateThing: ({ thingName, attributePayload, expectedVersion }) =>
      updateThing(registry, thingName, { ...attributePayload, expectedVersion }),
    DeleteThing: ({ thingName, expectedVersion }) => deleteThing(registry, thingName, expectedVersion),
    async ListThings(input) {
      const { rows, next } = await listThings(registry, pageRequestOf(input));
      const things = rows.map(({ name, attributes, version }) => ({
        thingName: name,
        thingArn: arnOf(name),
        attributes,
        version,
      }));
      return next === undefined ? { things } : { things, nextToken: next };
    },
    AttachThingPrincipal: ({ thingName, principal, thingPrincipalType }) =>
      attachThingPrincipal(registry, thingName, { principal, type: thingPrincipalType }),
    DetachThingPrincipal: ({ thingName, principal }) => detachThingPrincipal(registry, thingName, principal),
    async ListThingPrincipals({ thingName, ...input }) {
      const { rows, next } = await listThingPrincipals(registry, thingName, pageRequestOf(input));
      const principals = rows.map(({ principal }) => iotArn(account, "cert", principal));
      return next === undefined ? { principals } : { principals, nextToken: next };
    },
    async ListThingPrincipalsV2({ thingName, thingPrincipalType: type, ...input }) {
      const { rows, next } = await listThingPrincipals(registry, thingName, { ...pageRequestOf(input), type });
      const thingPrincipalObjects = rows.map((row) => ({
        principal: iotArn(account, "cert", row.principal),
        thingPrincipalType: row.type,
      }));
      return next === undefined ? { thingPrincipalObjects } : { thingPrincipalObjects, nextToken: next };
    },
    async ListPrincipalThings({ principal, ...input }) {
      const { rows, next } = await listPrincipalThings(registry, principal, pageRequestOf(input));
      const things = rows.map(({ thing }) => thing);
      return next === undefined ? { things } : { things, nextToken: next };
    },
    async ListPrincipalThingsV2({ principal, thingPrincipalType: type, ...input }) {
      const { rows, next } = await listPrincipalThings(registry, principal, { ...pageRequestOf(input), type });
      const principalThingObjects = rows.map((row) => ({ thingName: row.thing, thingPrincipalType: row.type }));
      return next === undefined ? { principalThingObjects } : { principalThingObjects, nextToken: next };
    },
  };
}
