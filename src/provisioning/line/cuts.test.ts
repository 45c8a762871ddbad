/** A line that loses power, or its way to the part, at every point there is: F-27. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { type ChipModel, issuerOf, lineOptions, newAuthority, openElement, Parts } from "./fixtures.test.ts";
import { MemoryInRam } from "../../chip/index.ts";
import { localTransport, type Transport } from "../../host/index.ts";
import { Se05x } from "../../host/se05x/index.ts";
import { type LineIssuer, type LineJournal, type LineModelName, MemoryJournal, partStates, runLine } from "./index.ts";

const PARTS = 2;

/** Lets `left` operations happen and then fails for good, before or after the one that it fails at. */
class Fuse {
  left: number;
  readonly #when: "before" | "after";
  spent = 0;

  constructor(left: number, when: "before" | "after") {
    this.left = left;
    this.#when = when;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const isLast = this.left-- <= 0;
    this.spent++;
    if (isLast && (this.#when === "before" || this.left < -1)) throw new Error("cut");
    const result = await work();
    if (isLast) throw new Error("cut");
    return result;
  }

  transport = (inner: Transport): Transport => ({
    exchange: (command) => this.run(() => inner.exchange(command)),
    close: () => inner.close(),
  });

  issuer(inner: LineIssuer): LineIssuer {
    return { ...inner, issue: (csr, subject) => this.run(() => inner.issue(csr, subject)) };
  }

  journal(inner: LineJournal): LineJournal {
    const { order, entries } = inner;
    return { order, entries, append: (entry) => this.run(() => inner.append(entry)) };
  }
}

/** What is in a part: key pairs that are not its maker's, certificates, and all objects where the family counts them. */
async function contents(model: ChipModel, feed: Parts, part: number) {
  const element = await openElement(model, localTransport(await feed.chip(part)));
  const keys = (await element.keySlots()).filter(({ slot, publicKey }) => slot < 0x100 && publicKey !== undefined);
  const certificates = (await element.listCertificates()).filter(({ index }) => index < 0x100);
  if (!(element instanceof Se05x)) return { keys: keys.length, certificates: certificates.length, objects: 0 };
  const { ids } = await element.send("readIdList", { offset: 0, filter: 0xff });
  return { keys: keys.length, certificates: certificates.length, objects: ids.length / 4 };
}

const births = new Map<string, Uint8Array>();

/** The memory of a part as it came from its maker: being born anew for each cut would take most of the time. */
async function bornMemory(chip: ChipModel, part: number): Promise<MemoryInRam> {
  const name = `${chip} ${part}`;
  if (!births.has(name)) {
    const maker = new Parts(chip);
    await maker.chip(part);
    births.set(name, maker.memories.get(part)?.load() ?? assert.fail());
  }
  const memory = new MemoryInRam();
  memory.store(births.get(name) ?? assert.fail());
  return memory;
}

async function cutAt(model: LineModelName, chip: ChipModel, fuse: Fuse) {
  const authority = await newAuthority();
  const issuer = await issuerOf(authority);
  const feed = new Parts(chip);
  const base = await lineOptions({ model, chip, count: PARTS, issuer, feed });
  const cutting = new Parts(chip, { wrap: fuse.transport });
  for (let part = 1; part <= PARTS; part++) {
    const memory = await bornMemory(chip, part);
    feed.memories.set(part, memory);
    cutting.memories.set(part, memory);
  }
  const journal = base.journal;
  const first = { ...base, feed: cutting, issuer: fuse.issuer(issuer), journal: fuse.journal(journal) };
  const outcome = await runLine(first).then(
    () => "finished",
    (error: Error) => error.message,
  );
  const kept = new MemoryJournal(journal.order, journal.entries);
  const report = await runLine({ ...base, journal: kept });
  return { outcome, report, authority, feed, kept };
}

const MODELS: readonly (readonly [LineModelName, ChipModel])[] = [
  ["oem", "a5000"],
  ["vendor", "a5000"],
  ["oem", "a71ch"],
  ["distributor", "a71ch"],
];
const DEEP = process.env["HAWSER_DEEP"] === "1";

for (const [model, chip] of MODELS) {
  for (const when of ["before", "after"] as const) {
    test(`A5-40 A5-41 A5-42 a line of model ${model} with ${chip} is cut ${when} every operation, and resumes to the same parts (F-27)`, async () => {
      const fuse = new Fuse(Number.MAX_SAFE_INTEGER, when);
      const whole = await cutAt(model, chip, fuse);
      assert.equal(whole.outcome, "finished");
      const wanted = [await contents(chip, whole.feed, 1), await contents(chip, whole.feed, 2)];
      assert.deepEqual([wanted[0]?.keys, wanted[0]?.certificates], [1, 2]);
      // The second part's operations are the first one's again; cut there, the first part must stay as it is.
      const step = DEEP ? 1 : 3;
      const points = Array.from({ length: fuse.spent }, (_, i) => i).filter(
        (at) => at < fuse.spent / PARTS || at % step === 0,
      );
      for (const at of points) {
        const { outcome, report, authority, feed, kept } = await cutAt(model, chip, new Fuse(at, when));
        assert.equal(outcome, "cut", `at ${at}`);
        assert.deepEqual([report.done, report.open, report.refused, report.faults], [PARTS, 0, [], []], `at ${at}`);
        assert.deepEqual(report.undelivered, [], `at ${at}`);
        assert.equal((await authority.issued("line")).length, PARTS, `at ${at}: no key is certified twice`);
        assert.deepEqual([await contents(chip, feed, 1), await contents(chip, feed, 2)], wanted, `at ${at}`);
        for (const { part, identities } of partStates(kept).values()) {
          const element = await openElement(chip, localTransport(await feed.chip(part)));
          assert.deepEqual((await element.signer(0)).publicKey, identities[0]?.certificate.publicKey.der);
          assert.deepEqual(await element.readCertificate(0), identities[0]?.certificate.der);
        }
      }
      assert.ok(points.length > 30, `${points.length} cut points`);
    });
  }
}
