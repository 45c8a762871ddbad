import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { certificateToPem } from "../../pki/index.ts";
import {
  attachThingPrincipal,
  createThing,
  deleteThing,
  describeThing,
  detachThingPrincipal,
  iotArn,
  listPrincipalThings,
  listThingPrincipals,
  listThings,
  registerCertificateWithoutCa,
  updateThing,
  type Registry,
} from "./index.ts";
import { newCa, newWorld } from "./fixtures.test.ts";

async function newPrincipal(registry: Registry): Promise<{ id: string; arn: string }> {
  const { certificate } = await newCa();
  const id = await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(certificate) });
  return { id, arn: iotArn(registry.account, "cert", id) };
}

test("createThing gives the same thing for the same request, and refuses other attributes", async (t) => {
  const { registry, ledger } = await newWorld(t);
  const first = await createThing(registry, "d1", { a: "1", b: "2", empty: "" });
  assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(await createThing(registry, "d1", { b: "2", a: "1" }), first);
  await assert.rejects(createThing(registry, "d1", { a: "1" }), { code: "resource-exists" });
  await assert.rejects(createThing(registry, "d1", { a: "1", c: "2" }), { code: "resource-exists" });
  assert.equal(ledger.events({ device: "d1", kinds: ["onboarding"] }).length, 1);
  assert.deepEqual(registry.directory.counts.things, 1);
});

test("createThing keeps attributes named like an object's own members", async (t) => {
  const { registry } = await newWorld(t);
  const odd = JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>;
  await createThing(registry, "odd", odd);
  assert.deepEqual(Object.entries((await describeThing(registry, "odd")).attributes), Object.entries(odd));
  await assert.rejects(createThing(registry, "odd", {}), { code: "resource-exists" });
});

test("updateThing replaces or merges attributes, deletes empty ones and counts versions", async (t) => {
  const { registry } = await newWorld(t);
  await createThing(registry, "d1", { a: "1", b: "2" });
  await updateThing(registry, "d1", { attributes: { b: "", c: "3" }, merge: true });
  assert.deepEqual((await describeThing(registry, "d1")).attributes, { a: "1", c: "3" });
  await updateThing(registry, "d1", { attributes: { z: "9" }, expectedVersion: 2 });
  assert.deepEqual(await describeThing(registry, "d1").then(({ attributes, version }) => ({ attributes, version })), {
    attributes: { z: "9" },
    version: 3,
  });
  await assert.rejects(updateThing(registry, "d1", { attributes: {}, expectedVersion: 2 }), {
    code: "version-conflict",
    message: "The version for thing d1 does not match the expected version.",
  });
  await assert.rejects(updateThing(registry, "nobody", {}), { message: "Thing nobody not found." });
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, "v"]));
  await assert.rejects(updateThing(registry, "d1", { attributes: many }), { code: "invalid-request" });
});

test("deleteThing refuses while a principal is attached, and takes a missing thing as deleted", async (t) => {
  const { registry } = await newWorld(t);
  const { arn } = await newPrincipal(registry);
  await createThing(registry, "d1");
  await attachThingPrincipal(registry, "d1", { principal: arn });
  await assert.rejects(deleteThing(registry, "d1"), {
    code: "invalid-request",
    message: "Cannot delete. Thing d1 is still attached to one or more principals",
  });
  await detachThingPrincipal(registry, "d1", arn);
  await assert.rejects(deleteThing(registry, "d1", 7), { code: "version-conflict" });
  await deleteThing(registry, "d1", 1);
  await deleteThing(registry, "d1");
  await assert.rejects(describeThing(registry, "d1"), { name: "NotFound", code: "resource-not-found" });
  assert.equal(registry.directory.counts.things, 0);
});

test("attachThingPrincipal is idempotent, is seen in the directory, and lists both ways", async (t) => {
  const { registry, clock } = await newWorld(t);
  const [one, two] = [await newPrincipal(registry), await newPrincipal(registry)];
  for (const thing of ["b", "a"]) await createThing(registry, thing);
  for (const [thing, principal] of [
    ["b", one],
    ["a", one],
    ["b", two],
    ["b", one],
  ] as const) {
    clock.advance(1);
    await attachThingPrincipal(registry, thing, { principal: principal.arn });
  }
  assert.deepEqual(registry.directory.certificate(one.id)?.things, ["b", "a"]);
  const first = await listThingPrincipals(registry, "b", { limit: 1 });
  const second = await listThingPrincipals(registry, "b", { limit: 1, token: first.next });
  const type = "NON_EXCLUSIVE_THING";
  assert.deepEqual(
    [...first.rows, ...second.rows, second.next],
    [{ thing: "b", principal: one.id, type }, { thing: "b", principal: two.id, type }, undefined],
  );
  const things = await listPrincipalThings(registry, one.arn, { limit: 1 });
  const more = await listPrincipalThings(registry, one.arn, { limit: 1, token: things.next });
  assert.deepEqual(
    [...things.rows, ...more.rows].map(({ thing }) => thing),
    ["b", "a"],
  );
  await detachThingPrincipal(registry, "b", one.arn);
  await detachThingPrincipal(registry, "b", one.arn);
  assert.deepEqual(registry.directory.certificate(one.id)?.things, ["a"]);
});

test("attachThingPrincipal keeps an exclusive certificate to one thing", async (t) => {
  const { registry } = await newWorld(t);
  const { arn, id } = await newPrincipal(registry);
  for (const thing of ["a", "b"]) await createThing(registry, thing);
  await attachThingPrincipal(registry, "a", { principal: arn });
  await attachThingPrincipal(registry, "a", { principal: arn, type: "EXCLUSIVE_THING" });
  await assert.rejects(attachThingPrincipal(registry, "b", { principal: arn }), {
    code: "invalid-request",
    message: `Certificate ${id} is exclusively attached to thing a`,
  });
  await attachThingPrincipal(registry, "a", { principal: arn });
  await attachThingPrincipal(registry, "b", { principal: arn });
  await assert.rejects(attachThingPrincipal(registry, "b", { principal: arn, type: "EXCLUSIVE_THING" }), {
    code: "invalid-request",
    message: `Certificate ${id} is attached to thing a and cannot be b's exclusively`,
  });
});

test("T-43 attachThingPrincipal names what it does not find and what is no certificate ARN", async (t) => {
  const { registry } = await newWorld(t);
  const { arn } = await newPrincipal(registry);
  await createThing(registry, "a");
  const missing = iotArn(registry.account, "cert", "0".repeat(64));
  await assert.rejects(attachThingPrincipal(registry, "z", { principal: arn }), { message: "Thing z not found." });
  await assert.rejects(attachThingPrincipal(registry, "a", { principal: missing }), { code: "resource-not-found" });
  await assert.rejects(listPrincipalThings(registry, missing, {}), { code: "resource-not-found" });
  await assert.rejects(listThingPrincipals(registry, "z", {}), { code: "resource-not-found" });
  const start = `arn:aws:iot:eu-central-1:${registry.account.id}:cert/`;
  await assert.rejects(attachThingPrincipal(registry, "a", { principal: "arn:aws:iot:{Certificate ARN}" }), {
    code: "invalid-request",
    message: `principal must be a certificate ARN, ${start}<64 hex digits>, not arn:aws:iot:{Certificate ARN}; put the ARN that the registration returned in place of the braces`,
  });
  const foreign = arn.replace(registry.account.id, "000000000000");
  for (const principal of ["", start, `${start}xyz`, foreign, `${arn}0`, `x${arn}`, "a".repeat(5000)]) {
    await assert.rejects(attachThingPrincipal(registry, "a", { principal }), { code: "invalid-request" });
  }
});

test("listThings gives every thing once, in order of name, whatever the page size", async (t) => {
  const { registry } = await newWorld(t);
  const names = ["Zeta", "alpha", "beta", "b:1", "b_1", "b-1", "b1"];
  for (const name of names) await createThing(registry, name);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (limit) => {
      const seen: string[] = [];
      let token: string | undefined;
      do {
        const page = await listThings(registry, { limit, token });
        assert.ok(page.rows.length > 0 && page.rows.length <= limit);
        seen.push(...page.rows.map((thing) => thing.name));
        token = page.next;
      } while (token !== undefined);
      assert.deepEqual(seen, [...names].sort());
    }),
    { numRuns: 9 },
  );
});
