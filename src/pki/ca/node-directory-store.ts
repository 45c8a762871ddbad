import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { Denied, NotFound, UsageError } from "../../codec/index.ts";
import {
  certificateFromPem,
  certificateToPem,
  REVOCATION_REASONS,
  type Certificate,
  type Revocation,
  type RevocationReason,
} from "../index.ts";
import type { CaErrorCode } from "./errors.ts";
import {
  alreadyRevoked,
  checkLabel,
  issuerExists,
  issuerUnknown,
  serialExists,
  type CaStore,
  type KeyPlace,
  type StoredIssuer,
} from "./store.ts";

/**
 * A CA in a directory of mode 0700 whose files have 0600:
 *
 *     issuers/<label>/issuer.json        parent, and where the key is
 *                     certificate.pem
 *                     key.pem            PKCS#8, where the key is not in a chip
 *                     issued/<serial>.pem
 *                     revoked/<serial>.json
 *                     crl-numbers/<number>
 *
 * A file appears whole or not at all and is never changed, so that several processes may use one directory.
 */
export class DirectoryCaStore implements CaStore {
  readonly #issuers: string;

  private constructor(directory: string) {
    this.#issuers = join(directory, "issuers");
  }

  /** Opens the directory of a CA that exists. Throws `NotFound` `ca-missing`, `Denied` `directory-not-private`. */
  static async open(directory: string): Promise<DirectoryCaStore> {
    const store = new DirectoryCaStore(directory);
    if (!(await exists(store.#issuers))) {
      throw new NotFound<CaErrorCode>("ca-missing", `there is no CA in ${directory}`);
    }
    await requirePrivate(directory);
    return store;
  }

  /** Opens a directory, making what is missing of it. Throws `Denied` `directory-not-private`. */
  static async create(directory: string): Promise<DirectoryCaStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await requirePrivate(directory);
    const store = new DirectoryCaStore(directory);
    await mkdir(store.#issuers, { recursive: true, mode: 0o700 });
    return store;
  }

  /** Where other programs find an issuer's certificate, and its key where that is not in a chip. */
  files(label: string): { readonly certificate: string; readonly key: string } {
    checkLabel(label);
    const directory = join(this.#issuers, label);
    return { certificate: join(directory, "certificate.pem"), key: join(directory, "key.pem") };
  }

  async issuers(): Promise<readonly StoredIssuer[]> {
    const labels = (await readdir(this.#issuers)).filter((name) => !name.startsWith(".")).sort();
    return Promise.all(labels.map((label) => this.#issuer(label)));
  }

  async addIssuer({ label, certificate, parent, key }: StoredIssuer): Promise<void> {
    checkLabel(label);
    const path = join(this.#issuers, label);
    if (await exists(path)) throw issuerExists(label);
    // All files are in place before the directory gets its name: no issuer is ever seen without its key.
    const next = join(this.#issuers, temporaryName(label));
    await mkdir(next, { mode: 0o700 });
    for (const name of ["issued", "revoked", "crl-numbers"]) await mkdir(join(next, name), { mode: 0o700 });
    if (key.in === "store") await writeNew(join(next, "key.pem"), key.pem);
    await writeNew(join(next, "certificate.pem"), certificateToPem(certificate));
    const place = key.in === "store" ? { in: "store" } : key;
    await writeNew(
      join(next, "issuer.json"),
      `${JSON.stringify({ version: 1, parent: parent ?? null, key: place })}\n`,
    );
    try {
      await rename(next, path);
    } catch (error) {
      await rm(next, { recursive: true, force: true });
      if (hasCode(error, "ENOTEMPTY", "EEXIST")) throw issuerExists(label);
      throw error;
    }
    await syncDirectory(this.#issuers);
  }

  async issued(label: string): Promise<readonly Certificate[]> {
    const directory = await this.#inside(label, "issued");
    const names = (await readdir(directory)).filter((name) => name.endsWith(".pem")).sort();
    const certificates: Certificate[] = [];
    for (const name of names) certificates.push(await readCertificate(join(directory, name)));
    return certificates;
  }

  async findIssued(label: string, serialNumber: string): Promise<Certificate | undefined> {
    const path = join(await this.#inside(label, "issued"), `${fileSafe(serialNumber)}.pem`);
    return (await exists(path)) ? readCertificate(path) : undefined;
  }

  async addIssued(label: string, certificate: Certificate): Promise<void> {
    const directory = await this.#inside(label, "issued");
    const { serialNumber } = certificate;
    const isNew = await addFile(directory, `${fileSafe(serialNumber)}.pem`, certificateToPem(certificate));
    if (!isNew) throw serialExists(label, serialNumber);
  }

  async revocations(label: string): Promise<ReadonlyMap<string, Revocation>> {
    const directory = await this.#inside(label, "revoked");
    const names = (await readdir(directory)).filter((name) => name.endsWith(".json")).sort();
    const revoked = new Map<string, Revocation>();
    for (const name of names) revoked.set(name.slice(0, -".json".length), await readRevocation(join(directory, name)));
    return revoked;
  }

  async addRevocation(label: string, serialNumber: string, { time, reason }: Revocation): Promise<void> {
    const directory = await this.#inside(label, "revoked");
    const text = `${JSON.stringify({ time: new Date(time).toISOString(), reason })}\n`;
    if (!(await addFile(directory, `${fileSafe(serialNumber)}.json`, text))) throw alreadyRevoked(label, serialNumber);
  }

  async nextCrlNumber(label: string): Promise<number> {
    const directory = await this.#inside(label, "crl-numbers");
    const used = (await readdir(directory)).filter((name) => /^\d+$/.test(name)).map(Number);
    let number = Math.max(0, ...used) + 1;
    while (!(await addFile(directory, String(number), ""))) number++;
    for (const old of used) await rm(join(directory, String(old)), { force: true });
    return number;
  }

  async #inside(label: string, name: string): Promise<string> {
    checkLabel(label);
    const directory = join(this.#issuers, label);
    if (!(await exists(directory))) throw issuerUnknown(label);
    return join(directory, name);
  }

  async #issuer(label: string): Promise<StoredIssuer> {
    const directory = join(this.#issuers, label);
    const certificate = await readCertificate(join(directory, "certificate.pem"));
    const path = join(directory, "issuer.json");
    const { parent, key } = issuerFile(await readJson(path), path);
    const place: KeyPlace = key.in === "chip" ? key : { in: "store", pem: await readText(join(directory, "key.pem")) };
    return { label, certificate, parent, key: place };
  }
}

async function requirePrivate(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o077) === 0) return;
  const message = `${directory} has mode 0${(mode & 0o777).toString(8)}`;
  throw new Denied<CaErrorCode>("directory-not-private", message);
}

type IssuerFile = { parent: string | undefined; key: { in: "store" } | Extract<KeyPlace, { in: "chip" }> };

function issuerFile(value: unknown, path: string): IssuerFile {
  const file = recordOf(value, path);
  const key = recordOf(file.key, path);
  const parent = file.parent ?? undefined;
  if (file.version === 1 && (parent === undefined || typeof parent === "string")) {
    if (key.in === "store") return { parent, key: { in: "store" } };
    const { address, slot } = key;
    if (key.in === "chip" && typeof address === "string" && typeof slot === "number") {
      return { parent, key: { in: "chip", address, slot } };
    }
  }
  throw damaged(path);
}

async function readRevocation(path: string): Promise<Revocation> {
  const { time, reason } = recordOf(await readJson(path), path);
  const at = typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(at) || typeof reason !== "string" || !Object.hasOwn(REVOCATION_REASONS, reason)) throw damaged(path);
  return { time: at, reason: reason as RevocationReason };
}

async function readCertificate(path: string): Promise<Certificate> {
  const text = await readText(path);
  try {
    return certificateFromPem(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw hasCode(cause, "ENOENT") ? damaged(path, cause) : cause;
  }
}

function recordOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw damaged(path);
  return value as Record<string, unknown>;
}

function damaged(path: string, cause?: unknown): UsageError<CaErrorCode> {
  return new UsageError<CaErrorCode>("store-damaged", `${path} is missing or damaged`, { cause });
}

/** Serial numbers are hex; anything else must not become a path. */
function fileSafe(serialNumber: string): string {
  return /^[0-9a-f]{1,64}$/.test(serialNumber) ? serialNumber : "not-a-serial-number";
}

let temporaries = 0;

/** A name that readers pass over and nobody else uses; what a process leaves behind when it is killed does no harm. */
function temporaryName(name: string): string {
  return `.${name}.${process.pid}.${Date.now()}.${temporaries++}`;
}

/** Adds a file whole, or gives false where it is there already. Two processes cannot both succeed. */
async function addFile(directory: string, name: string, text: string): Promise<boolean> {
  const temporary = join(directory, temporaryName(name));
  await writeNew(temporary, text);
  try {
    await link(temporary, join(directory, name));
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(directory);
  return true;
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
