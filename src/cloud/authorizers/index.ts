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
export { askAuthorizer, type Authorization, type AuthorizerContext } from "./invoke.ts";
export {
  effectivePolicies,
  testAuthorization,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
} from "./questions.ts";
