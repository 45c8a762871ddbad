import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "../crypto/index.ts";
import { Lease } from "./lease.ts";

const [one, other] = [{}, {}];
const begins = { before: [], after: [one] };
const goesOn = { before: [one], after: [one] };
const ends = { before: [one], after: [] };

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol("open");
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return (await Promise.race([promise, Promise.resolve(open)])) !== open;
}

test("Lease lets others go when the sequence ends, and they go one after the other", async () => {
  const lease = new Lease(new VirtualClock(), 100);
  const [a, b, c] = [{}, {}, {}];
  await lease.turn(a);
  lease.carriedOut(a, begins);
  const waiting = [lease.turn(b), lease.turn(c)];
  await lease.turn(a);
  lease.carriedOut(a, goesOn);
  assert.deepEqual(await Promise.all(waiting.map(settled)), [false, false]);
  lease.carriedOut(a, ends);
  assert.deepEqual(await Promise.all(waiting.map(settled)), [true, true]);
});

test("Lease of a stalled client runs out, is not renewed, and is not inherited", async () => {
  const clock = new VirtualClock();
  const lease = new Lease(clock, 100);
  const [a, b, c] = [{}, {}, {}];
  lease.carriedOut(a, begins);
  const waiting = lease.turn(b);
  clock.advance(60);
  lease.carriedOut(a, goesOn);
  clock.advance(39);
  assert.equal(await settled(waiting), false);
  clock.advance(1);
  assert.equal(await settled(waiting), true);
  // The chip is still in the middle of what a left open: b's commands hold up nobody for it.
  lease.carriedOut(b, goesOn);
  assert.equal(await settled(lease.turn(c)), true);
  // What b begins itself is b's all the same, also where it takes the place of what a left.
  for (const after of [[one, other], [other]]) {
    lease.carriedOut(b, { before: [one], after });
    assert.equal(await settled(lease.turn(c)), false, "b has its own lease");
    lease.carriedOut(b, { before: after, after: after.filter((each) => each !== other) });
    assert.equal(await settled(lease.turn(c)), true);
  }
});

test("Lease of a client that begins again and again without an end is not renewed; once it has ended all, it may have another", async () => {
  const clock = new VirtualClock();
  const lease = new Lease(clock, 100);
  const [a, b] = [{}, {}];
  const sequences = Array.from({ length: 5 }, () => ({}));
  sequences.forEach((after, i) => {
    lease.carriedOut(a, { before: sequences.slice(Math.max(0, i - 1), i), after: [after] });
    clock.advance(40);
  });
  assert.equal(await settled(lease.turn(b)), true, "it held the others up once, for 100 ms");
  lease.carriedOut(a, { before: sequences.slice(-1), after: [] });
  lease.carriedOut(a, begins);
  assert.equal(await settled(lease.turn(b)), false);
});

test("Lease ends with its client's connection; a second lease has its whole time", async () => {
  const clock = new VirtualClock();
  const lease = new Lease(clock, 100);
  const [a, b] = [{}, {}];
  lease.carriedOut(a, begins);
  const waiting = lease.turn(b);
  lease.release(b);
  assert.equal(await settled(waiting), false, "only its holder ends a lease");
  clock.advance(50);
  lease.release(a);
  assert.equal(await settled(waiting), true);
  lease.carriedOut(b, begins);
  clock.advance(99);
  assert.equal(await settled(lease.turn(a)), false);
});
