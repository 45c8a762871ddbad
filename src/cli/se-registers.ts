import { InvalidArgumentError, type Command } from "commander";

import type { PolicyEntry } from "../apdu/se05x/index.ts";
import { fromHex, toHex } from "../codec/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { numberOption } from "./output.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { placeText, policyOption, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";

type CounterOptions = SeOptions & {
  readonly object: number;
  readonly create?: number;
  readonly increment?: boolean;
  readonly set?: bigint;
  readonly policy?: readonly PolicyEntry[];
};
type RegisterOptions = SeOptions & {
  readonly object: number;
  readonly create?: Uint8Array;
  readonly extend?: string;
  readonly reset?: boolean;
  readonly policy?: readonly PolicyEntry[];
};

/** `hawser se counter|pcr`. */
export function registerSeRegisterCommands(se: Command): void {
  seCommand<CounterOptions>(se, "counter", {
    description: "SE05x: a counter that only grows; tells its value",
    options: (command) =>
      command
        .requiredOption("--object <id>", "object identifier", placeOption)
        .option("--create <bytes>", "make it, of so many bytes; it begins at zero", numberOption(1, 8))
        .option("--increment", "add one")
        .option("--set <number>", "set it to a greater value", wholeNumber)
        .option("--policy <list>", "with --create: who may do what", policyOption),
    examples: [
      `hawser se counter ${HERE} --object 0x20000003 --create 4`,
      `hawser se counter ${HERE} --object 0x20000003 --increment`,
    ],
    work: counter,
  });
  seCommand<RegisterOptions>(se, "pcr", {
    description: "SE05x: a register that is a hash of all it was extended by; tells its value",
    options: (command) =>
      command
        .requiredOption("--object <id>", "object identifier", placeOption)
        .option("--create <hex>", "make it with these 32 bytes", initialValue)
        .option("--extend <file>", "extend it by this file; - for standard input")
        .option("--reset", "set it back to its beginning")
        .option("--policy <list>", "with --create: who may do what", policyOption),
    examples: [
      `hawser se pcr ${HERE} --object 0x20000004 --create ${"00".repeat(32)}`,
      `hawser se pcr ${HERE} --object 0x20000004 --extend firmware.bin`,
    ],
    work: register,
  });
}

async function counter({ element, options, output }: SeTools<CounterOptions>): Promise<void> {
  const { object, create, increment, set, policy } = options;
  const { counters } = demandSe05x(element, "counter");
  demandOne("--create, --increment and --set", [create, increment, set]);
  if (policy && create === undefined) throw badOption("--policy goes with --create: policies never change");
  if (create !== undefined) await counters.create(object, { size: create, ...(policy ? { policy } : {}) });
  if (set !== undefined) await counters.advance(object, set);
  const value = increment === true ? await counters.increment(object) : await counters.value(object);
  output.line({ event: "counter", object: placeText(object), value: String(value) }, String(value));
}

async function register({ element, options, output }: SeTools<RegisterOptions>): Promise<void> {
  const { object, create, extend, reset, policy } = options;
  const { registers } = demandSe05x(element, "pcr");
  demandOne("--create, --extend and --reset", [create, extend, reset]);
  if (policy && !create) throw badOption("--policy goes with --create: policies never change");
  if (create) await registers.create(object, create, policy);
  if (extend !== undefined) await registers.extend(object, readInput(extend));
  if (reset === true) await registers.reset(object);
  const value = toHex(await registers.value(object));
  output.line({ event: "pcr", object: placeText(object), value }, value);
}

function demandOne(names: string, given: readonly unknown[]): void {
  if (given.filter((each) => each !== undefined).length > 1) throw badOption(`one of ${names}, or none of them`);
}

function wholeNumber(value: string): bigint {
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 1n << 64n) {
    throw new InvalidArgumentError("a whole number below 2^64 is needed.");
  }
  return BigInt(value);
}

function initialValue(value: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(value)) throw new InvalidArgumentError("64 hex digits are needed.");
  return fromHex(value);
}
