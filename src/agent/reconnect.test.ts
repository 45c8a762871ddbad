import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { SeededEntropy } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { DEFAULT_RECONNECT, FIRST_ATTEMPT, reconnectStep, type ReconnectInput, type ReconnectOutput } from "./index.ts";

const failed: ReconnectInput = { on: "failed", final: false };
const policy = { firstMs: 100, maxMs: 1000, stableMs: 5000, maxFailures: Number.POSITIVE_INFINITY, maxLosses: 3 };

function run(inputs: readonly ReconnectInput[], options: { seed?: string; maxFailures?: number } = {}) {
  const entropy = new SeededEntropy(nodeHash, options.seed ?? "a");
  const outputs: ReconnectOutput[] = [];
  let state = FIRST_ATTEMPT;
  for (const input of inputs) {
    const [next, output] = reconnectStep(state, input, {
      policy: { ...policy, maxFailures: options.maxFailures ?? policy.maxFailures },
      entropy,
    });
    state = next;
    outputs.push(output);
  }
  return outputs;
}

const delays = (outputs: readonly ReconnectOutput[]) =>
  outputs.map((output) => (output.do === "wait" ? output.delayMs : -1));

test("AW-64 reconnectStep doubles the ceiling from firstMs to maxMs and waits between half of it and all of it", () => {
  const ceilings = [100, 200, 400, 800, 1000, 1000];
  for (const [i, delay] of delays(run(ceilings.map(() => failed))).entries()) {
    const ceiling = ceilings[i] ?? 0;
    assert.ok(delay >= ceiling / 2 && delay < ceiling, `${delay} for ceiling ${ceiling}`);
  }
});

test("AW-64 two devices with different entropy do not come back at the same moment", () => {
  assert.notDeepEqual(delays(run([failed, failed], { seed: "a" })), delays(run([failed, failed], { seed: "b" })));
});

test("reconnectStep starts anew after a stable connection and goes on after a short one", () => {
  const afterStable = run([failed, failed, failed, { on: "lost", livedMs: 5000 }]);
  assert.equal(afterStable.at(-1)?.failures, 1);
  const afterShort = run([failed, failed, failed, { on: "lost", livedMs: 4999 }]);
  assert.equal(afterShort.at(-1)?.failures, 4);
});

test("reconnectStep gives up at once on a final failure, and after maxFailures otherwise", () => {
  assert.deepEqual(run([{ on: "failed", final: true }]), [{ do: "give-up", failures: 1 }]);
  assert.deepEqual(
    run([failed, failed, failed], { maxFailures: 3 }).map((output) => output.do),
    ["wait", "wait", "give-up"],
  );
});

test("the default policy never waits longer than its maximum, whatever happens and however often", () => {
  const input = fc.oneof(fc.constant(failed), fc.record({ on: fc.constant("lost" as const), livedMs: fc.nat(20_000) }));
  fc.assert(
    fc.property(fc.array(input, { maxLength: 100 }), fc.integer({ min: 0, max: 5000 }), (inputs, failures) => {
      const entropy = new SeededEntropy(nodeHash, String(failures));
      let state = { failures };
      for (const each of inputs) {
        const [next, output] = reconnectStep(state, each, { policy: DEFAULT_RECONNECT, entropy });
        assert.ok(output.do === "wait" && output.delayMs > 0 && output.delayMs <= DEFAULT_RECONNECT.maxMs);
        state = next;
      }
    }),
    { numRuns: 50 },
  );
});
