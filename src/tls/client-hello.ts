import { utf8Bytes } from "../codec/index.ts";
import type { NamedGroup } from "../crypto/index.ts";
import { type ClientConfig, offeredSuites, serverNameIndication } from "./client-config.ts";
import { encodeExtensions, type ExtensionsOf } from "./extensions.ts";
import { GROUPS } from "./groups.ts";
import { clientHello, handshakeMessage, type HandshakeMessage } from "./messages.ts";
import { SIGNATURE_SCHEMES } from "./signature-schemes.ts";
import { VERSIONS } from "./state.ts";
import { SUITES } from "./suites.ts";

/** Our half of a key agreement that is offered before the server has chosen. */
export type OfferedShare = { readonly group: NamedGroup; readonly publicKey: Uint8Array };

/** What distinguishes one hello from another of the same configuration. */
export type HelloContent = {
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /** Absent where TLS 1.3 is not offered. */
  readonly share: OfferedShare | undefined;
  /** Given back to a server that asked for another hello. */
  readonly cookie?: Uint8Array;
};

/** A hello that was sent, and what it offered. */
export type SentHello = HelloContent & { readonly message: HandshakeMessage; readonly offered: ReadonlySet<number> };

/** The hello of a configuration. RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2 */
export function buildHello(config: ClientConfig, content: HelloContent): SentHello {
  const extensions = encodeExtensions("client_hello", helloExtensions(config, content));
  const message = handshakeMessage("client_hello", clientHello, {
    legacyVersion: VERSIONS["TLSv1.2"],
    random: content.random,
    legacySessionId: content.sessionId,
    cipherSuites: offeredSuites(config).map((name) => SUITES[name].code),
    compressionMethods: [0],
    extensions,
  });
  return { ...content, message, offered: new Set(extensions.map(({ type }) => type)) };
}

function helloExtensions(config: ClientConfig, { share, cookie }: HelloContent): ExtensionsOf<"client_hello"> {
  const name = serverNameIndication(config.servername);
  return {
    ...(name === undefined ? {} : { server_name: [{ type: 0, name: utf8Bytes(name) }] }),
    ...(config.versions.includes("TLSv1.2") ? extensionsOf12() : {}),
    supported_groups: config.groups.map((group) => GROUPS[group].code),
    signature_algorithms: config.schemes.map((scheme) => SIGNATURE_SCHEMES[scheme].code),
    ...(config.alpn.length === 0 ? {} : { application_layer_protocol_negotiation: config.alpn.map(utf8Bytes) }),
    ...(share ? extensionsOf13(config, share) : {}),
    ...(cookie ? { cookie } : {}),
  };
}

function extensionsOf12(): ExtensionsOf<"client_hello"> {
  return { extended_master_secret: true, renegotiation_info: new Uint8Array(0), ec_point_formats: [0] };
}

function extensionsOf13(config: ClientConfig, { group, publicKey }: OfferedShare): ExtensionsOf<"client_hello"> {
  return {
    supported_versions: config.versions.map((version) => VERSIONS[version]),
    key_share: [{ group: GROUPS[group].code, keyExchange: publicKey }],
  };
}
