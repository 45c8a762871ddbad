/**
 * The error classes of the whole project: the class says whose fault it is, the code says what happened.
 *
 * Every room declares its own codes in an `ErrorTable`; `docs/errors.md` is written from these tables.
 */

/** What every error code must explain: why it happens, and what to do about it. */
export type ErrorEntry = { readonly cause: string; readonly cure: string };

/** The codes of one room, each with its cause and its cure. */
export type ErrorTable = Readonly<Record<string, ErrorEntry>>;

/** What an error may carry besides its code and message. */
export type ErrorDetails = { readonly cause?: unknown };

/** The root of all errors thrown by Hawser; `code` is API, `message` is not. */
export abstract class HawserError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The codes of `codec`: what can be wrong with bytes. */
export const CODEC_ERRORS = {
  truncated: {
    cause: "The bytes end before the value does.",
    cure: "Check that the whole message arrived, and that a length field in it is right.",
  },
  trailing: {
    cause: "Bytes are left over after the value.",
    cure: "Check the length that framed the value; a second value may have been glued to it.",
  },
  value: {
    cause: "A field holds a value that its specification does not allow.",
    cure: "Look at the named offset; the sender is broken, or speaks another version.",
  },
  length: {
    cause: "A length is outside the bounds that the specification sets.",
    cure: "Look at the named offset; split the data, or correct the sender.",
  },
  depth: {
    cause: "Values are nested deeper than the limit.",
    cure: "No legitimate message nests so deep; treat the sender as hostile or broken.",
  },
  encoding: {
    cause: "Text that stands for bytes (hex, base64, PEM) is malformed.",
    cure: "Look at the named offset in the text; copy the file again, unmodified.",
  },
} as const satisfies ErrorTable;

export type CodecErrorCode = keyof typeof CODEC_ERRORS;

/** The bytes are at fault; `at` is the offset of the first offending byte, counted from the outermost input. */
export class DecodeError extends HawserError<CodecErrorCode> {
  readonly at: number;

  constructor(code: CodecErrorCode, message: string, at: number, details: ErrorDetails = {}) {
    super(code, `${message} at byte ${at}`, details);
    this.at = at;
  }
}

/**
 * The peer broke the rules of a protocol.
 * `reply` is what the specification demands in answer: a TLS alert, an MQTT reason code, a status word.
 */
export class ProtocolError<Code extends string = string, Reply = unknown> extends HawserError<Code> {
  readonly reply: Reply;

  constructor(code: Code, message: string, reply: Reply, details: ErrorDetails = {}) {
    super(code, message, details);
    this.reply = reply;
  }
}

/** Nobody is at fault: the peer said no, within the rules. `wire` is the value that it sent. */
export class Refused<Code extends string = string, Wire = number> extends HawserError<Code> {
  readonly wire: Wire;

  constructor(code: Code, message: string, wire: Wire, details: ErrorDetails = {}) {
    super(code, message, details);
    this.wire = wire;
  }
}

/** Our caller is at fault: a method called in the wrong state, or with arguments that cannot work. */
export class UsageError<Code extends string = string> extends HawserError<Code> {}

/** A request cannot be carried out because of what exists already. */
export class Conflict<Code extends string = string> extends HawserError<Code> {}

/** A request names something that does not exist. */
export class NotFound<Code extends string = string> extends HawserError<Code> {}

/** A request is well-formed but not allowed. */
export class Denied<Code extends string = string> extends HawserError<Code> {}
