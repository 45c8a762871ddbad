import { type Codec, DecodeError, decode, encode, ProtocolError, Writer } from "../codec/index.ts";
import type { CommandApdu } from "./apdu.ts";
import type { Command, CommandTable, RequestOf, ResponseOf } from "./command.ts";
import type { ApduErrorCode } from "./errors.ts";
import type { Fields } from "./fields.ts";
import { SW_OK } from "./status-word.ts";

/** A command that was recognised: its key in the table, its row, and its fields. */
export type RecognisedCommand<Key extends string = string> = {
  readonly key: Key;
  readonly row: Command;
  readonly request: Fields;
};

type Fitting<Key extends string> = {
  readonly key: Key;
  readonly row: Command;
  readonly parameters: Fields;
  /** Whether all fields are in the data. */
  readonly isBare: boolean;
};

/** What it takes to name a command and its fields, whichever table it is from. */
export interface CommandRecogniser {
  /** Whether the chip takes extended lengths. */
  readonly extendedLengths: boolean;
  recognise(apdu: CommandApdu): RecognisedCommand;
  rowsOf(apdu: Pick<CommandApdu, "cla" | "ins">): readonly Command[];
}

/** A command table, ready to recognise commands and to build them. */
export class CommandSet<Table extends CommandTable> implements CommandRecogniser {
  readonly table: Table;
  readonly extendedLengths: boolean;
  readonly #rows = new Map<number, readonly (readonly [keyof Table & string, Command])[]>();
  readonly #classes = new Set<number>();
  /** Rows by header, as far as they were asked for: to find out which do not take it costs more than the rest. */
  readonly #fitting = new Map<number, readonly Fitting<keyof Table & string>[]>();

  constructor(table: Table, options: { readonly extendedLengths?: boolean } = {}) {
    this.table = table;
    this.extendedLengths = options.extendedLengths ?? false;
    for (const [key, row] of Object.entries(table)) {
      for (const flags of row.insFlags ?? [0]) {
        const id = (row.cla << 8) | row.ins | flags;
        this.#rows.set(id, [...(this.#rows.get(id) ?? []), [key, row]]);
      }
      this.#classes.add(row.cla);
    }
  }

  /** The rows that share a class and an instruction. */
  rowsOf({ cla, ins }: Pick<CommandApdu, "cla" | "ins">): readonly Command[] {
    return (this.#rows.get((cla << 8) | ins) ?? []).map(([, row]) => row);
  }

  /**
   * Finds the row that a command fits. Where none does, throws a `ProtocolError` whose `reply` is the status word:
   * 6E00 for the class, 6D00 for the instruction, 6A86 for P1 and P2, and the row's own for the data.
   */
  recognise(apdu: CommandApdu): RecognisedCommand<keyof Table & string> {
    const rows = this.#rows.get((apdu.cla << 8) | apdu.ins);
    if (!rows) {
      const reply = this.#classes.has(apdu.cla) ? 0x6d00 : 0x6e00;
      throw new ProtocolError<ApduErrorCode, number>("unknown-command", `no command ${idOf(apdu)}`, reply);
    }
    let mismatch: { row: Command; cause: DecodeError } | undefined;
    for (const { key, row, parameters, isBare } of this.#fittingRows(apdu, rows)) {
      const body = attempt(() => decode(row.body, apdu.data));
      const flags = row.insFlags ? { insFlags: apdu.ins & ~row.ins } : {};
      if (!(body instanceof DecodeError)) {
        return { key, row, request: isBare ? body : { ...parameters, ...body, ...flags } };
      }
      mismatch = { row, cause: body };
    }
    if (!mismatch) {
      throw new ProtocolError<ApduErrorCode, number>("wrong-parameters", `${idOf(apdu)} does not take these`, 0x6a86);
    }
    const { row, cause } = mismatch;
    const message = `${row.name} does not take ${apdu.data.length} bytes of this form`;
    throw new ProtocolError<ApduErrorCode, number>("wrong-request", message, row.malformed, { cause });
  }

  /** The rows that take a command's P1 and P2. What no row takes is not remembered: there is no end of that. */
  #fittingRows(
    { cla, ins, p1, p2 }: CommandApdu,
    rows: readonly (readonly [keyof Table & string, Command])[],
  ): readonly Fitting<keyof Table & string>[] {
    const id = ((cla << 24) | (ins << 16) | (p1 << 8) | p2) >>> 0;
    const known = this.#fitting.get(id);
    if (known) return known;
    const header = Uint8Array.of(p1, p2);
    const fitting = rows.flatMap(([key, row]) => {
      const parameters = attempt(() => decode(row.parameters, header));
      if (parameters instanceof DecodeError) return [];
      return [{ key, row, parameters, isBare: !row.insFlags && Object.keys(parameters).length === 0 }];
    });
    if (fitting.length > 0) this.#fitting.set(id, fitting);
    return fitting;
  }

  /** The command of a row with these fields. Throws `DecodeError` where a field does not fit. */
  build<Key extends keyof Table & string>(key: Key, request: RequestOf<Table[Key]>): CommandApdu {
    const row: Command = this.#row(key);
    const fields = request as Fields;
    const parameters = new Writer(2);
    row.parameters.write(parameters, fields);
    const [p1 = 0, p2 = 0] = parameters.finish();
    const flags = row.insFlags && typeof fields.insFlags === "number" ? fields.insFlags : 0;
    const command = { cla: row.cla, ins: row.ins | flags, p1, p2, data: encode(row.body, fields) };
    return row.le === undefined ? command : { ...command, le: row.le };
  }

  /** The fields of a row's answer. Throws `DecodeError` where it has another form. */
  readResponse<Key extends keyof Table & string>(key: Key, data: Uint8Array): ResponseOf<Table[Key]> {
    return decode(this.#row(key).response, data) as ResponseOf<Table[Key]>;
  }

  /** The answer data of a row with these fields. */
  writeResponse(row: Command, response: Fields): Uint8Array {
    return encode(row.response, response);
  }

  /** The whole answer of a row with these fields: its data and, of a command that succeeded, 9000. */
  writeAnswer(row: Command, response: Fields): Uint8Array {
    return encode(ANSWER, { row, response });
  }

  #row(key: keyof Table & string): Command {
    // Every key of the table has a row; the index signature only widens the type.
    return this.table[key] as Command;
  }
}

const ANSWER: Pick<Codec<{ readonly row: Command; readonly response: Fields }>, "write"> = {
  write(w, { row, response }) {
    row.response.write(w, response);
    w.u16(SW_OK);
  },
};

function attempt<T>(read: () => T): T | DecodeError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

function idOf({ cla, ins, p1, p2 }: CommandApdu): string {
  return [cla, ins, p1, p2].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
