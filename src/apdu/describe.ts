import { Reader, toHex } from "../codec/index.ts";
import type { FieldValue } from "../trace/index.ts";
import { decodeCommand, type CommandApdu } from "./apdu.ts";
import type { CommandRecogniser, RecognisedCommand } from "./command-set.ts";
import type { Command } from "./command.ts";
import { decodeExtendedCommand } from "./extended-apdu.ts";
import type { Fields } from "./fields.ts";

/** An exchange as a trace may show it: key material is left out of the fields, and frames that carry it are not shown. */
export type ExchangeDescription = {
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly statusWord: number;
  /** Hex, or "redacted". */
  readonly command: string;
  readonly response: string;
};

/** What stands where key material would. */
export const REDACTED = "redacted";

/**
 * Describes a command and its answer in the words of their table.
 * What no row explains may carry anything, so its data is not shown either.
 */
export function describeExchange(
  set: CommandRecogniser,
  command: Uint8Array,
  response: Uint8Array,
): ExchangeDescription {
  const statusWord = response.length < 2 ? 0 : ((response.at(-2) ?? 0) << 8) | (response.at(-1) ?? 0);
  const answer = response.subarray(0, Math.max(0, response.length - 2));
  const apdu = attempt(() => (set.extendedLengths ? decodeExtendedCommand : decodeCommand)(command));
  const recognised = apdu && attempt(() => set.recognise(apdu));
  if (!apdu || !recognised) {
    return {
      name: apdu ? nameOf(set, apdu) : "malformed",
      fields: {},
      statusWord,
      command: apdu && apdu.data.length === 0 ? toHex(command) : REDACTED,
      response: answer.length === 0 ? toHex(response) : REDACTED,
    };
  }
  const { row } = recognised;
  return {
    name: row.name,
    fields: { ...requestFields(recognised), ...responseFields(row, answer) },
    statusWord,
    command: row.secretRequest.length === 0 ? toHex(command) : REDACTED,
    response: row.secretResponse.length === 0 || answer.length === 0 ? toHex(response) : REDACTED,
  };
}

function requestFields({ row, request }: RecognisedCommand): Record<string, FieldValue> {
  return visible(request, row.secretRequest);
}

function responseFields(row: Command, answer: Uint8Array): Record<string, FieldValue> {
  const response = answer.length === 0 ? undefined : attempt(() => row.response.read(new Reader(answer)));
  return response ? visible(response, row.secretResponse) : {};
}

function visible(fields: Fields, secret: readonly string[]): Record<string, FieldValue> {
  const shown: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (secret.includes(name)) shown[name] = REDACTED;
    else if (value instanceof Uint8Array) shown[name] = toHex(value);
    else if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") shown[name] = value;
  }
  return shown;
}

function nameOf(set: CommandRecogniser, apdu: CommandApdu): string {
  const ins = apdu.ins.toString(16).padStart(2, "0").toUpperCase();
  return set.rowsOf(apdu)[0]?.name ?? `Unknown${ins}`;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // Whatever is wrong with the bytes, the two ends say so themselves; a description only has less to show.
    return undefined;
  }
}
