import { no, ok, words, type Step } from "./aws-steps.ts";

/** The index, its statistics, and dynamic groups. */
export const SEARCH_STEPS: readonly Step[] = [
  ok("iot create-thing --thing-name s1 --attribute-payload attributes={floor=2}"),
  ok("iot get-indexing-configuration"),
  ok(
    "iot update-indexing-configuration --thing-indexing-configuration thingIndexingMode=REGISTRY,thingConnectivityIndexingMode=STATUS",
  ),
  ok("iot list-indices"),
  ok("iot describe-index --index-name AWS_Things"),
  ok("iot search-index --query-string thingName:s*"),
  no("InvalidQueryException", "iot search-index --query-string (("),
  ok("iot get-statistics --query-string attributes.floor>1 --aggregation-field attributes.floor"),
  ok("iot get-cardinality --query-string * --aggregation-field thingName"),
  ok("iot get-percentiles --query-string * --aggregation-field registry.version --percents 50 90"),
  {
    args: [
      ...words("iot get-buckets-aggregation --query-string * --aggregation-field thingName --buckets-aggregation-type"),
      '{"termsAggregation":{"maxBuckets":5}}',
    ],
  },
  { ...ok("iot get-thing-connectivity-data --thing-name s1"), since: "GetThingConnectivityData" },
  ok("iot create-dynamic-thing-group --thing-group-name D --query-string attributes.floor:2"),
  ok("iot list-things-in-thing-group --thing-group-name D"),
  ok("iot describe-thing-group --thing-group-name D"),
  ok("iot update-dynamic-thing-group --thing-group-name D --thing-group-properties {} --query-string thingName:s1"),
  ok("iot delete-dynamic-thing-group --thing-group-name D"),
  ok("iot delete-thing --thing-name s1"),
];
