/** @table The index over things and groups: queries and statistics. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, list, map, number, oneOf, record, string, unavailable } from "./shape.ts";
import type {
  CreateDynamicThingGroupResponse,
  DescribeIndexResponse,
  GetBucketsAggregationResponse,
  GetCardinalityResponse,
  GetIndexingConfigurationResponse,
  GetPercentilesResponse,
  GetStatisticsResponse,
  GetThingConnectivityDataResponse,
  ListIndicesResponse,
  SearchIndexResponse,
  UpdateDynamicThingGroupResponse,
} from "./search-results.ts";

const THING_GROUP_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const THING_GROUP_DESCRIPTION = string({ max: 2028, pattern: /[!-~ ]*/ });
const ATTRIBUTE_NAME = string({ max: 128, pattern: /[a-zA-Z0-9_.,@/:#-]+/ });
const ATTRIBUTE_VALUE = string({ max: 800, pattern: /[a-zA-Z0-9_.,@/:#=[\]-]*/ });
const ATTRIBUTES = map(ATTRIBUTE_NAME, ATTRIBUTE_VALUE, { max: 200 });
const ATTRIBUTE_PAYLOAD = record({ attributes: ATTRIBUTES, merge: boolean });
const THING_GROUP_PROPERTIES = record({
  thingGroupDescription: THING_GROUP_DESCRIPTION,
  attributePayload: ATTRIBUTE_PAYLOAD,
});
const INDEX_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const QUERY_STRING = string({ min: 1, max: 1000 });
const QUERY_VERSION = string({ max: 32 });
const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const THING_INDEXING_MODE = oneOf("OFF", "REGISTRY", "REGISTRY_AND_SHADOW");
const THING_CONNECTIVITY_INDEXING_MODE = oneOf("OFF", "STATUS");
const DEVICE_DEFENDER_INDEXING_MODE = oneOf("OFF", "VIOLATIONS");
const NAMED_SHADOW_INDEXING_MODE = oneOf("OFF", "ON");
const FIELD_NAME = string({ max: 2048 });
const FIELD_TYPE = oneOf("Number", "String", "Boolean");
const FIELD = record({ name: FIELD_NAME, type: FIELD_TYPE });
const FIELDS = list(FIELD, { max: 100 });
const SHADOW_NAME = string({ min: 1, max: 64, pattern: /[$a-zA-Z0-9:_-]+/ });
const NAMED_SHADOW_NAMES_FILTER = list(SHADOW_NAME, { max: 100 });
const TARGET_FIELD_NAME = string({ max: 2048 });
const TARGET_FIELD_ORDER = oneOf("LatLon", "LonLat");
const GEO_LOCATION_TARGET = record({ name: TARGET_FIELD_NAME, order: TARGET_FIELD_ORDER });
const GEO_LOCATIONS_FILTER = list(GEO_LOCATION_TARGET, { max: 100 });
const INDEXING_FILTER = record({ namedShadowNames: NAMED_SHADOW_NAMES_FILTER, geoLocations: GEO_LOCATIONS_FILTER });
const THING_INDEXING_CONFIGURATION = record(
  {
    thingIndexingMode: THING_INDEXING_MODE,
    thingConnectivityIndexingMode: THING_CONNECTIVITY_INDEXING_MODE,
    deviceDefenderIndexingMode: DEVICE_DEFENDER_INDEXING_MODE,
    namedShadowIndexingMode: NAMED_SHADOW_INDEXING_MODE,
    managedFields: FIELDS,
    customFields: FIELDS,
    filter: INDEXING_FILTER,
  },
  ["thingIndexingMode"],
);
const THING_GROUP_INDEXING_MODE = oneOf("OFF", "ON");
const THING_GROUP_INDEXING_CONFIGURATION = record(
  { thingGroupIndexingMode: THING_GROUP_INDEXING_MODE, managedFields: FIELDS, customFields: FIELDS },
  ["thingGroupIndexingMode"],
);
const NEXT_TOKEN = string({ max: 1024 });
const QUERY_MAX_RESULTS = integer({ min: 1, max: 500 });
const SEARCH_QUERY_MAX_RESULTS = integer({ min: 1 });
const AGGREGATION_FIELD = string({ min: 1, max: 256 });
const MAX_BUCKETS = integer({ min: 1, max: 10_000 });
const TERMS_AGGREGATION = record({ maxBuckets: MAX_BUCKETS });
const BUCKETS_AGGREGATION_TYPE = record({ termsAggregation: TERMS_AGGREGATION });
const PERCENT_LIST = list(number({ min: 0, max: 100 }), { max: 100 });
const CONNECTIVITY_API_THING_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });

export const SEARCH_OPERATIONS = {
  CreateDynamicThingGroup: operation<CreateDynamicThingGroupResponse>()({
    service: "iot",
    method: "POST",
    path: "/dynamic-thing-groups/{thingGroupName}",
    input: {
      thingGroupName: uri(THING_GROUP_NAME),
      thingGroupProperties: body(THING_GROUP_PROPERTIES),
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      queryVersion: body(QUERY_VERSION),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: [
      "ResourceAlreadyExistsException",
      "ResourceNotFoundException",
      "InvalidQueryException",
      "LimitExceededException",
    ],
  }),
  UpdateDynamicThingGroup: operation<UpdateDynamicThingGroupResponse>()({
    service: "iot",
    method: "PATCH",
    path: "/dynamic-thing-groups/{thingGroupName}",
    input: {
      thingGroupName: uri(THING_GROUP_NAME),
      thingGroupProperties: required(body(THING_GROUP_PROPERTIES)),
      expectedVersion: body(integer()),
      indexName: body(INDEX_NAME),
      queryString: body(QUERY_STRING),
      queryVersion: body(QUERY_VERSION),
    },
    output: OK,
    errors: ["VersionConflictException", "ResourceNotFoundException", "InvalidQueryException"],
  }),
  DeleteDynamicThingGroup: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/dynamic-thing-groups/{thingGroupName}",
    input: { thingGroupName: uri(THING_GROUP_NAME), expectedVersion: query(integer()) },
    output: OK,
    errors: ["VersionConflictException"],
  }),
  GetIndexingConfiguration: operation<GetIndexingConfigurationResponse>()({
    service: "iot",
    method: "GET",
    path: "/indexing/config",
    input: {},
    output: OK,
    errors: [],
  }),
  UpdateIndexingConfiguration: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/indexing/config",
    input: {
      thingIndexingConfiguration: body(THING_INDEXING_CONFIGURATION),
      thingGroupIndexingConfiguration: body(THING_GROUP_INDEXING_CONFIGURATION),
    },
    output: OK,
    errors: [],
  }),
  ListIndices: operation<ListIndicesResponse>()({
    service: "iot",
    method: "GET",
    path: "/indices",
    input: { nextToken: query(NEXT_TOKEN), maxResults: query(QUERY_MAX_RESULTS) },
    output: OK,
    errors: [],
  }),
  DescribeIndex: operation<DescribeIndexResponse>()({
    service: "iot",
    method: "GET",
    path: "/indices/{indexName}",
    input: { indexName: uri(INDEX_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  SearchIndex: operation<SearchIndexResponse>()({
    service: "iot",
    method: "POST",
    path: "/indices/search",
    input: {
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      nextToken: body(NEXT_TOKEN),
      maxResults: body(SEARCH_QUERY_MAX_RESULTS),
      queryVersion: body(QUERY_VERSION),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "InvalidQueryException", "IndexNotReadyException"],
  }),
  GetStatistics: operation<GetStatisticsResponse>()({
    service: "iot",
    method: "POST",
    path: "/indices/statistics",
    input: {
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      aggregationField: body(AGGREGATION_FIELD),
      queryVersion: body(QUERY_VERSION),
    },
    output: OK,
    errors: [
      "ResourceNotFoundException",
      "InvalidQueryException",
      "InvalidAggregationException",
      "IndexNotReadyException",
    ],
  }),
  GetCardinality: operation<GetCardinalityResponse>()({
    service: "iot",
    method: "POST",
    path: "/indices/cardinality",
    input: {
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      aggregationField: body(AGGREGATION_FIELD),
      queryVersion: body(QUERY_VERSION),
    },
    output: OK,
    errors: [
      "ResourceNotFoundException",
      "InvalidQueryException",
      "InvalidAggregationException",
      "IndexNotReadyException",
    ],
  }),
  GetBucketsAggregation: operation<GetBucketsAggregationResponse>()({
    service: "iot",
    method: "POST",
    path: "/indices/buckets",
    input: {
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      aggregationField: required(body(AGGREGATION_FIELD)),
      queryVersion: body(QUERY_VERSION),
      bucketsAggregationType: required(body(BUCKETS_AGGREGATION_TYPE)),
    },
    output: OK,
    errors: [
      "ResourceNotFoundException",
      "InvalidQueryException",
      "InvalidAggregationException",
      "IndexNotReadyException",
    ],
  }),
  GetPercentiles: operation<GetPercentilesResponse>()({
    service: "iot",
    method: "POST",
    path: "/indices/percentiles",
    input: {
      indexName: body(INDEX_NAME),
      queryString: required(body(QUERY_STRING)),
      aggregationField: body(AGGREGATION_FIELD),
      queryVersion: body(QUERY_VERSION),
      percents: body(PERCENT_LIST),
    },
    output: OK,
    errors: [
      "ResourceNotFoundException",
      "InvalidQueryException",
      "InvalidAggregationException",
      "IndexNotReadyException",
    ],
  }),
  GetThingConnectivityData: operation<GetThingConnectivityDataResponse>()({
    service: "iot",
    method: "POST",
    path: "/things/{thingName}/connectivity-data",
    input: { thingName: uri(CONNECTIVITY_API_THING_NAME), includeSocketInformation: body(unavailable) },
    output: OK,
    errors: ["ResourceNotFoundException", "IndexNotReadyException"],
  }),
} as const;
