import assert from "node:assert/strict";
import { test } from "node:test";

import { zipSync } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { temporary } from "../registry/fixtures.test.ts";
import { BASIC, ended, failed, open, refused, ZIP } from "./service-fixtures.test.ts";

const F = { FunctionName: "f" } as const;
const OTHER = zipSync({ "index.js": [utf8Bytes("exports.handler = async () => 2"), { mtime: "2000-01-01" }] });
const THIRD = zipSync({ "index.js": [utf8Bytes("exports.handler = async () => 3"), { mtime: "2000-01-01" }] });

/** The code of the runs so far, each with the version that the run was told. */
async function codeOf(runs: Awaited<ReturnType<typeof open>>["runtime"]["runs"]): Promise<string[]> {
  return Promise.all(
    runs.map(async ({ deployment }) => {
      const text = new TextDecoder().decode((await deployment.files()).get("index.js"));
      return `${deployment.version}: ${/\d/.exec(text)?.[0]}`;
    }),
  );
}

test("PublishVersion keeps code and configuration under numbers that are never used again", async (t) => {
  const { functions, registry, runtime } = await open(t);
  const { versions } = functions;
  const made = await functions.createFunction({ ...BASIC, Description: "first" });
  const one = await versions.publishVersion({ ...F, Description: "one", CodeSha256: made.CodeSha256 });
  const arn = `arn:aws:lambda:eu-central-1:${registry.account.id}:function:f`;
  assert.deepEqual(one, {
    ...made,
    FunctionArn: `${arn}:1`,
    Version: "1",
    Description: "one",
    RevisionId: one.RevisionId,
  });
  assert.notEqual(one.RevisionId, made.RevisionId);
  assert.deepEqual(await versions.publishVersion({ ...F, Description: "again" }), one, "nothing has changed");
  await functions.updateFunctionConfiguration({ ...F, Timeout: 7, Environment: { Variables: { A: "2" } } });
  assert.equal((await versions.publishVersion(F)).Version, "2");
  const three = await functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true });
  assert.deepEqual([three.Version, three.FunctionArn, three.Timeout], ["3", `${arn}:3`, 7]);
  await functions.deleteFunction({ ...F, Qualifier: "3" });
  assert.equal((await versions.publishVersion(F)).Version, "4", "the last version is gone, and its number with it");
  for (const Qualifier of ["1", "2", "4"]) await functions.invoke({ ...F, Qualifier });
  await functions.invoke(F);
  assert.deepEqual(await codeOf(runtime.runs), ["1: 1", "2: 1", "4: 2", "$LATEST: 2"]);
  const [first, second] = runtime.runs.map(({ deployment }) => deployment);
  assert.deepEqual(
    [first?.timeoutMs, second?.timeoutMs, first?.environment["A"], second?.environment["A"]],
    [3000, 7000, undefined, "2"],
  );
  assert.equal(first?.environment["AWS_LAMBDA_FUNCTION_VERSION"], "1");
  assert.match(first?.environment["AWS_LAMBDA_LOG_STREAM_NAME"] ?? "", /^2026\/01\/01\/\[1\][0-9a-f]{32}$/);
  await refused(functions.invoke({ ...F, Qualifier: "3" }), "function-not-found", /function:f:3$/);
});

test("versions keep their EphemeralStorage, and the usual one said aloud is no change to publish", async (t) => {
  const { functions, runtime, registry, directory } = await open(t);
  const { versions } = functions;
  const made = await functions.createFunction({ ...BASIC, Publish: true });
  assert.deepEqual(made.EphemeralStorage, { Size: 512 });
  await functions.updateFunctionConfiguration({ ...F, EphemeralStorage: { Size: 512 } });
  assert.equal((await versions.publishVersion(F)).Version, "1");
  const changed = await functions.updateFunctionConfiguration({ ...F, EphemeralStorage: { Size: 10_240 } });
  assert.deepEqual(changed.EphemeralStorage, { Size: 10_240 });
  assert.notEqual(changed.RevisionId, made.RevisionId);
  await functions.updateFunctionConfiguration({ ...F, Timeout: 7 });
  assert.equal((await versions.publishVersion(F)).Version, "2");
  await functions.createFunction({ ...BASIC, FunctionName: "g", EphemeralStorage: { Size: 600 } });
  const sizes = async (of: typeof functions) => {
    const { Functions: listed } = await of.listFunctions({ FunctionVersion: "ALL" });
    return listed.map(({ FunctionName, Version, EphemeralStorage }) => [FunctionName, Version, EphemeralStorage.Size]);
  };
  const expected = [
    ["f", "$LATEST", 10_240],
    ["f", "1", 512],
    ["f", "2", 10_240],
    ["g", "$LATEST", 600],
  ];
  assert.deepEqual(await sizes(functions), expected);
  const { Configuration } = await functions.getFunction({ ...F, Qualifier: "2" });
  assert.deepEqual(Configuration.EphemeralStorage, { Size: 10_240 });
  for (const Qualifier of ["1", "2"]) await functions.invoke({ ...F, Qualifier });
  assert.deepEqual(
    runtime.runs.map((each) => each.deployment.tmpMb),
    [512, 10_240],
  );
  await registry.store.close();
  assert.deepEqual(await sizes((await open(t, directory)).functions), expected);
});

test("PublishVersion refuses what is not the present code or revision: function-parameter, function-revision", async (t) => {
  const { functions } = await open(t);
  const { versions } = functions;
  const made = await functions.createFunction({ ...BASIC, Publish: true });
  assert.deepEqual([made.Version, made.FunctionArn.endsWith(":f:1")], ["1", true]);
  await refused(versions.publishVersion({ ...F, CodeSha256: "AAAA" }), "function-parameter", /CodeSHA256 \(AAAA\)/);
  await refused(versions.publishVersion({ ...F, RevisionId: "old" }), "function-revision");
  await refused(versions.publishVersion({ FunctionName: "f:1" }), "function-parameter", /not f:1$/);
  await refused(versions.publishVersion({ FunctionName: "g" }), "function-not-found");
  for (const FunctionName of ["f:1", "f:prod"]) {
    await refused(
      functions.updateFunctionCode({ FunctionName, ZipFile: ZIP }),
      "function-parameter",
      /versions do not/,
    );
    await refused(functions.updateFunctionConfiguration({ FunctionName, Timeout: 1 }), "function-parameter");
  }
});

test("ListVersionsByFunction and ListFunctions of ALL give $LATEST and the versions in order, page by page", async (t) => {
  const { functions } = await open(t);
  const { versions } = functions;
  await functions.createFunction(BASIC);
  for (let i = 1; i <= 11; i++) {
    await functions.updateFunctionConfiguration({ ...F, Timeout: i });
    await versions.publishVersion(F);
  }
  const shown: string[] = [];
  let marker: string | undefined;
  do {
    const page = await versions.listVersionsByFunction({ ...F, MaxItems: 5, ...(marker && { Marker: marker }) });
    shown.push(...page.Versions.map(({ Version, FunctionArn }) => `${Version} ${FunctionArn.split(":")[7]}`));
    marker = page.NextMarker;
  } while (marker);
  const numbers = Array.from({ length: 11 }, (_, i) => String(i + 1));
  assert.deepEqual(
    shown,
    ["$LATEST", ...numbers].map((each) => `${each} ${each}`),
  );
  await functions.createFunction({ ...BASIC, FunctionName: "g" });
  const first = await functions.listFunctions({ FunctionVersion: "ALL", MaxItems: 11 });
  const rest = await functions.listFunctions({ FunctionVersion: "ALL", Marker: first.NextMarker ?? "" });
  const all = [...first.Functions, ...rest.Functions].map(({ FunctionName, Version }) => `${FunctionName} ${Version}`);
  assert.deepEqual(all, [...["$LATEST", ...numbers].map((each) => `f ${each}`), "g $LATEST"]);
  assert.deepEqual(
    (await functions.listFunctions({})).Functions.map(({ Version }) => Version),
    ["$LATEST", "$LATEST"],
  );
  await refused(versions.listVersionsByFunction({ ...F, Marker: "%" }), "function-parameter", /Marker/);
});

test("an alias stands for a version: created, moved, listed and deleted", async (t) => {
  const { functions, registry, runtime } = await open(t);
  const { versions } = functions;
  await functions.createFunction({ ...BASIC, Publish: true });
  await functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true });
  const made = await versions.createAlias({ ...F, Name: "prod", FunctionVersion: "1", Description: "d" });
  const AliasArn = `arn:aws:lambda:eu-central-1:${registry.account.id}:function:f:prod`;
  const expected = { AliasArn, Name: "prod", FunctionVersion: "1", Description: "d", RevisionId: made.RevisionId };
  assert.deepEqual(made, expected);
  assert.deepEqual(await versions.getAlias({ ...F, Name: "prod" }), made);
  await refused(versions.createAlias({ ...F, Name: "prod", FunctionVersion: "2" }), "alias-exists", /f:prod$/);
  const { FunctionArn, Version } = await functions.getFunctionConfiguration({ ...F, Qualifier: "prod" });
  assert.deepEqual([FunctionArn, Version], [AliasArn, "1"]);
  runtime.answer = ({ request }) => ended(JSON.stringify(request.invokedArn));
  const run = await functions.invoke({ FunctionName: AliasArn });
  assert.deepEqual([run.ExecutedVersion, new TextDecoder().decode(run.Payload)], ["1", JSON.stringify(AliasArn)]);
  await refused(versions.updateAlias({ ...F, Name: "prod", RevisionId: "old" }), "function-revision");
  const moved = await versions.updateAlias({ ...F, Name: "prod", FunctionVersion: "2", RevisionId: made.RevisionId });
  assert.deepEqual([moved.FunctionVersion, moved.Description], ["2", "d"]);
  assert.notEqual(moved.RevisionId, made.RevisionId);
  assert.equal((await functions.invoke({ FunctionName: "f:prod" })).ExecutedVersion, "2");
  await versions.createAlias({ ...F, Name: "latest", FunctionVersion: "$LATEST" });
  await versions.createAlias({ ...F, Name: "canary", FunctionVersion: "1" });
  const names = async (input: object) => (await versions.listAliases({ ...F, ...input })).Aliases.map((a) => a.Name);
  assert.deepEqual(await names({}), ["canary", "latest", "prod"]);
  assert.deepEqual(await names({ FunctionVersion: "2" }), ["prod"]);
  const page = await versions.listAliases({ ...F, MaxItems: 2 });
  assert.deepEqual(await names({ Marker: page.NextMarker }), ["prod"]);
  await refused(functions.deleteFunction({ ...F, Qualifier: "2" }), "version-in-use", /aliases reference it: \[prod\]/);
  await refused(functions.deleteFunction({ ...F, Qualifier: "prod" }), "function-parameter", /delete-alias/);
  for (const FunctionName of ["f", "f:$LATEST"]) {
    const whole = functions.deleteFunction({ FunctionName, Qualifier: "$LATEST" });
    await refused(whole, "function-parameter", /cannot be deleted without deleting the function/);
  }
  await versions.deleteAlias({ ...F, Name: "prod" });
  await versions.deleteAlias({ ...F, Name: "prod" });
  await refused(versions.getAlias({ ...F, Name: "prod" }), "alias-not-found", /f:prod$/);
  await refused(functions.invoke({ ...F, Qualifier: "prod" }), "function-not-found");
  await functions.deleteFunction({ ...F, Qualifier: "2" });
  await refused(functions.deleteFunction({ ...F, Qualifier: "2" }), "function-not-found");
  await refused(functions.invoke({ FunctionName: "f:1", Qualifier: "canary" }), "function-parameter", /does not match/);
});

test("an alias of two versions shares invocations out by weight, between published versions only", async (t) => {
  let chance = 0;
  let draws = false;
  // Identifiers take sixteen bytes; the four of a draw are what this test decides.
  const entropy: Entropy = {
    bytes(length) {
      const bytes = new Uint8Array(length).map(() => Math.floor(Math.random() * 256));
      if (length !== 4) return bytes;
      draws = true;
      new DataView(bytes.buffer).setUint32(0, chance * 2 ** 32);
      return bytes;
    },
  };
  const { functions } = await open(t, temporary(t), { entropy });
  const { versions } = functions;
  await functions.createFunction({ ...BASIC, Publish: true });
  await functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true });
  const alias = (FunctionVersion: string, AdditionalVersionWeights: Record<string, number>) =>
    versions.createAlias({ ...F, Name: "a", FunctionVersion, RoutingConfig: { AdditionalVersionWeights } });
  await refused(alias("$LATEST", { 1: 0.5 }), "function-parameter", /\$LATEST is not supported/);
  await refused(alias("1", { 1: 0.5 }), "function-parameter", /already included/);
  await refused(alias("1", { 1: 0.5, 2: 0.5 }), "function-parameter", /one version besides/);
  await refused(alias("1", { 9: 0.5 }), "function-not-found", /f:9$/);
  await refused(alias("9", {}), "function-not-found", /f:9$/);
  const made = await alias("1", { 2: 0.25 });
  assert.deepEqual(made.RoutingConfig, { AdditionalVersionWeights: { 2: 0.25 } });
  const ran: (string | undefined)[] = [];
  for (chance of [0, 0.2499, 0.25, 0.9999]) ran.push((await functions.invoke({ FunctionName: "f:a" })).ExecutedVersion);
  assert.deepEqual(ran, ["2", "2", "1", "1"]);
  assert.ok(draws);
  await refused(functions.deleteFunction({ ...F, Qualifier: "2" }), "version-in-use");
  const plain = await versions.updateAlias({ ...F, Name: "a", RoutingConfig: {} });
  assert.equal(plain.RoutingConfig, undefined);
  chance = 0;
  assert.equal((await functions.invoke({ FunctionName: "f:a" })).ExecutedVersion, "1");
});

test("a permission is for the function, the version or the alias that it was given for, and for no other", async (t) => {
  const { functions, registry, runtime } = await open(t);
  const { id } = registry.account;
  const { versions } = functions;
  await functions.createFunction({ ...BASIC, Publish: true });
  await versions.createAlias({ ...F, Name: "prod", FunctionVersion: "1" });
  const caller = {
    service: "iot.amazonaws.com",
    sourceArn: `arn:aws:iot:eu-central-1:${id}:rule/r`,
    sourceAccount: id,
  };
  const arn = `arn:aws:lambda:eu-central-1:${id}:function:f`;
  const asked = () =>
    [arn, `${arn}:$LATEST`, `${arn}:1`, `${arn}:prod`].map(
      (each) => functions.invokeFor(caller, each, "{}") === undefined,
    );
  const give = (Qualifier?: string) =>
    functions.addPermission({
      ...F,
      StatementId: "s",
      Action: "lambda:InvokeFunction",
      Principal: caller.service,
      ...(Qualifier !== undefined && { Qualifier }),
    });
  assert.deepEqual(asked(), [false, false, false, false]);
  const { Statement } = await give("prod");
  assert.equal((JSON.parse(Statement) as { Resource: string }).Resource, `${arn}:prod`);
  assert.deepEqual(asked(), [false, false, false, true]);
  await give("1");
  assert.deepEqual(asked(), [false, false, true, true]);
  await give();
  assert.deepEqual(asked(), [true, true, true, true]);
  await refused(give("prod"), "statement-exists");
  await refused(give("9"), "function-not-found");
  const policies = [
    await functions.getFunctionPolicy(F),
    await functions.getFunctionPolicy({ ...F, Qualifier: "1" }),
    await functions.getFunctionPolicy({ FunctionName: "f:prod" }),
  ];
  assert.equal(new Set(policies.map(({ RevisionId }) => RevisionId)).size, 3);
  await refused(
    functions.removePermission({ ...F, Qualifier: "prod", StatementId: "s", RevisionId: "x" }),
    "function-revision",
  );
  await functions.removePermission({ ...F, Qualifier: "prod", StatementId: "s" });
  assert.deepEqual(asked(), [true, true, true, false]);
  await give("prod");
  await versions.deleteAlias({ ...F, Name: "prod" });
  await versions.createAlias({ ...F, Name: "prod", FunctionVersion: "1" });
  assert.deepEqual(asked(), [true, true, true, false], "a new alias of an old name has no policy");
  assert.ok(runtime.runs.length > 0);
});

test("versions, aliases and their permissions are there again after a restart, and go with their function", async (t) => {
  const first = await open(t);
  const { versions } = first.functions;
  for (const FunctionName of ["f", "f-2"])
    await first.functions.createFunction({ ...BASIC, FunctionName, Publish: true });
  await first.functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true });
  const RoutingConfig = { AdditionalVersionWeights: { 1: 1 } };
  const alias = await versions.createAlias({ ...F, Name: "prod", FunctionVersion: "2", RoutingConfig });
  const permission = { Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com" } as const;
  for (const StatementId of ["z", "a", "m"]) {
    for (const Qualifier of ["prod", "1"])
      await first.functions.addPermission({ ...F, ...permission, StatementId, Qualifier });
    await first.functions.addPermission({ FunctionName: "f-2", ...permission, StatementId, Qualifier: "1" });
  }
  const policy = await first.functions.getFunctionPolicy({ ...F, Qualifier: "prod" });
  const listed = await versions.listVersionsByFunction(F);
  await first.registry.store.close();

  const second = await open(t, first.directory);
  assert.deepEqual(await second.functions.versions.getAlias({ ...F, Name: "prod" }), alias);
  assert.deepEqual(await second.functions.versions.listVersionsByFunction(F), listed);
  assert.deepEqual(await second.functions.getFunctionPolicy({ ...F, Qualifier: "prod" }), policy, "in their order");
  await second.functions.invoke({ ...F, Qualifier: "prod" });
  assert.deepEqual(await codeOf(second.runtime.runs), ["1: 1"]);
  const three = await second.functions.updateFunctionCode({ ...F, ZipFile: THIRD, Publish: true });
  assert.equal(three.Version, "3");
  await second.functions.deleteFunction(F);
  assert.equal(second.runtime.retired.filter((each) => /function:f:\d$/.test(each)).length, 3);
  const rows = (table: "function_versions" | "function_aliases" | "function_permissions") =>
    second.registry.store.read
      .selectFrom(table)
      .select("function")
      .execute()
      .then((found) => found.map((row) => row.function));
  assert.deepEqual(await rows("function_versions"), ["f-2"]);
  assert.deepEqual(await rows("function_aliases"), []);
  assert.deepEqual(await rows("function_permissions"), ["f-2:1", "f-2:1", "f-2:1"]);
});

test("the code of all functions and versions is bounded: code-storage", async (t) => {
  const { functions } = await open(t, temporary(t), { codeBytes: 2 * ZIP.length + 1 });
  await functions.createFunction({ ...BASIC, Publish: true });
  const more = functions.createFunction({ ...BASIC, FunctionName: "g" });
  await refused(more, "code-storage", /Code storage limit exceeded/);
  await functions.updateFunctionConfiguration({ ...F, Timeout: 9 });
  await refused(functions.versions.publishVersion(F), "code-storage");
  await refused(functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true }), "code-storage");
  await functions.deleteFunction({ ...F, Qualifier: "1" });
  assert.equal((await functions.versions.publishVersion(F)).Version, "2");
});

test("each attempt of an event through an alias runs the version that the alias stands for at that time", async (t) => {
  const { functions, runtime, clock } = await open(t);
  await functions.createFunction({ ...BASIC, Publish: true });
  await functions.updateFunctionCode({ ...F, ZipFile: OTHER, Publish: true });
  await functions.versions.createAlias({ ...F, Name: "prod", FunctionVersion: "1" });
  runtime.answer = () => failed();
  await functions.invoke({ FunctionName: "f:prod", InvocationType: "Event" });
  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));
  await settle();
  await functions.versions.updateAlias({ ...F, Name: "prod", FunctionVersion: "2" });
  clock.advance(1000);
  await settle();
  assert.deepEqual(
    runtime.runs.map(({ deployment }) => deployment.version),
    ["1", "2"],
  );
});
