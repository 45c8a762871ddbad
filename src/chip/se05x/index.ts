export type {
  AeadRequest,
  CipherRequest,
  DigestName,
  EdwardsCurve,
  MontgomeryCurve,
  RsaArithmetic,
  RsaNumbers,
  RunningAead,
  RunningCipher,
  RunningDigest,
  Se05xArithmetic,
} from "./arithmetic.ts";
export { testRoot, type RootPorts, testServiceScalar } from "./birth-root.ts";
export { Se05xChip } from "./chip.ts";
export type { Se05xChipOptions, Se05xCrypto } from "./options.ts";
export { SE05X_MODELS, type Se05xModel, type Se05xModelName } from "./variants.ts";
