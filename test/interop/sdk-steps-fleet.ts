import { all, call, no, ok, type SdkStep } from "./sdk-steps.ts";

const GONE = "ResourceNotFoundException";
const STALE = "VersionConflictException";
const TWICE = "ResourceAlreadyExistsException";
const NOWHERE = "arn:aws:iot:eu-central-1:123456789012:thinggroup/none";
const META = "thingGroupName thingGroupId thingGroupArn version thingGroupProperties thingGroupMetadata";

/** Thing types, groups, billing groups, tags, dynamic groups and the index. Given: the thing `t`. */
export const FLEET_STEPS: readonly SdkStep[] = [
  ok("CreateThingType", { thingTypeName: "ty" }, "thingTypeName thingTypeArn thingTypeId"),
  no(TWICE, "CreateThingType", {
    thingTypeName: "ty",
    thingTypeProperties: { thingTypeDescription: "other" },
  }),
  ok(
    "DescribeThingType",
    { thingTypeName: "ty" },
    "thingTypeName thingTypeId thingTypeArn thingTypeProperties thingTypeMetadata",
  ),
  ok("UpdateThingType", { thingTypeName: "ty", thingTypeProperties: {} }),
  ok("ListThingTypes", {}, "thingTypes"),
  ok("DeprecateThingType", { thingTypeName: "ty" }),
  no("InvalidRequestException", "DeleteThingType", { thingTypeName: "ty" }),
  ok("CreateThingGroup", { thingGroupName: "g" }, "thingGroupName thingGroupArn thingGroupId", { g: "thingGroupArn" }),
  no(TWICE, "CreateThingGroup", { thingGroupName: "g", thingGroupProperties: { thingGroupDescription: "x" } }),
  ok("CreateThingGroup", { thingGroupName: "h", parentGroupName: "g" }, "thingGroupName thingGroupArn thingGroupId"),
  ok("DescribeThingGroup", { thingGroupName: "h" }, META),
  ok(
    "UpdateThingGroup",
    { thingGroupName: "g", thingGroupProperties: { thingGroupDescription: "d" }, expectedVersion: 1 },
    "version",
  ),
  no(STALE, "UpdateThingGroup", { thingGroupName: "g", thingGroupProperties: {}, expectedVersion: 1 }),
  no(STALE, "DeleteThingGroup", { thingGroupName: "h", expectedVersion: 9 }),
  ok("ListThingGroups", {}, "thingGroups"),
  ok("AddThingToThingGroup", { thingName: "t", thingGroupName: "h" }),
  ok("ListThingsInThingGroup", { thingGroupName: "g", recursive: true }, "things"),
  ok("ListThingGroupsForThing", { thingName: "t" }, "thingGroups"),
  ok("UpdateThingGroupsForThing", { thingName: "t", thingGroupsToAdd: ["g"], thingGroupsToRemove: ["h"] }),
  ok("RemoveThingFromThingGroup", ({ g }) => ({ thingName: "t", thingGroupArn: g })),
  ok("TagResource", ({ g }) => ({ resourceArn: g, tags: [{ Key: "k", Value: "v" }] })),
  no("LimitExceededException", "TagResource", ({ g }) => ({
    resourceArn: g,
    tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: "" })),
  })),
  ok("ListTagsForResource", ({ g }) => ({ resourceArn: g }), "tags"),
  ok("UntagResource", ({ g }) => ({ resourceArn: g, tagKeys: ["k"] })),
  ok("CreateBillingGroup", { billingGroupName: "b" }, "billingGroupName billingGroupArn billingGroupId"),
  no(TWICE, "CreateBillingGroup", {
    billingGroupName: "b",
    billingGroupProperties: { billingGroupDescription: "x" },
  }),
  ok(
    "DescribeBillingGroup",
    { billingGroupName: "b" },
    "billingGroupName billingGroupId billingGroupArn version billingGroupProperties billingGroupMetadata",
  ),
  ok("UpdateBillingGroup", { billingGroupName: "b", billingGroupProperties: {} }, "version"),
  no(STALE, "UpdateBillingGroup", { billingGroupName: "b", billingGroupProperties: {}, expectedVersion: 9 }),
  no(STALE, "DeleteBillingGroup", { billingGroupName: "b", expectedVersion: 9 }),
  ok("ListBillingGroups", {}, "billingGroups"),
  ok("AddThingToBillingGroup", { billingGroupName: "b", thingName: "t" }),
  ok("ListThingsInBillingGroup", { billingGroupName: "b" }, "things"),
  ok("RemoveThingFromBillingGroup", { billingGroupName: "b", thingName: "t" }),
  ok("DeleteBillingGroup", { billingGroupName: "b" }),
  ...all(GONE, [
    call("DescribeThingType", { thingTypeName: "none" }),
    call("UpdateThingType", { thingTypeName: "none" }),
    call("DeprecateThingType", { thingTypeName: "none" }),
    call("DeleteThingType", { thingTypeName: "none" }),
    call("DescribeThingGroup", { thingGroupName: "none" }),
    call("UpdateThingGroup", { thingGroupName: "none", thingGroupProperties: {} }),
    call("ListThingGroups", { parentGroup: "none" }),
    call("AddThingToThingGroup", { thingName: "none", thingGroupName: "g" }),
    call("RemoveThingFromThingGroup", { thingName: "t", thingGroupName: "none" }),
    call("UpdateThingGroupsForThing", { thingName: "t", thingGroupsToAdd: ["none"] }),
    call("ListThingsInThingGroup", { thingGroupName: "none" }),
    call("ListThingGroupsForThing", { thingName: "none" }),
    call("DescribeBillingGroup", { billingGroupName: "none" }),
    call("UpdateBillingGroup", { billingGroupName: "none", billingGroupProperties: {} }),
    call("AddThingToBillingGroup", { billingGroupName: "none", thingName: "t" }),
    call("RemoveThingFromBillingGroup", { billingGroupName: "none", thingName: "t" }),
    call("ListThingsInBillingGroup", { billingGroupName: "none" }),
    call("TagResource", { resourceArn: NOWHERE, tags: [{ Key: "k", Value: "v" }] }),
    call("UntagResource", { resourceArn: NOWHERE, tagKeys: ["k"] }),
    call("ListTagsForResource", { resourceArn: NOWHERE }),
  ]),
];

const NO_INDEX = { indexName: "none", queryString: "*" };
const BUCKETS = { aggregationField: "thingName", bucketsAggregationType: { termsAggregation: { maxBuckets: 5 } } };
const OFF = { queryString: "*", indexName: "AWS_Things" };

export const INDEX_STEPS: readonly SdkStep[] = [
  ok("GetIndexingConfiguration", {}, "thingIndexingConfiguration thingGroupIndexingConfiguration"),
  ok("ListIndices", {}, "indexNames"),
  ok("DescribeIndex", { indexName: "AWS_Things" }, "indexName indexStatus schema"),
  ok("SearchIndex", { queryString: "thingName:t" }, "things thingGroups"),
  ok("GetStatistics", { queryString: "*", aggregationField: "registry.version" }, "statistics"),
  ok("GetCardinality", { queryString: "*", aggregationField: "thingName" }, "cardinality"),
  ok("GetBucketsAggregation", { queryString: "*", ...BUCKETS }, "totalCount buckets"),
  ok("GetPercentiles", { queryString: "*", aggregationField: "registry.version", percents: [50] }, "percentiles"),
  ok("GetThingConnectivityData", { thingName: "t" }, "thingName connected"),
  ok(
    "CreateDynamicThingGroup",
    { thingGroupName: "dyn", queryString: "thingName:t" },
    "thingGroupName thingGroupArn thingGroupId indexName queryString queryVersion",
  ),
  no(TWICE, "CreateDynamicThingGroup", { thingGroupName: "dyn", queryString: "thingName:u" }),
  ok("UpdateDynamicThingGroup", { thingGroupName: "dyn", thingGroupProperties: {}, expectedVersion: 1 }, "version"),
  no(STALE, "UpdateDynamicThingGroup", { thingGroupName: "dyn", thingGroupProperties: {}, expectedVersion: 1 }),
  no(STALE, "DeleteDynamicThingGroup", { thingGroupName: "dyn", expectedVersion: 9 }),
  no("InvalidQueryException", "UpdateDynamicThingGroup", {
    thingGroupName: "dyn",
    thingGroupProperties: {},
    queryString: "((",
  }),
  ok("DeleteDynamicThingGroup", { thingGroupName: "dyn" }),
  ...all("InvalidQueryException", [
    call("CreateDynamicThingGroup", { thingGroupName: "e", queryString: "((" }),
    call("SearchIndex", { queryString: "((" }),
    call("GetStatistics", { queryString: "((" }),
    call("GetCardinality", { queryString: "((" }),
    call("GetBucketsAggregation", { queryString: "((", ...BUCKETS }),
    call("GetPercentiles", { queryString: "((", aggregationField: "registry.version" }),
  ]),
  ...all("InvalidAggregationException", [
    call("GetStatistics", { queryString: "*", aggregationField: "thingName" }),
    call("GetPercentiles", { queryString: "*", aggregationField: "thingName" }),
  ]),
  ...all(GONE, [
    call("UpdateDynamicThingGroup", { thingGroupName: "none", thingGroupProperties: {} }),
    call("CreateDynamicThingGroup", { thingGroupName: "e", queryString: "*", indexName: "none" }),
    call("DescribeIndex", { indexName: "none" }),
    call("SearchIndex", NO_INDEX),
    call("GetStatistics", NO_INDEX),
    call("GetCardinality", NO_INDEX),
    call("GetBucketsAggregation", { ...NO_INDEX, ...BUCKETS }),
    call("GetPercentiles", { ...NO_INDEX, aggregationField: "registry.version" }),
    call("GetThingConnectivityData", { thingName: "none" }),
  ]),
  ok("UpdateIndexingConfiguration", { thingIndexingConfiguration: { thingIndexingMode: "OFF" } }),
  ...all("IndexNotReadyException", [
    call("SearchIndex", OFF),
    call("GetStatistics", OFF),
    call("GetCardinality", OFF),
    call("GetBucketsAggregation", { ...OFF, ...BUCKETS }),
    call("GetPercentiles", { ...OFF, aggregationField: "registry.version" }),
    call("GetThingConnectivityData", { thingName: "t" }),
  ]),
  ok("UpdateIndexingConfiguration", {
    thingIndexingConfiguration: { thingIndexingMode: "REGISTRY", thingConnectivityIndexingMode: "STATUS" },
  }),
];
