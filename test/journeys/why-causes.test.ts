/** F-17 and F-18: every cause that `hawser why` knows is provoked by a real run, and its first answer is the right one. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { REFUSALS, type RefusalCause } from "../../src/trace/index.ts";
import type { Answer } from "../../src/cloud/why/index.ts";
import { assertDrawn } from "../page-drawings.ts";
import { FAULTS } from "./why-faults.ts";
import { whyWorld, type WhyWorld } from "./why-world.ts";

const PAGE = "docs/why.md";

/** What this suite does not seed is provoked by the tests of its own room, as test/errors.test.ts makes sure. */
const OTHERS = "Causes that are not listed are provoked by the tests of the rooms that write them.";

type Diagnosis = { readonly cause: RefusalCause; readonly story: string; readonly first: string };

test(
  "F-18 hawser why names the right cause first for every seeded fault, and each cause has one",
  { timeout: 240_000 },
  async (t) => {
    const world = await whyWorld(t);
    const diagnoses: Diagnosis[] = [];
    for (const { cause, story, run } of FAULTS) {
      const subject = await run(world);
      const answer = (await world.call("Why", subject === undefined ? {} : { subject })) as unknown as Answer;
      const [first] = answer.findings;
      if (first?.cause !== cause) t.diagnostic(`${cause}: ${JSON.stringify(answer).slice(0, 1500)}`);
      diagnoses.push({ cause, story, first: first?.cause ?? answer.verdict });
      assert.ok(!first || (first.cure.length > 20 && first.explanation.length > 20));
    }
    const right = diagnoses.filter(({ cause, first }) => cause === first);
    const causes = new Set(diagnoses.map(({ cause }) => cause));
    t.diagnostic(`${right.length} of ${diagnoses.length} first answers are right, of ${causes.size} causes`);
    assert.ok(causes.size >= 68);
    checkEveryRefusal(world);
    assertDrawn(PAGE, "causes", reportOf(diagnoses, right.length));
    assert.ok(right.length / diagnoses.length >= 0.95);
  },
);

/** F-17: what was refused in the whole run has a cause from the table, evidence to read, and a cure. */
function checkEveryRefusal(world: WhyWorld): void {
  const refusals = world.refusals();
  assert.ok(refusals.length >= FAULTS.length);
  for (const { cause, evidence } of refusals) {
    assert.ok(Object.hasOwn(REFUSALS, cause));
    assert.ok(Object.keys(evidence).length > 0 || cause === "no-client-certificate", `${cause} has evidence`);
  }
  assert.ok(world.reasons.length >= 30);
  for (const reason of world.reasons) {
    const cause = /^[a-z0-9-]+/.exec(reason)?.[0] ?? "";
    assert.ok(Object.hasOwn(REFUSALS, cause), `the reason string ${reason} begins with a cause`);
    assert.ok(
      refusals.some((refusal) => refusal.cause === cause),
      `${cause} is in the ledger, too`,
    );
  }
}

function reportOf(diagnoses: readonly Diagnosis[], right: number): string {
  const rows = diagnoses.map(
    ({ cause, story, first }) => `| ${story} | \`${cause}\` | ${first === cause ? "yes" : first} |`,
  );
  return [
    `${right} of ${diagnoses.length} right, of ${new Set(diagnoses.map(({ cause }) => cause)).size} causes.`,
    "",
    "| what went wrong | cause | named first |",
    "|---|---|---|",
    ...rows,
    "",
    OTHERS,
  ].join("\n");
}
