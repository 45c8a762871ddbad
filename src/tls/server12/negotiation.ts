import type { NamedGroup } from "../../crypto/index.ts";
import { TlsError } from "../errors.ts";
import { decodeExtensions, encodeExtensions, type ExtensionsOf, type RawExtension } from "../extensions.ts";
import { GROUPS } from "../groups.ts";
import type { ClientHello } from "../messages.ts";
import { keyKindOf, schemeFitsKey, schemeName, SIGNATURE_SCHEMES, type SignatureScheme } from "../signature-schemes.ts";
import { VERSIONS } from "../state.ts";
import { type Suite12, SUITES_12 } from "../suites.ts";
import { type ServerConfig, staticGroup } from "./server-config.ts";
import type { ServerSuite } from "./server-suites.ts";

/** Signaling values among the suites. RFC 5746, section 3.3; RFC 7507, section 2 */
const SCSV = { renegotiation: 0x00ff, fallback: 0x5600 };

/** How the keys are agreed on: with a key pair of this handshake, which is signed, or with the certificate's own. */
export type Exchange12 =
  | { readonly kind: "ecdhe"; readonly group: NamedGroup; readonly scheme: SignatureScheme }
  | { readonly kind: "ecdh"; readonly group: NamedGroup };

/** What a ClientHello and the server's configuration have in common. */
export type Negotiated = {
  readonly suiteName: ServerSuite;
  readonly exchange: Exchange12;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  /** What server_name holds, or nothing. */
  readonly servername: string;
  readonly clientRandom: Uint8Array;
  /** What the ServerHello answers to the client's extensions. */
  readonly extensions: readonly RawExtension[];
};

/** A hello that is sound, with its extensions by name. */
export type JudgedHello = { readonly hello: ClientHello; readonly extensions: ExtensionsOf<"client_hello"> };

/** Refuses what no server may answer: a version, a compression or a renegotiation that cannot be. RFC 5246, section 7.4.1.2 */
export function judgeHello(hello: ClientHello): JudgedHello {
  const offers12 = offersTls12(hello);
  if (hello.cipherSuites.includes(SCSV.fallback) && hello.legacyVersion < VERSIONS["TLSv1.2"]) {
    throw new TlsError("needless-fallback", "the client fell back to a version below TLS 1.2");
  }
  if (!offers12) throw new TlsError("no-common-version", `the client offers up to ${versionText(hello.legacyVersion)}`);
  if (!hello.compressionMethods.includes(0))
    throw new TlsError("bad-compression", "the client offers no plain records");
  const extensions = decodeExtensions("client_hello", hello.extensions);
  if (extensions.renegotiation_info && extensions.renegotiation_info.length > 0) {
    throw new TlsError("insecure-renegotiation", "renegotiation_info of a first handshake is not empty");
  }
  // RFC 8422, section 5.1.2: a list that is there must hold the uncompressed form.
  if (extensions.ec_point_formats?.includes(0) === false) {
    throw new TlsError("bad-point-formats", "uncompressed is not among the client's point formats");
  }
  return { hello, extensions };
}

/** The list counts where there is one. RFC 8446, section 4.2.1 */
function offersTls12({ legacyVersion, extensions }: ClientHello): boolean {
  const only = extensions.filter(({ type }) => type === SUPPORTED_VERSIONS);
  const { supported_versions: versions } = decodeExtensions("client_hello", only);
  return versions ? versions.includes(VERSIONS["TLSv1.2"]) : legacyVersion >= VERSIONS["TLSv1.2"];
}

const SUPPORTED_VERSIONS = 0x002b;

/** The server's most preferred suite that the client can use too; throws `no-common-suite`. RFC 5246, section 7.4.1.3; RFC 8422, section 5.1 */
export function negotiate(config: ServerConfig, { hello, extensions }: JudgedHello): Negotiated {
  const reasons: string[] = [];
  for (const suiteName of config.suites) {
    if (!hello.cipherSuites.includes(SUITES_12[suiteName].code)) continue;
    const exchange = exchangeFor(config, SUITES_12[suiteName], extensions);
    if (typeof exchange !== "string") return negotiated({ hello, extensions }, suiteName, exchange);
    reasons.push(`${suiteName}: ${exchange}`);
  }
  const why = reasons.length > 0 ? reasons.join("; ") : `none of ${hello.cipherSuites.length} offered suites is ours`;
  throw new TlsError("no-common-suite", why);
}

function negotiated({ hello, extensions }: JudgedHello, suiteName: ServerSuite, exchange: Exchange12): Negotiated {
  const extendedMasterSecret = extensions.extended_master_secret === true;
  // RFC 7366, section 3: only where it changes something.
  const encryptThenMac = extensions.encrypt_then_mac === true && suiteName.includes("_CBC_");
  const confirmsRenegotiation =
    extensions.renegotiation_info !== undefined || hello.cipherSuites.includes(SCSV.renegotiation);
  return {
    suiteName,
    exchange,
    extendedMasterSecret,
    encryptThenMac,
    servername: servernameOf(extensions),
    clientRandom: hello.random,
    extensions: encodeExtensions("server_hello", {
      ...(extendedMasterSecret ? { extended_master_secret: true as const } : {}),
      ...(encryptThenMac ? { encrypt_then_mac: true as const } : {}),
      ...(confirmsRenegotiation ? { renegotiation_info: new Uint8Array(0) } : {}),
      ...(extensions.ec_point_formats ? { ec_point_formats: [0] } : {}),
    }),
  };
}

/** The name that the client asks for, or nothing. RFC 6066, section 3 */
export function servernameOf({ server_name: names }: ExtensionsOf<"client_hello">): string {
  return String.fromCharCode(...(names?.[0]?.name ?? []));
}

/** How a suite's keys can be agreed on with this client, or why they cannot. */
function exchangeFor(
  config: ServerConfig,
  { keyExchange }: Suite12,
  { supported_groups: groups, signature_algorithms: schemes }: ExtensionsOf<"client_hello">,
): Exchange12 | string {
  const accepts = (group: NamedGroup) => groups === undefined || groups.includes(GROUPS[group].code);
  const own = staticGroup(config);
  // The certificate's curve must be one of the client's too. RFC 8422, section 5.1
  if (!accepts(own)) return `the client does not offer ${own}, the curve of the certificate`;
  if (keyExchange === "ECDH") return { kind: "ecdh", group: own };
  const group = config.groups.find(accepts);
  if (!group) return "no common group";
  const key = keyKindOf(config.publicKey);
  const scheme = (schemes ?? [])
    .map(schemeName)
    .find(
      (name) =>
        name !== undefined &&
        key !== undefined &&
        schemeFitsKey(name, key, "TLSv1.2") &&
        config.algorithms.includes(SIGNATURE_SCHEMES[name].algorithm),
    );
  // Without the extension SHA-1 is meant, which is never made here. RFC 5246, section 7.4.1.4.1
  return scheme ? { kind: "ecdhe", group, scheme } : "no common signature algorithm";
}

function versionText(version: number): string {
  return `version 0x${version.toString(16).padStart(4, "0")}`;
}
