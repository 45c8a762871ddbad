import type { Suite12Name } from "../suites.ts";

/** The suites that this server speaks, most preferred first. RFC 5289, section 3 */
export const SERVER_SUITES = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256",
] as const satisfies readonly Suite12Name[];

export type ServerSuite = (typeof SERVER_SUITES)[number];
