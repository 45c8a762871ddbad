import type { Clock, Entropy, SignatureVerifier } from "../../crypto/index.ts";
import type { CertificateMemory } from "../../pki/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Store } from "../store/index.ts";
import type { AccessKeyRing } from "./access-keys.ts";
import type { Account } from "./account.ts";
import type { Directory } from "./directory.ts";
import type { AccountLimits } from "./limits.ts";

/** What a registry stands on. */
export type RegistryPorts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly verifier: SignatureVerifier;
  readonly trace: Trace;
};

/** What the functions of this sub-room work on. */
export type Registry = RegistryPorts & {
  readonly account: Account;
  readonly accessKeys: AccessKeyRing;
  readonly limits: AccountLimits;
  readonly directory: Directory;
  /** Certificates that devices showed lately. */
  readonly seen: CertificateMemory;
  /** Whether texts that are no certificates may stand for some; for test suites only. */
  readonly relaxedCertificates: boolean;
};

/** What an operator decides about a registry. */
export type RegistryOptions = {
  /** Stands in every ARN: given or us-east-1 at the first start, and the same ever after. */
  readonly region?: string;
  /** Twelve digits: given or random at the first start, and the same ever after. */
  readonly accountId?: string;
  /** Takes texts that are no certificates as if they were; for test suites only. */
  readonly relaxedCertificates?: boolean;
  /** AWS's where none are given. They bound what is made from now on; what is kept already stays. */
  readonly limits?: AccountLimits;
};
