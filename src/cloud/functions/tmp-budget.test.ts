import assert from "node:assert/strict";
import { test } from "node:test";

import { TmpBudget, type TmpOwner } from "./tmp-budget.ts";

const MB = 1024 * 1024;

function owners(...resting: readonly boolean[]) {
  const ended: string[] = [];
  const all = resting.map((isResting, i): TmpOwner => {
    return { isResting, endForTmp: (why) => void ended.push(`${i}: ${why}`) };
  });
  return { all, ended };
}

test("TmpBudget ends nobody up to its bound, then those that rest, most first, then those that run, most first", () => {
  const { all, ended } = owners(false, false, true, true, false);
  const [a, b, c, d, e] = all as [TmpOwner, TmpOwner, TmpOwner, TmpOwner, TmpOwner];
  const budget = new TmpBudget(10 * MB);
  for (const [owner, mb] of [
    [a, 2],
    [b, 5],
    [c, 1],
    [d, 2],
    [e, 0],
  ] as const)
    budget.note(owner, mb * MB);
  assert.deepEqual(ended, []);
  budget.note(a, 2 * MB + 1);
  assert.deepEqual(ended.splice(0), ["3: all functions have 11 MB in /tmp together, 10 MB allowed"]);
  budget.note(e, 12 * MB);
  const who = ended.splice(0).map((each) => Number.parseInt(each, 10));
  assert.deepEqual(who, [2, 4], "as many as it takes, whoever grew");
  budget.note(e, 3 * MB);
  assert.equal(ended.splice(0).length, 1);
});

test("TmpBudget forgets who has ended and who has nothing any more", () => {
  const { all, ended } = owners(false, false);
  const [a, b] = all as [TmpOwner, TmpOwner];
  const budget = new TmpBudget(10 * MB);
  budget.note(a, 10 * MB);
  budget.forget(a);
  budget.note(b, 10 * MB);
  budget.note(b, 0);
  budget.note(a, 10 * MB);
  assert.deepEqual(ended, []);
});
