import { isWithin, type Range } from "./regexp-classes.ts";
import { holds, parsePattern, type Assertion, type PatternNode, type PatternProblem } from "./regexp-parse.ts";

/** Where a match lies: the offsets of its beginning and end, then those of each group, -1 where a group took no part. */
export type Match = readonly number[];

/** How much one call may do: far more than a message needs, some milliseconds at most. */
export const MAX_STEPS = 2_000_000;

/** What is left of the work that one call may do. */
export type Budget = { left: number };

/** One instruction of a compiled pattern. */
type Instruction =
  | { readonly op: "set"; readonly ranges: readonly Range[] }
  | { readonly op: "assert"; readonly what: Assertion }
  | { readonly op: "save"; readonly slot: number }
  /** Goes on at both places, the first one preferred. */
  | { op: "fork"; first: number; second: number }
  | { op: "jump"; to: number }
  | { readonly op: "match" };

const MAX_PROGRAM = 4096;

/** A pattern that can be looked for. */
export type CompiledPattern = { readonly program: readonly Instruction[]; readonly groups: number };

/** Compiles a pattern, or says why it cannot be. */
export function compilePattern(text: string): CompiledPattern | PatternProblem {
  const pattern = parsePattern(text);
  if ("problem" in pattern) return pattern;
  const program: Instruction[] = [];
  const isWhole = emit({ kind: "group", of: pattern.root, group: 0 }, program);
  if (!isWhole) return { problem: `the pattern becomes more than ${MAX_PROGRAM} steps`, at: 0 };
  program.push({ op: "match" });
  return { program, groups: pattern.groups };
}

/** Appends the program of a node; gives whether there was room. */
function emit(node: PatternNode, program: Instruction[]): boolean {
  if (program.length > MAX_PROGRAM) return false;
  switch (node.kind) {
    case "empty":
      return true;
    case "set":
      program.push({ op: "set", ranges: node.ranges });
      return true;
    case "assert":
      program.push({ op: "assert", what: node.what });
      return true;
    case "sequence":
      return node.of.every((each) => emit(each, program));
    case "choice":
      return emitChoice(node.of, program);
    case "group": {
      if (node.group === undefined) return emit(node.of, program);
      program.push({ op: "save", slot: 2 * node.group });
      if (!emit(node.of, program)) return false;
      program.push({ op: "save", slot: 2 * node.group + 1 });
      return true;
    }
    default:
      return emitRepeat(node, program);
  }
}

function emitChoice(branches: readonly PatternNode[], program: Instruction[]): boolean {
  const jumps: { op: "jump"; to: number }[] = [];
  for (const [i, branch] of branches.entries()) {
    const isLast = i === branches.length - 1;
    const fork = { op: "fork" as const, first: program.length + 1, second: 0 };
    if (!isLast) program.push(fork);
    if (!emit(branch, program)) return false;
    if (isLast) break;
    const jump = { op: "jump" as const, to: 0 };
    program.push(jump);
    jumps.push(jump);
    fork.second = program.length;
  }
  for (const jump of jumps) jump.to = program.length;
  return true;
}

function emitRepeat(node: Extract<PatternNode, { kind: "repeat" }>, program: Instruction[]): boolean {
  const { of, min, max, isLazy } = node;
  for (let i = 0; i < min; i++) if (!emit(of, program)) return false;
  const leave = (fork: Extract<Instruction, { op: "fork" }>, to: number): void => {
    if (isLazy) fork.first = to;
    else fork.second = to;
  };
  const enter = (): Extract<Instruction, { op: "fork" }> => {
    const fork = { op: "fork" as const, first: program.length + 1, second: program.length + 1 };
    program.push(fork);
    return fork;
  };
  if (max === Infinity) {
    const loop = program.length;
    const fork = enter();
    if (!emit(of, program)) return false;
    program.push({ op: "jump", to: loop });
    leave(fork, program.length);
    return true;
  }
  const forks: Extract<Instruction, { op: "fork" }>[] = [];
  for (let i = min; i < max; i++) {
    forks.push(enter());
    if (!emit(of, program)) return false;
  }
  for (const fork of forks) leave(fork, program.length);
  return true;
}

/** A way through the program that is still alive, with the places that it saved. */
type Thread = { readonly at: number; readonly saved: Match };

/**
 * The first match at or after `from`, the one that a backtracking search would find; undefined where there is none, or
 * where the budget ends. All ways through the pattern advance together, one character at a time: the time is at most
 * the text's length times the program's, whatever the pattern. (K. Thompson, Regular expression search algorithm, 1968)
 */
export function search(pattern: CompiledPattern, text: string, from: number, budget: Budget): Match | undefined {
  const { program, groups } = pattern;
  const none = Array.from({ length: 2 * (groups + 1) }, () => -1);
  // At which position an instruction was last reached: each lives once a character.
  const reached = new Int32Array(program.length).fill(-1);
  let threads: Thread[] = [];
  let found: Match | undefined;
  let before = from === 0 ? -1 : codeBefore(text, from);
  for (let at = from; ;) {
    const code = at < text.length ? (text.codePointAt(at) ?? -1) : -1;
    const place = { at, before, after: code };
    const here: Thread[] = [];
    for (const thread of threads) follow({ program, reached, place, budget, into: here }, thread);
    if (!found) follow({ program, reached, place, budget, into: here }, { at: 0, saved: none });
    if (budget.left < 0) return undefined;
    threads = [];
    for (const thread of here) {
      const instruction = program[thread.at] as Instruction;
      if (instruction.op === "match") {
        found = thread.saved;
        break;
      }
      if (instruction.op === "set" && code !== -1 && isWithin(code, instruction.ranges)) {
        threads.push({ at: thread.at + 1, saved: thread.saved });
      }
    }
    if (code === -1 || (threads.length === 0 && found)) return found;
    before = code;
    at += code > 0xffff ? 2 : 1;
  }
}

type Walk = {
  readonly program: readonly Instruction[];
  readonly reached: Int32Array;
  readonly place: { readonly at: number; readonly before: number; readonly after: number };
  readonly budget: Budget;
  readonly into: Thread[];
};

/** Follows all that takes no character, the preferred way first. */
function follow({ program, reached, place, budget, into }: Walk, start: Thread): void {
  const stack = [start];
  for (let thread = stack.pop(); thread; thread = stack.pop()) {
    const { at, saved } = thread;
    if (reached[at] === place.at) continue;
    reached[at] = place.at;
    if (--budget.left < 0) return;
    const instruction = program[at] as Instruction;
    switch (instruction.op) {
      case "jump":
        stack.push({ at: instruction.to, saved });
        break;
      case "fork":
        stack.push({ at: instruction.second, saved }, { at: instruction.first, saved });
        break;
      case "save":
        stack.push({ at: at + 1, saved: saved.with(instruction.slot, place.at) });
        break;
      case "assert":
        if (holds(instruction.what, place.before, place.after)) stack.push({ at: at + 1, saved });
        break;
      default:
        into.push(thread);
    }
  }
}

function codeBefore(text: string, at: number): number {
  const last = text.charCodeAt(at - 1);
  const isPair = last >= 0xdc00 && last <= 0xdfff && at > 1;
  return (isPair ? text.codePointAt(at - 2) : last) ?? -1;
}
