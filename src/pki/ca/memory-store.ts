import type { Certificate, Revocation } from "../index.ts";
import {
  alreadyRevoked,
  checkLabel,
  issuerExists,
  issuerUnknown,
  serialExists,
  type CaStore,
  type StoredIssuer,
} from "./store.ts";

type Shelf = {
  readonly issuer: StoredIssuer;
  readonly issued: Map<string, Certificate>;
  readonly revoked: Map<string, Revocation>;
  crlNumber: number;
};

/** A store that lasts as long as the process: for tests, and for CAs that are made anew each time. */
export class MemoryCaStore implements CaStore {
  readonly #shelves = new Map<string, Shelf>();

  async issuers(): Promise<readonly StoredIssuer[]> {
    return [...this.#shelves.values()].map(({ issuer }) => issuer);
  }

  async addIssuer(issuer: StoredIssuer): Promise<void> {
    checkLabel(issuer.label);
    if (this.#shelves.has(issuer.label)) throw issuerExists(issuer.label);
    this.#shelves.set(issuer.label, { issuer, issued: new Map(), revoked: new Map(), crlNumber: 0 });
  }

  async issued(label: string): Promise<readonly Certificate[]> {
    return [...this.#shelf(label).issued.values()];
  }

  async findIssued(label: string, serialNumber: string): Promise<Certificate | undefined> {
    return this.#shelf(label).issued.get(serialNumber);
  }

  async addIssued(label: string, certificate: Certificate): Promise<void> {
    const { issued } = this.#shelf(label);
    if (issued.has(certificate.serialNumber)) throw serialExists(label, certificate.serialNumber);
    issued.set(certificate.serialNumber, certificate);
  }

  async revocations(label: string): Promise<ReadonlyMap<string, Revocation>> {
    return new Map(this.#shelf(label).revoked);
  }

  async addRevocation(label: string, serialNumber: string, revocation: Revocation): Promise<void> {
    const { revoked } = this.#shelf(label);
    if (revoked.has(serialNumber)) throw alreadyRevoked(label, serialNumber);
    revoked.set(serialNumber, revocation);
  }

  async nextCrlNumber(label: string): Promise<number> {
    return ++this.#shelf(label).crlNumber;
  }

  #shelf(label: string): Shelf {
    const shelf = this.#shelves.get(label);
    if (!shelf) throw issuerUnknown(label);
    return shelf;
  }
}
