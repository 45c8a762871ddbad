/** Every command of the table in every form that is right, and in the ways in which one is wrong. SE05x command table, section 4.5 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Chance } from "../../../test/chip/differential.ts";
import { ABSENT, type Form, FORMS, fieldsOf, prepare, tlvs } from "../../../test/chip/se05x-forms.ts";
import { Host, newSe05x } from "../../../test/chip/se05x.ts";

import { decodeExtendedCommand } from "../../apdu/index.ts";
import { SE05X_COMMAND_SET, SE05X_COMMANDS } from "../../apdu/se05x/index.ts";
import { concat, fromHex, toHex, Writer } from "../../codec/index.ts";
import { MemoryInRam } from "../index.ts";
import type { Se05xChip } from "./index.ts";
import { SE05X_MODELS } from "./variants.ts";

const DEEP = process.env.HAWSER_DEEP === "1";
/** What the chip may answer at all. SE05x coding rules */
const KNOWN: ReadonlySet<string> = new Set(["9000", "6700", "6982", "6984", "6985", "6986", "6a80", "6d00"]);

type Field = {
  readonly tag: string;
  readonly width: number | undefined;
  readonly optional: boolean;
  readonly hex: string;
};

function parsed(fields: string): Field[] {
  return fields
    .split(" ")
    .filter(Boolean)
    .map((field) => {
      const [, tag = "", width = "", mark = "", hex = ""] =
        /^(..):(\d|\*)(\??)=(.*)$/.exec(field) ?? assert.fail(field);
      return { tag, width: width === "*" ? undefined : Number(width), optional: mark === "?", hex };
    });
}

const joined = (fields: readonly Field[]): Uint8Array => tlvs(fields.map(({ tag, hex }) => `${tag}=${hex}`).join(" "));

/** A command with extended lengths where its data needs them. */
function bytesOf(
  { header }: Pick<Form, "header">,
  data: Uint8Array,
  le: "none" | "short" | "extended" = "none",
): Uint8Array {
  const head = fromHex(`80${header}`);
  const isLong = data.length > 0xff || le === "extended";
  const length = isLong ? new Writer(3).u8(0).u16(data.length).finish() : Uint8Array.of(data.length);
  const expected = le === "none" ? "" : isLong ? "0000" : "00";
  return concat(
    head,
    data.length > 0 ? length : le === "extended" ? Uint8Array.of(0) : new Uint8Array(0),
    data,
    fromHex(expected),
  );
}

/** A prepared chip that is set back before each command. */
async function bench() {
  const { chip, host } = await newSe05x({ model: "se051", seed: "forms" });
  prepare(host);
  const before = new MemoryInRam();
  chip.saveTo(before);
  return { chip, before };
}

/** The chip set back, and the way to it that a form needs. */
function ready(chip: Se05xChip, before: MemoryInRam, form: Form): Host {
  chip.restoreFrom(before);
  const plain = new Host((command) => chip.exchange(command));
  return form.before?.(plain) ?? plain;
}

/** Ways in which a command is wrong, or still right, with what the chip answers to each. */
function* mutations(
  form: Form,
  fields: readonly Field[],
  chance: Chance,
): Generator<readonly [string, string | undefined, Uint8Array]> {
  const data = joined(fields);
  const of = (changed: readonly Field[]) => bytesOf(form, joined(changed));
  yield ["as it is", "9000", bytesOf(form, data)];
  for (const le of ["short", "extended"] as const) yield [`with ${le} Le`, "9000", bytesOf(form, data, le)];
  if (fields.length > 1) yield ["turned round", "9000", of(fields.toReversed())];
  for (const length of ["81", "82"]) {
    const long = fields.map(({ tag, hex }) => {
      const count = (hex.length / 2).toString(16).padStart(length === "81" ? 2 : 4, "0");
      return fromHex(
        `${tag}${hex.length / 2 > 0xff ? "82" : length}${hex.length / 2 > 0xff ? (hex.length / 2).toString(16).padStart(4, "0") : count}${hex}`,
      );
    });
    if (fields.length > 0) yield [`lengths ${length}`, "9000", bytesOf(form, concat(...long))];
  }
  for (const [i, field] of fields.entries()) {
    const { tag, width, optional, hex } = field;
    const others = fields.toSpliced(i, 1);
    const without = form.without?.[tag] ?? (optional ? "9000" : "6a80");
    const changed = (value: string) => of(fields.with(i, { ...field, hex: value }));
    yield [`without ${tag}`, without, of(others)];
    yield [`${tag} twice`, "6a80", of([...fields, field])];
    yield [
      `${tag} with a length of more than there is`,
      "6a80",
      bytesOf(form, concat(joined(others), fromHex(`${tag}7f${hex.slice(0, 8)}`))),
    ];
    yield [
      `${tag} with length form 83`,
      "6a80",
      bytesOf(form, concat(joined(others), fromHex(`${tag}83000001${hex.slice(0, 2)}`))),
    ];
    if (width === undefined) {
      yield [`${tag} empty`, undefined, changed("")];
      yield [`${tag} of 1,100 bytes`, undefined, changed("5c".repeat(1100))];
      yield [`${tag} a byte shorter`, undefined, changed(hex.slice(2))];
      yield [`${tag} a byte longer`, undefined, changed(`${hex}00`)];
      continue;
    }
    yield [`${tag} empty`, "6a80", changed("")];
    yield [`${tag} a byte shorter`, form.narrow?.[tag] ?? "6a80", changed(hex.slice(2))];
    yield [`${tag} a byte longer`, "6a80", changed(`00${hex}`)];
  }
  yield ["an unknown tag behind", "6a80", bytesOf(form, concat(data, fromHex("5e0100")))];
  yield ["an unknown tag before", "6a80", bytesOf(form, concat(fromHex("5e0100"), data))];
  yield ["a byte behind", "6a80", bytesOf(form, concat(data, fromHex("41")))];
  const cuts = Array.from({ length: Math.max(0, data.length - 1) }, (_, at) => at + 1);
  for (const at of DEEP ? cuts : cuts.length > 0 ? [chance.of(cuts), chance.of(cuts)] : []) {
    if (!isBoundary(fields, at)) yield [`cut off at ${at}`, "6a80", bytesOf(form, data.subarray(0, at))];
  }
}

/** Whether data ends there with a whole field. */
function isBoundary(fields: readonly Field[], at: number): boolean {
  return fields.some((_, i) => joined(fields.slice(0, i)).length === at);
}

test("Every command answers what its row says, whole and with each tag missing, twice, empty, cut, out of order or unknown", async (t) => {
  const { chip, before } = await bench();
  const chance = new Chance("forms");
  const kept = new MemoryInRam();
  const image = () => {
    chip.saveTo(kept);
    return toHex(kept.load() ?? new Uint8Array(0));
  };
  const failures: string[] = [];
  let count = 0;
  for (const form of FORMS) {
    const fields = parsed(fieldsOf(form, ready(chip, before, form)));
    let host = ready(chip, before, form);
    let untouched = image();
    for (const [what, expected, command] of mutations(form, fields, chance)) {
      const sw = host.raw(command).sw.toString(16);
      count++;
      if (expected === undefined ? !KNOWN.has(sw) : sw !== expected) {
        failures.push(`${form.name}, ${what}: ${sw}, not ${expected ?? "a known answer"}`);
      }
      const isRefused = sw !== "9000" && form.name !== "VerifySessionUserID";
      if (isRefused && image() !== untouched) failures.push(`${form.name}, ${what}: ${sw}, and something changed`);
      // A refused command leaves the chip as it was, but a streamed operation may have ended.
      if (isRefused && !form.before) continue;
      host = ready(chip, before, form);
      untouched = image();
    }
  }
  assert.deepEqual(failures, []);
  t.diagnostic(`${FORMS.length} commands in ${count} forms`);
});

test("Headers that no row has are refused by class, chaining, channel, instruction and parameters, whatever the data", async () => {
  const { chip, before } = await bench();
  const failures: string[] = [];
  for (const form of FORMS) {
    const host = ready(chip, before, form);
    const data = joined(parsed(fieldsOf(form, host)));
    const command = bytesOf(form, data);
    const [ins = 0, p1 = 0, p2 = 0] = fromHex(form.header);
    const with_ = (at: number, byte: number) => command.with(at, byte);
    for (const [what, expected, bytes] of [
      ["class 90, chained", "6884", with_(0, 0x90)],
      ["class 10, chained", "6884", with_(0, 0x10)],
      ["class 81, another channel", "6881", with_(0, 0x81)],
      ["class A0", "6e00", with_(0, 0xa0)],
      ["class FF", "6e00", with_(0, 0xff)],
      ["an interindustry class", "6d00", with_(0, 0x00)],
      ["an unknown instruction", "6d00", with_(1, ins ^ 0x08)],
      ["unknown P1", "6d00", with_(2, p1 | 0x1f)],
      ["unknown P2", "6d00", with_(3, 0x7e)],
      ["P1 and P2 of nothing", "6d00", with_(2, 0x1d).with(3, p2 ^ 0x80)],
    ] as const) {
      const sw = host.raw(bytes).sw.toString(16);
      if (sw !== expected) failures.push(`${form.name}, ${what}: ${sw}, not ${expected}`);
    }
  }
  assert.deepEqual(failures, []);
});

test("Lengths that do not fit their data answer 6700, in either form, for every command", async () => {
  const { chip, before } = await bench();
  const failures: string[] = [];
  for (const form of FORMS) {
    const host = ready(chip, before, form);
    const data = joined(parsed(fieldsOf(form, host)));
    const head = fromHex(`80${form.header}`);
    const length = data.length;
    const extended = (lc: number, ...rest: Uint8Array[]) =>
      concat(head, Uint8Array.of(0), new Writer(2).u16(lc).finish(), ...rest);
    const wrong: [string, Uint8Array][] = [];
    // What goes into a session is at least a header.
    if (!form.before) wrong.push(["a header that is cut", head.subarray(0, 3)], ["nothing", new Uint8Array(0)]);
    if (length > 3 && length < 0xf0) {
      wrong.push(["Lc of one more", concat(head, Uint8Array.of(length + 1), data)]);
      wrong.push(["Lc of two less", concat(head, Uint8Array.of(length - 2), data)]);
      wrong.push(["Le of two bytes behind a short Lc", concat(head, Uint8Array.of(length), data, fromHex("0000"))]);
    }
    if (length > 3) {
      wrong.push(["extended Lc of one more", extended(length + 1, data)]);
      wrong.push(["extended Lc of three less", extended(length - 3, data)]);
      wrong.push(["extended Lc and one byte of Le", extended(length, data, fromHex("00"))]);
      wrong.push(["extended Lc and three bytes of Le", extended(length, data, fromHex("000000"))]);
      wrong.push(["extended Lc of nothing", extended(0, data)]);
    }
    for (const [what, bytes] of wrong) {
      const sw = host.raw(bytes).sw.toString(16);
      if (sw !== "6700") failures.push(`${form.name}, ${what}: ${sw}`);
    }
  }
  assert.deepEqual(failures, []);
});

test("What has a fixed layout and no tags answers 6700 to another length: selection, and the setting up of channels", async () => {
  const { host } = await newSe05x();
  host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: 0x20000001, value: new Uint8Array(16) });
  const session = host.inSession(host.send("createSession", { objectId: 0x20000001 }).sessionId);
  const sw = (way: Host, command: string) => way.raw(command).sw.toString(16);
  for (const way of [host, session]) {
    assert.equal(sw(way, `80500b0007${"00".repeat(7)}`), "6700");
    assert.equal(sw(way, `80500b0009${"00".repeat(9)}`), "6700");
    assert.equal(sw(way, `848233000f${"00".repeat(15)}`), "6700");
    assert.equal(sw(way, `8482330011${"00".repeat(17)}`), "6700");
  }
  assert.equal(sw(host, `00a4040011${"a0".repeat(17)}`), "6700");
  assert.equal(sw(host, `00a4040010${"a0".repeat(16)}`), "6a82");
});

test("The forms are those of every row, and what other chips of the family have answers 6D00 on every model", async () => {
  const recognised = new Set<string>(Object.keys(BY_OTHER_TESTS));
  const { chip, before } = await bench();
  for (const form of FORMS) {
    const data = joined(parsed(fieldsOf(form, ready(chip, before, form))));
    recognised.add(SE05X_COMMAND_SET.recognise(decodeExtendedCommand(bytesOf(form, data))).key);
  }
  assert.deepEqual([...recognised].toSorted(), Object.keys(SE05X_COMMANDS).toSorted());
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { host } = await newSe05x({ model });
    for (const header of ABSENT) {
      for (const data of ["", "0442020101", "0a41042000000142020101"]) {
        assert.equal(host.raw(`80${header}${data}`).sw.toString(16), "6d00", `${model} ${header}`);
      }
    }
    for (const form of FORMS) {
      const data = joined(parsed(form.fields.replace("EXPORTED", "00")));
      const { key } = SE05X_COMMAND_SET.recognise(decodeExtendedCommand(bytesOf(form, data)));
      const sw = host.raw(bytesOf(form, data)).sw;
      assert.equal(sw === 0x6d00, SE05X_MODELS[model].absent.has(key), `${model} ${form.name} ${sw.toString(16)}`);
    }
  }
});

/** Rows whose forms other tests go through: selection, the platform, channels, and what carries other commands. */
const BY_OTHER_TESTS = {
  select: "chip",
  selectCardManager: "management",
  selectPlatform: "management",
  initializeUpdate: "channels",
  externalAuthenticate: "channels",
  putKeys: "channels",
  identify: "management",
  collectGarbage: "management",
  productionData: "management",
  internalAuthenticate: "channels",
  agreementKey: "channels",
  processSession: "channels",
  importExternal: "import",
} as const;
