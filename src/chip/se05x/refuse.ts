import { Refused } from "../../codec/index.ts";
import type { ChipErrorCode } from "../errors.ts";

/** A refusal with a status word. */
export function refuse(statusWord: number, message: string): Refused<ChipErrorCode> {
  return new Refused<ChipErrorCode>("status-word", message, statusWord);
}
