import type { BlockCipher } from "../../apdu/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Issuer } from "../../pki/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { PointCurve } from "../ec-curve.ts";
import type { NonVolatileMemory } from "../ports.ts";
import type { Se05xArithmetic } from "./arithmetic.ts";
import type { KeyPorts } from "./contents.ts";
import type { Se05xModelName } from "./variants.ts";

/** The arithmetic of a chip: curves, hashes, ciphers. */
export type Se05xCrypto = KeyPorts & {
  /** The curve of keys that a part is born with. */
  readonly p256: PointCurve;
  readonly hash: Hash;
  readonly aes: BlockCipher;
  readonly arithmetic: Se05xArithmetic;
};

export type Se05xChipOptions = {
  readonly model: Se05xModelName;
  readonly crypto: Se05xCrypto;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Memory that is lost with the object, where absent. */
  readonly memory?: NonVolatileMemory;
  /** How often each object and the settings can be written; 500,000 where absent. */
  readonly enduranceWrites?: number;
  /** Who certifies a new part; the public test root where absent. */
  readonly issuer?: Issuer;
  readonly trace?: Trace;
};
