import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { HawserError } from "../../codec/index.ts";
import type { Issuer } from "../../pki/index.ts";
import {
  attachPolicy,
  attachThingPrincipal,
  createPolicy,
  createPolicyVersion,
  createThing,
  deleteCa,
  deleteCertificate,
  deletePolicy,
  deleteThing,
  detachPolicy,
  detachThingPrincipal,
  iotArn,
  openRegistry,
  registerCa,
  registerPending,
  setDefaultPolicyVersion,
  updateCa,
  updateCertificate,
  type Directory,
  type Registry,
} from "./index.ts";
import { newCa, newLeaf, newWorld, POLICY, registrationOf } from "./fixtures.test.ts";

type Step = (registry: Registry) => Promise<unknown>;
type World = { readonly issuer: Issuer; readonly devices: Awaited<ReturnType<typeof newLeaf>>[] };

/** Any act on a few certificates, things and policies. Many are refused; that is part of the test. */
function steps({ issuer, devices }: World): fc.Arbitrary<Step> {
  const caId = issuer.certificate.id;
  const device = fc.constantFrom(...devices);
  const name = fc.constantFrom("A", "B");
  const version = fc.integer({ min: 1, max: 3 });
  const arn = ({ account }: Registry, id: string) => iotArn(account, "cert", id);
  const ca = ({ directory }: Registry) => directory.ca(caId);
  return fc.oneof(
    device.map((each): Step => async (r) => {
      const entry = ca(r);
      if (entry) await registerPending(r, each, entry);
    }),
    fc.tuple(device, fc.constantFrom("ACTIVE", "INACTIVE", "REVOKED")).map(
      ([each, status]): Step =>
        (r) =>
          updateCertificate(r, each.id, status),
    ),
    fc.tuple(device, fc.boolean()).map(
      ([each, force]): Step =>
        (r) =>
          deleteCertificate(r, each.id, { force }),
    ),
    name.map(
      (each): Step =>
        (r) =>
          createPolicy(r, each, POLICY),
    ),
    fc.tuple(name, fc.boolean()).map(
      ([each, setAsDefault]): Step =>
        (r) =>
          createPolicyVersion(r, each, { document: POLICY, setAsDefault }),
    ),
    fc.tuple(name, version).map(
      ([each, n]): Step =>
        (r) =>
          setDefaultPolicyVersion(r, each, n),
    ),
    name.map(
      (each): Step =>
        (r) =>
          deletePolicy(r, each),
    ),
    fc.tuple(name, device).map(
      ([each, to]): Step =>
        (r) =>
          attachPolicy(r, each, arn(r, to.id)),
    ),
    fc.tuple(name, device).map(
      ([each, from]): Step =>
        (r) =>
          detachPolicy(r, each, arn(r, from.id)),
    ),
    name.map(
      (each): Step =>
        (r) =>
          createThing(r, each),
    ),
    name.map(
      (each): Step =>
        (r) =>
          deleteThing(r, each),
    ),
    fc.tuple(name, device).map(
      ([each, to]): Step =>
        (r) =>
          attachThingPrincipal(r, each, { principal: arn(r, to.id) }),
    ),
    fc.tuple(name, device).map(
      ([each, from]): Step =>
        (r) =>
          detachThingPrincipal(r, each, arn(r, from.id)),
    ),
    fc.constantFrom("ACTIVE" as const, "INACTIVE" as const).map(
      (status): Step =>
        (r) =>
          updateCa(r, caId, { status }),
    ),
    fc.constant<Step>((r) => deleteCa(r, caId)),
  );
}

/** Everything that a directory answers about the world's certificates, CA and policies. */
function answers(directory: Directory, { issuer, devices }: World): unknown {
  return {
    ca: directory.ca(issuer.certificate.id)?.status,
    named: directory.casNamed(issuer.certificate.subject.canonical).map((each) => each.id),
    certificates: devices.map(({ id }) => directory.certificate(id)),
    policies: ["A", "B"].map((name) => directory.policy(name)?.version),
    inForce: devices.map(({ id }) => directory.policiesOf(id).map((each) => each.name)),
    counts: directory.counts,
  };
}

test("Directory answers after any acts, also at once and refused ones, as a restart would load it", async (t) => {
  const issuer = await newCa();
  const other = await newCa("Other");
  const devices = [await newLeaf({ issuer }), await newLeaf({ issuer }), await newLeaf({ issuer: other })];
  const world = { issuer, devices };
  const turns = fc.array(fc.array(steps(world), { minLength: 1, maxLength: 4 }), { minLength: 5, maxLength: 12 });
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(turns, async (turns) => {
      const { registry, clock } = await newWorld(t);
      const request = await registrationOf(registry, issuer);
      await registerCa(registry, { ...request, setAsActive: true, allowAutoRegistration: true });
      const entry = registry.directory.ca(issuer.certificate.id) ?? assert.fail();
      for (const device of devices) await registerPending(registry, device, entry);
      await createPolicy(registry, "A", POLICY);
      await createThing(registry, "A");
      for (const { id } of devices) {
        const arn = iotArn(registry.account, "cert", id);
        await attachPolicy(registry, "A", arn);
        await attachThingPrincipal(registry, "A", { principal: arn });
      }
      for (const turn of turns) {
        const outcomes = await Promise.allSettled(turn.map((step) => step(registry)));
        for (const outcome of outcomes) {
          if (outcome.status === "rejected") assert.ok(outcome.reason instanceof HawserError, String(outcome.reason));
        }
        // A tick of the clock orders what is attached; within one moment, names do.
        clock.advance(1);
      }
      const { store, entropy, verifier, trace } = registry;
      const fresh = await openRegistry({ store, clock, entropy, verifier, trace });
      const order = turns.every((turn) => turn.length === 1) ? (value: unknown) => value : unordered;
      assert.deepEqual(order(answers(registry.directory, world)), order(answers(fresh.directory, world)));
      seen += devices.flatMap(({ id }) => registry.directory.policiesOf(id)).length;
      await store.close();
    }),
    { numRuns: 30, seed: 20_260_101 },
  );
  assert.ok(seen > 10, `the acts left ${seen} attached policies to compare`);
});

/** The same with every list sorted: attachments of one moment have no order. */
function unordered(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) =>
    Array.isArray(each) ? each.map((one) => JSON.stringify(one)).sort() : each,
  );
}
