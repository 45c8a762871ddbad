import {
  type Codec,
  decode,
  encode,
  fixed,
  literal,
  opaque,
  Reader,
  rest,
  struct,
  u16,
  u32,
  u8,
  type ValueOf,
  vector,
  Writer,
} from "../codec/index.ts";
import { extensionBlock, type RawExtension } from "./extensions.ts";

/** Handshake message types. RFC 8446, section 4; RFC 5246, section 7.4 */
export const HANDSHAKE_TYPES = {
  hello_request: 0,
  client_hello: 1,
  server_hello: 2,
  new_session_ticket: 4,
  encrypted_extensions: 8,
  certificate: 11,
  server_key_exchange: 12,
  certificate_request: 13,
  server_hello_done: 14,
  certificate_verify: 15,
  client_key_exchange: 16,
  finished: 20,
  certificate_status: 22,
  key_update: 24,
  /** Stands in a transcript for the hash of a first ClientHello. RFC 8446, section 4.4.1 */
  message_hash: 254,
} as const;

export type HandshakeType = keyof typeof HANDSHAKE_TYPES;

const TYPE_NAMES: ReadonlyMap<number, HandshakeType> = new Map(
  (Object.keys(HANDSHAKE_TYPES) as HandshakeType[]).map((name) => [HANDSHAKE_TYPES[name], name]),
);

/** One handshake message: `raw` is what was on the wire, header and body, and is what gets hashed. */
export type HandshakeMessage = { readonly type: number; readonly body: Uint8Array; readonly raw: Uint8Array };

/** How a message type is called in a message to a person. */
export function messageName(type: number): string {
  return TYPE_NAMES.get(type) ?? `handshake type ${type}`;
}

/** A handshake message with its header. RFC 8446, section 4 */
export function handshakeMessage<T>(type: HandshakeType, codec: Codec<T>, value: T): HandshakeMessage {
  const body = encode(codec, value);
  const raw = new Writer(4 + body.length)
    .u8(HANDSHAKE_TYPES[type])
    .prefixed(3, (w) => w.bytes(body))
    .finish();
  return { type: HANDSHAKE_TYPES[type], body, raw };
}

/** Decodes a message's body with nothing left over. */
export function bodyOf<T>(codec: Codec<T>, message: HandshakeMessage): T {
  return decode(codec, message.body);
}

/** The extensions at the end of a hello, which TLS 1.2 allows to be missing. RFC 5246, section 7.4.1.3 */
const optionalExtensions: Codec<readonly RawExtension[]> = {
  write: (w, v) => void (v.length > 0 && extensionBlock.write(w, v)),
  read: (r) => (r.remaining === 0 ? [] : extensionBlock.read(r)),
};

/** RFC 5246, section 7.4.1.2; RFC 8446, section 4.1.2 */
export const clientHello = struct({
  legacyVersion: u16,
  random: fixed(32),
  legacySessionId: opaque(1, { max: 32 }),
  cipherSuites: vector(2, u16, { min: 2 }),
  compressionMethods: vector(1, u8, { min: 1 }),
  extensions: optionalExtensions,
});
export type ClientHello = ValueOf<typeof clientHello>;

/** RFC 5246, section 7.4.1.3; RFC 8446, section 4.1.3 */
export const serverHello = struct({
  legacyVersion: u16,
  random: fixed(32),
  legacySessionId: opaque(1, { max: 32 }),
  cipherSuite: u16,
  compressionMethod: u8,
  extensions: optionalExtensions,
});
export type ServerHello = ValueOf<typeof serverHello>;

/** A chain of DER certificates, the sender's own first; a client's may be empty. RFC 5246, section 7.4.2 */
export const certificate12 = vector(3, opaque(3, { min: 1 }));

/** ServerECDHParams of a named curve. RFC 8422, section 5.4 */
export const serverEcdhParams = struct({
  curveType: literal(u8, 3),
  namedCurve: u16,
  publicKey: opaque(1, { min: 1 }),
});

/** A signature with its scheme. RFC 5246, section 4.7; RFC 8446, section 4.4.3 */
export const digitallySigned = struct({ scheme: u16, signature: opaque(2) });

/** Parameters and their signature; `raw` are the parameters as received, which the signature covers. RFC 5246, section 7.4.3; RFC 8422, section 5.4 */
export type SignedParams<T> = {
  readonly params: T;
  readonly raw: Uint8Array;
  readonly signed: ValueOf<typeof digitallySigned>;
};

/** A ServerKeyExchange whose parameters are signed. */
export function serverKeyExchange<T>(codec: Codec<T>): Codec<SignedParams<T>> {
  return {
    write(w, v) {
      w.bytes(v.raw);
      digitallySigned.write(w, v.signed);
    },
    read(r) {
      const at = r.at;
      const whole = r.rest();
      const inner = new Reader(whole, at);
      const params = codec.read(inner);
      const raw = whole.subarray(0, inner.at - at);
      const signed = digitallySigned.read(inner);
      inner.end();
      return { params, raw, signed };
    },
  };
}

/** ServerDHParams: big-endian integers. RFC 5246, section 7.4.3 */
export const serverDhParams = struct({
  prime: opaque(2, { min: 1 }),
  generator: opaque(2, { min: 1 }),
  publicKey: opaque(2, { min: 1 }),
});

/** A hint and parameters without a signature. RFC 5489, section 2 */
export const serverEcdhePskExchange = struct({ hint: opaque(2), params: serverEcdhParams });

/** A server's hint which pre-shared key it means. RFC 4279, section 2 */
export const pskHint = opaque(2);

/** Our public key, the name of our pre-shared key, or both. RFC 5246, section 7.4.7.2; RFC 4279, section 2; RFC 5489, section 2 */
export const clientKeyExchangeDhe = opaque(2, { min: 1 });
export const clientKeyExchangePsk = opaque(2);
export const clientKeyExchangeEcdhePsk = struct({ identity: opaque(2), publicKey: opaque(1, { min: 1 }) });

/** RFC 5246, section 7.4.4; authorities are DER distinguished names */
export const certificateRequest12 = struct({
  certificateTypes: vector(1, u8, { min: 1 }),
  signatureSchemes: vector(2, u16, { min: 2 }),
  certificateAuthorities: vector(2, opaque(2, { min: 1 })),
});
export type CertificateRequest12 = ValueOf<typeof certificateRequest12>;

/** Client certificate types that a request may name. RFC 5246, section 7.4.4; RFC 8422, section 5.5 */
export const CLIENT_CERTIFICATE_TYPES = { rsa_sign: 1, ecdsa_sign: 64 } as const;

/** The client's ephemeral public key. RFC 8422, section 5.7 */
export const clientKeyExchangeEcdhe = opaque(1, { min: 1 });

/** RFC 8446, section 4.3.1 */
export const encryptedExtensions = extensionBlock;

/** Certificates with their extensions, behind the context of the request. RFC 8446, section 4.4.2 */
export const certificate13 = struct({
  context: opaque(1),
  entries: vector(3, struct({ certificate: opaque(3, { min: 1 }), extensions: extensionBlock })),
});

/** RFC 8446, section 4.3.2 */
export const certificateRequest13 = struct({ context: opaque(1), extensions: extensionBlock });

/** Whether the other side is to update its keys too. RFC 8446, section 4.6.3 */
export const keyUpdate = u8;
export const KEY_UPDATE_REQUESTS = { update_not_requested: 0, update_requested: 1 } as const;

/** RFC 5077, section 3.3; the lifetime is in seconds */
export const newSessionTicket12 = struct({ lifetime: u32, ticket: opaque(2) });

/** RFC 8446, section 4.6.1; the lifetime is in seconds */
export const newSessionTicket13 = struct({
  lifetime: u32,
  ageAdd: u32,
  nonce: opaque(1),
  ticket: opaque(2, { min: 1 }),
  extensions: extensionBlock,
});

/** verify_data; its length depends on version and hash. RFC 5246, section 7.4.9; RFC 8446, section 4.4.4 */
export const finished = rest;
