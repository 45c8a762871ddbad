import { DecodeError, decode, fixed, opaque, Reader, struct, u16, u8, type ValueOf } from "../codec/index.ts";

/**
 * The two forms of T=1 over I2C: NXP's own, which parts of this family speak, and GlobalPlatform's T=1', which an SE051
 * can be ordered with.
 */
export type T1Form = "nxp" | "gp";

/**
 * Blocks of T=1 over I2C: address byte, control byte, length, information, and a checksum of two bytes over all before it.
 *
 *     nxp: NAD 5A (to the chip) or A5 (from it) | PCB | LEN, 1 byte | INF, 0..254 | CRC, low byte first
 *     gp:  the same                             | PCB | LEN, 2 bytes| INF, 0..254 | CRC, high byte first
 *
 * ISO/IEC 7816-3, section 11.3; NXP UM11225, section 3; GPC APDU Transport over SPI/I2C
 */
export type T1Block =
  | { readonly kind: "information"; readonly sequence: Bit; readonly more: boolean; readonly information: Uint8Array }
  /** Asks for the block of this number; with an error, because what came was none. */
  | { readonly kind: "receive-ready"; readonly sequence: Bit; readonly error: T1ReceiveError }
  | {
      readonly kind: "supervisory";
      readonly what: T1Supervision;
      readonly isResponse: boolean;
      readonly information: Uint8Array;
    };

export type Bit = 0 | 1;

/** Who sends a block. NXP UM11225, section 3.1.1 */
export const T1_ADDRESS = { toChip: 0x5a, fromChip: 0xa5 } as const;

export type T1Address = (typeof T1_ADDRESS)[keyof typeof T1_ADDRESS];

/**
 * What supervisory blocks are about. ISO/IEC 7816-3, section 11.3.2.2; those from 04 on are NXP's, UM11225, section 3.1.2.
 * In T=1' 04 asks for the interface's parameters, 06 releases the chip instead of resetting it, and 0F resets without
 * telling the parameters.
 */
export const T1_SUPERVISION = {
  resynchronise: 0x00,
  informationSize: 0x01,
  abort: 0x02,
  waitingTime: 0x03,
  interfaceParameters: 0x04,
  endOfSession: 0x05,
  chipReset: 0x06,
  answerToReset: 0x07,
  interfaceReset: 0x0f,
} as const;

export type T1Supervision = (typeof T1_SUPERVISION)[keyof typeof T1_SUPERVISION];

/** Why a block is asked for again. ISO/IEC 7816-3, section 11.3.2.2 */
export const T1_RECEIVE_ERROR = { none: 0, checksum: 1, other: 2 } as const;

export type T1ReceiveError = (typeof T1_RECEIVE_ERROR)[keyof typeof T1_RECEIVE_ERROR];

/** The most bytes that one block carries. ISO/IEC 7816-3, section 11.4.2 */
export const T1_MAX_INFORMATION = 254;

/** The most that T=1' lets blocks carry. GPC APDU Transport over SPI/I2C */
const GP_MAX_INFORMATION = 4089;

/** Bytes before the information; those behind the second say how much follows. */
export const T1_HEADER_LENGTH: Readonly<Record<T1Form, number>> = { nxp: 3, gp: 4 };
const LENGTH_BYTES = { nxp: 1, gp: 2 } as const satisfies Readonly<Record<T1Form, number>>;
const CHECKSUM_LENGTH = 2;

/** How many bytes follow a header: information and checksum; no more than a block can have, whatever the header says. */
export function t1BytesAfter(header: Uint8Array, form: T1Form = "nxp"): number {
  const length = header.subarray(2, T1_HEADER_LENGTH[form]).reduce((sum, byte) => (sum << 8) | byte, 0);
  return Math.min(length, T1_MAX_INFORMATION + 1) + CHECKSUM_LENGTH;
}

/** Bytes of a block. Throws `DecodeError` `length` for more information than a block can carry. */
export function encodeT1(address: T1Address, block: T1Block, form: T1Form = "nxp"): Uint8Array {
  const information = block.kind === "receive-ready" ? new Uint8Array(0) : block.information;
  const { length } = information;
  if (length > T1_MAX_INFORMATION) {
    throw new DecodeError("length", `${length} bytes in a block`, T1_HEADER_LENGTH[form]);
  }
  const end = T1_HEADER_LENGTH[form] + length;
  const bytes = new Uint8Array(end + CHECKSUM_LENGTH);
  bytes[0] = address;
  bytes[1] = controlOf(block);
  // No block is longer than 254 bytes: a length of two bytes begins with 00.
  bytes[T1_HEADER_LENGTH[form] - 1] = length;
  bytes.set(information, T1_HEADER_LENGTH[form]);
  const sum = crc16(bytes.subarray(0, end));
  bytes[end] = form === "gp" ? sum >> 8 : sum;
  bytes[end + 1] = form === "gp" ? sum : sum >> 8;
  return bytes;
}

/** The block in bytes that came whole. Throws `DecodeError`: `encoding` where the checksum is wrong, else another code. */
export function decodeT1(address: T1Address, bytes: Uint8Array, form: T1Form = "nxp"): T1Block {
  const reader = new Reader(bytes);
  const found = reader.u8();
  const control = reader.u8();
  const information = reader.prefixed(LENGTH_BYTES[form], (body) => body.rest()).slice();
  const sumAt = reader.at;
  const [first, second] = [reader.u8(), reader.u8()];
  const sum = form === "gp" ? (first << 8) | second : first | (second << 8);
  reader.end();
  if (sum !== crc16(bytes.subarray(0, sumAt))) throw new DecodeError("encoding", "a block's checksum is wrong", sumAt);
  if (found !== address) throw new DecodeError("value", `a block for address 0x${found.toString(16)}`, 0);
  if (information.length > T1_MAX_INFORMATION) throw new DecodeError("length", "a block of 255 bytes", 2);
  return blockOf(control, information, form);
}

const RECEIVE_READY = 0x80;
const SUPERVISORY = 0xc0;
const RESPONSE = 0x20;
const MORE = 0x20;

function controlOf(block: T1Block): number {
  switch (block.kind) {
    case "information":
      return (block.sequence << 6) | (block.more ? MORE : 0);
    case "receive-ready":
      return RECEIVE_READY | (block.sequence << 4) | block.error;
    default:
      return SUPERVISORY | (block.isResponse ? RESPONSE : 0) | block.what;
  }
}

function blockOf(control: number, information: Uint8Array, form: T1Form): T1Block {
  const unknown = () => new DecodeError("value", `a block of control 0x${control.toString(16)}`, 1);
  if (control < RECEIVE_READY) {
    if ((control & 0x1f) !== 0) throw unknown();
    return { kind: "information", sequence: control & 0x40 ? 1 : 0, more: (control & MORE) !== 0, information };
  }
  if (control < SUPERVISORY) {
    const error = Object.values(T1_RECEIVE_ERROR).find((each) => each === (control & 0x0f));
    if (error === undefined || (control & 0x20) !== 0 || information.length > 0) throw unknown();
    return { kind: "receive-ready", sequence: control & 0x10 ? 1 : 0, error };
  }
  const what = Object.values(T1_SUPERVISION).find((each) => each === (control & 0x1f));
  if (what === undefined || (what === T1_SUPERVISION.interfaceParameters && form !== "gp")) throw unknown();
  return { kind: "supervisory", what, isResponse: (control & RESPONSE) !== 0, information };
}

/** The cyclic redundancy check of ISO/IEC 13239: polynomial 1021 reflected, all ones before and after. */
export function crc16(bytes: Uint8Array): number {
  let sum = 0xffff;
  for (const byte of bytes) sum = (sum >> 8) ^ (CRC_OF_BYTE[(sum ^ byte) & 0xff] ?? 0);
  return sum ^ 0xffff;
}

/** What each byte does to the sum. */
const CRC_OF_BYTE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >> 1) ^ 0x8408 : sum >> 1;
  return sum;
});

const LINK = struct({ waitingTimeMs: u16, informationSize: u16 });
const ANSWER = struct({
  version: u8,
  vendor: fixed(5),
  link: opaque(1),
  physicalLayer: u8,
  physical: opaque(1),
  historical: opaque(1),
});

/** What a chip says about itself when its interface is reset, as far as a host needs it. */
export type T1AnswerToReset = ValueOf<typeof LINK> & {
  /** How long a host leaves the bus alone before it asks again, in milliseconds. */
  readonly pollingTimeMs: number;
  readonly historical: Uint8Array;
};

/** Where the polling time is among the parameters of I2C: behind frequency and configuration. */
const POLLING_TIME = 3;

/** An answer to reset of T=1 over I2C. Throws `DecodeError`. NXP UM11225, section 4.1 */
export function decodeT1AnswerToReset(bytes: Uint8Array): T1AnswerToReset {
  const { link, physical, historical } = decode(ANSWER, bytes);
  const limits = linkOf(link, T1_MAX_INFORMATION);
  return { ...limits, pollingTimeMs: Math.max(1, physical[POLLING_TIME] ?? 1), historical };
}

const PARAMETERS = struct({
  version: u8,
  issuer: opaque(1),
  physicalLayer: u8,
  physical: opaque(1),
  link: opaque(1),
  historical: opaque(1),
});
const I2C_PARAMETERS = struct({
  configuration: u8,
  wakeUpTimeMs: u8,
  maxClockKhz: u16,
  powerSavingTimeMs: u8,
  pollingTime: u8,
  guardTime: u16,
});
const OVER_I2C = 0x02;

/** The interface's parameters (CIP) of T=1' over I2C, whose polling time counts tenths of a millisecond. Throws `DecodeError`. GPC APDU Transport over SPI/I2C */
export function decodeT1Parameters(bytes: Uint8Array): T1AnswerToReset {
  const { physicalLayer, physical, link, historical } = decode(PARAMETERS, bytes);
  if (physicalLayer !== OVER_I2C) throw new DecodeError("value", `an interface of kind ${physicalLayer}`, 0);
  const { pollingTime } = decode(I2C_PARAMETERS, physical);
  const limits = linkOf(link, GP_MAX_INFORMATION);
  return { ...limits, pollingTimeMs: Math.max(1, Math.ceil(pollingTime / 10)), historical };
}

/** A chip's own limits; blocks of T=1' may be longer than this end ever makes them. */
function linkOf(bytes: Uint8Array, longest: number): ValueOf<typeof LINK> {
  const { waitingTimeMs, informationSize } = decode(LINK, bytes);
  if (informationSize < 1 || informationSize > longest) {
    throw new DecodeError("value", `blocks of ${informationSize} bytes`, 9);
  }
  if (waitingTimeMs === 0) throw new DecodeError("value", "no time to answer in", 7);
  return { waitingTimeMs, informationSize };
}

/** A supervisory block. */
export function supervisory(
  what: T1Supervision,
  isResponse: boolean,
  information: Uint8Array = new Uint8Array(0),
): T1Block {
  return { kind: "supervisory", what, isResponse, information };
}

/** The other of two numbers. */
export function other(bit: Bit): Bit {
  return bit === 0 ? 1 : 0;
}
