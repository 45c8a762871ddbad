import { concat, utf8Bytes } from "../codec/index.ts";
import { HASH_LENGTH, type Hash, type NamedGroup } from "../crypto/index.ts";
import { type ClientConfig, offeredSuites, serverNameIndication } from "./client-config.ts";
import { encodeExtensions, type ExtensionsOf } from "./extensions.ts";
import { GROUPS } from "./groups.ts";
import { KeySchedule13 } from "./key-schedule13.ts";
import { clientHello, handshakeMessage, type HandshakeMessage } from "./messages.ts";
import { FRAGMENT_LENGTH_CODES } from "./records.ts";
import type { OfferedPsk } from "./sessions.ts";
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
  readonly psks: readonly OfferedPsk[];
  /** Given back to a server that asked for another hello. */
  readonly cookie?: Uint8Array;
};

/** A hello that was sent, and what it offered. */
export type SentHello = HelloContent & { readonly message: HandshakeMessage; readonly offered: ReadonlySet<number> };

/** The hello of a configuration; `before` are the messages before it, which PSK binders cover. RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2 */
export function buildHello(config: ClientConfig, content: HelloContent, before: Uint8Array): SentHello {
  const extensions = encodeExtensions("client_hello", helloExtensions(config, content));
  const message = handshakeMessage("client_hello", clientHello, {
    legacyVersion: VERSIONS["TLSv1.2"],
    random: content.random,
    legacySessionId: content.sessionId,
    cipherSuites: offeredSuites(config).map((name) => SUITES[name].code),
    compressionMethods: [0],
    extensions,
  });
  if (content.psks.length > 0) fillBinders(config.hash, message, content.psks, before);
  return { ...content, message, offered: new Set(extensions.map(({ type }) => type)) };
}

/** The pre-shared keys of a configuration: of a session, and of both sides' agreement. RFC 8446, section 4.2.11 */
export function offeredPsks({ session, psk, versions }: ClientConfig): OfferedPsk[] {
  if (!versions.includes("TLSv1.3")) return [];
  const offered: OfferedPsk[] = [];
  if (session?.session.version === "TLSv1.3") {
    const { ticket, psk: key, suite, ageAdd } = session.session;
    const obfuscatedAge = (Math.floor(session.ageMs) + ageAdd) % 0x100000000;
    offered.push({ kind: "resumption", identity: ticket, key, hash: SUITES[suite].hash, obfuscatedAge });
  }
  if (psk) offered.push({ kind: "external", ...psk, obfuscatedAge: 0 });
  return offered;
}

function helloExtensions(config: ClientConfig, { share, cookie, psks }: HelloContent): ExtensionsOf<"client_hello"> {
  const name = serverNameIndication(config.servername);
  return {
    ...(name === undefined ? {} : { server_name: [{ type: 0, name: utf8Bytes(name) }] }),
    ...(config.versions.includes("TLSv1.2") ? extensionsOf12(config) : {}),
    ...(config.maxFragmentLength ? { max_fragment_length: FRAGMENT_LENGTH_CODES[config.maxFragmentLength] } : {}),
    ...(config.recordSizeLimit ? { record_size_limit: config.recordSizeLimit } : {}),
    ...(config.asksStatus ? { status_request: { type: 1, responders: NOBODY, extensions: NOBODY } } : {}),
    supported_groups: config.groups.map((group) => GROUPS[group].code),
    signature_algorithms: config.schemes.map((scheme) => SIGNATURE_SCHEMES[scheme].code),
    ...(config.alpn.length === 0 ? {} : { application_layer_protocol_negotiation: config.alpn.map(utf8Bytes) }),
    ...(share && config.versions.includes("TLSv1.3") ? extensionsOf13(config, share, psks) : {}),
    ...(cookie ? { cookie } : {}),
  };
}

/** No responder in particular, no extensions. */
const NOBODY = new Uint8Array(0);

function extensionsOf12(config: ClientConfig): ExtensionsOf<"client_hello"> {
  const { wantsSessions, session } = config;
  const ticket = session?.session.version === "TLSv1.2" ? session.session.ticket : undefined;
  return {
    ...(offersCbc(config) ? { encrypt_then_mac: true as const } : {}),
    // A chip that can only seed with the randoms cannot keep its word here. RFC 7627, section 5.2
    ...(config.secretsElsewhere?.extendedMasterSecret === false ? {} : { extended_master_secret: true as const }),
    renegotiation_info: new Uint8Array(0),
    ec_point_formats: [0],
    ...(wantsSessions || ticket ? { session_ticket: ticket ?? new Uint8Array(0) } : {}),
  };
}

function offersCbc(config: ClientConfig): boolean {
  return offeredSuites(config).some((name) => name.includes("_CBC_"));
}

/** RFC 8446, section 4.2.9: with a pre-shared key there is always a key agreement too. */
const PSK_DHE_KE = 1;

function extensionsOf13(
  config: ClientConfig,
  { group, publicKey }: OfferedShare,
  psks: readonly OfferedPsk[],
): ExtensionsOf<"client_hello"> {
  const usesPsk = psks.length > 0 || config.wantsSessions;
  return {
    supported_versions: config.versions.map((version) => VERSIONS[version]),
    key_share: [{ group: GROUPS[group].code, keyExchange: publicKey }],
    ...(usesPsk ? { psk_key_exchange_modes: [PSK_DHE_KE] } : {}),
    ...(psks.length > 0
      ? {
          pre_shared_key: {
            identities: psks.map(({ identity, obfuscatedAge }) => ({ identity, obfuscatedAge })),
            binders: psks.map(({ hash }) => new Uint8Array(HASH_LENGTH[hash])),
          },
        }
      : {}),
  };
}

/** Binders prove that we hold the keys; they cover the hello up to themselves. RFC 8446, section 4.2.11.2 */
function fillBinders(hash: Hash, { raw }: HandshakeMessage, psks: readonly OfferedPsk[], before: Uint8Array): void {
  const bindersLength = psks.reduce((sum, psk) => sum + 1 + HASH_LENGTH[psk.hash], 0);
  const truncated = raw.slice(0, raw.length - bindersLength - 2);
  let at = truncated.length + 2;
  for (const psk of psks) {
    const schedule = new KeySchedule13(hash, psk.hash);
    const label = psk.kind === "external" ? "ext binder" : "res binder";
    const ofKey = () => schedule.deriveSecret(schedule.earlySecret(psk.key), label, schedule.emptyHash());
    const binderKey = psk.early?.binderKey ?? ofKey();
    raw.set(schedule.verifyData(binderKey, hash.digest(psk.hash, concat(before, truncated))), at + 1);
    at += 1 + HASH_LENGTH[psk.hash];
  }
}
