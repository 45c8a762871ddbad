import {
  type Codec,
  decode,
  encode,
  literal,
  opaque,
  rest,
  struct,
  u16,
  u32,
  u8,
  type ValueOf,
  vector,
} from "../codec/index.ts";
import { TlsError } from "./errors.ts";

/** An extension as it stands on the wire. RFC 8446, section 4.2 */
export type RawExtension = { readonly type: number; readonly data: Uint8Array };

/** The block that ends a message; TLS 1.2 hellos may lack it altogether. RFC 8446, section 4.2 */
export const extensionBlock: Codec<readonly RawExtension[]> = vector(2, struct({ type: u16, data: opaque(2) }));

/** An extension that says all it has to say by being there. */
const present: Codec<true> = { write: () => undefined, read: () => true };

const hostNames = vector(2, struct({ type: literal(u8, 0), name: opaque(2, { min: 1 }) }), { min: 1 });
const codes = vector(2, u16, { min: 2 });

/** The one name or code that a server picks out of a client's list. */
function single<T>(list: Codec<readonly T[]>): Codec<readonly [T]> {
  return {
    write: (w, v) => list.write(w, v),
    read(r) {
      const [first, ...others] = list.read(r);
      if (first === undefined || others.length > 0) throw new TlsError("bad-alpn", "not exactly one protocol name");
      return [first];
    },
  };
}

const protocolNames = vector(2, opaque(1, { min: 1 }), { min: 2 });

const keyShareEntry = struct({ group: u16, keyExchange: opaque(2, { min: 1 }) });

/** Asks for an OCSP response of whatever responder. RFC 6066, section 8 */
const statusRequest = struct({ type: literal(u8, 1), responders: opaque(2), extensions: opaque(2) });

/** A stapled OCSP response, in TLS 1.2 a message of its own. RFC 6066, section 8 */
export const certificateStatus = struct({ type: literal(u8, 1), response: opaque(3, { min: 1 }) });

const offeredPsks = struct({
  identities: vector(2, struct({ identity: opaque(2, { min: 1 }), obfuscatedAge: u32 }), { min: 7 }),
  binders: vector(2, opaque(1, { min: 32 }), { min: 33 }),
});

/** Every extension, with its form in each message where it may stand; the client sends them in this order. */
export const EXTENSIONS = {
  /** RFC 6066, section 3 */
  server_name: { type: 0x0000, client_hello: hostNames, server_hello: present, encrypted_extensions: present },
  /** RFC 6066, section 4 */
  max_fragment_length: { type: 0x0001, client_hello: u8, server_hello: u8, encrypted_extensions: u8 },
  /** RFC 6066, section 8; RFC 8446, section 4.4.2.1 */
  status_request: {
    type: 0x0005,
    client_hello: statusRequest,
    server_hello: present,
    certificate: certificateStatus,
    certificate_request: present,
  },
  /** RFC 8449, section 4 */
  record_size_limit: { type: 0x001c, client_hello: u16, server_hello: u16, encrypted_extensions: u16 },
  /** RFC 7366, section 2 */
  encrypt_then_mac: { type: 0x0016, client_hello: present, server_hello: present },
  /** RFC 7627, section 5.1 */
  extended_master_secret: { type: 0x0017, client_hello: present, server_hello: present },
  /** RFC 5746, section 3.2 */
  renegotiation_info: { type: 0xff01, client_hello: opaque(1), server_hello: opaque(1) },
  /** RFC 8422, section 5.1.1; RFC 8446, section 4.2.7. Some TLS 1.2 servers send theirs; it may not be acted upon. */
  supported_groups: { type: 0x000a, client_hello: codes, server_hello: codes, encrypted_extensions: codes },
  /** RFC 8422, section 5.1.2 */
  ec_point_formats: { type: 0x000b, client_hello: vector(1, u8, { min: 1 }), server_hello: vector(1, u8, { min: 1 }) },
  /** RFC 8446, section 4.2.3 */
  signature_algorithms: { type: 0x000d, client_hello: codes, certificate_request: codes },
  /** RFC 7301, section 3.1 */
  application_layer_protocol_negotiation: {
    type: 0x0010,
    client_hello: protocolNames,
    server_hello: single(protocolNames),
    encrypted_extensions: single(protocolNames),
  },
  /** RFC 5077, section 3.2: empty asks for a ticket */
  session_ticket: { type: 0x0023, client_hello: rest, server_hello: present },
  /** RFC 8446, section 4.2.9 */
  psk_key_exchange_modes: { type: 0x002d, client_hello: vector(1, u8, { min: 1 }) },
  /** RFC 8446, section 4.2.1 */
  supported_versions: {
    type: 0x002b,
    client_hello: vector(1, u16, { min: 2 }),
    server_hello_13: u16,
    hello_retry_request: u16,
  },
  /** RFC 8446, section 4.2.2 */
  cookie: { type: 0x002c, client_hello: opaque(2, { min: 1 }), hello_retry_request: opaque(2, { min: 1 }) },
  /** RFC 8446, section 4.2.4 */
  certificate_authorities: { type: 0x002f, certificate_request: vector(2, opaque(2, { min: 1 }), { min: 3 }) },
  /** RFC 8446, section 4.2.8 */
  key_share: {
    type: 0x0033,
    client_hello: vector(2, keyShareEntry),
    server_hello_13: keyShareEntry,
    hello_retry_request: u16,
  },
  /** Always the last, for it signs what stands before it. RFC 8446, section 4.2.11 */
  pre_shared_key: { type: 0x0029, client_hello: offeredPsks, server_hello_13: u16 },
} as const satisfies Readonly<Record<string, ExtensionRow>>;

type ExtensionRow = { readonly type: number } & { readonly [M in ExtendedMessage]?: object };

/** The messages that carry extensions. */
export type ExtendedMessage =
  | "client_hello"
  | "server_hello"
  | "server_hello_13"
  | "hello_retry_request"
  | "encrypted_extensions"
  | "certificate"
  | "certificate_request"
  | "new_session_ticket";

export type ExtensionName = keyof typeof EXTENSIONS;
type Table = typeof EXTENSIONS;

/** The extensions of one message, by name; what is not there is absent. */
export type ExtensionsOf<M extends ExtendedMessage> = {
  readonly [N in ExtensionName as M extends keyof Table[N] ? N : never]?: M extends keyof Table[N]
    ? ValueOf<Table[N][M]>
    : never;
};

const NAMES = Object.keys(EXTENSIONS) as ExtensionName[];
const BY_TYPE: ReadonlyMap<number, ExtensionName> = new Map(NAMES.map((name) => [EXTENSIONS[name].type, name]));

/** How an extension is called in a message to a person. */
export function extensionName(type: number): string {
  return BY_TYPE.get(type) ?? `0x${type.toString(16).padStart(4, "0")}`;
}

/** Extensions in wire form, in the order of the table. */
export function encodeExtensions<M extends ExtendedMessage>(message: M, values: ExtensionsOf<M>): RawExtension[] {
  const found: RawExtension[] = [];
  for (const name of NAMES) {
    const codec = codecOf(name, message);
    const value = (values as Partial<Record<ExtensionName, unknown>>)[name];
    if (codec && value !== undefined) found.push({ type: EXTENSIONS[name].type, data: encode(codec, value) });
  }
  return found;
}

/**
 * Extensions by name, each at most once. With `offered`, the types that the client sent, anything else is refused as
 * unsolicited; without it (requests), what is unknown is left out. RFC 8446, section 4.2
 */
export function decodeExtensions<M extends ExtendedMessage>(
  message: M,
  extensions: readonly RawExtension[],
  offered?: ReadonlySet<number>,
): ExtensionsOf<M> {
  const values: Partial<Record<ExtensionName, unknown>> = {};
  const seen = new Set<number>();
  for (const { type, data } of extensions) {
    const place = `${extensionName(type)} in ${message}`;
    if (seen.has(type)) throw new TlsError("duplicate-extension", `a second ${place}`);
    seen.add(type);
    if (offered && !offered.has(type)) throw new TlsError("unsolicited-extension", `${place} was not offered`);
    const name = BY_TYPE.get(type);
    if (name === undefined) continue;
    const codec = codecOf(name, message);
    if (!codec) throw new TlsError("misplaced-extension", `${place} does not belong there`);
    values[name] = decode(codec, data);
  }
  return values as ExtensionsOf<M>;
}

function codecOf(name: ExtensionName, message: ExtendedMessage): Codec<unknown> | undefined {
  const row: { readonly [M in ExtendedMessage]?: unknown } = EXTENSIONS[name];
  return row[message] as Codec<unknown> | undefined;
}
