/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateRoleAliasResponse = {
  readonly roleAlias?: string | undefined;
  readonly roleAliasArn?: string | undefined;
};

export type RoleAliasDescription = {
  readonly roleAlias?: string | undefined;
  readonly roleAliasArn?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly owner?: string | undefined;
  readonly credentialDurationSeconds?: number | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
};

export type DescribeRoleAliasResponse = { readonly roleAliasDescription?: RoleAliasDescription | undefined };

export type UpdateRoleAliasResponse = {
  readonly roleAlias?: string | undefined;
  readonly roleAliasArn?: string | undefined;
};

export type ListRoleAliasesResponse = {
  readonly roleAliases?: readonly string[] | undefined;
  readonly nextMarker?: string | undefined;
};
