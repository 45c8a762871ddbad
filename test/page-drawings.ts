/**
 * The parts of a page that are made from a live run: figures, tables, what a command printed.
 *
 *   <!-- drawn: NAME -->
 *   ...
 *   <!-- /drawn -->
 *
 * A test makes the part anew and compares. `HAWSER_DRAW=1` puts what was made into the page instead.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/** Fails unless the part of the page is what was just made, `text`, with all that varies from run to run made plain. */
export function assertDrawn(page: string, name: string, text: string): void {
  const path = join(ROOT, page);
  const whole = readFileSync(path, "utf8");
  const begin = `<!-- drawn: ${name} -->\n`;
  const at = whole.indexOf(begin) + begin.length;
  const end = whole.indexOf("<!-- /drawn -->", at);
  assert.ok(at >= begin.length && end >= at, `${page} has no place for ${name}`);
  const made = `\n${text.trim()}\n\n`;
  if (process.env["HAWSER_DRAW"] === "1") {
    writeFileSync(path, whole.slice(0, at) + made + whole.slice(end));
    return;
  }
  assert.equal(whole.slice(at, end), made, `${name} in ${page} is not current: run its test with HAWSER_DRAW=1`);
}

/** A figure or a block of text as Markdown has it. */
export function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

/** Text with durations, dates, ports, and long hex strings replaced by what they are, since each run has others. */
export function plainText(text: string): string {
  return text
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "<time>")
    .replaceAll(/\b\d+(\.\d+)? ms\b/g, "<n> ms")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>")
    .replaceAll(/\b[0-9a-fA-F]{16,}\b/g, "<hex>");
}
