import { ProtocolError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";

/** An error that ends a secure channel. */
export function channelBroken(message: string, cause?: unknown): ProtocolError<HostErrorCode> {
  return new ProtocolError<HostErrorCode>("secure-channel", message, undefined, { cause });
}
