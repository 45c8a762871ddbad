import {
  addThingToBillingGroup,
  createBillingGroup,
  createThingType,
  deleteBillingGroup,
  deleteThingType,
  deprecateThingType,
  describeBillingGroup,
  describeThingType,
  iotArn,
  listBillingGroups,
  listThings,
  listThingTypes,
  nameFrom,
  removeThingFromBillingGroup,
  tagResource,
  tagsOf,
  untagResource,
  updateBillingGroup,
  updateThingType,
  type Registry,
  type ThingType,
  pageAmong,
} from "../../registry/index.ts";
import type { FleetIndex } from "../../search/index.ts";
import { type FLEET_OPERATIONS, type HandlersOf, pageRequestOf, tokenPage } from "../../operations/index.ts";
import { groupHandlers, type GroupOperation } from "./group-handlers.ts";

/** Thing types, groups, billing groups and tags in AWS's words. */
export function fleetHandlers(registry: Registry, index: FleetIndex): HandlersOf<keyof typeof FLEET_OPERATIONS> {
  return {
    ...typeHandlers(registry),
    ...groupHandlers(registry, index),
    ...billingHandlers(registry),
    TagResource: ({ resourceArn, tags }) => tagResource(registry, resourceArn, tags),
    UntagResource: ({ resourceArn, tagKeys }) => untagResource(registry, resourceArn, tagKeys),
    async ListTagsForResource({ resourceArn, nextToken }) {
      const rows = await tagsOf(registry, resourceArn);
      const page = pageAmong(
        `tags of ${resourceArn}`,
        pageRequestOf({ ...(nextToken !== undefined && { nextToken }) }),
        {
          rows,
          keyOf: ({ Key }) => Key,
        },
      );
      return tokenPage("tags", page, (tag) => tag);
    },
  };
}

type TypeOperation = Extract<keyof typeof FLEET_OPERATIONS, `${string}ThingType` | "ListThingTypes">;

function typeHandlers(registry: Registry): HandlersOf<TypeOperation> {
  const { account } = registry;
  const described = ({ name, body, createdAt }: ThingType) => ({
    thingTypeName: name,
    thingTypeArn: iotArn(account, "thingtype", name),
    thingTypeProperties: body.properties,
    thingTypeMetadata: {
      deprecated: body.deprecatedAt !== null,
      ...(body.deprecatedAt !== null && { deprecationDate: body.deprecatedAt / 1000 }),
      creationDate: createdAt / 1000,
    },
  });
  return {
    async CreateThingType({ thingTypeName, thingTypeProperties: properties, tags }) {
      const { body } = await createThingType(registry, thingTypeName, { properties, tags });
      return { thingTypeName, thingTypeArn: iotArn(account, "thingtype", thingTypeName), thingTypeId: body.id };
    },
    async DescribeThingType({ thingTypeName }) {
      const type = await describeThingType(registry, thingTypeName);
      return { ...described(type), thingTypeId: type.body.id };
    },
    UpdateThingType: ({ thingTypeName, thingTypeProperties }) =>
      updateThingType(registry, thingTypeName, thingTypeProperties),
    DeprecateThingType: ({ thingTypeName, undoDeprecate: undo }) =>
      deprecateThingType(registry, thingTypeName, { undo }),
    DeleteThingType: ({ thingTypeName }) => deleteThingType(registry, thingTypeName),
    async ListThingTypes({ thingTypeName: name, ...input }) {
      const page = await listThingTypes(registry, { ...pageRequestOf(input), name });
      return tokenPage("thingTypes", page, described);
    },
  };
}

type BillingOperation = Exclude<
  keyof typeof FLEET_OPERATIONS,
  TypeOperation | GroupOperation | "TagResource" | "UntagResource" | "ListTagsForResource"
>;

function billingHandlers(registry: Registry): HandlersOf<BillingOperation> {
  const { account } = registry;
  const arnOf = (name: string) => iotArn(account, "billinggroup", name);
  type Member = {
    readonly billingGroupName?: string;
    readonly billingGroupArn?: string;
    readonly thingName?: string;
    readonly thingArn?: string;
  };
  const namesOf = ({ billingGroupName, billingGroupArn, thingName, thingArn }: Member) => ({
    group: nameFrom(account, "billinggroup", { name: billingGroupName, arn: billingGroupArn, at: "billingGroup" }),
    thing: nameFrom(account, "thing", { name: thingName, arn: thingArn, at: "thing" }),
  });
  return {
    async CreateBillingGroup({ billingGroupName, billingGroupProperties: properties, tags }) {
      const { body } = await createBillingGroup(registry, billingGroupName, { properties, tags });
      return { billingGroupName, billingGroupArn: arnOf(billingGroupName), billingGroupId: body.id };
    },
    async DescribeBillingGroup({ billingGroupName }) {
      const { body, createdAt } = await describeBillingGroup(registry, billingGroupName);
      return {
        billingGroupName,
        billingGroupId: body.id,
        billingGroupArn: arnOf(billingGroupName),
        version: body.version,
        billingGroupProperties: body.properties,
        billingGroupMetadata: { creationDate: createdAt / 1000 },
      };
    },
    async UpdateBillingGroup({ billingGroupName, billingGroupProperties: properties, expectedVersion }) {
      return { version: await updateBillingGroup(registry, billingGroupName, { properties, expectedVersion }) };
    },
    DeleteBillingGroup: ({ billingGroupName, expectedVersion }) =>
      deleteBillingGroup(registry, billingGroupName, expectedVersion),
    async ListBillingGroups({ namePrefixFilter: prefix, ...input }) {
      const page = await listBillingGroups(registry, { ...pageRequestOf(input), prefix });
      return tokenPage("billingGroups", page, ({ name }) => ({ groupName: name, groupArn: arnOf(name) }));
    },
    async AddThingToBillingGroup(input) {
      const { thing, group } = namesOf(input);
      await addThingToBillingGroup(registry, thing, group);
    },
    async RemoveThingFromBillingGroup(input) {
      const { thing, group } = namesOf(input);
      await removeThingFromBillingGroup(registry, thing, group);
    },
    async ListThingsInBillingGroup({ billingGroupName: billingGroup, ...input }) {
      await describeBillingGroup(registry, billingGroup);
      const page = await listThings(registry, pageRequestOf(input), { billingGroup });
      return tokenPage("things", page, ({ name }) => name);
    },
  };
}
