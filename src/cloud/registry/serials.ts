import type { SignatureVerifier } from "../../crypto/index.ts";
import { certificateFromPem, sameName, signedBy, type Certificate, type Revocation } from "../../pki/index.ts";
import type { CertificateRow, Queries, Store } from "../store/index.ts";
import { isNoCertificate } from "./stand-ins.ts";
import { readSetting, settingOr } from "./settings.ts";

/**
 * The cloud's own CA as others ask about it: by serial number. A certificate's row says that it was issued; what was
 * withdrawn is kept in a table of its own, for it must be known after the row is gone. RFC 5280, section 5
 */

type Issued = Pick<CertificateRow, "id" | "pem" | "serial">;

/** Records that a serial number is withdrawn, if it is one of ours; the first time and reason stay. */
export async function withdrawSerial(queries: Queries, row: Issued, { time, reason }: Revocation): Promise<void> {
  if (row.serial === null) return;
  const notAfter = certificateFromPem(row.pem).validity.notAfter;
  await queries
    .insertInto("withdrawn_serials")
    .values({ serial: row.serial, certificate: row.id, not_after: notAfter, time: Math.floor(time), reason })
    .onConflict((conflict) => conflict.column("serial").doNothing())
    .execute();
}

/** Takes a withdrawal back: a certificate that was REVOKED came to life again, which AWS IoT allows. */
export async function restoreSerial(queries: Queries, { serial }: Issued): Promise<void> {
  if (serial !== null) await queries.deleteFrom("withdrawn_serials").where("serial", "=", serial).execute();
}

/** What is known of a serial number of the cloud's own CA: withdrawn, issued (with its id), or undefined. */
export async function statusOfSerial(
  queries: Queries,
  serial: string,
): Promise<{ readonly withdrawn: Revocation } | { readonly certificateId: string } | undefined> {
  const withdrawn = await queries
    .selectFrom("withdrawn_serials")
    .selectAll()
    .where("serial", "=", serial)
    .executeTakeFirst();
  if (withdrawn) return { withdrawn: revocationIn(withdrawn) };
  const row = await queries.selectFrom("certificates").select("id").where("serial", "=", serial).executeTakeFirst();
  return row && { certificateId: row.id };
}

/** Every serial number that is withdrawn and whose certificate has not ended by itself at `now`. RFC 5280, section 3.3 */
export async function withdrawnSerials(queries: Queries, now: number): Promise<Map<string, Revocation>> {
  const rows = await queries.selectFrom("withdrawn_serials").selectAll().where("not_after", ">", now).execute();
  return new Map(rows.map((row) => [row.serial, revocationIn(row)]));
}

/** How many rows one transaction of the first scan looks at. */
const SCAN = 500;

/** Notes, once, the serial numbers of what the cloud's own CA issued before they were kept. */
export async function noteSerials(store: Store, ca: Certificate, verifier: SignatureVerifier): Promise<void> {
  if ((await readSetting(store.read, "serials-noted")) !== undefined) return;
  for (let after = ""; ;) {
    const rows = await store.read
      .selectFrom("certificates")
      .select(["id", "pem", "status", "modified_at"])
      .where("ca_id", "is", null)
      .where("id", ">", after)
      .orderBy("id")
      .limit(SCAN)
      .execute();
    const own: { readonly row: (typeof rows)[number]; readonly serial: string }[] = [];
    for (const row of rows) {
      const certificate = isNoCertificate(row.pem) ? undefined : certificateFromPem(row.pem);
      if (!certificate || !sameName(certificate.issuer, ca.subject)) continue;
      if (await signedBy(certificate, ca, verifier)) own.push({ row, serial: certificate.serialNumber });
    }
    await store.write(async (queries) => {
      for (const { row, serial } of own) {
        await queries.updateTable("certificates").set({ serial }).where("id", "=", row.id).execute();
        const revocation = { time: row.modified_at, reason: "unspecified" } as const;
        if (row.status === "REVOKED") await withdrawSerial(queries, { ...row, serial }, revocation);
      }
    });
    const last = rows.at(-1);
    if (!last) break;
    after = last.id;
  }
  await store.write((queries) => settingOr(queries, "serials-noted", () => "1"));
}

function revocationIn({ time, reason }: { readonly time: number; readonly reason: string }): Revocation {
  return { time, reason: reason as Revocation["reason"] };
}
