import { HawserError, Refused } from "../codec/index.ts";
import type { CallErrorCode, TokenErrorCode } from "./error-codes.ts";

/** What a program wants of the chip: only to look, to use a key, to agree with one, to make something or to erase it. */
export type Purpose = "read" | "use" | "agree" | "make" | "erase";

/** How a program is told of what the chip said, and whether the way to the chip still is good. */
export type ChipAnswer = { readonly code: CallErrorCode | TokenErrorCode; readonly isLinkGood: boolean };

/** What follows from any error of a chip's driver. Total: what is not listed is a device error on a broken way. */
export function chipAnswer(error: unknown, purpose: Purpose): ChipAnswer {
  if (error instanceof Refused && error.code === "status-word") {
    return { code: STATUS_WORD_ANSWERS[Number(error.wire)]?.[purpose] ?? "device-error", isLinkGood: true };
  }
  const listed = error instanceof HawserError ? DRIVER_ANSWERS[error.code] : undefined;
  return listed ?? { code: "device-error", isLinkGood: false };
}

type ByPurpose = Readonly<Partial<Record<Purpose, ChipAnswer["code"]>>>;

/** A key or a place that the chip's rules, or its state, keep from this use. */
const FORBIDDEN: ByPurpose = {
  use: "key-not-permitted",
  agree: "key-not-permitted",
  make: "write-protected",
  erase: "action-prohibited",
};

/**
 * By status word; a purpose that is not listed is a device error. PKCS #11 v2.40, section 11.1 has for a peer's key that
 * is no point both CKR_MECHANISM_PARAM_INVALID and CKR_PUBLIC_KEY_INVALID: the first, since the second has two numbers
 * in the headers that programs are built with. ISO/IEC 7816-4, section 5.6
 */
export const STATUS_WORD_ANSWERS: Readonly<Record<number, ByPurpose>> = {
  0x6581: { make: "device-memory", erase: "device-memory" },
  0x6700: {},
  // The chip demands a secure channel; with SE05x, also a session that the object's policy names.
  0x6882: FORBIDDEN,
  0x6982: FORBIDDEN,
  0x6985: FORBIDDEN,
  0x6986: FORBIDDEN,
  0x6a80: { agree: "mechanism-param-invalid", make: "write-protected", erase: "action-prohibited" },
  0x6a82: { use: "key-handle-invalid", agree: "key-handle-invalid", erase: "object-handle-invalid" },
  0x6a84: { make: "device-memory" },
  0x6a86: {},
  0x6a88: {},
  0x6d00: {
    use: "mechanism-invalid",
    agree: "mechanism-invalid",
    make: "function-not-supported",
    erase: "function-not-supported",
  },
  0x6e00: {},
  0x6f00: {},
};

const failed = (isLinkGood: boolean): ChipAnswer => ({ code: "device-error", isLinkGood });
const removed: ChipAnswer = { code: "device-removed", isLinkGood: false };

/** By the code that a driver throws. Drivers are known by their codes' names alone: this room knows no chip. */
export const DRIVER_ANSWERS: Readonly<Record<string, ChipAnswer>> = {
  "status-word": failed(true),
  "malformed-answer": failed(false),
  "malformed-frame": failed(false),
  "secure-channel": failed(false),
  "session-proof": failed(false),
  "connection-lost": failed(false),
  timeout: failed(false),
  "bus-silent": failed(false),
  "answer-lost": failed(false),
  "block-protocol": failed(false),
  "unknown-chip": removed,
  "bad-address": removed,
  "connection-refused": removed,
  "i2c-absent": removed,
  closed: removed,
  busy: failed(true),
  "bad-argument": failed(true),
  "object-exists": failed(true),
  "object-missing": { code: "object-handle-invalid", isLinkGood: true },
  "ephemeral-key-replaced": { code: "key-handle-invalid", isLinkGood: true },
  "lease-expired": failed(true),
  "not-in-chip": { code: "mechanism-invalid", isLinkGood: true },
  "storage-full": { code: "device-memory", isLinkGood: true },
};
