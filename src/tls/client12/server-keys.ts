import type { NamedGroup } from "../../crypto/index.ts";
import type { ClientConfig } from "../client-config.ts";
import { TlsError } from "../errors.ts";
import { groupName, isPublicKeyOf } from "../groups.ts";
import {
  bodyOf,
  type HandshakeMessage,
  pskHint,
  serverDhParams,
  serverEcdhParams,
  serverEcdhePskExchange,
  serverKeyExchange,
  type SignedParams,
} from "../messages.ts";
import { schemeName } from "../signature-schemes.ts";
import type { KeyExchange } from "../suites.ts";
import type { ServerKeys, SignedPart } from "./server-parameters.ts";

const MIN_DH_BYTES = 256;
const MAX_DH_BYTES = 1024;

/** A ServerKeyExchange, checked against what was offered; its signature is not verified yet. RFC 5246, section 7.4.3; RFC 8422, section 5.4; RFC 5489, section 2 */
export function readServerKeys(config: ClientConfig, exchange: KeyExchange, message: HandshakeMessage): ServerKeys {
  switch (exchange) {
    case "ECDHE": {
      const received = bodyOf(serverKeyExchange(serverEcdhParams), message);
      const { namedCurve, publicKey } = received.params;
      const group = offeredGroup(config, namedCurve, publicKey);
      return { kind: "ecdhe", group, publicKey, signed: signedPart(config, received) };
    }
    case "DHE": {
      const received = bodyOf(serverKeyExchange(serverDhParams), message);
      checkDhGroup(received.params);
      return { kind: "dhe", ...received.params, signed: signedPart(config, received) };
    }
    case "ECDHE_PSK": {
      const { namedCurve, publicKey } = bodyOf(serverEcdhePskExchange, message).params;
      return { kind: "ecdhe_psk", group: offeredGroup(config, namedCurve, publicKey), publicKey };
    }
    default:
      bodyOf(pskHint, message);
      return { kind: "psk" };
  }
}

function offeredGroup(config: ClientConfig, code: number, publicKey: Uint8Array): NamedGroup {
  const group = groupName(code);
  if (group === undefined || !config.groups.includes(group)) {
    throw new TlsError("unoffered-group", `group 0x${code.toString(16).padStart(4, "0")}`);
  }
  if (!isPublicKeyOf(group, publicKey)) {
    throw new TlsError("bad-key-share", `${publicKey.length} bytes are no public key of ${group}`);
  }
  return group;
}

function signedPart<T>(config: ClientConfig, { raw, signed }: SignedParams<T>): SignedPart {
  const scheme = schemeName(signed.scheme);
  if (scheme === undefined || !config.schemes.includes(scheme)) {
    throw new TlsError("unoffered-scheme", `signature scheme 0x${signed.scheme.toString(16).padStart(4, "0")}`);
  }
  return { raw, scheme, signature: signed.signature };
}

type DhParams = { readonly prime: Uint8Array; readonly generator: Uint8Array; readonly publicKey: Uint8Array };

/** Size and range; a group of the server's own cannot be checked for more in reasonable time. RFC 7919, section 5.1; RFC 8446, section 4.2.8.1 */
function checkDhGroup({ prime, generator, publicKey }: DhParams): void {
  const p = integer(prime);
  const bytes = trimmed(prime).length;
  if (bytes < MIN_DH_BYTES || bytes > MAX_DH_BYTES || (p & 1n) === 0n) {
    throw new TlsError("weak-dh-group", `a Diffie-Hellman group of ${8 * bytes} bits`);
  }
  for (const value of [integer(generator), integer(publicKey)]) {
    if (value <= 1n || value >= p - 1n) throw new TlsError("bad-key-share", "a Diffie-Hellman value is out of range");
  }
}

function trimmed(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.subarray(bytes.length) : bytes.subarray(first);
}

function integer(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return value;
}
