import {
  askAuthorizer,
  AuthorizerRefusal,
  clearDefaultAuthorizer,
  createAuthorizer,
  defaultAuthorizer,
  deleteAuthorizer,
  describeAuthorizer,
  effectivePolicies,
  listAuthorizers,
  setDefaultAuthorizer,
  testAuthorization,
  updateAuthorizer,
  type AuthorizationAnswer,
  type Authorizer,
} from "../../authorizers/index.ts";
import { describePolicy, iotArn, type Registry } from "../../registry/index.ts";
import { notImplemented } from "../../errors.ts";
import type { AskFunction } from "../../templates/index.ts";
import {
  type AUTHORIZER_OPERATIONS,
  type HandlersOf,
  type OperationInput,
  markerPage,
  pageRequestOf,
} from "../../operations/index.ts";

type Names = keyof typeof AUTHORIZER_OPERATIONS;

/** Custom authorizers, and questions to policies, in AWS's words. */
export function authorizerHandlers(services: {
  readonly registry: Registry;
  readonly ask: AskFunction;
}): HandlersOf<Names> {
  const { registry, ask } = services;
  const named = (authorizerName: string) => ({
    authorizerName,
    authorizerArn: iotArn(registry.account, "authorizer", authorizerName),
  });
  const described = ({ name, body, createdAt, modifiedAt }: Authorizer) => ({
    authorizerDescription: {
      ...named(name),
      authorizerFunctionArn: body.functionArn,
      tokenKeyName: body.tokenKeyName,
      tokenSigningPublicKeys: body.publicKeys,
      status: body.status,
      creationDate: createdAt / 1000,
      lastModifiedDate: modifiedAt / 1000,
      signingDisabled: body.signingDisabled,
      enableCachingForHttp: body.caching,
    },
  });
  return {
    ...questionHandlers(registry),
    async CreateAuthorizer({ authorizerName, authorizerFunctionArn: functionArn, tags, signingDisabled, ...input }) {
      const more = { functionArn, tags, ...(signingDisabled !== undefined && { signingDisabled }) };
      await createAuthorizer(registry, authorizerName, { ...changeOf(input), ...more });
      return named(authorizerName);
    },
    DescribeAuthorizer: async ({ authorizerName }) => described(await describeAuthorizer(registry, authorizerName)),
    async UpdateAuthorizer({ authorizerName, ...input }) {
      await updateAuthorizer(registry, authorizerName, changeOf(input));
      return named(authorizerName);
    },
    DeleteAuthorizer: ({ authorizerName }) => deleteAuthorizer(registry, authorizerName),
    async ListAuthorizers({ status, ...input }) {
      const page = await listAuthorizers(registry, { ...pageRequestOf(input), status });
      return markerPage("authorizers", page, ({ name }) => named(name));
    },
    async SetDefaultAuthorizer({ authorizerName }) {
      await setDefaultAuthorizer(registry, authorizerName);
      return named(authorizerName);
    },
    DescribeDefaultAuthorizer: async () => described(await defaultAuthorizer(registry)),
    ClearDefaultAuthorizer: () => clearDefaultAuthorizer(registry),
    async TestInvokeAuthorizer({ authorizerName, token, tokenSignature, ...input }) {
      const authorizer = await describeAuthorizer(registry, authorizerName);
      const { tlsContext: tls, httpContext: http, mqttContext: mqtt } = input;
      try {
        return await askAuthorizer(registry, ask, { authorizer, context: { token, tokenSignature, tls, http, mqtt } });
      } catch (error) {
        // To say no is an answer, too, and the one that whoever tries an authorizer wants to see.
        if (error instanceof AuthorizerRefusal && error.refusal === "authorizer-denied")
          return { isAuthenticated: false };
        throw error;
      }
    },
  };
}

function questionHandlers(registry: Registry): HandlersOf<"TestAuthorization" | "GetEffectivePolicies"> {
  const { account } = registry;
  const policies = (names: readonly string[]) =>
    names.map((policyName) => ({ policyName, policyArn: iotArn(account, "policy", policyName) }));
  const resultOf = ({ decision, allowedBy, deniedBy }: AuthorizationAnswer, authInfo: object) => ({
    authInfo,
    allowed: { policies: policies(allowedBy) },
    denied: { implicitDeny: { policies: [] }, explicitDeny: { policies: policies(deniedBy) } },
    authDecision: decision,
    missingContextValues: [],
  });
  return {
    async TestAuthorization({ principal, cognitoIdentityPoolId, authInfos, clientId, ...input }) {
      if (cognitoIdentityPoolId !== undefined) throw notImplemented("cognitoIdentityPoolId");
      const questions = authInfos.map(({ actionType: action = "CONNECT", resources }) => ({ action, resources }));
      const { policyNamesToAdd: add, policyNamesToSkip: skip } = input;
      const answers = await testAuthorization(registry, { principal, clientId, questions, add, skip });
      return { authResults: answers.map((answer, i) => resultOf(answer, authInfos[i] ?? {})) };
    },
    async GetEffectivePolicies({ principal, cognitoIdentityPoolId, thingName }) {
      if (cognitoIdentityPoolId !== undefined) throw notImplemented("cognitoIdentityPoolId");
      const found = await effectivePolicies(registry, { principal, thingName });
      const effective = found.map(async ({ name, version }) => {
        const { version: row } = await describePolicy(registry, name, version);
        const policyArn = iotArn(account, "policy", name);
        return { policyName: name, policyArn, policyDocument: row.document };
      });
      return { effectivePolicies: await Promise.all(effective) };
    },
  };
}

type Change = Omit<OperationInput<"UpdateAuthorizer">, "authorizerName">;

function changeOf(input: Change) {
  const { authorizerFunctionArn, tokenKeyName, tokenSigningPublicKeys, status, enableCachingForHttp } = input;
  return {
    ...(authorizerFunctionArn !== undefined && { functionArn: authorizerFunctionArn }),
    ...(tokenKeyName !== undefined && { tokenKeyName }),
    ...(tokenSigningPublicKeys && { publicKeys: tokenSigningPublicKeys }),
    ...(status !== undefined && { status }),
    ...(enableCachingForHttp !== undefined && { caching: enableCachingForHttp }),
  };
}
