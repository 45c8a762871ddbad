import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { readRule, tryRule, type Rule, type Trial, type TriedMessage } from "../cloud/rules/index.ts";
import { fromBase64, utf8Bytes } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../crypto/node.ts";
import { printable } from "../trace/index.ts";
import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { examples, outputOf } from "./output.ts";

type TryOptions = ApiOptions & {
  readonly sql?: string;
  readonly name?: string;
  readonly topic?: string;
  readonly message?: string;
  readonly recorded?: string;
};

/** `hawser rules list|show|try`. */
export function registerRulesCommands(program: Command): void {
  const rules = program.command("rules").description("topic rules: what there is, and what a rule makes of a message");
  withApiOptions(rules.command("list"))
    .description("all rules and the topics that they hear")
    .addHelpText("after", examples("hawser rules list --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => {
      const output = outputOf(command);
      const { rules: found } = await apiAccess(options).call("ListTopicRules", { maxResults: 10_000 });
      for (const each of found) {
        const topics = each.topicPattern ?? `$aws/rules/${each.ruleName}/… only`;
        output.line(each, `${each.ruleName}  ${printable(topics)}${each.ruleDisabled ? "  disabled" : ""}`);
      }
      if (found.length === 0) output.note("there is no rule");
    });
  withApiOptions(rules.command("show").argument("<name>"))
    .description("one rule as it was made")
    .addHelpText("after", examples("hawser rules show activate --data ./cloud"))
    .action(async (ruleName: string, options: ApiOptions, command: Command) => {
      const found = await apiAccess(options).call("GetTopicRule", { ruleName });
      outputOf(command).line(found, printableLines(JSON.stringify(found.rule, undefined, 2)));
    });
  registerTry(rules);
}

function registerTry(rules: Command): void {
  withApiOptions(rules.command("try"))
    .description("what a rule would do with messages, without doing it; the exit status is 1 where it fires for none")
    .option("--sql <text>", "the SQL of a rule that need not exist")
    .option("--name <rule>", "a rule of the cloud that --data names, with its actions")
    .option("--topic <topic>", "topic of the message")
    .option("--message <json>", "payload of the message, {} where it is left out")
    .option("--recorded <file>", "messages as JSON Lines: topic, and message (JSON) or payload (base64)")
    .addHelpText(
      "after",
      examples(
        `hawser rules try --sql "SELECT topic(2) AS device, t FROM 'site/+' WHERE t > 30" --topic site/pump --message '{"t":31}'`,
        "hawser rules try --name activate --data ./cloud --recorded messages.jsonl --json",
      ),
    )
    .action(async (options: TryOptions, command: Command) => {
      const rule = await ruleOf(options);
      const output = outputOf(command);
      let fired = 0;
      for (const message of messagesOf(options)) {
        const trial = tryRule(rule, message, { ...PORTS, now: nodeClock.now() });
        if (trial.result === "fires") fired++;
        output.line({ topic: message.topic, ...trial }, printableLines(textOf(message, trial)));
      }
      if (fired === 0) process.exitCode = 1;
    });
}

const PORTS = { account: { id: "000000000000", region: "us-east-1" }, entropy: nodeEntropy, hash: nodeHash } as const;

async function ruleOf({ sql, name, ...options }: TryOptions): Promise<Rule> {
  if ((sql === undefined) === (name === undefined)) throw badOption("one of --sql and --name is needed");
  if (sql !== undefined) return readRule("trial", { sql, actions: [], awsIotSqlVersion: "2016-03-23" }, 0);
  const ruleName = name ?? "";
  const { rule } = await apiAccess(options).call("GetTopicRule", { ruleName });
  const { ruleName: _, createdAt: __, ...payload } = rule;
  return readRule(ruleName, payload, 0);
}

function messagesOf({ topic, message = "{}", recorded }: TryOptions): readonly TriedMessage[] {
  if ((topic === undefined) === (recorded === undefined)) throw badOption("one of --topic and --recorded is needed");
  if (topic !== undefined) return [{ topic, payload: utf8Bytes(message) }];
  const lines = readFileSync(recorded ?? "", "utf8").split("\n");
  return lines.flatMap((line, i) => (line.trim() === "" ? [] : [recordedMessage(line, i + 1)]));
}

function recordedMessage(line: string, number: number): TriedMessage {
  let found: { readonly topic?: unknown; readonly message?: unknown; readonly payload?: unknown } | null;
  try {
    found = JSON.parse(line) as typeof found;
  } catch {
    throw badOption(`--recorded: line ${number} is not JSON`);
  }
  const { topic, message, payload } = found ?? {};
  if (typeof topic !== "string") throw badOption(`--recorded: line ${number} names no topic`);
  return {
    topic,
    payload: typeof payload === "string" ? fromBase64(payload) : utf8Bytes(JSON.stringify(message ?? {})),
  };
}

function textOf({ topic }: TriedMessage, trial: Trial): string {
  if (trial.result !== "fires") {
    return `${topic}: ${trial.result === "no-match" ? "not heard" : "the condition does not hold"}`;
  }
  const asks = trial.lookUps ? ["  it also asks elsewhere, which was not done here"] : [];
  const actions = trial.actions.map((each) => `  would do ${JSON.stringify(each)}`);
  return [`${topic}: fires with ${JSON.stringify(trial.payload)}`, ...asks, ...actions].join("\n");
}

function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
