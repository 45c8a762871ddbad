import { notFound } from "../../errors.ts";
import { createThingGroup, deleteThingGroup, iotArn, updateThingGroup, type Registry } from "../../registry/index.ts";
import { INDICES, parseQuery, refuseUnindexed, type FleetIndex, type IndexedThing } from "../../search/index.ts";
import { propertiesOf } from "../fleet/group-handlers.ts";
import type { HandlersOf } from "../handlers.ts";
import type { SEARCH_OPERATIONS } from "./operations.ts";

type Names = keyof typeof SEARCH_OPERATIONS;
type DynamicNames = Extract<Names, `${string}DynamicThingGroup`>;
type StatisticNames = "GetStatistics" | "GetCardinality" | "GetBucketsAggregation" | "GetPercentiles";

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
    async GetIndexingConfiguration() {
      const { things, connectivity, groups } = await index.configuration();
      return {
        thingIndexingConfiguration: {
          thingIndexingMode: things,
          thingConnectivityIndexingMode: connectivity,
          deviceDefenderIndexingMode: "OFF" as const,
          namedShadowIndexingMode: "OFF" as const,
        },
        thingGroupIndexingConfiguration: { thingGroupIndexingMode: groups },
      };
    },
    async UpdateIndexingConfiguration({ thingIndexingConfiguration: of, thingGroupIndexingConfiguration: ofGroups }) {
      const { deviceDefenderIndexingMode, namedShadowIndexingMode } = of ?? {};
      refuseUnindexed({ deviceDefenderIndexingMode, namedShadowIndexingMode });
      const things = of?.thingIndexingMode;
      if (things === "REGISTRY_AND_SHADOW") refuseUnindexed({ thingIndexingMode: things });
      const connectivity = of?.thingConnectivityIndexingMode;
      await index.configure({
        ...(things !== undefined && things !== "REGISTRY_AND_SHADOW" && { things }),
        ...(connectivity !== undefined && { connectivity }),
        ...(ofGroups && { groups: ofGroups.thingGroupIndexingMode }),
      });
    },
    ListIndices: async () => ({ indexNames: Object.values(INDICES) }),
    async DescribeIndex({ indexName }) {
      const { things, connectivity, groups } = await index.configuration();
      if (indexName === INDICES.groups && groups === "ON") {
        return { indexName, indexStatus: "ACTIVE" as const, schema: "REGISTRY" };
      }
      if (indexName !== INDICES.things || things === "OFF") throw notFound(`Index ${indexName}`);
      const schema = connectivity === "STATUS" ? "REGISTRY_AND_CONNECTIVITY_STATUS" : "REGISTRY";
      return { indexName, indexStatus: "ACTIVE" as const, schema };
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

function foundThing({ thing, groups, connectedSince: since }: IndexedThing) {
  return {
    thingName: thing.name,
    thingId: thing.id,
    ...(thing.type !== null && { thingTypeName: thing.type }),
    thingGroupNames: groups,
    attributes: thing.attributes,
    connectivity: { connected: since !== undefined, ...(since !== undefined && { timestamp: since }) },
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
