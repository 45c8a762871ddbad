import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex } from "../../codec/index.ts";
import { checkConnect } from "./packet-shape.ts";
import { AWS_PROFILE, SPEC_PROFILE } from "./settings.ts";

// Protocol name, level, flags, keep-alive, client id "d"; MQTT 3.1.1, section 3.1.2
const connect = (level: string, flags = "02") => fromHex(`00044d515454${level}${flags}003c000164`);

test("checkConnect gives the version of a CONNECT that is well formed", () => {
  assert.equal(checkConnect(connect("04"), SPEC_PROFILE).version, 4);
  assert.equal(checkConnect(fromHex("00044d5154540502003c00000164"), SPEC_PROFILE).version, 5);
});

test("checkConnect tells a version that is not served from bytes that are not MQTT", () => {
  assert.throws(() => checkConnect(connect("03"), SPEC_PROFILE), { code: "mqtt-violation", reply: 0x84 });
  const level3 = fromHex("00064d51497364700302003c000164");
  assert.throws(() => checkConnect(level3, AWS_PROFILE), { code: "mqtt-violation", reply: 0x84 });
  assert.equal(checkConnect(level3, SPEC_PROFILE).version, 4);
  assert.throws(() => checkConnect(fromHex("0004485454500402003c000164"), SPEC_PROFILE), { code: "mqtt-malformed" });
  assert.throws(() => checkConnect(connect("04", "03"), SPEC_PROFILE), { code: "mqtt-malformed", reply: 0x81 });
  assert.throws(() => checkConnect(connect("04", "42"), SPEC_PROFILE), { code: "mqtt-malformed" });
});
