import type { Aead, Hash, NamedGroup, SignatureAlgorithm } from "../../crypto/index.ts";
import { ecPublicPoint } from "../../crypto/index.ts";
import type { Cbc } from "../cbc.ts";
import { misuse } from "../errors.ts";
import { GROUP_OF_CURVE } from "../groups.ts";
import type { Engine } from "../state.ts";
import { SUITES_12 } from "../suites.ts";
import { SERVER_SUITES, type ServerSuite } from "./server-suites.ts";
import type { ServerSessions } from "./session-cache.ts";

/** Whether clients must show a certificate, may, or are not asked. RFC 5246, section 7.4.4 */
export type ClientCertificates = "required" | "requested" | "none";

/** What a server does, and the synchronous cryptography it does it with. */
export type ServerConfig = {
  /** Most preferred first; the server's preference counts. */
  readonly suites: readonly ServerSuite[];
  /** For ephemeral agreements, most preferred first. */
  readonly groups: readonly NamedGroup[];
  /** DER, the server's own certificate first. */
  readonly chain: readonly Uint8Array[];
  /** DER SubjectPublicKeyInfo of an EC key. */
  readonly publicKey: Uint8Array;
  /** What the server's key can sign with. */
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly clientCertificates: ClientCertificates;
  /** DER names of the authorities whose certificates are accepted from clients. */
  readonly authorities: readonly Uint8Array[];
  /** Where sessions are kept to be resumed; without it each handshake is a whole one. */
  readonly sessions: ServerSessions | undefined;
  readonly hash: Hash;
  readonly aead: Aead;
  readonly cbc: Cbc;
};

/** The parts of a server's configuration that have a default. */
export type ServerConfigOptions = Partial<ServerConfig> &
  Pick<ServerConfig, "chain" | "publicKey" | "algorithms" | "hash" | "aead" | "cbc">;

/** What every state of a server's handshake carries. */
export type ServerHandshake = Engine & { readonly config: ServerConfig };

/** A whole configuration; throws `UsageError` `bad-option` for what cannot work. */
export function serverConfig(options: ServerConfigOptions): ServerConfig {
  const config: ServerConfig = {
    suites: SERVER_SUITES,
    groups: ["secp256r1", "x25519", "secp384r1"],
    clientCertificates: "none",
    authorities: [],
    sessions: undefined,
    ...options,
  };
  if (config.chain.length === 0) throw misuse("bad-option", "certificate is an empty chain");
  if (config.suites.length === 0) throw misuse("bad-option", "nothing to offer: suites is empty");
  for (const name of config.suites) {
    if (!SERVER_SUITES.includes(name)) throw misuse("bad-option", `the demonstration server does not speak ${name}`);
    if (SUITES_12[name].keyExchange === "ECDHE" && config.groups.length === 0) {
      throw misuse("bad-option", `${name} needs groups`);
    }
  }
  if (!ecPublicPoint(config.publicKey)) throw misuse("bad-option", "the demonstration server needs an EC key");
  if (config.clientCertificates !== "none" && config.authorities.length === 0) {
    throw misuse("bad-option", "clients cannot be asked for certificates without authorities to trust");
  }
  return config;
}

/** The group that the server's own key is on. RFC 8422, section 5.1.1 */
export function staticGroup({ publicKey }: Pick<ServerConfig, "publicKey">): NamedGroup {
  const point = ecPublicPoint(publicKey);
  if (!point) throw misuse("bad-option", "the demonstration server needs an EC key");
  return GROUP_OF_CURVE[point.curve];
}
