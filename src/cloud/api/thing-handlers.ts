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
  type ThingFilter,
} from "../registry/index.ts";
import { invalidRequest } from "../errors.ts";
import { type HandlersOf, type OperationInput, type THING_OPERATIONS, pageRequestOf } from "../operations/index.ts";

/** Things in AWS's words. */
export function thingHandlers(registry: Registry): HandlersOf<keyof typeof THING_OPERATIONS> {
  const { account } = registry;
  const arnOf = (name: string) => iotArn(account, "thing", name);
  return {
    async CreateThing({ thingName, attributePayload, thingTypeName: type, billingGroupName: billingGroup }) {
      const { id } = await createThing(registry, thingName, attributePayload?.attributes, { type, billingGroup });
      return { thingName, thingArn: arnOf(thingName), thingId: id };
    },
    async DescribeThing({ thingName }) {
      const { id, attributes, version, type, billingGroup } = await describeThing(registry, thingName);
      const thingArn = arnOf(thingName);
      return {
        defaultClientId: thingName,
        thingName,
        thingId: id,
        thingArn,
        ...(type !== null && { thingTypeName: type }),
        attributes,
        version,
        ...(billingGroup !== null && { billingGroupName: billingGroup }),
      };
    },
    UpdateThing: ({ thingName, attributePayload, expectedVersion, thingTypeName: type, removeThingType: removeType }) =>
      updateThing(registry, thingName, { ...attributePayload, expectedVersion, type, removeType }),
    DeleteThing: ({ thingName, expectedVersion }) => deleteThing(registry, thingName, expectedVersion),
    async ListThings(input) {
      const { rows, next } = await listThings(registry, pageRequestOf(input), filterOf(input));
      const things = rows.map(({ name, attributes, version, type }) => ({
        thingName: name,
        thingArn: arnOf(name),
        ...(type !== null && { thingTypeName: type }),
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

function filterOf(input: OperationInput<"ListThings">): ThingFilter {
  const { attributeName: name, attributeValue: value, thingTypeName: type } = input;
  if (name === undefined) {
    if (value !== undefined) throw invalidRequest("attributeValue needs attributeName");
    return { type };
  }
  const isPrefix = value === undefined || input.usePrefixAttributeValue === true;
  return { type, attribute: { name, value: value ?? "", isPrefix } };
}
