import { SW_OK } from "../apdu/index.ts";
import type { Entropy } from "../crypto/index.ts";
import type { Consequence, Rehearsable } from "./ports.ts";

/** What one command of a rehearsal did. */
export type RehearsedCommand = {
  readonly statusWord: number;
  /** What became impossible by it; nothing where the chip refused it. */
  readonly impossible: readonly Omit<Consequence, "probe">[];
  /**
   * What would become impossible once the chip carries it out, where it refused: codes and a host's proof belong to a
   * challenge that only the chip itself makes, so that no copy takes them.
   */
  readonly onceCarriedOut?: readonly Omit<Consequence, "probe">[];
  /** What changed, by name: before and after. */
  readonly changes: Readonly<Record<string, { readonly before: string; readonly after: string }>>;
};

/** Runs commands one behind the other on a copy of a chip, which is then thrown away; the chip itself never notices. */
export function rehearse(
  chip: Rehearsable,
  commands: readonly Uint8Array[],
  entropy: Entropy,
): readonly RehearsedCommand[] {
  const copy = chip.fork(entropy);
  return commands.map((command) => {
    const [before, consequences] = [copy.facts(), copy.consequencesOf(command)];
    const answer = copy.exchangeInside?.(command) ?? copy.exchange(command);
    const statusWord = ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0);
    const told = consequences.map((each) => ({ impossible: each.impossible, undoneBy: each.undoneBy }));
    const changes = changesBetween(before, copy.facts());
    if (statusWord === SW_OK) return { statusWord, impossible: told, changes };
    return { statusWord, impossible: [], changes, ...(told.length > 0 ? { onceCarriedOut: told } : {}) };
  });
}

function changesBetween(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): RehearsedCommand["changes"] {
  const changed = Object.entries(after).filter(([name, value]) => before[name] !== value);
  return Object.fromEntries(changed.map(([name, value]) => [name, { before: before[name] ?? "", after: value }]));
}
