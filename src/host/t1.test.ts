import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { FAULTS, PassingClock, simulatedBus, type Fault, type Weather } from "../../test/host/i2c-bus.ts";
import { newPart } from "../../test/host/part.ts";
import {
  crc16,
  decodeT1,
  decodeT1Parameters,
  encodeT1,
  supervisory,
  T1_ADDRESS,
  T1_RECEIVE_ERROR,
  T1_SUPERVISION,
  type T1Block,
} from "../apdu/index.ts";
import { type Card, T1Front, type T1FrontOptions } from "../chip/index.ts";
import { concat, equal, fromHex, HawserError, toHex, UsageError } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { T1Machine, openT1, type T1Output } from "./index.ts";
import { Se05x } from "./se05x/index.ts";

/** As a real SE050 gave it. JRCP table, section 2.1 */
const ANSWER_TO_RESET = fromHex("00a0000003960403e800fe020b03e80801000000006400000a4a434f5034204154504f");

/** NXP's form and GlobalPlatform's T=1'. */
const FORMS = ["nxp", "gp"] as const;

/** A card that counts what it carries out, and answers with what it was sent, upside down and doubled. */
function counter() {
  const carriedOut: Uint8Array[] = [];
  const answerTo = (command: Uint8Array) => concat(command.toReversed(), command, fromHex("9000"));
  const card: Card = {
    reset: () => ANSWER_TO_RESET,
    exchange: (command) => {
      carriedOut.push(command);
      return answerTo(command);
    },
  };
  return { card, carriedOut, answerTo };
}

function code(expected: string) {
  return (error: unknown) => error instanceof HawserError && error.code === expected;
}

async function connected(weather?: Weather, options: T1FrontOptions & { readonly bit?: number } = {}) {
  const { bit = 3, ...front } = options;
  const world = counter();
  const bus = simulatedBus(new T1Front(world.card, front), weather, bit);
  const { form = "nxp" } = front;
  return { ...world, bus, transport: await openT1(bus, { clock: new PassingClock(), form }) };
}

test("Se05x works over T=1 over I2C as over TCP: chains both ways, sessions, keys, and an end", async () => {
  const { chip, clock } = await newPart();
  const bus = simulatedBus(new T1Front(chip));
  const transport = await openT1(bus, { clock: new PassingClock() });
  assert.equal(toHex(transport.answerToReset), toHex(ANSWER_TO_RESET));
  const device = await Se05x.open(transport, { hash: nodeHash, clock });
  assert.equal(device.identity.uniqueId, chip.uniqueId);
  const der = new Uint8Array(1200).map((_, i) => i + 0x30);
  await device.writeCertificate(1, der);
  assert.deepEqual(await device.readCertificate(1), der);
  assert.equal((await device.random.random(700)).length, 700);
  await device.generateKeyPair(0);
  await device.close();
  assert.equal(bus.isClosed, true);
  const controls = new Set(bus.blocks.map((block) => block[1]));
  for (const control of [0x00, 0x40, 0x20, 0x80, 0x90, 0xcf, 0xef, 0xc5, 0xe5]) {
    assert.ok(controls.has(control), control.toString(16));
  }
});

for (const form of FORMS) {
  test(`T=1 (${form}): one fault of any kind at any block of any command is made good, and nothing is carried out twice`, async () => {
    const commands = [1, 5, 254, 255, 600].map((length) => new Uint8Array(length).map((_, i) => i * 7 + length));
    let tried = 0;
    for (const command of commands) {
      const { bus } = await connected(undefined, { form });
      const quiet = await connected(undefined, { form });
      await quiet.transport.exchange(command);
      // Reset's own blocks stand in front.
      for (let hit = bus.blocks.length; hit < quiet.bus.blocks.length; hit++) {
        for (const fault of FAULTS) {
          for (const bit of form === "nxp" ? [0, 8, 11, 23, 41] : [0, 11, 23]) {
            let block = 0;
            const { transport, carriedOut, answerTo } = await connected(() => (block++ === hit ? fault : undefined), {
              bit,
              form,
            });
            assert.deepEqual(await transport.exchange(command), answerTo(command), `${fault} ${hit} ${bit}`);
            assert.deepEqual(carriedOut, [command], `${fault} at ${hit}`);
            assert.deepEqual(await transport.exchange(fromHex("0102")), answerTo(fromHex("0102")));
            tried++;
          }
        }
      }
    }
    assert.ok(tried >= 300, String(tried));
  });
}

for (const form of FORMS) {
  test(`T=1 (${form}) under any weather gives the right answer or a typed error, and each command is carried out once at most`, async () => {
    const weather = fc.array(fc.option(fc.constantFrom<Fault>(...FAULTS), { freq: 2, nil: undefined }), {
      minLength: 1,
      maxLength: 60,
    });
    let recovered = 0;
    let told = 0;
    await fc.assert(
      fc.asyncProperty(weather, fc.nat(200), fc.integer({ min: 1, max: 700 }), async (faults, bit, length) => {
        let block = form === "nxp" ? -2 : -4;
        const { transport, carriedOut, answerTo } = await connected(
          () => {
            const at = block++;
            return at < 0 ? undefined : faults[at];
          },
          { bit, form, waits: () => bit % 3 },
        );
        for (const seed of [1, 2, 3]) {
          const command = new Uint8Array(length).fill(seed);
          const before = carriedOut.length;
          try {
            assert.deepEqual(await transport.exchange(command), answerTo(command));
            assert.equal(carriedOut.length, before + 1);
            recovered++;
          } catch (error) {
            assert.ok(error instanceof HawserError, String(error));
            assert.ok(["bus-silent", "answer-lost", "block-protocol"].includes(error.code), error.code);
            assert.ok(carriedOut.length <= before + 1);
            if (error.code === "bus-silent") assert.equal(carriedOut.length, before);
            told++;
          }
          for (const done of carriedOut.slice(before)) assert.ok(equal(done, command));
        }
      }),
      { numRuns: form === "nxp" ? 400 : 300, seed: 7 },
    );
    assert.ok(recovered > 450 && told > 5, `${recovered} ${told}`);
  });
}

test("T=1: once the weather is fair again the connection goes on by itself, after every error", async () => {
  let storm: Fault | undefined;
  const { transport, answerTo, carriedOut } = await connected((direction) =>
    direction === "from-chip" ? storm : undefined,
  );
  storm = "lost";
  await assert.rejects(transport.exchange(fromHex("01")), code("answer-lost"));
  await assert.rejects(transport.exchange(new Uint8Array(300)), code("bus-silent"));
  storm = undefined;
  assert.deepEqual(await transport.exchange(fromHex("02")), answerTo(fromHex("02")));
  assert.deepEqual(carriedOut.map(toHex), ["01", "02"]);
});

test("openT1 says that nothing answers, and that what answers is no such chip", async () => {
  const { card } = counter();
  const deaf = simulatedBus(new T1Front(card), () => "refused");
  await assert.rejects(openT1(deaf, { clock: new PassingClock() }), code("bus-silent"));
  for (const answerToReset of [
    fromHex("3b"),
    ANSWER_TO_RESET.with(10, 0xff).with(9, 1),
    ANSWER_TO_RESET.with(7, 0).with(8, 0),
  ]) {
    const strange = simulatedBus(new T1Front(card, { answerToReset }));
    await assert.rejects(openT1(strange, { clock: new PassingClock() }), code("bus-silent"));
  }
  const ones = {
    write: async () => true,
    read: async (n: number) => new Uint8Array(n).fill(0xff),
    close: async () => undefined,
  };
  await assert.rejects(openT1(ones, { clock: new PassingClock() }), code("bus-silent"));
});

test("T=1: a slow chip gets the time that it asks for, and not without end", async () => {
  const slow = await connected(undefined, { waits: (command) => command[0] ?? 0 });
  for (const waits of [0, 1, 7, 255]) {
    const command = Uint8Array.of(waits, 1, 2);
    assert.deepEqual(await slow.transport.exchange(command), slow.answerTo(command));
  }
  const endless = await connected(undefined, { waits: () => 10_000 });
  await assert.rejects(endless.transport.exchange(fromHex("01")), code("block-protocol"));
  assert.equal(endless.carriedOut.length, 1);
});

const fromChip = (block: T1Block) => ({ on: "block", bytes: encodeT1(T1_ADDRESS.fromChip, block) }) as const;

function written(output: T1Output): T1Block {
  return output.do === "write" ? decodeT1(T1_ADDRESS.toChip, output.bytes) : assert.fail(JSON.stringify(output));
}

function readyMachine(): T1Machine {
  const machine = new T1Machine();
  assert.deepEqual(written(machine.step({ on: "reset" })), supervisory(T1_SUPERVISION.interfaceReset, false));
  const ready = machine.step(fromChip(supervisory(T1_SUPERVISION.interfaceReset, true, ANSWER_TO_RESET)));
  assert.ok(ready.do === "ready");
  assert.deepEqual([ready.facts.waitingTimeMs, ready.facts.informationSize, ready.facts.pollingTimeMs], [1000, 254, 1]);
  return machine;
}

test("T1Machine takes the chip's block size, waits as long as asked, and gives up where the chip breaks off", () => {
  const machine = readyMachine();
  const whole = written(machine.step({ on: "exchange", command: new Uint8Array(300) }));
  assert.ok(whole.kind === "information" && whole.information.length === 254 && whole.more);
  assert.deepEqual(
    written(machine.step(fromChip(supervisory(T1_SUPERVISION.informationSize, false, Uint8Array.of(32))))),
    supervisory(T1_SUPERVISION.informationSize, true, Uint8Array.of(32)),
  );
  const next = written(machine.step(fromChip({ kind: "receive-ready", sequence: 1, error: 0 })));
  assert.ok(next.kind === "information" && next.information.length === 32 && next.more && next.sequence === 1);
  const last = written(machine.step(fromChip({ kind: "receive-ready", sequence: 0, error: 0 })));
  assert.ok(last.kind === "information" && last.information.length === 14 && !last.more);
  const longer = machine.step(fromChip(supervisory(T1_SUPERVISION.waitingTime, false, Uint8Array.of(9))));
  assert.ok(longer.do === "write" && longer.waitMs === 9000);
  const failed = machine.step(fromChip(supervisory(T1_SUPERVISION.abort, false)));
  assert.ok(failed.do === "fail" && code("block-protocol")(failed.error));
  // Whatever went before, the ends are set to the same numbers before anything else goes out.
  assert.deepEqual(
    written(machine.step({ on: "exchange", command: fromHex("00") })),
    supervisory(T1_SUPERVISION.resynchronise, false),
  );
});

test("T1Machine asks for what came spoilt or out of turn by its number, and says why", () => {
  const ask = (error: number) => ({ kind: "receive-ready", sequence: 0, error });
  for (const [input, error] of [
    [{ on: "silence" }, T1_RECEIVE_ERROR.other],
    [{ on: "block", bytes: fromHex("a50000ffff") }, T1_RECEIVE_ERROR.checksum],
    [{ on: "block", bytes: fromHex("a5") }, T1_RECEIVE_ERROR.checksum],
    [{ on: "block", bytes: encodeT1(T1_ADDRESS.toChip, supervisory(3, false, Uint8Array.of(1))) }, 2],
    [fromChip({ kind: "information", sequence: 1, more: false, information: fromHex("9000") }), 2],
    [fromChip(supervisory(T1_SUPERVISION.resynchronise, false, Uint8Array.of(1))), 2],
    [fromChip(supervisory(T1_SUPERVISION.waitingTime, true, Uint8Array.of(1))), 2],
    [fromChip(supervisory(T1_SUPERVISION.waitingTime, false)), 2],
    [fromChip(supervisory(T1_SUPERVISION.informationSize, false, Uint8Array.of(255))), 2],
  ] as const) {
    const machine = readyMachine();
    machine.step({ on: "exchange", command: fromHex("0102") });
    assert.deepEqual(written(machine.step(input)), ask(error));
  }
  const machine = readyMachine();
  machine.step({ on: "exchange", command: fromHex("0102") });
  assert.throws(() => machine.step({ on: "exchange", command: fromHex("01") }), UsageError);
  assert.throws(() => readyMachine().step({ on: "silence" }), UsageError);
  const endless = fc.sample(fc.constant(new Uint8Array(254)), 300);
  let answer: T1Output | undefined;
  endless.forEach((information, i) => {
    if (answer?.do !== "fail") {
      answer = machine.step(fromChip({ kind: "information", sequence: i % 2 ? 1 : 0, more: true, information }));
    }
  });
  assert.ok(answer?.do === "fail" && code("block-protocol")(answer.error));
});

test("Se05x works over GlobalPlatform's T=1' over I2C, whose reset tells nothing and whose parameters are asked for", async () => {
  const { chip, clock } = await newPart("se051");
  const bus = simulatedBus(new T1Front(chip, { form: "gp" }));
  const transport = await openT1(bus, { clock: new PassingClock(), form: "gp" });
  // Reset and its answer, parameters and theirs: length in two bytes, checksum with its high byte first.
  assert.deepEqual(bus.blocks.slice(0, 3).map(toHex), [
    "5acf0000" + gpSum("5acf0000"),
    "a5ef0000" + gpSum("a5ef0000"),
    "5ac40000" + gpSum("5ac40000"),
  ]);
  const device = await Se05x.open(transport, { hash: nodeHash, clock });
  assert.equal(device.identity.uniqueId, chip.uniqueId);
  const der = new Uint8Array(1200).map((_, i) => i + 0x30);
  await device.writeCertificate(1, der);
  assert.deepEqual(await device.readCertificate(1), der);
  await device.close();
  assert.equal(toHex(bus.blocks.at(-2) ?? new Uint8Array(0)).slice(0, 8), "5ac60000", "the chip is released");
  // The two forms do not understand each other, and say so.
  for (const [ours, theirs] of [
    ["nxp", "gp"],
    ["gp", "nxp"],
  ] as const) {
    const mixed = simulatedBus(new T1Front(chip, { form: theirs }));
    await assert.rejects(openT1(mixed, { clock: new PassingClock(), form: ours }), code("bus-silent"));
  }
});

test("decodeT1Parameters reads limits and polling time, and refuses another physical layer and nonsense", () => {
  const parameters = fromHex("010401020304020800 05 03e8 00 0f 0064 04 03e8 00fe 02 4142".replaceAll(" ", ""));
  assert.deepEqual(decodeT1Parameters(parameters), {
    waitingTimeMs: 1000,
    informationSize: 254,
    pollingTimeMs: 2,
    historical: fromHex("4142"),
  });
  for (let length = 0; length < parameters.length; length++) {
    assert.throws(() => decodeT1Parameters(parameters.subarray(0, length)), { name: "DecodeError" });
  }
  assert.throws(() => decodeT1Parameters(parameters.with(6, 1)), { code: "value" });
  assert.throws(() => decodeT1Parameters(parameters.with(17, 0).with(18, 0)), { code: "value" });
});

function gpSum(hex: string): string {
  return crc16(fromHex(hex)).toString(16).padStart(4, "0");
}
