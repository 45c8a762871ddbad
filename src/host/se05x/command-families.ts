import type { Se05xCommandName, Se05xRequest, Se05xResponse } from "../../apdu/se05x/index.ts";
import { Se05xAead } from "./families/aead.ts";
import { Se05xChipSettings } from "./families/chip-settings.ts";
import { Se05xCiphers } from "./families/ciphers.ts";
import { Se05xCounters } from "./families/counters.ts";
import { Se05xAgreements } from "./families/agreements.ts";
import { Se05xFileSignatures } from "./families/file-signatures.ts";
import { type CryptoObjectPool, Se05xCryptoObjects } from "./families/crypto-objects.ts";
import { Se05xCurves } from "./families/curves.ts";
import { Se05xDerivations } from "./families/derivations.ts";
import { Se05xDigests } from "./families/digests.ts";
import { Se05xMacs } from "./families/macs.ts";
import { Se05xObjects } from "./families/objects.ts";
import { Se05xRegisters } from "./families/registers.ts";
import { Se05xRsaKeys } from "./families/rsa-keys.ts";
import { Se05xSecrets } from "./families/secrets.ts";
import type { Se05xSender } from "./families/sender.ts";
import { Se05xSessions } from "./families/sessions.ts";
import { Se05xTransfers } from "./families/transfers.ts";

/**
 * The commands of the table, family by family: the same for a device and for a session in it, whose rights then count.
 * What a chip lacks it refuses. SE05x command table, section 4.5
 */
export abstract class Se05xCommandFamilies implements Se05xSender {
  /** Which crypto objects of Hawser's own are in use. */
  readonly pool: CryptoObjectPool;
  readonly objects = new Se05xObjects(this);
  readonly secrets = new Se05xSecrets(this);
  readonly rsa = new Se05xRsaKeys(this);
  readonly counters = new Se05xCounters(this);
  readonly registers = new Se05xRegisters(this);
  readonly curves = new Se05xCurves(this);
  readonly agreements = new Se05xAgreements(this);
  readonly fileSignatures = new Se05xFileSignatures(this);
  readonly derivations = new Se05xDerivations(this);
  readonly transfers = new Se05xTransfers(this);
  readonly sessions = new Se05xSessions(this);
  readonly settings = new Se05xChipSettings(this);
  readonly cryptoObjects: Se05xCryptoObjects;
  readonly digests: Se05xDigests;
  readonly macs: Se05xMacs;
  readonly ciphers: Se05xCiphers;
  readonly aead: Se05xAead;

  constructor(pool: CryptoObjectPool) {
    this.pool = pool;
    this.cryptoObjects = new Se05xCryptoObjects(this, pool);
    this.digests = new Se05xDigests(this, this.cryptoObjects);
    this.macs = new Se05xMacs(this, this.cryptoObjects);
    this.ciphers = new Se05xCiphers(this, this.cryptoObjects);
    this.aead = new Se05xAead(this, this.cryptoObjects);
  }

  /** Sends one command of the table. Throws `Refused` `status-word` where the chip says no. */
  abstract send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Promise<Se05xResponse<Key>>;
}
