import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { lineOptions } from "./fixtures.test.ts";
import { decodeBirths, demandOrder, encodeBirths, partStates, runLine, verifyBirths } from "./index.ts";
import { FileJournal, newKeyPair } from "./node.ts";
import { nodeClock, nodeVerifier } from "../../crypto/node.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "hawser-line-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("a journal's file gives back what was written, without the entry that a cut left unfinished", async (t) => {
  const path = join(folder(t), "journal");
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 3 });
  const journal = await FileJournal.create(path, options.journal.order);
  await runLine({ ...options, journal, shouldStop: () => journal.entries.length >= 4, stations: 1 });
  await journal.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const whole = readFileSync(path, "utf8");
  appendFileSync(path, '{"step":"begun","part":3,"uniq');
  const again = await FileJournal.open(path);
  assert.deepEqual([again.order, again.entries], [journal.order, journal.entries]);
  assert.equal(readFileSync(path, "utf8"), whole);
  const report = await runLine({ ...options, journal: again });
  assert.deepEqual([report.done, report.faults], [3, []]);
  await again.close();
  const third = await FileJournal.open(path);
  assert.equal([...partStates(third).values()].filter(({ outcome }) => outcome === "done").length, 3);
  await third.close();
  await assert.rejects(FileJournal.create(path, journal.order), { code: "EEXIST" });
});

test("every prefix of a journal's file opens, or says that it is damaged: journal-damaged", async (t) => {
  const path = join(folder(t), "journal");
  const options = await lineOptions({ model: "preconfigured", chip: "a5000", count: 1 });
  const journal = await FileJournal.create(path, options.journal.order);
  await runLine({ ...options, journal });
  await journal.append({ step: "refused", part: 1, uniqueId: "00", code: "part-memory", message: "x" });
  await journal.close();
  const whole = readFileSync(path);
  const first = whole.indexOf("\n") + 1;
  for (let end = 0; end <= whole.length; end += end < first + 20 ? 1 : 61) {
    writeFileSync(path, whole.subarray(0, end));
    const opened = FileJournal.open(path);
    if (end < first) await assert.rejects(opened, { code: "journal-damaged" });
    else await (await opened).close();
  }
  const lines = whole.toString().trimEnd().split("\n");
  const broken = [
    ["[]"],
    ['{"journal":"hawser line","version":2}'],
    [lines[0]?.replace("preconfigured", "x")],
    [lines[0]?.replace('"count":1', '"count":"1"')],
    [lines[0]?.replace('"count":1', '"count":1,"bornKeys":"rsa"')],
    [lines[0], "no json"],
    [lines[0], "7"],
    [lines[0], '{"step":"x","part":1}'],
    [lines[0], '{"step":"begun","part":-1,"uniqueId":""}'],
    [lines[0], '{"step":"begun","part":1}'],
    [lines[0], '{"step":"issued","part":1,"certificate":"AAAA"}'],
    [lines[0], '{"step":"done","part":1,"uniqueId":"","identities":1}'],
  ];
  for (const text of broken) {
    writeFileSync(path, `${text.join("\n")}\n`);
    await assert.rejects(FileJournal.open(path), { code: "journal-damaged" }, text.join());
  }
  const taking = (bornKeys: string) => lines[0]?.replace('"count":1', `"count":1,"bornKeys":"${bornKeys}"`);
  const wanted = { ...options.journal.order };
  for (const [bornKeys, isOther] of [
    ["ec", false],
    ["ec+rsa", true],
  ] as const) {
    writeFileSync(path, `${[taking(bornKeys), ...lines.slice(1)].join("\n")}\n`);
    const opened = await FileJournal.open(path);
    const demand = () => demandOrder(opened, wanted, { resume: true });
    if (isOther) assert.throws(demand, { code: "line-differs", message: /bornKeys ec\+rsa, not ec/ });
    else demand();
    await opened.close();
  }
  const beyond = { order: { ...journal.order }, entries: [{ step: "begun", part: 9, uniqueId: "" } as const] };
  assert.throws(() => partStates(beyond), { code: "journal-damaged" });
});

test("A5-38 births are read strictly and trusted under the caller's own root, whole or not at all", async () => {
  const options = await lineOptions({ model: "preconfigured", chip: "a5000", count: 2 });
  await runLine(options);
  const batch = { ...options.journal.order, issuers: [], parts: [...partStates(options.journal).values()] };
  const text = encodeBirths(batch);
  const read = decodeBirths(text);
  assert.equal(encodeBirths(read), text);
  const trust = { anchors: options.anchors ?? [], verifier: nodeVerifier, time: nodeClock.now() };
  assert.equal((await verifyBirths(read, trust)).certificates.length, 6);
  const stranger = await lineOptions({ model: "oem", chip: "a71ch", count: 1 });
  const untrusted = { code: "birth-untrusted", name: "Denied" };
  await assert.rejects(verifyBirths(read, { ...trust, anchors: stranger.issuer?.chain ?? [] }), untrusted);
  await assert.rejects(verifyBirths({ ...read, parts: [...read.parts, ...read.parts] }, trust), untrusted);
  const [one, two] = read.parts;
  const mixed = [one, { uniqueId: two?.uniqueId ?? "", identities: one?.identities ?? [] }].filter((part) => !!part);
  await assert.rejects(verifyBirths({ ...read, parts: mixed }, trust), untrusted);
  const spoilt = [
    "",
    "[]",
    "{}",
    text.replace("hawser births", "births"),
    text.replace('"version": 1', '"version": 2'),
    text.replace("preconfigured", "unknown"),
    text.replace('"slot": ', '"slot": -'),
    text.replace("BEGIN CERTIFICATE", "BEGIN"),
    text.replace('"parts": [', '"parts": 1, "more": ['),
    text.replace('"batch": "batch-1"', '"batch": 1'),
  ];
  for (const each of spoilt) assert.throws(() => decodeBirths(each), { code: "births-malformed" }, each.slice(0, 60));
});

test("the generator of keys to inject gives a scalar and the point that belongs to it", async () => {
  const { p256 } = await import("@noble/curves/nist.js");
  for (let i = 0; i < 8; i++) {
    const { scalar, point } = await newKeyPair();
    assert.deepEqual(p256.getPublicKey(scalar, false), point);
  }
});

test("a journal serves its own order only, and what is unfinished only who resumes", async () => {
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 1 });
  const { batch: _, ...wanted } = options.journal.order;
  const unfinished = { code: "line-unfinished", name: "UsageError" };
  assert.throws(() => demandOrder(options.journal, wanted, { resume: false }), unfinished);
  demandOrder(options.journal, wanted, { resume: true });
  for (const other of [{ model: "vendor" as const }, { count: 2 }, { chipModel: "a5000" }, { issuer: "" }]) {
    const differs = { code: "line-differs", name: "UsageError" };
    assert.throws(() => demandOrder(options.journal, { ...wanted, ...other }, { resume: true }), differs);
  }
  await runLine(options);
  demandOrder(options.journal, wanted, { resume: false });
});
