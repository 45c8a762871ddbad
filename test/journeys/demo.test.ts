/** `npm run demo`, as a newcomer runs it: once, again on the same data, and cut short. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Program } from "../../scripts/programs.ts";

const DEMO = join(import.meta.dirname, "../../scripts/demo.ts");

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-demo-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "data");
}

function demo(t: TestContext, data: string, ...more: readonly string[]): Program {
  const program = new Program("demo", process.execPath, [DEMO, "--data", data, ...more], { isGroup: true });
  t.after(() => program.stop("SIGTERM"));
  return program;
}

/** Whether nobody listens any more at the addresses that the demo told. */
async function isQuiet(program: Program): Promise<boolean> {
  const ports = program.lines.flatMap((line) => [...line.matchAll(/(?:localhost|127\.0\.0\.1):(\d+)/g)]);
  assert.ok(ports.length > 0, "the demo told where it listens");
  const answers = ports.map(
    ([, port]) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(Number(port), "127.0.0.1");
        socket.once("connect", () => resolve(true));
        socket.once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      }),
  );
  return (await Promise.all(answers)).every((answer) => !answer);
}

test("the demo goes from bare chip to accepted telemetry, and says where the private keys are", async (t) => {
  const data = directoryOf(t);
  const first = demo(t, data);
  assert.deepEqual(await first.ended, { status: 0, signal: null }, first.transcript());
  const text = first.lines.join("\n");
  for (const device of ["sensor-generated", "sensor-injected"]) {
    assert.match(text, new RegExp(`cloud: ${device} is registered by its CA, PENDING_ACTIVATION`));
    assert.match(text, new RegExp(`cloud: ${device} is ACTIVE`));
    assert.match(text, new RegExp(`${device}: 10 readings published at QoS 1, each acknowledged`));
  }
  assert.match(text, /observer: received all 20 readings/);
  assert.match(text, /Sign slot=0 +<-> bus/);
  assert.match(text, /1 SetKeyPair/);
  assert.match(text, /sensor-generated: nowhere outside its chip\. \d+ files/);
  assert.match(text, /sensor-injected: in its chip, in deviceKey\.key, and in one frame that passed/);
  assert.ok(await isQuiet(first), "nothing of the demo is left running");

  const second = demo(t, data, "--keep");
  await second.line(/hawser device publish --chip/);
  const again = second.lines.join("\n");
  assert.match(again, /using the CA, cloud and chips of an earlier run/);
  assert.doesNotMatch(again, /PENDING_ACTIVATION/);
  assert.match(again, /mosquitto_pub --cafile \S+ --cert try.pem --key try.key -h localhost -p \d+ -q 1/);
  assert.match(again, /aws --endpoint-url http:\S+ iot get-registration-code/);
  assert.deepEqual(await second.interruptGroup(), { status: 0, signal: null });
  assert.ok(await isQuiet(second), "Ctrl-C ends everything");
});

test("A5-05 A5-16 A5-30 A5-38 a fleet of mixed chips onboards at once, and an A5000's key is nowhere outside it", async (t) => {
  const program = demo(t, directoryOf(t), "--chip", "mixed");
  assert.deepEqual(await program.ended, { status: 0, signal: null }, program.transcript());
  const text = program.lines.join("\n");
  assert.match(text, /four devices, with an A71CH, an A5000, an SE050, an SE051/);
  for (const device of ["sensor-generated", "sensor-injected", "sensor-se050", "sensor-se051"]) {
    assert.match(text, new RegExp(`cloud: ${device} is ACTIVE`));
    assert.match(text, new RegExp(`${device}: 10 readings published at QoS 1, each acknowledged`));
  }
  assert.match(text, /observer: received all 40 readings/);
  // The device whose key the demo looks for everywhere has the A5000.
  assert.match(text, /ECDSASign +<-> bus/);
  assert.match(text, /sensor-generated: nowhere outside its chip\. \d+ files/);
  assert.ok(await isQuiet(program));
  const wrong = demo(t, directoryOf(t), "--chip", "a5001");
  assert.deepEqual(await wrong.ended, { status: 2, signal: null });
  assert.match(wrong.complaints.join(), /a71ch, a5000, se050, se051, mixed/);
});

test("Ctrl-C in the middle of the demo ends every process and the demo with 130", async (t) => {
  const data = directoryOf(t);
  const program = demo(t, data);
  await program.line(/the cloud is up/);
  assert.deepEqual(await program.interruptGroup(), { status: 130, signal: null });
  assert.match(readFileSync(join(data, "output", "cloud.log"), "utf8"), /"event":"stopped"/);
  assert.ok(await isQuiet(program));
});
