export { MAX_HOPS, RuleEngine, type FunctionDoor, type RuleCaller, type RuleEngineOptions } from "./engine.ts";
export { RULE_ERRORS, SqlError, type RuleErrorCode } from "./errors.ts";
export { readRule, type Rule, type RuleAction, type RulePayload } from "./rule.ts";
export { Rules, type RuleServiceOptions } from "./service.ts";
export { parseSql, type SqlVersion } from "./sql-parse.ts";
export type { Expression, RuleQuery } from "./sql-ast.ts";
