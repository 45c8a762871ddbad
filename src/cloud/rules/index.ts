export {
  MAX_HOPS,
  MAX_PENDING,
  RuleEngine,
  type FunctionDoor,
  type RuleCaller,
  type RuleEngineOptions,
} from "./engine.ts";
export { RULE_ERRORS, SqlError, type RuleErrorCode } from "./errors.ts";
export { readRule, type Rule, type RuleAction, type RulePayload } from "./rule.ts";
export { Rules, type RuleServiceOptions } from "./service.ts";
export { FUNCTION_ANSWER_MS, MAX_LOOKUPS, ruleLookUps, type LookUpDoors } from "./lookups.ts";
export { parseSql } from "./sql-parse.ts";
export type { Expression, RuleQuery, SqlVersion } from "./sql-ast.ts";
