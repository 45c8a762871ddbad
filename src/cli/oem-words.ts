import { type SuiteName, opensslSuiteName } from "../tls/index.ts";
import type { ServerSuite } from "../tls/server12/index.ts";
import { badOption } from "./errors.ts";

/** The credentials' names in their folder, as the scripts of AN12132 have them. AN12132, section 5.3 */
export const FILES = {
  rootKey: "tls_rootca_key.pem",
  root: "tls_rootca.cer",
  clientKey: "tls_client_key.pem",
  clientPublicKey: "tls_client_key_pub.pem",
  clientReference: "tls_client_key_ref.pem",
  clientRequest: "tls_client.csr",
  client: "tls_client.cer",
  serverKey: "tls_server_key.pem",
  serverRequest: "tls_server.csr",
  server: "tls_server.cer",
  psk: "tls_psk.hex",
} as const;

/** Slots of the chip that the demonstration uses. */
export const SLOTS = { identity: 0, agreement: 3, psk: 0 } as const;

/** The name that the server's certificate bears: a device knows its cloud by name, whatever the address. */
export const SERVER_NAME = "oem-cloud.example";

/** The name of the pre-shared key. RFC 4279, section 5.2 */
export const PSK_IDENTITY = "demo-device";

/** The port of the note's scripts. AN12132, section 5.7 */
export const PORT = 8080;

const ECDHE: readonly ServerSuite[] = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];
const ECDH: readonly ServerSuite[] = [
  "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256",
];

/** What a server can be started for, and the suites that this means. `psk` is no certificate's business. AN12132, section 5.6 */
export const SERVER_MODES = {
  ECDH: { by: "hawser", suites: ECDH },
  ECDHE: { by: "node:tls", suites: ECDHE },
  both: { by: "hawser", suites: [...ECDHE, ...ECDH] },
  max: {
    by: "hawser",
    suites: [
      ...ECDHE,
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
      ...ECDH,
    ] satisfies ServerSuite[],
  },
  psk: { by: "node:tls", suites: ["TLS_PSK_WITH_AES_128_GCM_SHA256"] },
  "ecdhe-psk": { by: "node:tls", suites: ["TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"] },
} as const satisfies Readonly<Record<string, { by: "hawser" | "node:tls"; suites: readonly SuiteName[] }>>;

export type ServerMode = keyof typeof SERVER_MODES;

/** What a client can ask for. `ECDHE_256` is ECDHE with the SHA-256 MAC, which a server of `max` speaks. AN12132, section 5.7 */
export const CLIENT_MODES = {
  ECDH: ECDH,
  ECDHE: ECDHE,
  ECDHE_256: ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"],
  psk: ["TLS_PSK_WITH_AES_128_GCM_SHA256"],
  "ecdhe-psk": ["TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256"],
} as const satisfies Readonly<Record<string, readonly SuiteName[]>>;

export type ClientMode = keyof typeof CLIENT_MODES;

/** What the notes misspell or spell in several ways, and what is meant. AN12131; AN12132 */
export const SPELLINGS: Readonly<Record<string, string>> = {
  ECHDE: "ECDHE, the ephemeral elliptic-curve Diffie-Hellman exchange (AN12132, section 5.6)",
  ECDHE_PKE: "ECDHE_PSK, the suites of RFC 5489 (AN12132, table 1)",
  "River, Shamir and Adleman": "Rivest, Shamir and Adleman: RSA (AN12132, chapter 3)",
  WolfTLS: "wolfSSL, a TLS library (AN12132, section 4.3.2)",
  A7CH: "A71CH (AN12132, section 4.3.2)",
  OM3170: "OM3710/A71CHARD, the Arduino-compatible kit (AN12132, section 5)",
  OM3710: "OM3710/A71CHARD, the Arduino-compatible kit",
  "OM3170/A71CHPCB": "OM3710/A71CHPCB, the mini board of the kit (AN12132, section 5)",
  "OM3710/A71CHPCB": "OM3710/A71CHPCB, the mini board of the kit OM3710/A71CHARD",
  OM3710A71CHARD: "OM3710/A71CHARD, the Arduino-compatible kit (AN12119)",
};

/** What is meant by a word of the notes, or undefined where it is spelled as everybody spells it. */
export function meaningOf(word: string): string | undefined {
  const found = Object.keys(SPELLINGS).find((each) => each.toLowerCase() === word.toLowerCase());
  return found === undefined ? undefined : SPELLINGS[found];
}

/** A mode by its name in any case; throws `bad-option`, with the right spelling where the word is one of the note's misprints. */
export function modeOf<Mode extends string>(word: string, modes: Readonly<Record<Mode, unknown>>): Mode {
  const names = Object.keys(modes) as Mode[];
  const found = names.find((name) => name.toLowerCase() === word.toLowerCase());
  if (found !== undefined) return found;
  const meaning = meaningOf(word);
  const hint = meaning === undefined ? "" : `; what is meant is ${meaning}`;
  throw badOption(`'${word}' is none of ${names.join(", ")}${hint}`);
}

/** Suites as an OpenSSL command line lists them. */
export function opensslList(suites: readonly SuiteName[]): string {
  return suites.map(opensslSuiteName).join(":");
}
