import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { parseTime, timeToEpoch } from "./sql-time.ts";

test("parse_time writes times by patterns of Joda-Time, in any time zone", () => {
  const time = Date.UTC(2026, 10, 5, 16, 7, 9, 42);
  const rows: [pattern: string, zone: string, expected: string | undefined][] = [
    ["yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "UTC", "2026-11-05T16:07:09.042+00:00"],
    ["yyyy.MM.dd G 'at' HH:mm:ss z", "UTC", "2026.11.05 AD at 16:07:09 UTC"],
    ["EEE, d MMM yy h:mm a", "UTC", "Thu, 5 Nov 26 4:07 PM"],
    ["EEEE dd MMMM yyyy D", "UTC", "Thursday 05 November 2026 309"],
    ["HH:mm Z", "Asia/Kolkata", "21:37 +0530"],
    ["HH:mm zzz", "America/Belize", "10:07 CST"],
    ["HH:mm ZZZ", "America/New_York", "11:07 America/New_York"],
    ["HH XXX", "+02:00", "18 +02:00"],
    ["''yy''", "UTC", "'26'"],
    ["k K h", "UTC", "16 4 4"],
    ["Q", "UTC", undefined],
    ["'open", "UTC", undefined],
    ["yyyy", "Nowhere/Land", undefined],
  ];
  for (const [pattern, zone, expected] of rows) assert.equal(parseTime([pattern, time, zone]), expected, pattern);
  assert.equal(
    parseTime(["yyyy.MM.dd G 'at' HH:mm:ss z", 100000000, "America/Belize"]),
    "1970.01.01 AD at 21:46:40 CST",
  );
  assert.equal(parseTime(["yyyy", "0"]), "1970");
  for (const args of [["yyyy"], [1, 2], ["yyyy", "x"], ["yyyy", 9e15], ["y".repeat(300), 0]]) {
    assert.equal(parseTime(args), undefined, JSON.stringify(args));
  }
});

test("time_to_epoch reads times by patterns of Java", () => {
  const rows: [text: string, pattern: string, expected: number | undefined][] = [
    ["2020-04-03 09:45:18 UTC+01:00", "yyyy-MM-dd HH:mm:ss VV", 1585903518000],
    ["18 December 2015", "dd MMMM yyyy", 1450396800000],
    ["2007-12-03 10:15:30.592 America/Los_Angeles", "yyyy-MM-dd HH:mm:ss.SSS z", 1196705730592],
    ["20201231235959", "yyyyMMddHHmmss", Date.UTC(2020, 11, 31, 23, 59, 59)],
    ["Thu, 5 Nov 2026 4:07 PM", "EEE, d MMM yyyy h:mm a", Date.UTC(2026, 10, 5, 16, 7)],
    ["12:00 AM 1 Jan 1970", "hh:mm a d MMM yyyy", 0],
    ["1970-01-01T00:00:00Z", "yyyy-MM-dd'T'HH:mm:ssX", 0],
    ["1970-01-01T02:00:00+0200", "yyyy-MM-dd'T'HH:mm:ssZ", 0],
    ["2026-03-29 03:30 Europe/Berlin", "yyyy-MM-dd HH:mm VV", Date.UTC(2026, 2, 29, 1, 30)],
    ["2026-02-31", "yyyy-MM-dd", undefined],
    ["2026-13-01", "yyyy-MM-dd", undefined],
    ["2026-01-01 25:00", "yyyy-MM-dd HH:mm", undefined],
    ["2026-01-01x", "yyyy-MM-dd", undefined],
    ["2026/01/01", "yyyy-MM-dd", undefined],
    ["2026-01-01 Nowhere", "yyyy-MM-dd VV", undefined],
    ["x", "D", undefined],
  ];
  for (const [text, pattern, expected] of rows) assert.equal(timeToEpoch([text, pattern]), expected, text);
  assert.equal(timeToEpoch(["2026", 1]), undefined);
});

test("what parse_time writes, time_to_epoch reads", () => {
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "+05:45");
  const whole = fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2100, 0, 1) });
  fc.assert(
    fc.property(whole, zones, (time, zone) => {
      const at = Math.trunc(time / 60_000) * 60_000 || 0;
      const pattern = "yyyy-MM-dd HH:mm:ss.SSS xxx";
      const text = parseTime([pattern, at, zone]) as string;
      // Distances of whole minutes only: before standard time, clocks followed the sun.
      if (Date.UTC(1970, 0, 1) <= at) assert.equal(timeToEpoch([text, pattern]), at, text);
    }),
    { numRuns: 100 },
  );
});

test("no pattern and no text makes the time functions throw", () => {
  const letters = fc.array(fc.constantFrom(..."yMdHhmsSzZVXxaEDGk' -:.".split("")), { maxLength: 12 });
  fc.assert(
    fc.property(letters, fc.string({ maxLength: 20 }), fc.double(), (pattern, text, time) => {
      parseTime([pattern.join(""), time]);
      timeToEpoch([text, pattern.join("")]);
    }),
    { numRuns: 300 },
  );
});
