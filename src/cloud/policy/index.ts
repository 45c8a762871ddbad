export { isContextKey, policyContext, type ConnectedThing, type ConnectionFacts } from "./context.ts";
export {
  BoundPolicies,
  decide,
  type AttachedPolicy,
  type DecidingStatement,
  type PolicyDecision,
  type PolicyQuestion,
  type Unmet,
} from "./decide.ts";
export { checkPolicyLength, parsePolicyDocument, type PolicyDocument, type Statement } from "./document.ts";
export { MalformedPolicy, POLICY_ERRORS, type PolicyErrorCode } from "./errors.ts";
export type { PolicyContext } from "./pattern.ts";
