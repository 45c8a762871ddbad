/** The interop matrix as data: rows of what our client speaks, columns of peers and keys, and why a cell is empty. */
import type { NamedGroup } from "../../src/crypto/index.ts";
import { isSuite13, type SuiteName, suiteOf, SUITES, type TlsVersion } from "../../src/tls/suites.ts";

/** The servers, with the versions at which the table was last seen to hold. */
export const PEERS = {
  openssl: "OpenSSL 3.0.22, `s_server`",
  gnutls: "GnuTLS 3.7.9, `gnutls-serv`",
  node: "Node 26.10.0, `node:tls` over OpenSSL 3.5.8",
  mbedtls: "mbedTLS 2.28.3, `test/interop/peers-c/mbedtls-server.c`",
  wolfssl: "wolfSSL 5.5.4, `test/interop/peers-c/wolfssl-server.c`",
} as const;

/** Who holds the key of the client's certificate, where there is one; a chip holds the pre-shared key of TLS 1.2, too. */
export const CLIENTS = {
  none: "no client certificate",
  ecdsa: "P-256 key in software",
  rsa: "RSA key in software",
  a71ch: "P-256 key in a simulated A71CH, over TCP; with a PSK, the PSK is there and the master secret is made there",
  a5000: "the same in a simulated A5000",
} as const;

export type PeerName = keyof typeof PEERS;
export type ClientName = keyof typeof CLIENTS;

export type Row = {
  readonly id: string;
  readonly suite: SuiteName;
  readonly version: TlsVersion;
  /** Offered alone where the row is about the group. */
  readonly group?: NamedGroup;
  /** The server's certificate; none where a pre-shared key stands for it. */
  readonly server: "ecdsa" | "rsa" | "ecdh" | undefined;
};

const CURVES = ["secp256r1", "secp384r1", "secp521r1", "x25519"] as const;
const GROUPS_13: readonly NamedGroup[] = [...CURVES, "ffdhe2048", "ffdhe3072", "X25519MLKEM768"];

/** Every suite; then every group that the versions agree on; then TLS 1.3 with a key that both sides were given. */
export const ROWS: readonly Row[] = [
  ...(Object.keys(SUITES) as SuiteName[]).map((suite) => suiteRow(suite)),
  ...GROUPS_13.map((group) => groupRow("TLS_AES_128_GCM_SHA256", group)),
  // The certificate is RSA: in TLS 1.2 the offered groups would bind the curve of an ECDSA one too.
  ...CURVES.map((group) => groupRow("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", group)),
  {
    id: "TLS_AES_128_GCM_SHA256, external PSK",
    suite: "TLS_AES_128_GCM_SHA256",
    version: "TLSv1.3",
    server: undefined,
  },
];

function suiteRow(suite: SuiteName): Row {
  const row = suiteOf(suite);
  if (row.version === "TLSv1.3") return { id: suite, suite, version: "TLSv1.3", server: "ecdsa" };
  const certificate = row.keyExchange === "ECDH" ? "ecdh" : row.authentication;
  return { id: suite, suite, version: "TLSv1.2", server: certificate === "psk" ? undefined : certificate };
}

function groupRow(suite: SuiteName, group: NamedGroup): Row {
  const version = isSuite13(suite) ? "TLSv1.3" : "TLSv1.2";
  return { id: `${suite}, ${group}`, suite, version, group, server: version === "TLSv1.3" ? "ecdsa" : "rsa" };
}

/** What becomes of a cell, and why where it is not a connection. */
export type Outcome =
  | { readonly does: "connects" }
  /** Connects, but the peer asks for no certificate that this client has. */
  | { readonly does: "withholds"; readonly because: string }
  /** The connection fails with the error's code, and the alert where the peer sends one. */
  | { readonly does: "fails"; readonly error: string; readonly alert?: string; readonly because: string }
  /** Nothing to try. */
  | { readonly does: "nothing"; readonly because: string };

/** What is to become of a row with a peer and a client. */
export function outcomeOf(peer: PeerName, row: Row, client: ClientName): Outcome {
  const rules = [...(client === "none" ? [] : WITHOUT_CERTIFICATES), ...RULES[peer]];
  return rules.find(({ holds }) => holds(row, client))?.outcome ?? { does: "connects" };
}

type Rule = { readonly holds: (row: Row, client: ClientName) => boolean; readonly outcome: Outcome };

const WITHOUT_CERTIFICATES: readonly Rule[] = [
  {
    holds: ({ version, server }) => server === undefined && version === "TLSv1.3",
    outcome: {
      does: "nothing",
      because: "a server that shows a PSK asks for no certificate (RFC 8446, section 4.3.2)",
    },
  },
  {
    holds: ({ suite }, client) => client === "a71ch" && suite === "TLS_PSK_WITH_AES_256_GCM_SHA384",
    outcome: { does: "nothing", because: "the chip makes master secrets with SHA-256 only" },
  },
  {
    holds: ({ server }, client) => server === undefined && !isChip(client),
    outcome: { does: "nothing", because: "suites of a PSK have no CertificateRequest (RFC 4279, section 2)" },
  },
];

export function isChip(client: ClientName): client is "a71ch" | "a5000" {
  return client === "a71ch" || client === "a5000";
}

/** The peer knows none of the suites or groups that it is offered. */
function refused(holds: Rule["holds"], because: string): Rule {
  return { holds, outcome: { does: "fails", error: "alert-received", alert: "handshake_failure", because } };
}

const startsWith =
  (...starts: string[]) =>
  ({ suite }: Row) =>
    starts.some((start) => suite.startsWith(start));
const isHybrid = ({ group }: Row) => group === "X25519MLKEM768";
const hasEcKey = (client: ClientName) => client !== "none" && client !== "rsa";

const NO_ECDHE_PSK_GCM = refused(
  startsWith("TLS_ECDHE_PSK_WITH_AES_128_GCM"),
  "has no suite of RFC 8442, which pairs ECDHE_PSK with AES-GCM",
);
const NO_STATIC_ECDH = refused(startsWith("TLS_ECDH_"), "has no suite of static ECDH");
const BINDS_CLIENT_CURVE: Rule = {
  holds: ({ version, group }, client) =>
    version === "TLSv1.2" && group !== undefined && group !== "secp256r1" && hasEcKey(client),
  outcome: {
    does: "fails",
    error: "alert-received",
    alert: "illegal_parameter",
    because: "takes a client certificate only on a curve that the client offers, and only this group is offered",
  },
};

const RULES: Readonly<Record<PeerName, readonly Rule[]>> = {
  openssl: [
    NO_ECDHE_PSK_GCM,
    NO_STATIC_ECDH,
    refused(isHybrid, "has the group from OpenSSL 3.5 on"),
    BINDS_CLIENT_CURVE,
  ],
  gnutls: [NO_ECDHE_PSK_GCM, NO_STATIC_ECDH, refused(isHybrid, "does not know the group")],
  node: [NO_ECDHE_PSK_GCM, NO_STATIC_ECDH, BINDS_CLIENT_CURVE],
  mbedtls: [refused(({ version }) => version === "TLSv1.3", "2.28 has no TLS 1.3"), NO_ECDHE_PSK_GCM],
  wolfssl: [
    refused(({ suite }) => suite === "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "has of AES-256-CCM only CCM_8"),
    refused(startsWith("TLS_PSK_WITH_AES"), "Debian builds it without WOLFSSL_STATIC_PSK"),
    refused(startsWith("TLS_ECDH_"), "Debian builds it without WOLFSSL_STATIC_DH"),
    {
      holds: isHybrid,
      outcome: {
        does: "fails",
        error: "needless-retry",
        alert: "illegal_parameter",
        because: "asks for another hello without naming a group, which RFC 8446, section 4.1.4 forbids",
      },
    },
    {
      holds: ({ version, server }, client) =>
        version === "TLSv1.2" && (server === "rsa" ? hasEcKey(client) : client === "rsa"),
      outcome: { does: "withholds", because: "asks in TLS 1.2 only for certificates of the kind that it has itself" },
    },
  ],
};
