import type { Queries } from "../store/index.ts";
import { billingGroupNamed } from "./billing-groups.ts";
import type { ThingChange } from "./changes.ts";
import type { Registry } from "./registry.ts";
import { thingNamed } from "./things.ts";

/** Puts a thing into a billing group in place of the one that it was in. Throws `NotFound`. */
export async function addThingToBillingGroup(
  { store, directory }: Registry,
  thing: string,
  group: string,
): Promise<void> {
  await store.write(
    async (queries) => {
      await billingGroupNamed(queries, group);
      return setBillingGroup(queries, thing, group);
    },
    (change) => directory.setThing(change),
  );
}

/** Takes a thing out of a billing group; one that is not in it stays as it is. Throws `NotFound`. */
export async function removeThingFromBillingGroup(
  { store, directory }: Registry,
  thing: string,
  group: string,
): Promise<void> {
  await store.write(
    async (queries) => {
      await billingGroupNamed(queries, group);
      const { billingGroup } = await thingNamed(queries, thing);
      return billingGroup === group ? setBillingGroup(queries, thing, null) : undefined;
    },
    (change) => change && directory.setThing(change),
  );
}

async function setBillingGroup(queries: Queries, thing: string, group: string | null): Promise<ThingChange> {
  const before = await thingNamed(queries, thing);
  const version = before.version + 1;
  await queries.updateTable("things").set({ billing_group: group, version }).where("name", "=", thing).execute();
  return { before, after: { ...before, billingGroup: group, version } };
}
