import assert from "node:assert/strict";
import { test } from "node:test";

import { AWS_PROFILE, AWS_RATES, chosenSettings, SPEC_PROFILE } from "./index.ts";

test("chosenSettings changes what is named, by name, and leaves the rest of the profile", () => {
  const rates = Object.entries(AWS_RATES).map(([name, value]) => `${name}=${value}`);
  const chosen = chosenSettings(AWS_PROFILE, [
    ...rates,
    "maximumQos=2",
    "presence=false",
    "beforeConnack=hold",
    "unauthorizedReturnCode=7",
    "assignedClientIds=device-",
    "refusedFilters=a/#,b",
    "inFlight=5",
    "inFlight=7",
  ]);
  assert.deepEqual(chosen, {
    ...AWS_PROFILE,
    maximumQos: 2,
    presence: false,
    beforeConnack: "hold",
    unauthorizedReturnCode: 7,
    assignedClientIds: "device-",
    refusedFilters: ["a/#", "b"],
    limits: { ...AWS_PROFILE.limits, ...AWS_RATES, inFlight: 7 },
  });
  assert.equal(chosenSettings(chosen, ["publishesPerSecond=none"]).limits.publishesPerSecond, Infinity);
  assert.deepEqual(chosenSettings(AWS_PROFILE, ["rates=aws"]).limits, { ...AWS_PROFILE.limits, ...AWS_RATES });
  const slower = chosenSettings(SPEC_PROFILE, ["rates=aws", "drainsPerSecond=3", "retainedS=none"]).limits;
  assert.deepEqual(slower, { ...SPEC_PROFILE.limits, ...AWS_RATES, drainsPerSecond: 3 });
  assert.deepEqual(chosenSettings(chosen, ["rates=none"]).limits, { ...AWS_PROFILE.limits, inFlight: 7 });
});

test("every limit of both profiles can be chosen as it is", () => {
  for (const profile of [AWS_PROFILE, SPEC_PROFILE]) {
    const texts = Object.entries(profile.limits).map(
      ([name, value]) => `${name}=${value === Infinity ? "none" : value}`,
    );
    assert.deepEqual(chosenSettings(profile, texts), profile);
  }
});

test("chosenSettings refuses names that there are not, and values that would break the broker: mqtt-setting", () => {
  const cases: [text: string, message: RegExp][] = [
    ["inFlight", /"inFlight" is not written name=value/],
    ["=3", /there is no ""/],
    ["inflight=3", /there is no "inflight", only .*inFlight/],
    ["profile=spec", /there is no "profile"/],
    ["limits=1", /there is no "limits"/],
    ["toString=1", /there is no "toString"/],
    ["inFlight=0", /inFlight is "0", need a whole number from 1 to 65535/],
    ["inFlight=65536", /inFlight is "65536"/],
    ["inFlight=-1", /inFlight is "-1"/],
    ["inFlight=1e3", /inFlight is "1e3"/],
    ["inFlight=", /inFlight is ""/],
    ["inFlight=none", /inFlight is "none"/],
    ["connectsPerSecond=0", /from 1 to \d+, or none/],
    ["maximumQos=0", /maximumQos is "0", need 1 or 2/],
    ["rates=some", /rates is "some", need aws or none/],
    ["drainsPerSecond=0", /drainsPerSecond is "0", need a whole number from 1/],
    ["retainedS=0", /retainedS is "0", need a whole number from 1 to \d+, or none/],
    ["presence=yes", /presence is "yes", need true or false/],
    ["beforeConnack=wait", /need refuse or hold/],
    ["unauthorizedReturnCode=4", /need 5 or 7 or none/],
    ["keepAliveMinS=2000", /keepAliveMinS is 2000, over keepAliveMaxS, which is 1200/],
    ["sessionExpiryMaxS=60", /sessionExpiryDefaultS is 3600, over sessionExpiryMaxS, which is 60/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => chosenSettings(AWS_PROFILE, [text]),
      { name: "UsageError", code: "mqtt-setting", message },
      text,
    );
  }
});
