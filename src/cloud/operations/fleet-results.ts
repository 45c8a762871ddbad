/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateThingTypeResponse = {
  readonly thingTypeName?: string | undefined;
  readonly thingTypeArn?: string | undefined;
  readonly thingTypeId?: string | undefined;
};

export type PropagatingAttribute = {
  readonly userPropertyKey?: string | undefined;
  readonly thingAttribute?: string | undefined;
  readonly connectionAttribute?: string | undefined;
};

export type Mqtt5Configuration = { readonly propagatingAttributes?: readonly PropagatingAttribute[] | undefined };

export type ThingTypeProperties = {
  readonly thingTypeDescription?: string | undefined;
  readonly searchableAttributes?: readonly string[] | undefined;
  readonly mqtt5Configuration?: Mqtt5Configuration | undefined;
};

export type ThingTypeMetadata = {
  readonly deprecated?: boolean | undefined;
  readonly deprecationDate?: number | undefined;
  readonly creationDate?: number | undefined;
};

export type DescribeThingTypeResponse = {
  readonly thingTypeName?: string | undefined;
  readonly thingTypeId?: string | undefined;
  readonly thingTypeArn?: string | undefined;
  readonly thingTypeProperties?: ThingTypeProperties | undefined;
  readonly thingTypeMetadata?: ThingTypeMetadata | undefined;
};

export type ThingTypeDefinition = {
  readonly thingTypeName?: string | undefined;
  readonly thingTypeArn?: string | undefined;
  readonly thingTypeProperties?: ThingTypeProperties | undefined;
  readonly thingTypeMetadata?: ThingTypeMetadata | undefined;
};

export type ListThingTypesResponse = {
  readonly thingTypes?: readonly ThingTypeDefinition[] | undefined;
  readonly nextToken?: string | undefined;
};

export type CreateThingGroupResponse = {
  readonly thingGroupName?: string | undefined;
  readonly thingGroupArn?: string | undefined;
  readonly thingGroupId?: string | undefined;
};

export type AttributePayload = {
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly merge?: boolean | undefined;
};

export type ThingGroupProperties = {
  readonly thingGroupDescription?: string | undefined;
  readonly attributePayload?: AttributePayload | undefined;
};

export type GroupNameAndArn = { readonly groupName?: string | undefined; readonly groupArn?: string | undefined };

export type ThingGroupMetadata = {
  readonly parentGroupName?: string | undefined;
  readonly rootToParentThingGroups?: readonly GroupNameAndArn[] | undefined;
  readonly creationDate?: number | undefined;
};

export type DescribeThingGroupResponse = {
  readonly thingGroupName?: string | undefined;
  readonly thingGroupId?: string | undefined;
  readonly thingGroupArn?: string | undefined;
  readonly version?: number | undefined;
  readonly thingGroupProperties?: ThingGroupProperties | undefined;
  readonly thingGroupMetadata?: ThingGroupMetadata | undefined;
  readonly indexName?: string | undefined;
  readonly queryString?: string | undefined;
  readonly queryVersion?: string | undefined;
  readonly status?: "ACTIVE" | "BUILDING" | "REBUILDING" | undefined;
};

export type UpdateThingGroupResponse = { readonly version?: number | undefined };

export type ListThingGroupsResponse = {
  readonly thingGroups?: readonly GroupNameAndArn[] | undefined;
  readonly nextToken?: string | undefined;
};

export type ListThingsInThingGroupResponse = {
  readonly things?: readonly string[] | undefined;
  readonly nextToken?: string | undefined;
};

export type ListThingGroupsForThingResponse = {
  readonly thingGroups?: readonly GroupNameAndArn[] | undefined;
  readonly nextToken?: string | undefined;
};

export type CreateBillingGroupResponse = {
  readonly billingGroupName?: string | undefined;
  readonly billingGroupArn?: string | undefined;
  readonly billingGroupId?: string | undefined;
};

export type BillingGroupProperties = { readonly billingGroupDescription?: string | undefined };

export type BillingGroupMetadata = { readonly creationDate?: number | undefined };

export type DescribeBillingGroupResponse = {
  readonly billingGroupName?: string | undefined;
  readonly billingGroupId?: string | undefined;
  readonly billingGroupArn?: string | undefined;
  readonly version?: number | undefined;
  readonly billingGroupProperties?: BillingGroupProperties | undefined;
  readonly billingGroupMetadata?: BillingGroupMetadata | undefined;
};

export type UpdateBillingGroupResponse = { readonly version?: number | undefined };

export type ListBillingGroupsResponse = {
  readonly billingGroups?: readonly GroupNameAndArn[] | undefined;
  readonly nextToken?: string | undefined;
};

export type ListThingsInBillingGroupResponse = {
  readonly things?: readonly string[] | undefined;
  readonly nextToken?: string | undefined;
};

export type Tag = { readonly Key?: string | undefined; readonly Value?: string | undefined };

export type ListTagsForResourceResponse = {
  readonly tags?: readonly Tag[] | undefined;
  readonly nextToken?: string | undefined;
};
