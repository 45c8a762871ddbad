import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { nodeHash, nodeVerifier } from "../../crypto/node.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { certificateToPem } from "../../pki/index.ts";
import { decide } from "../policy/index.ts";
import { Ledger, silentTrace } from "../../trace/index.ts";
import { openStore } from "../store/node.ts";
import {
  attachPolicy,
  createPolicy,
  createPolicyVersion,
  deletePolicy,
  deletePolicyVersion,
  describePolicy,
  detachPolicy,
  iotArn,
  listAttachedPolicies,
  listPolicies,
  listPolicyTargets,
  listPolicyVersions,
  openRegistry,
  registerCertificateWithoutCa,
  setDefaultPolicyVersion,
  type Registry,
} from "./index.ts";
import { newCa, newWorld, POLICY, temporary } from "./fixtures.test.ts";

async function newTarget(registry: Registry): Promise<{ id: string; arn: string }> {
  const { certificate } = await newCa();
  const id = await registerCertificateWithoutCa(registry, { certificatePem: certificateToPem(certificate) });
  return { id, arn: iotArn(registry.account, "cert", id) };
}

const allowing = (action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: action, Resource: "*" }] });

test("createPolicy puts version 1 into force and keeps the document as it was given", async (t) => {
  const { registry } = await newWorld(t);
  const document = `\n${POLICY}\n`;
  await createPolicy(registry, "P", document);
  const { policy, version } = await describePolicy(registry, "P");
  assert.deepEqual([policy.default_version, version.version, version.document], [1, 1, document]);
  assert.equal(registry.directory.policy("P")?.version, 1);
  await assert.rejects(createPolicy(registry, "P", POLICY), {
    code: "resource-exists",
    message: "Policy cannot be created - name already exists (name=P)",
    resource: { resourceId: "P", resourceArn: iotArn(registry.account, "policy", "P") },
  });
  await assert.rejects(createPolicy(registry, "Q", "{}"), { code: "malformed-policy" });
  await assert.rejects(describePolicy(registry, "Q"), { message: "Policy Q not found." });
});

test("policy versions: five at most, numbers never given twice, one in force that cannot be deleted", async (t) => {
  const { registry } = await newWorld(t);
  const heard: (number | undefined)[] = [];
  registry.directory.policyChanges.add(({ after }) => heard.push(after?.version));
  await createPolicy(registry, "P", allowing("iot:Connect"));
  for (let i = 2; i <= 5; i++) await createPolicyVersion(registry, "P", { document: POLICY });
  await assert.rejects(createPolicyVersion(registry, "P", { document: POLICY }), {
    code: "versions-limit",
    message: "The policy P already has the maximum number of versions (5)",
  });
  await deletePolicyVersion(registry, "P", 5);
  const made = await createPolicyVersion(registry, "P", { document: allowing("iot:Publish"), setAsDefault: true });
  assert.equal(made.version.version, 6);
  await assert.rejects(deletePolicyVersion(registry, "P", 6), {
    code: "delete-conflict",
    message: "Cannot delete the default version of a policy",
  });
  await setDefaultPolicyVersion(registry, "P", 1);
  await assert.rejects(setDefaultPolicyVersion(registry, "P", 5), { message: "Version 5 of policy P not found." });
  await assert.rejects(deletePolicyVersion(registry, "P", 5), { code: "resource-not-found" });
  const { versions } = await listPolicyVersions(registry, "P");
  assert.deepEqual(
    versions.map((each) => each.version),
    [6, 4, 3, 2, 1],
  );
  assert.deepEqual(heard, [1, 6, 1]);
  await assert.rejects(createPolicyVersion(registry, "P", { document: "[]" }), { code: "malformed-policy" });
});

test("directory.policiesOf holds the documents in force of what is attached, at once", async (t) => {
  const { registry, ledger } = await newWorld(t);
  const { id, arn } = await newTarget(registry);
  const allows = (action: string) =>
    decide({ documents: registry.directory.policiesOf(id), action, resource: "x", context: new Map() }).allowed;
  await createPolicy(registry, "P", allowing("iot:Connect"));
  assert.equal(allows("iot:Connect"), false);
  await attachPolicy(registry, "P", arn);
  await attachPolicy(registry, "P", arn);
  assert.deepEqual([allows("iot:Connect"), allows("iot:Publish")], [true, false]);
  await createPolicyVersion(registry, "P", { document: allowing("iot:Publish"), setAsDefault: true });
  assert.deepEqual([allows("iot:Connect"), allows("iot:Publish")], [false, true]);
  await detachPolicy(registry, "P", arn);
  await detachPolicy(registry, "P", arn);
  assert.equal(allows("iot:Publish"), false);
  const steps = ledger.events({ certificate: id, kinds: ["onboarding"] });
  assert.deepEqual(
    steps.map((event) => event.kind === "onboarding" && [event.step, event.detail]),
    [["policy-attached", "P"]],
  );
});

test("attachPolicy stops at ten policies a certificate, and names what is missing", async (t) => {
  const { registry } = await newWorld(t);
  const { arn } = await newTarget(registry);
  for (let i = 0; i < 11; i++) await createPolicy(registry, `P${i}`, POLICY);
  for (let i = 0; i < 10; i++) await attachPolicy(registry, `P${i}`, arn);
  await assert.rejects(attachPolicy(registry, "P10", arn), { name: "Conflict", code: "limit-exceeded" });
  await assert.rejects(attachPolicy(registry, "none", arn), { message: "Policy none not found." });
  await assert.rejects(detachPolicy(registry, "none", arn), { message: "Policy none not found." });
  const missing = iotArn(registry.account, "cert", "f".repeat(64));
  await assert.rejects(attachPolicy(registry, "P1", missing), { code: "resource-not-found" });
  await assert.rejects(listAttachedPolicies(registry, missing, {}), { code: "resource-not-found" });
  await assert.rejects(attachPolicy(registry, "P1", arn.replace(":cert/", ":thinggroup/")), {
    code: "resource-not-found",
  });
});

test("deletePolicy refuses while attached or of several versions", async (t) => {
  const { registry } = await newWorld(t);
  const { arn } = await newTarget(registry);
  await createPolicy(registry, "P", POLICY);
  await attachPolicy(registry, "P", arn);
  await assert.rejects(deletePolicy(registry, "P"), { code: "delete-conflict", message: /attached to one or more/ });
  await detachPolicy(registry, "P", arn);
  await createPolicyVersion(registry, "P", { document: POLICY });
  await assert.rejects(deletePolicy(registry, "P"), { code: "delete-conflict", message: /policy versions/ });
  await deletePolicyVersion(registry, "P", 2);
  await deletePolicy(registry, "P");
  await assert.rejects(deletePolicy(registry, "P"), { code: "resource-not-found" });
  assert.equal(registry.directory.policy("P"), undefined);
});

test("policies list by creation, and attachments both ways, in pages", async (t) => {
  const { registry, clock } = await newWorld(t);
  const [one, two] = [await newTarget(registry), await newTarget(registry)];
  for (const name of ["C", "A", "B"]) {
    clock.advance(1);
    await createPolicy(registry, name, POLICY);
    await attachPolicy(registry, name, one.arn);
  }
  clock.advance(1);
  await attachPolicy(registry, "A", two.arn);
  assert.deepEqual(
    (await listPolicies(registry, {})).rows.map((row) => row.name),
    ["B", "A", "C"],
  );
  const first = await listAttachedPolicies(registry, one.arn, { limit: 2 });
  const rest = await listAttachedPolicies(registry, one.arn, { limit: 2, token: first.next });
  assert.deepEqual([...first.rows, ...rest.rows], ["C", "A", "B"]);
  const targets = await listPolicyTargets(registry, "A", { limit: 1, ascending: false });
  const more = await listPolicyTargets(registry, "A", { limit: 1, ascending: false, token: targets.next });
  assert.deepEqual([...targets.rows, ...more.rows], [two.arn, one.arn]);
  await assert.rejects(listPolicyTargets(registry, "none", {}), { code: "resource-not-found" });
});

test("openRegistry lets a stored document that it cannot read deny everything, and warns", async (t) => {
  const directory = temporary(t);
  const { registry } = await newWorld(t, directory);
  const { id, arn } = await newTarget(registry);
  await createPolicy(registry, "P", POLICY);
  await attachPolicy(registry, "P", arn);
  await registry.store.close();
  const raw = new DatabaseSync(join(directory, "registry.sqlite"));
  raw.exec("update policy_versions set document = '{}'");
  raw.close();
  const store = await openStore({ directory });
  t.after(() => store.close());
  const clock = new VirtualClock();
  const trace = new Ledger({ clock });
  const entropy = new SeededEntropy(nodeHash, "again");
  const again = await openRegistry({ store, clock, entropy, verifier: nodeVerifier, trace });
  const documents = again.directory.policiesOf(id);
  const decision = decide({ documents, action: "iot:Connect", resource: "x", context: new Map() });
  assert.equal(decision.reason, "explicit-deny");
  assert.match(trace.jsonLines({ kinds: ["process"] }), /policy P cannot be read and denies everything/);
});

test("openRegistry refuses another region than the first start's: region-fixed", async (t) => {
  const directory = temporary(t);
  const { registry } = await newWorld(t, directory);
  assert.match(registry.account.id, /^[1-9]\d{11}$/);
  const { store, clock, entropy } = registry;
  const ports = { store, clock, entropy, verifier: nodeVerifier, trace: silentTrace };
  await assert.rejects(openRegistry(ports, { region: "us-west-2" }), {
    name: "UsageError",
    code: "region-fixed",
    message: "this data directory belongs to eu-central-1, not us-west-2",
  });
  const { id } = registry.account;
  await assert.rejects(openRegistry(ports, { accountId: "123456789012" }), {
    name: "UsageError",
    code: "account-fixed",
    message: `this data directory belongs to account ${id}, not 123456789012`,
  });
  assert.equal((await openRegistry(ports, { accountId: id })).account.id, id);
});
