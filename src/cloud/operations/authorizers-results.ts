/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateAuthorizerResponse = {
  readonly authorizerName?: string | undefined;
  readonly authorizerArn?: string | undefined;
};

export type AuthorizerDescription = {
  readonly authorizerName?: string | undefined;
  readonly authorizerArn?: string | undefined;
  readonly authorizerFunctionArn?: string | undefined;
  readonly tokenKeyName?: string | undefined;
  readonly tokenSigningPublicKeys?: Readonly<Record<string, string>> | undefined;
  readonly status?: "ACTIVE" | "INACTIVE" | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
  readonly signingDisabled?: boolean | undefined;
  readonly enableCachingForHttp?: boolean | undefined;
};

export type DescribeAuthorizerResponse = { readonly authorizerDescription?: AuthorizerDescription | undefined };

export type UpdateAuthorizerResponse = {
  readonly authorizerName?: string | undefined;
  readonly authorizerArn?: string | undefined;
};

export type AuthorizerSummary = {
  readonly authorizerName?: string | undefined;
  readonly authorizerArn?: string | undefined;
};

export type ListAuthorizersResponse = {
  readonly authorizers?: readonly AuthorizerSummary[] | undefined;
  readonly nextMarker?: string | undefined;
};

export type SetDefaultAuthorizerResponse = {
  readonly authorizerName?: string | undefined;
  readonly authorizerArn?: string | undefined;
};

export type DescribeDefaultAuthorizerResponse = { readonly authorizerDescription?: AuthorizerDescription | undefined };

export type TestInvokeAuthorizerResponse = {
  readonly isAuthenticated?: boolean | undefined;
  readonly principalId?: string | undefined;
  readonly policyDocuments?: readonly string[] | undefined;
  readonly refreshAfterInSeconds?: number | undefined;
  readonly disconnectAfterInSeconds?: number | undefined;
};

export type AuthInfo = {
  readonly actionType?: "PUBLISH" | "SUBSCRIBE" | "RECEIVE" | "CONNECT" | undefined;
  readonly resources?: readonly string[] | undefined;
};

export type Policy = { readonly policyName?: string | undefined; readonly policyArn?: string | undefined };

export type Allowed = { readonly policies?: readonly Policy[] | undefined };

export type ImplicitDeny = { readonly policies?: readonly Policy[] | undefined };

export type ExplicitDeny = { readonly policies?: readonly Policy[] | undefined };

export type Denied = {
  readonly implicitDeny?: ImplicitDeny | undefined;
  readonly explicitDeny?: ExplicitDeny | undefined;
};

export type AuthResult = {
  readonly authInfo?: AuthInfo | undefined;
  readonly allowed?: Allowed | undefined;
  readonly denied?: Denied | undefined;
  readonly authDecision?: "ALLOWED" | "EXPLICIT_DENY" | "IMPLICIT_DENY" | undefined;
  readonly missingContextValues?: readonly string[] | undefined;
};

export type TestAuthorizationResponse = { readonly authResults?: readonly AuthResult[] | undefined };

export type EffectivePolicy = {
  readonly policyName?: string | undefined;
  readonly policyArn?: string | undefined;
  readonly policyDocument?: string | undefined;
};

export type GetEffectivePoliciesResponse = { readonly effectivePolicies?: readonly EffectivePolicy[] | undefined };
