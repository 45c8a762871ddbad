import type { Command } from "commander";

import { readRule, tryRule, type Rule, type Trial, type TrialPorts, type TriedMessage } from "../cloud/rules/index.ts";
import { utf8Bytes } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../crypto/node.ts";
import { printable } from "../trace/index.ts";
import { apiAccess, hasApi, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { examples, outputOf } from "./output.ts";
import { trialLookUps } from "./rules-lookups.ts";
import { messagesIn } from "./rules-messages.ts";
import { registerRecord } from "./rules-record.ts";

type TryOptions = ApiOptions & {
  readonly sql?: string;
  readonly name?: string;
  readonly topic?: string;
  readonly message?: string;
  readonly recorded?: string;
  readonly invoke?: true;
};

/** `hawser rules list|show|try|record`. */
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
  registerRecord(rules);
}

function registerTry(rules: Command): void {
  withApiOptions(rules.command("try"))
    .description(
      "what a rule would do with messages, without doing it; the exit status is 1 where it fires for none. " +
        "Shadows and things that the SQL asks for are looked up in the cloud that is named",
    )
    .option("--sql <text>", "the SQL of a rule that need not exist")
    .option("--name <rule>", "a rule of the cloud that --data names, with its actions")
    .option("--topic <topic>", "topic of the message")
    .option("--message <json>", "payload of the message, {} where it is left out")
    .option(
      "--recorded <file>",
      "messages as rules record writes them: topic, and message (JSON), text or payload (base64)",
    )
    .option("--invoke", "run the functions that aws_lambda() names, for real; without it they have no value")
    .addHelpText(
      "after",
      examples(
        `hawser rules try --sql "SELECT topic(2) AS device, t FROM 'site/+' WHERE t > 30" --topic site/pump --message '{"t":31}'`,
        "hawser rules try --name activate --data ./cloud --recorded messages.jsonl --json",
      ),
    )
    .action(async (options: TryOptions, command: Command) => {
      const output = outputOf(command);
      const api = hasApi(options) ? apiAccess(options) : undefined;
      const rule = await ruleOf(options);
      const ports = { ...(await portsOf(api)), lookUps: trialLookUps(api, options.invoke === true) };
      let fired = 0;
      for (const message of messagesOf(options)) {
        const trial = await tryRule(rule, message, { ...ports, now: nodeClock.now() });
        if (trial.result === "fires") fired++;
        output.line({ topic: message.topic, ...trial }, printableLines(textOf(message, trial)));
      }
      if (fired === 0) process.exitCode = 1;
    });
}

/** The account is that of the cloud, where there is one. */
async function portsOf(api: ApiAccess | undefined): Promise<Omit<TrialPorts, "now" | "lookUps">> {
  const ports = { entropy: nodeEntropy, hash: nodeHash };
  if (!api) return { ...ports, account: { id: "000000000000", region: "us-east-1" } };
  const { accountId: id, region } = await api.call("Status", {});
  return { ...ports, account: { id, region } };
}

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
  return topic === undefined ? messagesIn(recorded ?? "") : [{ topic, payload: utf8Bytes(message) }];
}

function textOf({ topic }: TriedMessage, trial: Trial): string {
  if (trial.result === "no-match") return `${topic}: not heard`;
  const asks = trial.asked.map(({ function: name, of, answer, problem }) => {
    const question = `${name}(${of.map((each) => JSON.stringify(each)).join(", ")})`;
    return `  asked ${question}: ${problem ?? JSON.stringify(answer)}`;
  });
  if (trial.result === "condition-false") return [`${topic}: the condition does not hold`, ...asks].join("\n");
  const actions = trial.actions.map((each) => `  would do ${JSON.stringify(each)}`);
  return [`${topic}: fires with ${JSON.stringify(trial.payload)}`, ...asks, ...actions].join("\n");
}

function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
