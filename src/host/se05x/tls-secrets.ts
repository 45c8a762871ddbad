import { SE05X_DIGEST } from "../../apdu/se05x/index.ts";
import { UsageError, utf8Bytes } from "../../codec/index.ts";
import type { Clock, EphemeralKey, Hash, KeyAgreement, MasterSecret, TlsSecrets } from "../../crypto/index.ts";
import type { HostErrorCode } from "../errors.ts";
import { KeptMaster, MASTER_SECRET_LENGTH, notInChip, serverRandomIn } from "../kept-master.ts";
import { Queue } from "../queue.ts";
import { Turn } from "../turn.ts";
import type { Se05x } from "./device.ts";
import { secretObject, TLS_OBJECTS } from "./object-ids.ts";
import type { Se05xSession } from "./session.ts";
import { PREMASTER_GROUPS, TransientAgreement } from "./tls-agreement.ts";
import { Places, prfByCodes, withPremaster } from "./tls-premaster.ts";

/**
 * How the chip derives a master secret: by HMAC over the premaster secret, which takes any seed and so also the extended
 * master secret; or by its own command, which seeds with its own client random and a server random only.
 */
export type Se05xDerivation = "codes" | "prf";

export type Se05xTlsOptions = {
  /** The slot or identifier of the pre-shared key, an HMAC key; absent where there is none. */
  readonly psk?: number;
  readonly derivation?: Se05xDerivation;
  readonly hash: Hash;
  readonly clock: Clock;
  /** How long one handshake may have the chip's one client random to itself, in milliseconds; for `prf` only. */
  readonly leaseMs?: number;
};

/** What a chip does for TLS handshakes; each connection has secrets of its own. */
export class Se05xTls {
  /** Makes ephemeral keys in the chip, for agreements and as sources of these secrets. */
  readonly keyAgreement: TransientAgreement;
  readonly #chip: Se05x;
  readonly #places = new Places(TLS_OBJECTS.premaster);
  /** The chip keeps one client random, whosever it is. */
  readonly #randoms = new Queue();

  constructor(chip: Se05x) {
    this.#chip = chip;
    this.keyAgreement = new TransientAgreement(chip);
  }

  /** The same for premaster secrets in the chip, which are on the prime curves only. */
  get premasterAgreement(): KeyAgreement {
    const { keyAgreement } = this;
    return { performer: "chip", groups: PREMASTER_GROUPS, generate: (group) => keyAgreement.generate(group) };
  }

  /** Premaster and master secrets for one connection at a time. */
  secrets(options: Se05xTlsOptions): TlsSecrets {
    const parts = { chip: this.#chip, agreement: this.keyAgreement, places: this.#places, randoms: this.#randoms };
    return options.derivation === "prf" ? new PrfSecrets(parts, options) : new CodeSecrets(parts, options);
  }
}

type Request = Parameters<TlsSecrets["deriveMaster"]>[0];
type Parts = {
  readonly chip: Se05x;
  readonly agreement: TransientAgreement;
  readonly places: Places;
  readonly randoms: Queue;
};

const LEASE_MS = 10_000;

/** What both derivations share: the premaster secret, which never leaves the chip. RFC 5246, section 8.1; RFC 5489, section 2 */
abstract class PremasterSecrets implements TlsSecrets {
  readonly performer = "chip";
  abstract readonly extendedMasterSecret: boolean;
  readonly sources: TlsSecrets["sources"];
  readonly hashes = ["sha256", "sha384"] as const;
  protected readonly parts: Parts;
  protected readonly options: Se05xTlsOptions;
  #master: KeptMaster | undefined;

  constructor(parts: Parts, options: Se05xTlsOptions) {
    this.parts = parts;
    this.options = options;
    this.sources = options.psk === undefined ? ["ecdhe"] : ["ecdhe", "psk", "ecdhe_psk"];
  }

  async deriveMaster(request: Request): Promise<MasterSecret> {
    const { source } = request;
    const isHere = source.kind === "psk" || (this.parts.agreement.has(source.ephemeral) && isPrime(source.ephemeral));
    // An ephemeral key of the host's, or on a curve that the chip's TLS command does not know: what it agrees on is all
    // that the chip can be given, and makes the premaster secret.
    const given = isHere ? undefined : await this.#agreedOnHost(request);
    const bytes = await this.parts.chip.exclusive((session) =>
      given
        ? withPremaster(session, this.parts.places.next(), given, (id) => this.derive(session, id, request))
        : this.#deriveInside(session, request),
    );
    this.#master = new KeptMaster(this.options.hash, bytes);
    return this.#master;
  }

  async release(): Promise<void> {
    this.#master?.forget();
    this.#master = undefined;
  }

  /** The master secret of the premaster secret in an object. */
  protected abstract derive(session: Se05xSession, objectId: number, request: Request): Promise<Uint8Array>;

  async #agreedOnHost({ source }: Request): Promise<Uint8Array> {
    if (source.kind !== "ecdhe") throw notInChip("a pre-shared key in the chip needs the ephemeral key there as well");
    return source.ephemeral.agree(source.peerKey);
  }

  async #deriveInside(session: Se05xSession, request: Request): Promise<Uint8Array> {
    const { source } = request;
    const pskId = source.kind === "ecdhe" ? undefined : this.#pskObject();
    const pskLength = pskId === undefined ? 0 : (await session.send("readSize", { objectId: pskId })).size;
    const place = async (keyPairId: number | undefined, ephemeral: EphemeralKey | undefined) => {
      const empty = new Uint8Array(premasterLength(ephemeral, pskLength));
      return withPremaster(session, this.parts.places.next(), empty, async (targetId) => {
        const input = source.kind === "psk" ? undefined : source.peerKey;
        await session.send("tlsPremaster", { pskId, keyPairId, targetId, input });
        return this.derive(session, targetId, request);
      });
    };
    if (source.kind === "psk") return place(undefined, undefined);
    return this.parts.agreement.withKey(session, source.ephemeral, (id) => place(id, source.ephemeral));
  }

  #pskObject(): number {
    if (this.options.psk === undefined) throw notInChip("no pre-shared key of the chip's was named");
    return secretObject(this.options.psk);
  }
}

function isPrime({ group }: EphemeralKey): boolean {
  return PREMASTER_GROUPS.some((each) => each === group);
}

/** How long a premaster secret is: the target must exist before, at its length. RFC 4279, section 2; RFC 5489, section 2 */
function premasterLength(ephemeral: EphemeralKey | undefined, pskLength: number): number {
  const shared = ephemeral === undefined ? pskLength : (ephemeral.publicKey.length - 1) / 2;
  return pskLength === 0 ? shared : 2 + shared + 2 + pskLength;
}

/** By HMAC over the premaster secret, two commands a block: any seed, hence also the extended master secret. RFC 7627, section 4 */
class CodeSecrets extends PremasterSecrets {
  readonly extendedMasterSecret = true;

  protected derive(session: Se05xSession, objectId: number, { hash, label, seed }: Request): Promise<Uint8Array> {
    return prfByCodes(session, objectId, { hash, label, seed, length: MASTER_SECRET_LENGTH });
  }
}

/** TLSPerformPRF with the server hello's random. */
const GIVEN_SERVER_HELLO = 0x4c;
const DIGESTS = { sha256: SE05X_DIGEST.sha256, sha384: SE05X_DIGEST.sha384, sha512: SE05X_DIGEST.sha512 } as const;

/** By TLSPerformPRF, which uses up the chip's client random: one handshake at a time. SE05x command table, tier c */
class PrfSecrets extends PremasterSecrets {
  readonly extendedMasterSecret = false;
  #turn: Turn<void> | undefined;
  #clientRandom: Uint8Array | undefined;
  #connections = 0;

  async clientRandom(): Promise<Uint8Array> {
    const connection = this.#connections;
    const { clock, leaseMs = LEASE_MS } = this.options;
    const turn = await Turn.take<void>((work) => this.parts.randoms.run(() => work()), { clock, leaseMs });
    if (connection !== this.#connections) {
      turn.end();
      throw new UsageError<HostErrorCode>("lease-expired", "the handshake was over before the chip was free");
    }
    this.#turn = turn;
    this.#clientRandom = await turn.use(async () => (await this.parts.chip.send("tlsRandom", {})).random);
    return this.#clientRandom;
  }

  override async deriveMaster(request: Request): Promise<MasterSecret> {
    const turn = this.#turn;
    if (!turn) throw notInChip("the client random of this handshake is not the chip's");
    try {
      return await turn.use(() => super.deriveMaster(request));
    } finally {
      turn.end();
    }
  }

  override async release(): Promise<void> {
    this.#connections++;
    this.#turn?.end();
    this.#turn = undefined;
    this.#clientRandom = undefined;
    await super.release();
  }

  protected async derive(session: Se05xSession, objectId: number, request: Request): Promise<Uint8Array> {
    const random = serverRandomIn(request.seed, request.label, this.#clientRandom);
    const label = utf8Bytes(request.label);
    const [algorithm, length] = [DIGESTS[request.hash], MASTER_SECRET_LENGTH];
    const asked = { objectId, phase: GIVEN_SERVER_HELLO, algorithm, label, random, length } as const;
    return (await session.send("tlsPrf", asked)).output;
  }
}
