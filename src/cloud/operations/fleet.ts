/** @table Thing types, thing groups, billing groups and tags. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, query, required, uri } from "./operation.ts";
import { boolean, integer, list, map, record, string } from "./shape.ts";
import type {
  CreateBillingGroupResponse,
  CreateThingGroupResponse,
  CreateThingTypeResponse,
  DescribeBillingGroupResponse,
  DescribeThingGroupResponse,
  DescribeThingTypeResponse,
  ListBillingGroupsResponse,
  ListTagsForResourceResponse,
  ListThingGroupsForThingResponse,
  ListThingGroupsResponse,
  ListThingTypesResponse,
  ListThingsInBillingGroupResponse,
  ListThingsInThingGroupResponse,
  UpdateBillingGroupResponse,
  UpdateThingGroupResponse,
} from "./fleet-results.ts";

const THING_TYPE_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const THING_TYPE_DESCRIPTION = string({ max: 2028, pattern: /[!-~ ]*/ });
const ATTRIBUTE_NAME = string({ max: 128, pattern: /[a-zA-Z0-9_.,@/:#-]+/ });
const SEARCHABLE_ATTRIBUTES = list(ATTRIBUTE_NAME, { max: 100 });
const USER_PROPERTY_KEY_NAME = string({ max: 128, pattern: /[a-zA-Z0-9:$.]+/ });
const CONNECTION_ATTRIBUTE_NAME = string({ max: 128, pattern: /[a-zA-Z0-9:.]+/ });
const PROPAGATING_ATTRIBUTE = record({
  userPropertyKey: USER_PROPERTY_KEY_NAME,
  thingAttribute: ATTRIBUTE_NAME,
  connectionAttribute: CONNECTION_ATTRIBUTE_NAME,
});
const PROPAGATING_ATTRIBUTE_LIST = list(PROPAGATING_ATTRIBUTE, { max: 100 });
const MQTT5_CONFIGURATION = record({ propagatingAttributes: PROPAGATING_ATTRIBUTE_LIST });
const THING_TYPE_PROPERTIES = record({
  thingTypeDescription: THING_TYPE_DESCRIPTION,
  searchableAttributes: SEARCHABLE_ATTRIBUTES,
  mqtt5Configuration: MQTT5_CONFIGURATION,
});
const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const NEXT_TOKEN = string({ max: 1024 });
const REGISTRY_MAX_RESULTS = integer({ min: 1, max: 250 });
const THING_GROUP_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const THING_GROUP_DESCRIPTION = string({ max: 2028, pattern: /[!-~ ]*/ });
const ATTRIBUTE_VALUE = string({ max: 800, pattern: /[a-zA-Z0-9_.,@/:#=[\]-]*/ });
const ATTRIBUTES = map(ATTRIBUTE_NAME, ATTRIBUTE_VALUE, { max: 200 });
const ATTRIBUTE_PAYLOAD = record({ attributes: ATTRIBUTES, merge: boolean });
const THING_GROUP_PROPERTIES = record({
  thingGroupDescription: THING_GROUP_DESCRIPTION,
  attributePayload: ATTRIBUTE_PAYLOAD,
});
const THING_GROUP_ARN = string({ max: 2048 });
const THING_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const THING_ARN = string({ max: 2048 });
const THING_GROUP_LIST = list(THING_GROUP_NAME, { max: 10 });
const BILLING_GROUP_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const BILLING_GROUP_DESCRIPTION = string({ max: 2028, pattern: /[!-~ ]*/ });
const BILLING_GROUP_PROPERTIES = record({ billingGroupDescription: BILLING_GROUP_DESCRIPTION });
const BILLING_GROUP_ARN = string({ max: 2048 });
const RESOURCE_ARN = string({ max: 2048 });
const TAG_KEY_LIST = list(TAG_KEY, { max: 100 });

export const FLEET_OPERATIONS = {
  CreateThingType: operation<CreateThingTypeResponse>()({
    service: "iot",
    method: "POST",
    path: "/thing-types/{thingTypeName}",
    input: {
      thingTypeName: uri(THING_TYPE_NAME),
      thingTypeProperties: body(THING_TYPE_PROPERTIES),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException"],
  }),
  DescribeThingType: operation<DescribeThingTypeResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-types/{thingTypeName}",
    input: { thingTypeName: uri(THING_TYPE_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateThingType: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/thing-types/{thingTypeName}",
    input: { thingTypeName: uri(THING_TYPE_NAME), thingTypeProperties: body(THING_TYPE_PROPERTIES) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeprecateThingType: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/thing-types/{thingTypeName}/deprecate",
    input: { thingTypeName: uri(THING_TYPE_NAME), undoDeprecate: body(boolean) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeleteThingType: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/thing-types/{thingTypeName}",
    input: { thingTypeName: uri(THING_TYPE_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListThingTypes: operation<ListThingTypesResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-types",
    input: {
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
      thingTypeName: query(THING_TYPE_NAME),
    },
    output: OK,
    errors: [],
  }),
  CreateThingGroup: operation<CreateThingGroupResponse>()({
    service: "iot",
    method: "POST",
    path: "/thing-groups/{thingGroupName}",
    input: {
      thingGroupName: uri(THING_GROUP_NAME),
      parentGroupName: body(THING_GROUP_NAME),
      thingGroupProperties: body(THING_GROUP_PROPERTIES),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException"],
  }),
  DescribeThingGroup: operation<DescribeThingGroupResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-groups/{thingGroupName}",
    input: { thingGroupName: uri(THING_GROUP_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateThingGroup: operation<UpdateThingGroupResponse>()({
    service: "iot",
    method: "PATCH",
    path: "/thing-groups/{thingGroupName}",
    input: {
      thingGroupName: uri(THING_GROUP_NAME),
      thingGroupProperties: required(body(THING_GROUP_PROPERTIES)),
      expectedVersion: body(integer()),
    },
    output: OK,
    errors: ["VersionConflictException", "ResourceNotFoundException"],
  }),
  DeleteThingGroup: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/thing-groups/{thingGroupName}",
    input: { thingGroupName: uri(THING_GROUP_NAME), expectedVersion: query(integer()) },
    output: OK,
    errors: ["VersionConflictException"],
  }),
  ListThingGroups: operation<ListThingGroupsResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-groups",
    input: {
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
      parentGroup: query(THING_GROUP_NAME),
      namePrefixFilter: query(THING_GROUP_NAME),
      recursive: query(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  AddThingToThingGroup: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/thing-groups/addThingToThingGroup",
    input: {
      thingGroupName: body(THING_GROUP_NAME),
      thingGroupArn: body(THING_GROUP_ARN),
      thingName: body(THING_NAME),
      thingArn: body(THING_ARN),
      overrideDynamicGroups: body(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  RemoveThingFromThingGroup: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/thing-groups/removeThingFromThingGroup",
    input: {
      thingGroupName: body(THING_GROUP_NAME),
      thingGroupArn: body(THING_GROUP_ARN),
      thingName: body(THING_NAME),
      thingArn: body(THING_ARN),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateThingGroupsForThing: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/thing-groups/updateThingGroupsForThing",
    input: {
      thingName: body(THING_NAME),
      thingGroupsToAdd: body(THING_GROUP_LIST),
      thingGroupsToRemove: body(THING_GROUP_LIST),
      overrideDynamicGroups: body(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListThingsInThingGroup: operation<ListThingsInThingGroupResponse>()({
    service: "iot",
    method: "GET",
    path: "/thing-groups/{thingGroupName}/things",
    input: {
      thingGroupName: uri(THING_GROUP_NAME),
      recursive: query(boolean),
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListThingGroupsForThing: operation<ListThingGroupsForThingResponse>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}/thing-groups",
    input: { thingName: uri(THING_NAME), nextToken: query(NEXT_TOKEN), maxResults: query(REGISTRY_MAX_RESULTS) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  CreateBillingGroup: operation<CreateBillingGroupResponse>()({
    service: "iot",
    method: "POST",
    path: "/billing-groups/{billingGroupName}",
    input: {
      billingGroupName: uri(BILLING_GROUP_NAME),
      billingGroupProperties: body(BILLING_GROUP_PROPERTIES),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException"],
  }),
  DescribeBillingGroup: operation<DescribeBillingGroupResponse>()({
    service: "iot",
    method: "GET",
    path: "/billing-groups/{billingGroupName}",
    input: { billingGroupName: uri(BILLING_GROUP_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateBillingGroup: operation<UpdateBillingGroupResponse>()({
    service: "iot",
    method: "PATCH",
    path: "/billing-groups/{billingGroupName}",
    input: {
      billingGroupName: uri(BILLING_GROUP_NAME),
      billingGroupProperties: required(body(BILLING_GROUP_PROPERTIES)),
      expectedVersion: body(integer()),
    },
    output: OK,
    errors: ["VersionConflictException", "ResourceNotFoundException"],
  }),
  DeleteBillingGroup: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/billing-groups/{billingGroupName}",
    input: { billingGroupName: uri(BILLING_GROUP_NAME), expectedVersion: query(integer()) },
    output: OK,
    errors: ["VersionConflictException"],
  }),
  ListBillingGroups: operation<ListBillingGroupsResponse>()({
    service: "iot",
    method: "GET",
    path: "/billing-groups",
    input: {
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
      namePrefixFilter: query(BILLING_GROUP_NAME),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  AddThingToBillingGroup: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/billing-groups/addThingToBillingGroup",
    input: {
      billingGroupName: body(BILLING_GROUP_NAME),
      billingGroupArn: body(BILLING_GROUP_ARN),
      thingName: body(THING_NAME),
      thingArn: body(THING_ARN),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  RemoveThingFromBillingGroup: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/billing-groups/removeThingFromBillingGroup",
    input: {
      billingGroupName: body(BILLING_GROUP_NAME),
      billingGroupArn: body(BILLING_GROUP_ARN),
      thingName: body(THING_NAME),
      thingArn: body(THING_ARN),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListThingsInBillingGroup: operation<ListThingsInBillingGroupResponse>()({
    service: "iot",
    method: "GET",
    path: "/billing-groups/{billingGroupName}/things",
    input: {
      billingGroupName: uri(BILLING_GROUP_NAME),
      nextToken: query(NEXT_TOKEN),
      maxResults: query(REGISTRY_MAX_RESULTS),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  TagResource: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/tags",
    input: { resourceArn: required(body(RESOURCE_ARN)), tags: required(body(TAG_LIST)) },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  UntagResource: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/untag",
    input: { resourceArn: required(body(RESOURCE_ARN)), tagKeys: required(body(TAG_KEY_LIST)) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListTagsForResource: operation<ListTagsForResourceResponse>()({
    service: "iot",
    method: "GET",
    path: "/tags",
    input: { resourceArn: required(query(RESOURCE_ARN)), nextToken: query(NEXT_TOKEN) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;
