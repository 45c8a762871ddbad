export {
  clearDefaultAuthorizer,
  createAuthorizer,
  defaultAuthorizer,
  deleteAuthorizer,
  describeAuthorizer,
  listAuthorizers,
  setDefaultAuthorizer,
  updateAuthorizer,
  type Authorizer,
} from "./authorizers.ts";
export { CustomGate, type AuthorizerChoice, type CustomGateOptions } from "./custom-gate.ts";
export { namesAuthorizer, type HttpCredentials } from "./credentials.ts";
export { askAuthorizer, AuthorizerRefusal, type Authorization, type AuthorizerContext } from "./invoke.ts";
export {
  effectivePolicies,
  testAuthorization,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
} from "./questions.ts";
