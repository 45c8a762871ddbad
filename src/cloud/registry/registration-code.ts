import { notFound } from "../errors.ts";
import type { Registry } from "./registry.ts";
import { deleteSetting, randomRegistrationCode, settingOr } from "./settings.ts";

/** The code that a CA's owner must sign: 64 hex digits, the same until it is deleted. AWS IoT API, GetRegistrationCode */
export function currentRegistrationCode({ store, entropy }: Registry): Promise<string> {
  return store.write((queries) => settingOr(queries, "registration-code", () => randomRegistrationCode(entropy)));
}

/** Ends the code; the next request for one makes another. Throws `NotFound` where there is none. */
export async function deleteRegistrationCode({ store }: Registry): Promise<void> {
  const deleted = await store.write((queries) => deleteSetting(queries, "registration-code"));
  if (!deleted) throw notFound("Registration code");
}
