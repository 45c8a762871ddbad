import { badOption } from "./errors.ts";

/** A pasted AWS CLI line made whole: the commands in it, each without its `aws`, and what had to be changed. */
export type RepairedLine = { readonly commands: readonly (readonly string[])[]; readonly changes: readonly string[] };

const SERVICES = ["iot", "iot-data", "lambda"];

/** Everything that word processors and PDF files make of a hyphen: U+2010 to U+2015, the minus sign and its small and wide kin. */
const DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\uff0d";
const LEADING_DASHES = new RegExp(`^[-${DASHES}]+(?=[A-Za-z])`);
const FOREIGN_DASH = new RegExp(`[${DASHES}]`);

/**
 * Repairs a command line of AWS's notes as it comes out of a document: typographic dashes and quotes, hyphens lost at a
 * line's end, ENABLED for ENABLE, two commands glued together. Values are left as they are.
 *
 * Throws `UsageError` `bad-option` for what cannot be repaired without guessing: an open quote, an openssl command, a
 * host that is not AWS's.
 */
export function repairLine(given: readonly string[]): RepairedLine {
  const [only = "", ...more] = given;
  const changes: string[] = [];
  const split = more.length === 0 && /\s/.test(only) ? splitWords(only, changes) : [...given];
  const words = rejoined(withoutPrompt(split, changes), changes);
  refuseStrangers(words);
  const commands = unglued(words, changes).map((command) => repaired(command, changes));
  return { commands, changes };
}

/** Words of a pasted line as a POSIX shell would read them; typographic quotes count as plain ones. */
function splitWords(line: string, changes: string[]): string[] {
  const plain = line
    .replace(/[\u201c\u201d\u201e]/g, '"')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/\\\r?\n/g, " ");
  if (/[\u2018\u2019\u201c\u201d\u201e]/.test(line)) changes.push("typographic quotes became plain ones");
  const words: string[] = [];
  const token = /"((?:[^"\\]|\\[^])*)"|'([^']*)'|([^\s"']+)|(\s+)|(["'])/y;
  let word: string | undefined;
  for (let match = token.exec(plain); match; match = token.exec(plain)) {
    const [, double, single, bare, space, open] = match;
    if (open !== undefined) {
      const rest = plain.slice(match.index, match.index + 40);
      throw badOption(
        `a quote is opened and never closed: ${rest}; write -subj "/CN=Demo CA NXP" with one pair around it all`,
      );
    }
    if (space === undefined) word = (word ?? "") + (double?.replace(/\\(["\\$`])/g, "$1") ?? single ?? bare ?? "");
    else if (word !== undefined) words.push(word);
    if (space !== undefined) word = undefined;
  }
  return word === undefined ? words : [...words, word];
}

/** `$ aws …` and `$aws …`: the notes print the shell's prompt before some lines. */
function withoutPrompt(words: readonly string[], changes: string[]): string[] {
  return words.flatMap((word, i) => {
    const isPrompt = word === "$aws" || (word === "$" && (i === 0 || words[i + 1] === "aws"));
    if (!isPrompt) return [word];
    changes.push("a shell's prompt was left out: $");
    return word === "$" ? [] : ["aws"];
  });
}

/** `-–` at a line's end, its option's name on the next line. */
function rejoined(words: readonly string[], changes: string[]): string[] {
  const loneDashes = new RegExp(`^[-${DASHES}]+$`);
  const whole: string[] = [];
  for (const word of words) {
    const before = whole.at(-1) ?? "";
    if (!loneDashes.test(before) || !/^[A-Za-z]/.test(word)) {
      whole.push(word);
      continue;
    }
    whole[whole.length - 1] = `--${word}`;
    changes.push(`${before} ${word} became --${word}: a line broke between them`);
  }
  return whole;
}

function refuseStrangers(words: readonly string[]): void {
  if (words.length === 0) throw badOption("no command follows: hawser aws iot get-registration-code is one");
  if (words[0] === "openssl") {
    const lost = words.find((word, i) => i > 1 && ["out", "in", "key", "subj"].includes(word));
    const dash = lost === undefined ? "" : `; a dash is missing: -${lost}`;
    throw badOption(`this is an openssl command, which runs in a shell without hawser${dash}`);
  }
  if (words[0] === "configure" || (words[0] === "aws" && words[1] === "configure")) {
    throw badOption(
      "aws configure sets up the AWS CLI, which runs without hawser: give it accessKeyId, secretAccessKey and region of the cloud's credentials.json; hawser aws reads that file itself",
    );
  }
  const unfilled = words.find((word) => /^<[^<>]+>$/.test(word));
  if (unfilled !== undefined) throw badOption(`${unfilled} is a placeholder: put the value that it stands for`);
  const placeholder = /arn:aws:\w+:\{[^}]*\}?/.exec(words.join(" "))?.[0];
  if (placeholder !== undefined) {
    throw badOption(
      `${placeholder} is a placeholder: put the ARN that the registration returned in its place, arn and braces included`,
    );
  }
  const typo = words.find((word) => /amazonwas\.com/i.test(word));
  if (typo !== undefined) {
    throw badOption(
      `${typo}: amazonwas.com is a misprint of amazonaws.com and somebody else's domain; nothing was sent to it`,
    );
  }
}

/** Splits `... EXAMPLE_DEVICEaws iot attach-...`: a line break was lost between two commands. */
function unglued(words: readonly string[], changes: string[]): string[][] {
  const commands: string[][] = [[]];
  for (const [i, word] of words.entries()) {
    const glued = word.endsWith("aws") && SERVICES.includes(words[i + 1] ?? "");
    const before = word.slice(0, -"aws".length);
    if (glued && before !== "") changes.push(`two commands were glued together: split after ${before}`);
    if (!glued) commands.at(-1)?.push(word);
    else if (before !== "") commands.at(-1)?.push(before);
    if (glued) commands.push([]);
  }
  return commands.filter((command) => command.length > 0);
}

const NEW_STATUS = "--new-auto-registration-status";

function repaired(command: readonly string[], changes: string[]): string[] {
  const words = command.map((word) => {
    if (!FOREIGN_DASH.test(LEADING_DASHES.exec(word)?.[0] ?? "")) return word;
    const plain = word.replace(LEADING_DASHES, "--");
    changes.push(`${word} became ${plain}: a typographic dash is no hyphen`);
    return plain;
  });
  return words.map((word, i) => {
    if (word === "--new-autoregistration-status") {
      changes.push(`${word} became ${NEW_STATUS}: a hyphen was lost at a line's end`);
      return NEW_STATUS;
    }
    const option = words[i - 1]?.replace("autoregistration", "auto-registration");
    if (option !== NEW_STATUS || (word !== "ENABLED" && word !== "DISABLED")) return word;
    const spelt = word.slice(0, -1);
    changes.push(`${word} became ${spelt}: the API knows ENABLE and DISABLE`);
    return spelt;
  });
}
