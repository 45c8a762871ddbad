import { concat } from "../../codec/index.ts";
import { prf12 } from "../../crypto/index.ts";
import type { Answer, Effect, MasterSource } from "../effects.ts";
import { keyBlockLength, VERIFY_DATA_LENGTH } from "../key-schedule12.ts";
import { Awaiting, type Handshake, type State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";

/** A master secret: bytes here, or a handle that its keeper, a chip, never lets go of. */
export type Master = { readonly kind: "bytes"; readonly bytes: Uint8Array } | { readonly kind: "elsewhere" };

/** Label and seed of a master secret: bound to the transcript where both sides can, else to the randoms. RFC 5246, section 8.1; RFC 7627, section 4 */
function masterInput(handshake: Handshake, { extendedMasterSecret, randoms }: Negotiation12) {
  return extendedMasterSecret
    ? { label: "extended master secret", seed: handshake.transcript.digest() }
    : { label: "master secret", seed: concat(randoms.client, randoms.server) };
}

/** The master secret of a premaster secret that is here; the latter is overwritten. */
export function masterOf(handshake: Handshake, negotiation: Negotiation12, premaster: Uint8Array): Master {
  const { label, seed } = masterInput(handshake, negotiation);
  const { hash } = negotiation.suite;
  const bytes = prf12(handshake.config.hash, hash, { secret: premaster, label, seed: [seed], length: 48 });
  premaster.fill(0);
  return { kind: "bytes", bytes };
}

/** Has the keeper of secrets derive the master secret, and goes on. */
export class DeriveMaster extends Awaiting<"master-derived"> {
  readonly name = "the master secret";
  readonly #next: () => State;

  constructor(handshake: Handshake, negotiation: Negotiation12, source: MasterSource, next: () => State) {
    const { hash } = negotiation.suite;
    super(handshake, { do: "derive-master", source, hash, ...masterInput(handshake, negotiation) }, "master-derived");
    this.#next = next;
  }

  protected resume(): State {
    return this.#next();
  }
}

/** Has the keeper of secrets make traffic keys that nobody else sees, and goes on. RFC 5246, section 6.3 */
class DeriveKeys extends Awaiting<"keys-derived"> {
  readonly name = "the traffic keys";
  readonly #next: () => State;

  constructor(handshake: Handshake, request: Omit<Extract<Effect, { do: "derive-keys" }>, "do">, next: () => State) {
    super(handshake, { do: "derive-keys", ...request }, "keys-derived");
    this.#next = next;
  }

  protected resume(): State {
    return this.#next();
  }
}

type Expansion = { readonly label: string; readonly seed: Uint8Array; readonly length: number };

class Expand extends Awaiting<"expanded"> {
  readonly name: string;
  readonly #next: (bytes: Uint8Array) => State;

  constructor(
    handshake: Handshake,
    negotiation: Negotiation12,
    expansion: Expansion,
    next: (bytes: Uint8Array) => State,
  ) {
    super(handshake, { do: "expand", hash: negotiation.suite.hash, ...expansion }, "expanded");
    this.name = `the ${expansion.label}`;
    this.#next = next;
  }

  protected resume({ bytes }: Extract<Answer, { on: "expanded" }>): State {
    return this.#next(bytes);
  }
}

/** A connection's derivations from one master secret: at once where it is here, else by its keeper. */
export class Derivations {
  readonly #handshake: Handshake;
  readonly #negotiation: Negotiation12;
  readonly #master: Master;

  constructor(handshake: Handshake, negotiation: Negotiation12, master: Master) {
    this.#handshake = handshake;
    this.#negotiation = negotiation;
    this.#master = master;
  }

  /** The key block; undefined where a keeper makes the keys of it and keeps them. RFC 5246, section 6.3 */
  keyBlock(next: (block: Uint8Array | undefined) => State): State {
    const { randoms, suite } = this.#negotiation;
    const seed = concat(randoms.server, randoms.client);
    const { cipher, hash } = suite;
    const isKept = this.#master.kind === "elsewhere" && this.#handshake.config.recordsElsewhere !== undefined;
    if (isKept && cipher !== "aes-128-cbc-sha256") {
      return new DeriveKeys(this.#handshake, { hash, seed, cipher }, () => next(undefined));
    }
    return this.#expand({ label: "key expansion", seed, length: keyBlockLength(suite.cipher) }, next);
  }

  /** Over the transcript as it stands. RFC 5246, section 7.4.9 */
  verifyData(sender: "client" | "server", next: (verifyData: Uint8Array) => State): State {
    const seed = this.#handshake.transcript.digest();
    return this.#expand({ label: `${sender} finished`, seed, length: VERIFY_DATA_LENGTH }, next);
  }

  #expand(expansion: Expansion, next: (bytes: Uint8Array) => State): State {
    if (this.#master.kind === "elsewhere") return new Expand(this.#handshake, this.#negotiation, expansion, next);
    const { label, seed, length } = expansion;
    const input = { secret: this.#master.bytes, label, seed: [seed], length };
    return next(prf12(this.#handshake.config.hash, this.#negotiation.suite.hash, input));
  }
}
