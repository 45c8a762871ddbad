import { equal, utf8Bytes } from "../codec/index.ts";
import type { ClientConfig } from "./client-config.ts";
import { TlsError } from "./errors.ts";

/** The protocol that a server chose, which must be one that was offered. RFC 7301, section 3.2 */
export function chosenProtocol(config: ClientConfig, chosen: readonly [Uint8Array] | undefined): string | undefined {
  if (chosen === undefined) return undefined;
  const name = config.alpn.find((offered) => equal(utf8Bytes(offered), chosen[0]));
  if (name === undefined) throw new TlsError("bad-alpn", "the server chose a protocol that was not offered");
  return name;
}
