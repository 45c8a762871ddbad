import { invalidRequest, notFound } from "../../errors.ts";
import {
  createThingGroup,
  deleteThingGroup,
  iotArn,
  pageAmong,
  updateThingGroup,
  type Registry,
} from "../../registry/index.ts";
import {
  INDICES,
  parseQuery,
  refuseUnindexed,
  shadowText,
  type FleetIndex,
  type IndexedThing,
  type IndexingConfiguration,
} from "../../search/index.ts";
import { propertiesOf } from "../fleet/group-handlers.ts";
import {
  type Field,
  type HandlersOf,
  type SEARCH_OPERATIONS,
  type ThingGroupIndexingConfiguration,
  type ThingIndexingConfiguration,
  pageRequestOf,
  tokenPage,
} from "../../operations/index.ts";

type Names = keyof typeof SEARCH_OPERATIONS;
type DynamicNames = Extract<Names, `${string}DynamicThingGroup`>;
type StatisticNames = "GetStatistics" | "GetCardinality" | "GetBucketsAggregation" | "GetPercentiles";

type ThingsAsked = ThingIndexingConfiguration & { readonly thingIndexingMode: IndexingConfiguration["things"] };
type GroupsAsked = ThingGroupIndexingConfiguration & {
  readonly thingGroupIndexingMode: IndexingConfiguration["groups"];
};

const QUERY_VERSION = "2017-09-30";
const PERCENTS = [1, 5, 25, 50, 75, 95, 99];
const MAX_FOUND = 500;

/** The index and dynamic groups in AWS's words. */
export function searchHandlers(services: {
  readonly registry: Registry;
  readonly index: FleetIndex;
}): HandlersOf<Names> {
  const { registry, index } = services;
  return {
    ...dynamicHandlers(registry),
    ...statisticHandlers(index),
    GetIndexingConfiguration: async () => shownConfiguration(await index.configuration()),
    async UpdateIndexingConfiguration({ thingIndexingConfiguration: of, thingGroupIndexingConfiguration: ofGroups }) {
      await index.configure({ ...(of && thingsIndexed(of)), ...(ofGroups && groupsIndexed(ofGroups)) });
    },
    async ListIndices(request) {
      const rows = Object.values(INDICES);
      const all = { rows, keyOf: (name: string) => String(rows.findIndex((each) => each === name)) };
      return tokenPage("indexNames", pageAmong("indices", pageRequestOf(request), all), (name) => name);
    },
    async DescribeIndex({ indexName }) {
      const configuration = await index.configuration();
      if (indexName === INDICES.groups && configuration.groups === "ON") {
        return { indexName, indexStatus: "ACTIVE" as const, schema: "REGISTRY" };
      }
      if (indexName !== INDICES.things || configuration.things === "OFF") throw notFound(`Index ${indexName}`);
      return { indexName, indexStatus: "ACTIVE" as const, schema: schemaOf(configuration) };
    },
    async SearchIndex({ indexName = INDICES.things, queryString, nextToken: token, maxResults = 100 }) {
      if (indexName === INDICES.groups) {
        const found = await index.groups(queryString);
        const thingGroups = found.map(({ group, parents }) => ({
          thingGroupName: group.name,
          thingGroupId: group.body.id,
          thingGroupDescription: group.body.description,
          attributes: group.body.attributes,
          parentGroupNames: parents,
        }));
        return { things: [], thingGroups };
      }
      if (indexName !== INDICES.things) throw notFound(`Index ${indexName}`);
      const page = await index.things(queryString, { token, limit: Math.min(maxResults, MAX_FOUND) });
      const things = page.rows.map(foundThing);
      return { things, thingGroups: [], ...(page.next !== undefined && { nextToken: page.next }) };
    },
    async GetThingConnectivityData({ thingName }) {
      const since = await index.connectivityOf(thingName);
      return { thingName, connected: since !== undefined, ...(since !== undefined && { timestamp: since / 1000 }) };
    },
  };
}

function schemaOf({ things, connectivity, namedShadows }: IndexingConfiguration): string {
  if (namedShadows === "ON") return "MULTI_INDEXING_MODE";
  return things + (connectivity === "STATUS" ? "_AND_CONNECTIVITY_STATUS" : "");
}

function shownConfiguration(configuration: IndexingConfiguration) {
  const { things, connectivity, namedShadows, shadowNames, groups, thingFields, groupFields } = configuration;
  return {
    thingIndexingConfiguration: {
      thingIndexingMode: things,
      thingConnectivityIndexingMode: connectivity,
      deviceDefenderIndexingMode: "OFF" as const,
      namedShadowIndexingMode: namedShadows,
      ...(thingFields.length > 0 && { customFields: thingFields }),
      ...(shadowNames.length > 0 && { filter: { namedShadowNames: shadowNames } }),
    },
    thingGroupIndexingConfiguration: {
      thingGroupIndexingMode: groups,
      ...(groupFields.length > 0 && { customFields: groupFields }),
    },
  };
}

/** Throws `UsageError` where named shadows shall be indexed and none is named, and where something is not built. */
function thingsIndexed(of: ThingsAsked): Partial<IndexingConfiguration> {
  const { deviceDefenderIndexingMode, namedShadowIndexingMode, filter } = of;
  refuseUnindexed({ deviceDefenderIndexingMode, geoLocations: filter?.geoLocations?.map(({ name }) => name).join() });
  const shadowNames = filter?.namedShadowNames;
  if (namedShadowIndexingMode === "ON" && (shadowNames ?? []).length === 0) {
    throw invalidRequest("namedShadowIndexingMode ON needs the shadows' names in filter.namedShadowNames");
  }
  return {
    things: of.thingIndexingMode,
    ...(of.thingConnectivityIndexingMode !== undefined && { connectivity: of.thingConnectivityIndexingMode }),
    ...(namedShadowIndexingMode !== undefined && { namedShadows: namedShadowIndexingMode }),
    ...(shadowNames && { shadowNames }),
    ...(of.customFields && { thingFields: fieldsOf(of.customFields) }),
  };
}

function groupsIndexed(of: GroupsAsked): Partial<IndexingConfiguration> {
  const { thingGroupIndexingMode: groups, customFields } = of;
  return { groups, ...(customFields && { groupFields: fieldsOf(customFields) }) };
}

/** Every field of a document can be asked for; which type was declared is kept and shown. */
function fieldsOf(
  fields: readonly Field[],
): { readonly name: string; readonly type: "Number" | "String" | "Boolean" }[] {
  return fields.map(({ name = "", type = "String" }) => ({ name, type }));
}

function foundThing({ thing, groups, connectedSince: since, shadows, document }: IndexedThing) {
  const [isIndexed] = document.get("connectivity.connected") ?? [];
  const shadow = shadowText(shadows);
  return {
    thingName: thing.name,
    thingId: thing.id,
    ...(thing.type !== null && { thingTypeName: thing.type }),
    thingGroupNames: groups,
    attributes: thing.attributes,
    ...(shadow !== undefined && { shadow }),
    ...(isIndexed !== undefined && {
      connectivity: { connected: since !== undefined, ...(since !== undefined && { timestamp: since }) },
    }),
  };
}

function statisticHandlers(index: FleetIndex): HandlersOf<StatisticNames> {
  const asked = (input: {
    readonly indexName?: string;
    readonly queryString: string;
    readonly aggregationField?: string;
  }) => ({
    indexName: input.indexName ?? INDICES.things,
    query: input.queryString,
    field: input.aggregationField ?? "registry.version",
  });
  return {
    GetStatistics: async (input) => ({ statistics: await index.statistics(asked(input)) }),
    GetCardinality: async (input) => ({ cardinality: await index.cardinality(asked(input)) }),
    async GetBucketsAggregation(input) {
      const buckets = await index.buckets(asked(input));
      const { maxBuckets = 10 } = input.bucketsAggregationType.termsAggregation ?? {};
      const totalCount = buckets.reduce((total, { count }) => total + count, 0);
      const shown = buckets.slice(0, maxBuckets).map(({ value, count }) => ({ keyValue: value, count }));
      return { totalCount, buckets: shown };
    },
    async GetPercentiles({ percents = PERCENTS, ...input }) {
      return { percentiles: await index.percentiles(asked(input), percents) };
    },
  };
}

function dynamicHandlers(registry: Registry): HandlersOf<DynamicNames> {
  return {
    async CreateDynamicThingGroup({ thingGroupName, thingGroupProperties, queryString, tags, ...input }) {
      parseQuery(queryString);
      const { indexName = INDICES.things, queryVersion = QUERY_VERSION } = input;
      if (indexName !== INDICES.things) throw notFound(`Index ${indexName}`);
      const query = { indexName, queryString, queryVersion };
      const { description, attributes } = propertiesOf(thingGroupProperties);
      const { body } = await createThingGroup(registry, thingGroupName, { description, attributes, query, tags });
      const thingGroupArn = iotArn(registry.account, "thinggroup", thingGroupName);
      return { thingGroupName, thingGroupArn, thingGroupId: body.id, ...query };
    },
    async UpdateDynamicThingGroup({
      thingGroupName,
      thingGroupProperties,
      expectedVersion,
      queryString,
      queryVersion,
    }) {
      if (queryString !== undefined) parseQuery(queryString);
      const query = {
        ...(queryString !== undefined && { queryString }),
        ...(queryVersion !== undefined && { queryVersion }),
      };
      const update = { ...propertiesOf(thingGroupProperties), expectedVersion, query };
      return { version: await updateThingGroup(registry, thingGroupName, update) };
    },
    DeleteDynamicThingGroup: ({ thingGroupName, expectedVersion }) =>
      deleteThingGroup(registry, thingGroupName, { expectedVersion, isDynamic: true }),
  };
}
