import { toHex } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import type { Queries } from "../store/index.ts";

/** The names of settings. */
export type SettingName =
  | "account-id"
  | "region"
  | "registration-code"
  | "crl-number"
  | "serials-noted"
  | "temporary-key"
  | "readiness-asked";

/** A setting's value, or undefined. */
export async function readSetting(queries: Queries, name: SettingName): Promise<string | undefined> {
  const row = await queries.selectFrom("settings").select("value").where("name", "=", name).executeTakeFirst();
  return row?.value;
}

/** The setting's value; where it has none yet, `first` becomes it. */
export async function settingOr(queries: Queries, name: SettingName, first: () => string): Promise<string> {
  const known = await readSetting(queries, name);
  if (known !== undefined) return known;
  const value = first();
  await queries.insertInto("settings").values({ name, value }).execute();
  return value;
}

/** The next of a row of numbers that a setting counts: 1 at first, and never the same twice. */
export async function nextNumber(queries: Queries, name: SettingName): Promise<number> {
  const next = Number(await settingOr(queries, name, () => "0")) + 1;
  await queries
    .updateTable("settings")
    .set({ value: String(next) })
    .where("name", "=", name)
    .execute();
  return next;
}

/** Removes a setting; whether there was one. */
export async function deleteSetting(queries: Queries, name: SettingName): Promise<boolean> {
  const result = await queries.deleteFrom("settings").where("name", "=", name).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Twelve digits that do not begin with zero. */
export function randomAccountId(entropy: Entropy): string {
  const digits = [...entropy.bytes(12)].map((byte, i) => (i === 0 ? 1 + (byte % 9) : byte % 10));
  return digits.join("");
}

/** 64 hex digits: as long as a common name may be, so that a certificate can carry it whole. */
export function randomRegistrationCode(entropy: Entropy): string {
  return toHex(entropy.bytes(32));
}
