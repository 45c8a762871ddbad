/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateProvisioningTemplateResponse = {
  readonly templateArn?: string | undefined;
  readonly templateName?: string | undefined;
  readonly defaultVersionId?: number | undefined;
};

export type ProvisioningHook = {
  readonly payloadVersion?: string | undefined;
  readonly targetArn?: string | undefined;
};

export type DescribeProvisioningTemplateResponse = {
  readonly templateArn?: string | undefined;
  readonly templateName?: string | undefined;
  readonly description?: string | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
  readonly defaultVersionId?: number | undefined;
  readonly templateBody?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly provisioningRoleArn?: string | undefined;
  readonly preProvisioningHook?: ProvisioningHook | undefined;
  readonly type?: "FLEET_PROVISIONING" | "JITP" | undefined;
};

export type ProvisioningTemplateSummary = {
  readonly templateArn?: string | undefined;
  readonly templateName?: string | undefined;
  readonly description?: string | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
  readonly enabled?: boolean | undefined;
  readonly type?: "FLEET_PROVISIONING" | "JITP" | undefined;
};

export type ListProvisioningTemplatesResponse = {
  readonly templates?: readonly ProvisioningTemplateSummary[] | undefined;
  readonly nextToken?: string | undefined;
};

export type CreateProvisioningTemplateVersionResponse = {
  readonly templateArn?: string | undefined;
  readonly templateName?: string | undefined;
  readonly versionId?: number | undefined;
  readonly isDefaultVersion?: boolean | undefined;
};

export type DescribeProvisioningTemplateVersionResponse = {
  readonly versionId?: number | undefined;
  readonly creationDate?: number | undefined;
  readonly templateBody?: string | undefined;
  readonly isDefaultVersion?: boolean | undefined;
};

export type ProvisioningTemplateVersionSummary = {
  readonly versionId?: number | undefined;
  readonly creationDate?: number | undefined;
  readonly isDefaultVersion?: boolean | undefined;
};

export type ListProvisioningTemplateVersionsResponse = {
  readonly versions?: readonly ProvisioningTemplateVersionSummary[] | undefined;
  readonly nextToken?: string | undefined;
};

export type KeyPair = { readonly PublicKey?: string | undefined; readonly PrivateKey?: string | undefined };

export type CreateProvisioningClaimResponse = {
  readonly certificateId?: string | undefined;
  readonly certificatePem?: string | undefined;
  readonly keyPair?: KeyPair | undefined;
  readonly expiration?: number | undefined;
};

export type RegisterThingResponse = {
  readonly certificatePem?: string | undefined;
  readonly resourceArns?: Readonly<Record<string, string>> | undefined;
};

export type StartThingRegistrationTaskResponse = { readonly taskId?: string | undefined };

export type DescribeThingRegistrationTaskResponse = {
  readonly taskId?: string | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
  readonly templateBody?: string | undefined;
  readonly inputFileBucket?: string | undefined;
  readonly inputFileKey?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly status?: "InProgress" | "Completed" | "Failed" | "Cancelled" | "Cancelling" | undefined;
  readonly message?: string | undefined;
  readonly successCount?: number | undefined;
  readonly failureCount?: number | undefined;
  readonly percentageProgress?: number | undefined;
};

export type ListThingRegistrationTasksResponse = {
  readonly taskIds?: readonly string[] | undefined;
  readonly nextToken?: string | undefined;
};

export type ListThingRegistrationTaskReportsResponse = {
  readonly resourceLinks?: readonly string[] | undefined;
  readonly reportType?: "ERRORS" | "RESULTS" | undefined;
  readonly nextToken?: string | undefined;
};
