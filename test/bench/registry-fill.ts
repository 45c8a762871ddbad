import { createHash, generateKeyPairSync } from "node:crypto";

import type { CompiledQuery } from "kysely";

import type { Queries, Store, Tables } from "../../src/cloud/store/index.ts";
import { nodeEntropy, nodeSigner } from "../../src/crypto/node.ts";
import { issueRootCertificate, nameFromText } from "../../src/pki/index.ts";

/** Devices of one statement, and of one commit. */
const ROWS = 100;
const COMMIT = 10_000;
const TOLD = 100_000;
/** What all devices have attached. */
export const POLICY = "devices";
const DAY_MS = 86_400_000;
const CREATED_AT = 1_780_000_000_000;

/** Certificates that differ by their serial number, of which none but the first was signed: the registry reads no rows' PEM. */
export class Fleet {
  readonly #der: Buffer;
  readonly #serialAt: number;
  readonly #key: string;

  private constructor(der: Buffer, serialAt: number, key: string) {
    this.#der = der;
    this.#serialAt = serialAt;
    this.#key = key;
  }

  static async make(): Promise<Fleet> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const { der, serialNumber } = await issueRootCertificate({
      signer: nodeSigner(privateKey),
      subject: nameFromText("CN=Device,O=Hawser bench"),
      validity: { notBefore: CREATED_AT, notAfter: CREATED_AT + 7000 * DAY_MS },
      entropy: nodeEntropy,
    });
    const [bytes, serial] = [Buffer.from(der), Buffer.from(serialNumber, "hex")];
    const key = privateKey.export({ format: "pem", type: "pkcs8" });
    return new Fleet(bytes, bytes.indexOf(serial) + serial.length - 8, key);
  }

  /**
   * Registers the devices from one number up to another, each a certificate with a thing and a policy. In the order of
   * their ids, so that neighbours go to the same pages; what is looked up later is the same in any order. A device is
   * a millisecond older than the next.
   */
  async register(
    store: Store,
    from: number,
    { to, progress }: { readonly to: number; readonly progress: (done: number) => void },
  ): Promise<void> {
    const devices = Array.from({ length: to - from }, (_, i) => ({ id: this.#idOf(from + i), device: from + i }));
    devices.sort((a, b) => (a.id < b.id ? -1 : 1));
    const statements = new Map<string, CompiledQuery>();
    for (let at = 0; at < devices.length; at += COMMIT) {
      if (at % TOLD === 0 && at > 0) progress(at);
      const end = Math.min(at + COMMIT, devices.length);
      await store.write(async (queries) => {
        for (let first = at; first < end; first += ROWS) {
          const chunk = devices.slice(first, Math.min(first + ROWS, end));
          const rows = chunk.map(({ id, device }, i) =>
            rowsOf(id, pemOf(this.#patched(device)), CREATED_AT + from + first + i),
          );
          for (const table of TABLES) {
            const values = rows.map((each) => each[table]);
            await insert(queries, statements, { table, rows: values });
          }
        }
      });
    }
  }

  /** A device's certificate. */
  derOf(device: number): Uint8Array {
    return Uint8Array.from(this.#patched(device));
  }

  /** What a device connects with; all have the same key. */
  identityOf(device: number): { readonly cert: string; readonly key: string; readonly clientId: string } {
    return { cert: pemOf(this.#patched(device)), key: this.#key, clientId: thingOf(this.#idOf(device)) };
  }

  #idOf(device: number): string {
    return createHash("sha256").update(this.#patched(device)).digest("hex");
  }

  #patched(device: number): Buffer {
    this.#der.writeBigUInt64BE(BigInt(device), this.#serialAt);
    return this.#der;
  }
}

/** The name of the thing of a certificate. */
export function thingOf(certificateId: string): string {
  return `device-${certificateId.slice(0, 20)}`;
}

const TABLES = ["certificates", "things", "thing_principals", "policy_attachments"] as const;
type FilledTable = (typeof TABLES)[number];
type Rows = { readonly [T in FilledTable]: Tables[T] };

function rowsOf(id: string, pem: string, time: number): Rows {
  const name = thingOf(id);
  return {
    certificates: {
      id,
      pem,
      ca_id: null,
      status: "ACTIVE",
      mode: "DEFAULT",
      born_revoked: 0,
      created_at: time,
      modified_at: time,
      version: 1,
      generation_id: "",
      serial: null,
    },
    things: {
      name,
      id: id.slice(0, 36),
      attributes: "{}",
      version: 1,
      created_at: time,
      type: null,
      billing_group: null,
    },
    thing_principals: { thing: name, principal: id, type: "NON_EXCLUSIVE_THING", attached_at: time },
    policy_attachments: { policy: POLICY, target: id, attached_at: time },
  };
}

/** Compiled once for each table and number of rows: to build a statement takes longer than to run it. */
async function insert(
  queries: Queries,
  statements: Map<string, CompiledQuery>,
  { table, rows }: { readonly table: FilledTable; readonly rows: readonly Rows[FilledTable][] },
): Promise<void> {
  const key = `${table} ${rows.length}`;
  let statement = statements.get(key);
  if (!statement)
    statements.set(
      key,
      (statement = queries
        .insertInto(table)
        .values([...rows])
        .compile()),
    );
  const parameters = rows.flatMap((row): unknown[] => Object.values(row));
  await queries.executeQuery({ ...statement, parameters });
}

function pemOf(der: Buffer): string {
  const lines = der.toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
