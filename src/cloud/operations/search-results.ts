/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateDynamicThingGroupResponse = {
  readonly thingGroupName?: string | undefined;
  readonly thingGroupArn?: string | undefined;
  readonly thingGroupId?: string | undefined;
  readonly indexName?: string | undefined;
  readonly queryString?: string | undefined;
  readonly queryVersion?: string | undefined;
};

export type UpdateDynamicThingGroupResponse = { readonly version?: number | undefined };

export type Field = { readonly name?: string | undefined; readonly type?: "Number" | "String" | "Boolean" | undefined };

export type GeoLocationTarget = {
  readonly name?: string | undefined;
  readonly order?: "LatLon" | "LonLat" | undefined;
};

export type IndexingFilter = {
  readonly namedShadowNames?: readonly string[] | undefined;
  readonly geoLocations?: readonly GeoLocationTarget[] | undefined;
};

export type ThingIndexingConfiguration = {
  readonly thingIndexingMode?: "OFF" | "REGISTRY" | "REGISTRY_AND_SHADOW" | undefined;
  readonly thingConnectivityIndexingMode?: "OFF" | "STATUS" | undefined;
  readonly deviceDefenderIndexingMode?: "OFF" | "VIOLATIONS" | undefined;
  readonly namedShadowIndexingMode?: "OFF" | "ON" | undefined;
  readonly managedFields?: readonly Field[] | undefined;
  readonly customFields?: readonly Field[] | undefined;
  readonly filter?: IndexingFilter | undefined;
};

export type ThingGroupIndexingConfiguration = {
  readonly thingGroupIndexingMode?: "OFF" | "ON" | undefined;
  readonly managedFields?: readonly Field[] | undefined;
  readonly customFields?: readonly Field[] | undefined;
};

export type GetIndexingConfigurationResponse = {
  readonly thingIndexingConfiguration?: ThingIndexingConfiguration | undefined;
  readonly thingGroupIndexingConfiguration?: ThingGroupIndexingConfiguration | undefined;
};

export type ListIndicesResponse = {
  readonly indexNames?: readonly string[] | undefined;
  readonly nextToken?: string | undefined;
};

export type DescribeIndexResponse = {
  readonly indexName?: string | undefined;
  readonly indexStatus?: "ACTIVE" | "BUILDING" | "REBUILDING" | undefined;
  readonly schema?: string | undefined;
};

export type ThingConnectivity = {
  readonly connected?: boolean | undefined;
  readonly timestamp?: number | undefined;
  readonly disconnectReason?: string | undefined;
};

export type ThingDocument = {
  readonly thingName?: string | undefined;
  readonly thingId?: string | undefined;
  readonly thingTypeName?: string | undefined;
  readonly thingGroupNames?: readonly string[] | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly shadow?: string | undefined;
  readonly deviceDefender?: string | undefined;
  readonly connectivity?: ThingConnectivity | undefined;
};

export type ThingGroupDocument = {
  readonly thingGroupName?: string | undefined;
  readonly thingGroupId?: string | undefined;
  readonly thingGroupDescription?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly parentGroupNames?: readonly string[] | undefined;
};

export type SearchIndexResponse = {
  readonly nextToken?: string | undefined;
  readonly things?: readonly ThingDocument[] | undefined;
  readonly thingGroups?: readonly ThingGroupDocument[] | undefined;
};

export type Statistics = {
  readonly count?: number | undefined;
  readonly average?: number | undefined;
  readonly sum?: number | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly sumOfSquares?: number | undefined;
  readonly variance?: number | undefined;
  readonly stdDeviation?: number | undefined;
};

export type GetStatisticsResponse = { readonly statistics?: Statistics | undefined };

export type GetCardinalityResponse = { readonly cardinality?: number | undefined };

export type Bucket = { readonly keyValue?: string | undefined; readonly count?: number | undefined };

export type GetBucketsAggregationResponse = {
  readonly totalCount?: number | undefined;
  readonly buckets?: readonly Bucket[] | undefined;
};

export type PercentPair = { readonly percent?: number | undefined; readonly value?: number | undefined };

export type GetPercentilesResponse = { readonly percentiles?: readonly PercentPair[] | undefined };

export type GetThingConnectivityDataResponse = {
  readonly thingName?: string | undefined;
  readonly connected?: boolean | undefined;
  readonly timestamp?: number | undefined;
  readonly disconnectReason?:
    | "AUTH_ERROR"
    | "CLIENT_INITIATED_DISCONNECT"
    | "CLIENT_ERROR"
    | "CONNECTION_LOST"
    | "DUPLICATE_CLIENTID"
    | "FORBIDDEN_ACCESS"
    | "MQTT_KEEP_ALIVE_TIMEOUT"
    | "SERVER_ERROR"
    | "SERVER_INITIATED_DISCONNECT"
    | "THROTTLED"
    | "WEBSOCKET_TTL_EXPIRATION"
    | "CUSTOMAUTH_TTL_EXPIRATION"
    | "UNKNOWN"
    | "NONE"
    | undefined;
};
