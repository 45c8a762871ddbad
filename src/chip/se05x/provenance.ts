import { FEATURE } from "./features.ts";
import { SE05X_MODELS, type Se05xModelName } from "./variants.ts";

/** Who computes an algorithm. */
export type AlgorithmSource = "node:crypto" | "@noble/curves" | "this repository" | "absent";

/** An algorithm that parts of the family have, and who computes it here. */
export type AlgorithmRow = {
  readonly algorithm: string;
  readonly by: AlgorithmSource;
  /** What it is made from, or why it is absent. */
  readonly note: string;
  /** Which models have it; none where it is absent. */
  readonly models: readonly Se05xModelName[];
  /** The feature bit that tells hosts of it, where there is one. */
  readonly feature?: number;
};

const ALL: readonly Se05xModelName[] = ["a5000", "se050", "se051"];
const NOT_A5000: readonly Se05xModelName[] = ["se050", "se051"];
const FROM_APPLET_7: readonly Se05xModelName[] = ["a5000", "se051"];

/** @table Who computes what, model by model. */
export const ALGORITHM_SOURCES: readonly AlgorithmRow[] = [
  { algorithm: "points and ECDH on P-256, P-384", by: "node:crypto", note: "ECDH", models: ALL, feature: FEATURE.ec },
  {
    algorithm: "points and ECDH on 14 more curves",
    by: "node:crypto",
    note: "P-192, P-224, P-521, Brainpool 160 to 512, secp160k1 to secp256k1",
    models: NOT_A5000,
  },
  { algorithm: "ECDSA over digests, signing", by: "this repository", note: "from points", models: ALL },
  {
    algorithm: "ECDSA over digests, checking",
    by: "node:crypto",
    note: "under a key shifted to a known message",
    models: ALL,
  },
  {
    algorithm: "points checked before use",
    by: "@noble/curves",
    note: "also signatures that no shift reaches",
    models: ALL,
  },
  { algorithm: "points of two keys, PACE's mapping", by: "@noble/curves", note: "applet 7", models: FROM_APPLET_7 },
  { algorithm: "Ed25519", by: "node:crypto", note: "EdDSA", models: NOT_A5000, feature: FEATURE.edDsa },
  { algorithm: "X25519, X448", by: "node:crypto", note: "ECDH", models: NOT_A5000, feature: FEATURE.montgomery },
  {
    algorithm: "RSA, raw keys",
    by: "node:crypto",
    note: "primitives and primality",
    models: NOT_A5000,
    feature: FEATURE.rsaPlain,
  },
  {
    algorithm: "RSA, CRT keys",
    by: "node:crypto",
    note: "primitives and primality",
    models: NOT_A5000,
    feature: FEATURE.rsaCrt,
  },
  { algorithm: "PKCS #1 v1.5, PSS, OAEP", by: "this repository", note: "from hashes", models: NOT_A5000 },
  {
    algorithm: "AES-ECB, -CBC, -CTR",
    by: "node:crypto",
    note: "paddings by this repository",
    models: ALL,
    feature: FEATURE.aes,
  },
  { algorithm: "AES-GCM, -CCM, GMAC", by: "node:crypto", note: "applet 7", models: FROM_APPLET_7 },
  {
    algorithm: "DES, triple DES",
    by: "node:crypto",
    note: "triple DES; with one key three times for single DES",
    models: NOT_A5000,
    feature: FEATURE.des,
  },
  { algorithm: "SHA-1, SHA-2", by: "node:crypto", note: "hashes", models: ALL },
  { algorithm: "HMAC", by: "node:crypto", note: "SHA-1 and SHA-2", models: ALL, feature: FEATURE.hmac },
  { algorithm: "CMAC of AES and DES", by: "this repository", note: "from CBC", models: ALL },
  { algorithm: "key wrapping, SCP03", by: "this repository", note: "from AES", models: ALL },
  { algorithm: "HKDF", by: "this repository", note: "from HMAC", models: ALL },
  { algorithm: "PRF of TLS 1.2", by: "this repository", note: "from HMAC", models: ALL, feature: FEATURE.tls },
  { algorithm: "PBKDF2", by: "node:crypto", note: "HMAC", models: NOT_A5000, feature: FEATURE.pbkdf },
  { algorithm: "ECDAA on BN P-256", by: "absent", note: "no library has it", models: [], feature: FEATURE.ecdaa },
  { algorithm: "PAKE, DESFire, I2C controller", by: "absent", note: "commands answer 6D00", models: [] },
];

/** The same as a table for people. */
export function provenanceTable(): string {
  const columns = Object.values(SE05X_MODELS).map(({ name }) => name);
  const models = Object.keys(SE05X_MODELS) as readonly Se05xModelName[];
  const rows = ALGORITHM_SOURCES.map(({ algorithm, by, note, models: having }) =>
    row([
      algorithm,
      by.startsWith("@") ? `\`${by}\`` : by,
      note,
      ...models.map((one) => (having.includes(one) ? "yes" : "no")),
    ]),
  );
  const head = ["algorithm", "by", "note", ...columns];
  return [row(head), row(head.map(() => "---")), ...rows].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
