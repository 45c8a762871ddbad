export { RuleEngine, type FunctionDoor, type RuleCaller, type RuleEngineOptions } from "./engine.ts";
export { RULE_ERRORS, SqlError, type RuleErrorCode } from "./errors.ts";
export { readRule, type Rule, type RuleAction, type RulePayload } from "./rule.ts";
export { Rules, type RuleServiceOptions } from "./service.ts";
export { parseSql, type RuleQuery } from "./sql.ts";
