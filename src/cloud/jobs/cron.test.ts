import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError } from "../../codec/index.ts";
import { nextTime, parseCron } from "./cron.ts";

/** 1 January 2026 was a Thursday. */
const NEW_YEAR = Date.UTC(2026, 0, 1);

test("nextTime finds the next minute that a cron expression means", () => {
  const cases: readonly [string, string][] = [
    ["0 18 * * ? *", "2026-01-01T18:00"],
    ["cron(0 18 ? * MON-FRI *)", "2026-01-01T18:00"],
    ["30 0/6 * * ? *", "2026-01-01T00:30"],
    ["0/15 * * * ? *", "2026-01-01T00:15"],
    ["5,50 22-23 ? * SAT,1 *", "2026-01-03T22:05"],
    ["0 0 31 * ? *", "2026-01-31T00:00"],
    ["0 0 L * ? *", "2026-01-31T00:00"],
    ["0 0 L FEB ? 2028", "2028-02-29T00:00"],
    ["0 0 29 2 ? *", "2028-02-29T00:00"],
    ["0 9 ? * 5L *", "2026-01-29T09:00"],
    ["0 9 ? * WED#2 *", "2026-01-14T09:00"],
    ["59 23 ? DEC SUN 2026/2", "2026-12-06T23:59"],
  ];
  for (const [text, time] of cases) {
    assert.equal(nextTime(parseCron(text, "t"), NEW_YEAR), Date.parse(`${time}Z`), text);
  }
  assert.equal(nextTime(parseCron("0 0 30 FEB ? *", "t"), NEW_YEAR), undefined);
  assert.equal(nextTime(parseCron("0 0 1 1 ? 2025", "t"), NEW_YEAR), undefined);
});

test("parseCron refuses what is no expression of six fields, by the field", () => {
  const wrong: readonly [string, RegExp][] = [
    ["0 18 * * *", /six fields/],
    ["", /six fields/],
    ["0 18 * * * *", /exactly one/],
    ["0 18 ? * ? *", /exactly one/],
    ["60 18 * * ? *", /minutes/],
    ["0 24 * * ? *", /hours/],
    ["0 0 0 * ? *", /day-of-month/],
    ["0 0 ? * 8 *", /day-of-week/],
    ["0 0 ? * MON#6 *", /day-of-week/],
    ["0 0 * 13 ? *", /month/],
    ["0 0 * * ? 1969", /year/],
    ["5-1 0 * * ? *", /minutes/],
    ["1/0 0 * * ? *", /minutes/],
    ["1-2-3 0 * * ? *", /minutes/],
    ["1,, 0 * * ? *", /minutes/],
    ["x 0 * * ? *", /minutes/],
    ["0 0 15W * ? *", /day-of-month/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => parseCron(text, "t"), { code: "invalid-request", message }, text);
  }
});

test("whatever the text, parseCron refuses it or nextTime is a whole minute ahead of its start that the fields allow", () => {
  const part = fc.oneof(
    fc.constantFrom("*", "?", "L", "MON", "1-5", "0/7", "5L", "2#1", "31"),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 5, maxLength: 7 }), fc.nat(10_000_000), (fields, offset) => {
      const start = NEW_YEAR + offset * 1000;
      try {
        const cron = parseCron(fields.join(" "), "t");
        const next = nextTime(cron, start);
        if (next === undefined) return;
        const date = new Date(next);
        assert.ok(next > start && next % 60_000 === 0);
        assert.ok(cron.minutes.has(date.getUTCMinutes()) && cron.hours.has(date.getUTCHours()));
        assert.ok(cron.months.has(date.getUTCMonth() + 1) && cron.isDay(date));
      } catch (error) {
        assert.ok(error instanceof HawserError && error.code === "invalid-request");
      }
    }),
    { numRuns: 300 },
  );
});
