import assert from "node:assert/strict";
import { test } from "node:test";

import { lintCertificate, nameFromText, validatePath } from "../../pki/index.ts";
import { nodeClock, nodeVerifier } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { type ChipModel, issuerOf, lineOptions, newAuthority, openElement, Parts } from "./fixtures.test.ts";
import { localTransport } from "../../host/index.ts";
import {
  CERTIFICATE_INDEX,
  decodeBirths,
  encodeBirths,
  LINE_MODELS,
  type LineIssuer,
  type LineModelName,
  MemoryJournal,
  partStates,
  runLine,
  verifyBirths,
} from "./index.ts";

const CASES: readonly (readonly [string, LineModelName, ChipModel])[] = [
  ["A5-39", "preconfigured", "a5000"],
  ["A5-40", "vendor", "a5000"],
  ["A5-41", "distributor", "se051"],
  ["A5-42", "oem", "a5000"],
  ["A5-42", "oem", "a71ch"],
  ["A5-41", "distributor", "a71ch"],
];

for (const [id, model, chip] of CASES) {
  test(`${id} a line of model ${model} gives every ${chip} a key, a serial number and a certificate of its own`, async () => {
    const authority = await newAuthority();
    const feed = new Parts(chip);
    const options = await lineOptions({ model, chip, count: 3, issuer: await issuerOf(authority), feed });
    const told: number[] = [];
    const report = await runLine({ ...options, stations: 2, onProgress: ({ done }) => told.push(done) });
    const each = model === "preconfigured" ? 3 : 1;
    assert.deepEqual(
      [report.done, report.open, report.refused, report.faults, report.certificates],
      [3, 0, [], [], 3 * each],
    );
    assert.deepEqual(told, [1, 2, 3]);
    assert.equal((await authority.issued("line")).length, model === "preconfigured" ? 0 : 3);
    for (const { part, identities } of partStates(options.journal).values()) {
      const element = await openElement(chip, localTransport(await feed.chip(part)));
      for (const { slot, certificate } of identities) {
        assert.deepEqual((await element.signer(slot)).publicKey, certificate.publicKey.der);
        const anchors = options.issuer ? options.issuer.chain : (options.anchors ?? []);
        const time = nodeClock.now();
        await validatePath({ chain: [certificate.der], anchors, time, purpose: "clientAuth", verifier: nodeVerifier });
      }
      if (model === "preconfigured") continue;
      assert.deepEqual(await element.readCertificate(CERTIFICATE_INDEX.device), identities[0]?.certificate.der);
      assert.deepEqual(await element.readCertificate(CERTIFICATE_INDEX.issuer), options.issuer?.chain[0].der);
    }
    const batch = { ...options.journal.order, issuers: [], parts: [...partStates(options.journal).values()] };
    const anchors = options.issuer ? options.issuer.chain : (options.anchors ?? []);
    const trust = { anchors, verifier: nodeVerifier, time: nodeClock.now() };
    const trusted = await verifyBirths(decodeBirths(encodeBirths(batch)), trust);
    assert.equal(trusted.certificates.length, report.certificates);
  });
}

test("the models are those of AN13501, section 4, and only the vendor's asks for more than 150,000 parts", () => {
  assert.deepEqual(
    Object.entries(LINE_MODELS).map(([name, { key, minimumOrder }]) => [name, key, minimumOrder]),
    [
      ["preconfigured", "born", 1],
      ["vendor", "injected", 150_001],
      ["distributor", "injected", 1],
      ["oem", "generated", 1],
    ],
  );
});

test("every certificate of a line passed the lint before it was signed, and the trace says so (F-12)", async () => {
  const trace = new Ledger({ clock: nodeClock });
  const authority = await newAuthority(trace);
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 4, issuer: await issuerOf(authority) });
  const report = await runLine(options);
  const issued = await authority.issued("line");
  const { certificate: issuer } = await authority.issuer("line");
  for (const { certificate } of issued) {
    assert.deepEqual(lintCertificate({ content: certificate, issuer, profile: "device" }), []);
  }
  const signed = trace.events({ kinds: ["pki.issued"] }).map(({ certificate }) => certificate);
  assert.ok(issued.every(({ certificate }) => signed.includes(certificate.id)));
  assert.equal(issued.length, report.certificates);
});

test("a certificate that the lint refuses makes its part a refusal, and the line goes on", async () => {
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 2 });
  const subjectOf = ({ number, uniqueId }: { number: number; uniqueId: string }) =>
    nameFromText(number === 1 ? `CN=${"x".repeat(70)}` : `CN=${uniqueId}`);
  const report = await runLine({ ...options, subjectOf });
  assert.deepEqual([report.done, report.refused.map(({ part, code }) => [part, code])], [1, [[1, "lint"]]]);
  assert.deepEqual([report.certificates, report.faults], [1, []]);
  const again = await runLine(options);
  assert.deepEqual([again.done, again.refused, again.certificates, again.faults], [2, [], 2, []]);
});

test("a part that holds somebody's key is refused untouched, now and when the line resumes: part-not-blank", async () => {
  const feed = new Parts("a5000");
  const { element } = await feed.open(1);
  const theirs = await element.generateKeyPair(0);
  const options = await lineOptions({ model: "oem", chip: "a5000", count: 2, feed });
  for (let run = 0; run < 2; run++) {
    const report = await runLine(options);
    assert.deepEqual([report.done, report.refused.map(({ code }) => code)], [1, ["part-not-blank"]]);
    assert.deepEqual((await element.signer(0)).publicKey, theirs);
  }
  const other = new Parts("a71ch");
  await (await other.open(1)).element.writeCertificate(CERTIFICATE_INDEX.issuer, Uint8Array.of(0x30, 2, 5, 0));
  const second = await runLine(await lineOptions({ model: "vendor", chip: "a71ch", count: 1, feed: other }));
  assert.deepEqual(
    second.refused.map(({ code }) => code),
    ["part-not-blank"],
  );
});

test("the same part in two places of the order is provisioned once: part-twice", async () => {
  const feed = new Parts("a71ch");
  const same = { open: () => feed.open(1) };
  const report = await runLine(await lineOptions({ model: "oem", chip: "a71ch", count: 2, feed: same }));
  assert.deepEqual([report.done, report.refused.map(({ code }) => code), report.faults], [1, ["part-twice"], []]);
});

test("a line that was cut goes on with the part it was cut at, and with no other: part-swapped", async () => {
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 1 });
  const { journal } = options;
  await journal.append({ step: "begun", part: 1, uniqueId: "00" });
  await assert.rejects(runLine(options), { code: "part-swapped", name: "UsageError" });
});

test("another key in a part whose certificate was issued already refuses it: part-changed", async () => {
  const feed = new Parts("a71ch");
  const authority = await newAuthority();
  const issuer = await issuerOf(authority);
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 1, issuer, feed });
  await runLine(options);
  const journal = new MemoryJournal(options.journal.order, options.journal.entries.slice(0, 2));
  const { element } = await feed.open(1);
  await element.eraseKeyPair(0);
  await element.generateKeyPair(0);
  const report = await runLine({ ...options, journal });
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    ["part-changed"],
  );
  assert.deepEqual([report.undelivered.map(({ part }) => part), report.faults], [[1], []]);
});

test("a preconfigured A71CH is refused: it is delivered blank; part-not-born", async () => {
  const report = await runLine(await lineOptions({ model: "preconfigured", chip: "a71ch", count: 1 }));
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    ["part-not-born"],
  );
});

test("a part that is born under another root is refused: birth-untrusted", async () => {
  const authority = await newAuthority();
  const anchors = [(await authority.issuer("root")).certificate];
  const report = await runLine({
    ...(await lineOptions({ model: "preconfigured", chip: "se050", count: 1 })),
    anchors,
  });
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    ["birth-untrusted"],
  );
});

test("A5-38 a part whose certificate is there but whose key does not sign is refused: birth-untrusted", async () => {
  const feed = new Parts("a5000");
  const cheating = {
    open: async (part: number) => {
      const { element, close } = await feed.open(part);
      const signer: typeof element.signer = async (slot) => ({
        ...(await element.signer(slot)),
        sign: async () => new Uint8Array(70),
      });
      return {
        element: new Proxy(element, { get: (target, name) => (name === "signer" ? signer : bound(target, name)) }),
        close,
      };
    },
  };
  const report = await runLine(await lineOptions({ model: "preconfigured", chip: "a5000", count: 1, feed: cheating }));
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    ["birth-untrusted"],
  );
});

test("a part that forgets what is written into it is refused: part-memory", async () => {
  const feed = new Parts("a71ch");
  const forgetful = {
    open: async (part: number) => {
      const { element, close } = await feed.open(part);
      const writeCertificate = async () => undefined;
      const get = (target: typeof element, name: string | symbol) =>
        name === "writeCertificate" ? writeCertificate : bound(target, name);
      return { element: new Proxy(element, { get }), close };
    },
  };
  const report = await runLine(await lineOptions({ model: "distributor", chip: "a71ch", count: 1, feed: forgetful }));
  assert.deepEqual(
    report.refused.map(({ code }) => code),
    ["part-memory"],
  );
  assert.equal(report.undelivered.length, 1);
});

test("a CA that cannot issue ends the line, which then resumes: issuer-failed", async () => {
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 2 });
  const authority = await newAuthority();
  const { certificate, ...rest } = await authority.issuer("line");
  const { lineIssuer } = await import("./index.ts");
  const unknown = lineIssuer(authority, { ...rest, certificate, label: "gone" }, certificate.validity);
  const failing: LineIssuer = { ...(options.issuer ?? unknown), issue: (csr, subject) => unknown.issue(csr, subject) };
  await assert.rejects(runLine({ ...options, issuer: failing }), { code: "issuer-failed" });
  const { issuer: _, ...none } = options;
  await assert.rejects(runLine(none), { code: "issuer-failed" });
  const report = await runLine(options);
  assert.deepEqual([report.done, report.refused, report.faults], [2, [], []]);
});

test("what the CA and the journal know of each other is compared", async () => {
  const authority = await newAuthority();
  const options = await lineOptions({ model: "oem", chip: "a71ch", count: 2, issuer: await issuerOf(authority) });
  await runLine(options);
  const { reconcile } = await import("./index.ts");
  const issued = (await authority.issued("line")).map(({ certificate }) => certificate);
  assert.deepEqual(reconcile(options.journal, issued).faults, []);
  assert.match(reconcile(options.journal, issued.slice(1)).faults.join(), /the CA knows nothing of serial/);
  const short = { order: options.journal.order, entries: options.journal.entries.slice(0, 2) };
  // The CA lists them by serial number, which is random: one of them is the first part's.
  const twins = issued.map((each) => ({ ...each, id: `twin of ${each.id}` }));
  assert.match(reconcile(short, [...issued, ...twins]).faults.join(), /is in no part/);
  const done = options.journal.entries.filter(({ step }) => step === "done");
  const copied = [done[0], { ...done[0], part: 2 }] as typeof done;
  const { faults } = reconcile({ order: options.journal.order, entries: copied }, issued);
  assert.match(faults.join("; "), /one identifier.*one serial number.*one public key/);
});

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? value.bind(target) : value;
}
