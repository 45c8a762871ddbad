import assert from "node:assert/strict";
import { test } from "node:test";

import { zipSync } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import { silentTrace } from "../../trace/index.ts";
import { ResourceExists } from "../errors.ts";
import { ACTIVATION_FUNCTION, activationFunctionZip } from "../onboarding/node-activation-function.ts";
import { entropy, newLeaf, newWorld, POLICY, registeredCa } from "../registry/fixtures.test.ts";
import { issuersOf, registerPending, updateCertificate, type CaEntry } from "../registry/index.ts";
import { allowOperations, FunctionLogs, Functions, functionStore, type ApiCaller } from "./index.ts";
import { CallRefused, withAwsNames } from "./api-calls.ts";
import { registryApi } from "./fixtures.test.ts";
import { openFunctionRuntime } from "./node.ts";

test("AW-43 the shipped function, in the sandbox, makes thing and policy, attaches both and activates, once and again", async (t) => {
  const { registry, ledger, clock } = await newWorld(t);
  const asked: string[] = [];
  const api: ApiCaller = (operation, input, identity) => {
    asked.push(operation);
    return registryApi(registry)(operation, input, identity);
  };
  const runtime = await openFunctionRuntime({
    clock: nodeClock,
    trace: ledger,
    api: allowOperations(api, ACTIVATION_FUNCTION.operations),
  });
  const store = functionStore(registry.store);
  const logs = await FunctionLogs.open({ store: registry.store, clock });
  const ports = { account: registry.account, clock, entropy, hash: nodeHash, trace: ledger, store, logs, runtime };
  const functions = await Functions.open(ports);
  t.after(() => functions.close());
  await functions.createFunction({
    FunctionName: ACTIVATION_FUNCTION.name,
    Role: "arn:aws:iam::123456789012:role/any",
    Runtime: "nodejs24.x",
    Handler: ACTIVATION_FUNCTION.handler,
    Code: { ZipFile: activationFunctionZip() },
    Environment: { Variables: { POLICY_NAME: "devices", POLICY_DOCUMENT: POLICY } },
  });
  const issuer = await registeredCa(registry);
  const register = async (name: string): Promise<string> => {
    const leaf = await newLeaf({ issuer, name });
    const [ca] = await issuersOf(registry, leaf);
    return (await registerPending(registry, leaf, ca as CaEntry)).entry.id;
  };
  const invoke = async (certificateId: string) => {
    const event = { certificateId, certificateStatus: "PENDING_ACTIVATION", awsAccountId: registry.account.id };
    const answer = await functions.invoke({
      FunctionName: ACTIVATION_FUNCTION.name,
      Payload: utf8Bytes(JSON.stringify(event)),
    });
    const payload = JSON.parse(new TextDecoder().decode(answer.Payload)) as Record<string, string>;
    assert.equal(answer.FunctionError, undefined, JSON.stringify(payload));
    return payload;
  };
  const first = await register("sensor-17");
  assert.equal((await invoke(first))["thingName"], "sensor-17");
  const { status, policies, things } = registry.directory.certificate(first) ?? {};
  assert.deepEqual({ status, policies, things }, { status: "ACTIVE", policies: ["devices"], things: ["sensor-17"] });
  assert.deepEqual(asked, ["DescribeCertificate", "RegisterThing", "CreatePolicy", "RegisterThing"]);
  assert.equal((await invoke(first))["status"], "ACTIVE", "the event may come again");
  const odd = await register("Müller & Söhne");
  assert.equal((await invoke(odd))["thingName"], odd, "a name that no thing can have gives way to the certificate id");
  assert.equal(registry.directory.certificate(odd)?.status, "ACTIVE");
  const revoked = await register("sensor-18");
  await updateCertificate(registry, revoked, "REVOKED");
  assert.equal((await invoke(revoked))["status"], "REVOKED");
  assert.equal(registry.directory.certificate(revoked)?.status, "REVOKED");
});

test("allowOperations lets listed operations through and refuses others; errors come by AWS's names: function-operation", async (t) => {
  const { registry, ledger, clock } = await newWorld(t);
  const reached: string[] = [];
  const only = ["DescribeThing", "CreateThing", "UpdateThing"];
  const api = allowOperations(async (operation) => {
    reached.push(operation);
    const exists = { resourceId: "t", resourceArn: "arn" };
    if (operation === "CreateThing") throw new ResourceExists("Thing t already exists", exists);
    if (operation === "UpdateThing") throw new RangeError("a defect with a secret");
  }, only);
  await assert.rejects(api("CreateKeysAndCertificate", {}, { functionArn: "f" }), {
    name: "Denied",
    code: "function-operation",
    message: /functions may not call CreateKeysAndCertificate, only DescribeThing, CreateThing, UpdateThing/,
  });
  const runtime = await openFunctionRuntime({ clock: nodeClock, trace: ledger, api });
  const store = functionStore(registry.store);
  const logs = await FunctionLogs.open({ store: registry.store, clock });
  const ports = { account: registry.account, clock, entropy, hash: nodeHash, trace: ledger, store, logs, runtime };
  const functions = await Functions.open(ports);
  t.after(() => functions.close());
  const source = `exports.handler = async () => { const names = [];
    for (const operation of ["DescribeThing", "Invoke", "CreateThing", "UpdateThing"]) {
      await hawser.call(operation).catch((e) => names.push(e.name + ": " + e.message)) }
    return names }`;
  const ZipFile = zipSync({ "index.js": [utf8Bytes(source), { mtime: "2000-01-01" }] });
  const made = { FunctionName: "f", Role: "arn:aws:iam::123456789012:role/any", Handler: "index.handler" } as const;
  await functions.createFunction({ ...made, Runtime: "nodejs24.x", Code: { ZipFile } });
  const { Payload } = await functions.invoke({ FunctionName: "f" });
  const [denied, exists, defect] = JSON.parse(new TextDecoder().decode(Payload)) as string[];
  assert.match(denied ?? "", /^AccessDeniedException: functions may not call Invoke/);
  assert.equal(exists, "ResourceAlreadyExistsException: Thing t already exists");
  assert.match(defect ?? "", /^InternalFailureException: (?!.*secret)/);
  assert.deepEqual(reached, only);
  const warnings = JSON.stringify(ledger.events({ kinds: ["process"] }));
  assert.match(warnings, /UpdateThing of function arn.* failed: RangeError: a defect with a secret/, "the log has it");
});

test("allowOperations lets functions register things for certificates that are there, and have none made", async () => {
  const reached: unknown[] = [];
  const api = allowOperations((operation) => (reached.push(operation), Promise.resolve({})));
  const registerThing = (certificate: Record<string, string> | undefined) => {
    const Resources = {
      t: { Type: "AWS::IoT::Thing", Properties: { ThingName: "t" } },
      ...(certificate && { c: { Type: "AWS::IoT::Certificate", Properties: certificate } }),
    };
    return api("RegisterThing", { templateBody: JSON.stringify({ Resources }) }, { functionArn: "f" });
  };
  await registerThing({ CertificateId: "ab".repeat(32) });
  await registerThing(undefined);
  assert.equal(reached.length, 2);
  const refusal = { name: "Denied", code: "function-operation", message: /names by CertificateId only/ };
  await assert.rejects(registerThing({ CertificateSigningRequest: "PEM" }), refusal);
  await assert.rejects(registerThing({ CertificatePem: "PEM", CACertificatePem: "PEM" }), refusal);
  await assert.rejects(api("RegisterThing", { templateBody: "{" }, { functionArn: "f" }), { code: "invalid-request" });
  assert.equal(reached.length, 2);
});

test("a refused API call keeps AWS's name and its cause: function-call", async () => {
  const api = withAwsNames(
    () => Promise.reject(new ResourceExists("there", { resourceId: "", resourceArn: "" })),
    silentTrace,
  );
  await assert.rejects(api("X", {}, { functionArn: "f" }), (error) => {
    assert.ok(error instanceof CallRefused);
    assert.deepEqual([error.code, error.wire], ["function-call", "ResourceAlreadyExistsException"]);
    assert.ok(error.cause instanceof ResourceExists);
    return true;
  });
});

test("openFunctionRuntime warns in the ledger where a function could signal the server", async (t) => {
  const { ledger } = await newWorld(t);
  const api: ApiCaller = () => Promise.resolve({});
  const runtime = await openFunctionRuntime({ clock: nodeClock, trace: ledger, api, boundaries: ["none"] });
  t.after(() => runtime.close());
  const warnings = ledger.events({ kinds: ["process"] });
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings), /could send it signals: install bubblewrap/);
});
