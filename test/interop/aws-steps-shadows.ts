import { no, ok, type Step } from "./aws-steps.ts";

/** What the steps send, by file name. */
export const SHADOW_FILES: Readonly<Record<string, string>> = {
  "desired.json": '{"state":{"desired":{"led":"on"}}}',
  "reported.json": '{"state":{"reported":{"led":"off"}}}',
  "stale.json": '{"state":{},"version":9}',
  "broken.json": "{",
};

/** Shadows, classic and named. */
export const SHADOW_STEPS: readonly Step[] = [
  ok("iot-data update-thing-shadow --thing-name S --payload fileb://desired.json shadow.json"),
  ok("iot-data update-thing-shadow --thing-name S --shadow-name n --payload fileb://reported.json shadow.json"),
  ok("iot-data get-thing-shadow --thing-name S shadow.json"),
  ok("iot-data get-thing-shadow --thing-name S --shadow-name n shadow.json"),
  no("ResourceNotFoundException", "iot-data get-thing-shadow --thing-name S --shadow-name other shadow.json"),
  no("ConflictException", "iot-data update-thing-shadow --thing-name S --payload fileb://stale.json shadow.json"),
  no(
    "InvalidRequestException",
    "iot-data update-thing-shadow --thing-name S --payload fileb://broken.json shadow.json",
  ),
  ok("iot-data list-named-shadows-for-thing --thing-name S --page-size 1"),
  ok("iot-data delete-thing-shadow --thing-name S --shadow-name n shadow.json"),
  ok("iot-data delete-thing-shadow --thing-name S shadow.json"),
];
