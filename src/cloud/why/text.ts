import { printable } from "../../trace/index.ts";
import type { Answer, Finding } from "./why.ts";

/** An answer for people, in lines of text without a final newline. */
export function renderAnswer(answer: Answer): string {
  const { subject, verdict, note, findings } = answer;
  const about = subject === undefined ? "the latest refusal" : printable(subject);
  return [`${about}: ${verdict}. ${note}`, ...findings.map(renderFinding)].join("\n\n");
}

function renderFinding(finding: Finding): string {
  const { cause, first, last, times, clientId, address, evidence, story, resolvedAt } = finding;
  const who = [clientId === "" ? "" : `client ${printable(clientId)}`, address === "" ? "" : `from ${address}`];
  const often = times === 1 ? "" : ` (${times} times since ${timeOf(first)})`;
  const facts = Object.entries(evidence).map(([name, value]) => `${name}=${printable(String(value))}`);
  const rows: [label: string, text: string][] = [
    ["why", finding.explanation],
    ...facts.map((fact): [string, string] => ["seen", fact]),
    ["cure", finding.cure],
    ...story.map(({ time, text, times }): [string, string] => [
      "then",
      `${timeOf(time)} ${printable(text)}${times === 1 ? "" : ` (${times} times)`}`,
    ]),
    ...(resolvedAt === undefined ? [] : [["resolved", timeOf(resolvedAt)] as [string, string]]),
  ];
  const head = [timeOf(last) + often, cause, ...who].filter((part) => part !== "").join("  ");
  // One label stands for the rows of its kind below it.
  const lines = rows.map(([label, text], i) => `  ${(rows[i - 1]?.[0] === label ? "" : label).padEnd(8)}  ${text}`);
  return [head, ...lines].join("\n");
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ");
}
