/** Parts, a CA and a journal for lines in tests: everything in memory, and everything that can be cut off is. */
import { SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { A71chChip } from "../../chip/a71ch/index.ts";
import { type Card, MemoryInRam, type NonVolatileMemory } from "../../chip/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto } from "../../chip/node.ts";
import { Se05xChip, type Se05xModelName, testRoot } from "../../chip/se05x/index.ts";
import { type Entropy, type SecureElement, SeededEntropy } from "../../crypto/index.ts";
import { nodeClock, nodeHash, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import { A71ch } from "../../host/a71ch/index.ts";
import { localTransport, type Transport } from "../../host/index.ts";
import { Se05x } from "../../host/se05x/index.ts";
import { CertificateAuthority, MemoryCaStore } from "../../pki/ca/index.ts";
import { generateIssuingKey, keyToPem, signerFromPem } from "../../pki/ca/node.ts";
import { nameFromText } from "../../pki/index.ts";
import {
  type BornIdentity,
  type LineFeed,
  type LineIssuer,
  lineIssuer,
  type LineJournal,
  type LineModelName,
  type LineOptions,
  MemoryJournal,
} from "./index.ts";
import { newKeyPair } from "./node.ts";
import type { Trace } from "../../trace/index.ts";

export type ChipModel = "a71ch" | Se05xModelName;

const DAY_MS = 86_400_000;

/** What parts of the SE05x family are born with, as far as it signs for devices. */
export const BORN: readonly BornIdentity[] = [
  { name: "connection", slot: SE05X_OBJECT.connectionKey, certificate: SE05X_OBJECT.connectionCertificate },
  { name: "device", slot: SE05X_OBJECT.deviceKey, certificate: SE05X_OBJECT.deviceCertificate },
  { name: "gateway", slot: SE05X_OBJECT.gatewayKey, certificate: SE05X_OBJECT.gatewayCertificate },
];

/** A chip that is switched on, over the memory that outlives it. */
export async function switchOn(model: ChipModel, memory: NonVolatileMemory, entropy: Entropy): Promise<Card> {
  const ports = { memory, entropy, clock: nodeClock };
  if (model === "a71ch") return new A71chChip({ crypto: nodeChipCrypto, ...ports });
  return Se05xChip.open({ model, crypto: nodeSe05xCrypto, ...ports });
}

/** The host's view of a chip, over a transport. */
export function openElement(model: ChipModel, transport: Transport): Promise<SecureElement> {
  const ports = { hash: nodeHash, clock: nodeClock };
  return model === "a71ch" ? A71ch.open(transport, ports) : Se05x.open(transport, ports);
}

/** A CA with a root and one intermediate, in memory. */
export async function newAuthority(trace?: Trace): Promise<CertificateAuthority> {
  const store = new MemoryCaStore();
  const entropy = new SeededEntropy(nodeHash, "line authority");
  const authority = new CertificateAuthority({
    store,
    signerOf: async ({ key }) =>
      key.in === "store" ? signerFromPem(key.pem) : nodeSigner(generateIssuingKey("P-256")),
    clock: nodeClock,
    entropy,
    verifier: nodeVerifier,
    ...(trace ? { trace } : {}),
  });
  const validity = { notBefore: nodeClock.now() - DAY_MS, notAfter: nodeClock.now() + 1000 * DAY_MS };
  const key = () => {
    const pem = keyToPem(generateIssuingKey("P-256"), entropy);
    return { signer: signerFromPem(pem), key: { in: "store", pem } as const, validity };
  };
  await authority.createRoot({ label: "root", subject: nameFromText("CN=Line root"), ...key() });
  const subject = nameFromText("CN=Line CA");
  await authority.createIntermediate({ label: "line", parent: "root", subject, ...key() });
  return authority;
}

/** The intermediate of such a CA as a line's issuer. */
export async function issuerOf(authority: CertificateAuthority): Promise<LineIssuer> {
  const stored = await authority.issuer("line");
  return lineIssuer(authority, stored, {
    notBefore: nodeClock.now() - 60_000,
    notAfter: nodeClock.now() + 99 * DAY_MS,
  });
}

/** Chips in sockets: each number has a memory of its own, and a chip is switched on anew whenever it is put in. */
export class Parts implements LineFeed {
  readonly memories = new Map<number, NonVolatileMemory>();
  readonly #model: ChipModel;
  readonly #wrap: (transport: Transport) => Transport;
  readonly #seed: string;
  #opened = 0;

  constructor(model: ChipModel, options: { wrap?: (transport: Transport) => Transport; seed?: string } = {}) {
    this.#model = model;
    this.#wrap = options.wrap ?? ((transport) => transport);
    this.#seed = options.seed ?? "parts";
  }

  async open(part: number) {
    const transport = this.#wrap(localTransport(await this.chip(part)));
    const element = await openElement(this.#model, transport);
    return { element, close: () => transport.close() };
  }

  /** The chip of a number, switched on. */
  async chip(part: number): Promise<Card> {
    const memory = this.memories.get(part) ?? new MemoryInRam();
    this.memories.set(part, memory);
    const entropy = new SeededEntropy(nodeHash, `${this.#seed} ${part} ${this.#opened++}`);
    return switchOn(this.#model, memory, entropy);
  }
}

/** What a line needs, with a new journal where none is given. */
export async function lineOptions(
  line: {
    readonly model: LineModelName;
    readonly chip: ChipModel;
    readonly count: number;
    readonly issuer?: LineIssuer;
    readonly journal?: LineJournal;
    readonly feed?: LineFeed;
  },
  more: Partial<LineOptions> = {},
): Promise<LineOptions> {
  const { model, chip, count, journal, feed = new Parts(chip) } = line;
  const isBorn = model === "preconfigured";
  const issuer = isBorn ? undefined : (line.issuer ?? (await issuerOf(await newAuthority())));
  const order = { batch: "batch-1", model, chipModel: chip, count, issuer: issuer?.chain[0].id ?? "" };
  return {
    journal: journal ?? new MemoryJournal(order),
    feed,
    places: { slot: 0, born: chip === "a71ch" ? [] : BORN },
    ...(issuer ? { issuer } : {}),
    anchors: [(await testRoot(nodeSe05xCrypto)).certificate],
    newKeyPair,
    subjectOf: ({ uniqueId }) => nameFromText(`CN=${uniqueId},O=Line test`),
    verifier: nodeVerifier,
    entropy: new SeededEntropy(nodeHash, "line"),
    clock: nodeClock,
    ...more,
  };
}
