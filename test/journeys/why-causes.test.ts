/** F-17 and F-18: every cause that `hawser why` knows is provoked by a real run, and its first answer is the right one. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { REFUSALS, type RefusalCause } from "../../src/trace/index.ts";
import type { Answer } from "../../src/cloud/why/index.ts";
import { assertDrawn } from "../page-drawings.ts";
import { OF_THE_DEVICE, TOLD_BY } from "./refusal-transports.ts";
import { FAULTS, UPGRADES } from "./why-faults.ts";
import { whyWorld, type Transport, type WhyWorld } from "./why-world.ts";

const PAGE = "docs/why.md";

const OTHERS = "The one cause that is not listed, `server-name-mismatch`, is the device's own finding.";

type Diagnosis = { readonly cause: RefusalCause; readonly story: string; readonly first: string };

test(
  "F-17 F-18 every refusal is told by every transport that can tell it, and hawser why names the right cause first",
  { timeout: 240_000 },
  async (t) => {
    const world = await whyWorld(t);
    const diagnoses: Diagnosis[] = [];
    for (const { cause, story, run } of FAULTS) {
      const from = world.told.length;
      const subject = await run(world);
      const [first] = transportsOf(cause);
      if (first !== undefined) await checkTold(world, { cause, transport: first, from });
      const answer = (await world.call("Why", subject === undefined ? {} : { subject })) as unknown as Answer;
      const [finding] = answer.findings;
      if (finding?.cause !== cause) t.diagnostic(`${cause}: ${JSON.stringify(answer).slice(0, 1500)}`);
      diagnoses.push({ cause, story, first: finding?.cause ?? answer.verdict });
      assert.ok(!finding || (finding.cure.length > 20 && finding.explanation.length > 20));
    }
    const right = diagnoses.filter(({ cause, first }) => cause === first);
    const provoked = new Set(diagnoses.map(({ cause }) => cause));
    t.diagnostic(`${right.length} of ${diagnoses.length} first answers are right, of ${provoked.size} causes`);
    const known = Object.keys(REFUSALS) as RefusalCause[];
    assert.deepEqual(
      known.filter((cause) => !provoked.has(cause)),
      OF_THE_DEVICE,
      "every cause that the cloud writes is provoked",
    );
    const told = await tellByOtherTransports(world);
    t.diagnostic(`${told} more refusals told by MQTT 3.1.1, HTTPS and WebSocket`);
    checkEveryRefusal(world);
    assertDrawn(PAGE, "causes", reportOf(diagnoses, right.length));
    assert.ok(right.length / diagnoses.length >= 0.95);
  },
);

function transportsOf(cause: RefusalCause): readonly Transport[] {
  return (TOLD_BY as Readonly<Partial<Record<RefusalCause, readonly Transport[]>>>)[cause] ?? [];
}

/** The same faults again by clients that speak otherwise, each wherever the table says that it can be heard. */
async function tellByOtherTransports(world: WhyWorld): Promise<number> {
  let count = 0;
  for (const transport of ["mqtt311", "https", "websocket"] as const) {
    world.mode.transport = transport;
    const faults = FAULTS.filter(({ cause }) => transportsOf(cause).slice(1).includes(transport));
    const upgrades = transport === "websocket" ? UPGRADES : [];
    const own = faults.filter(({ cause }) => !upgrades.some((upgrade) => upgrade.cause === cause));
    for (const { cause, run } of [...own, ...upgrades]) {
      const from = world.told.length;
      const known = world.refusals().length;
      await run(world);
      await checkTold(world, { cause, transport, from });
      const written = world.refusals().slice(known);
      assert.ok(
        written.some((refusal) => refusal.cause === cause),
        `${cause} by ${transport} is in the ledger`,
      );
      count += 1;
    }
    assert.deepEqual(
      new Set([...own, ...upgrades].map(({ cause }) => cause)),
      new Set(
        (Object.keys(TOLD_BY) as RefusalCause[]).filter((cause) => transportsOf(cause).slice(1).includes(transport)),
      ),
    );
  }
  return count;
}

/** MQTT 3.1.1 has room for a code alone; the others say the cause, as the ledger names it, and a cure. */
async function checkTold(
  world: WhyWorld,
  { cause, transport, from }: { readonly cause: RefusalCause; readonly transport: Transport; readonly from: number },
): Promise<void> {
  if (transport === "mqtt311") {
    const codes = world.told.slice(from).map((each) => each.transport === transport && each.code);
    assert.ok(codes.includes(5), `${cause}: CONNACK 5, not ${JSON.stringify(codes)}`);
    return;
  }
  const heard = await world.toldOf(cause, from);
  const all = JSON.stringify(world.told.slice(from));
  assert.ok(heard, `${cause} is told by ${transport}: ${all}`);
  const isMqtt = heard.transport === "mqtt5" || heard.transport === "websocket";
  assert.equal(heard.transport, transport, all);
  assert.ok(Number(heard.code) >= 0x80, all);
  if (isMqtt && Number(heard.code) < 0x100) assert.equal(heard.cure, REFUSALS[cause].cure);
  else assert.ok((heard.cure ?? "").length > 20, all);
}

/** F-17: what was refused in the whole run has a cause from the table, evidence to read, and a cure. */
function checkEveryRefusal(world: WhyWorld): void {
  const refusals = world.refusals();
  assert.ok(refusals.length >= FAULTS.length);
  for (const { cause, evidence } of refusals) {
    assert.ok(Object.hasOwn(REFUSALS, cause));
    assert.ok(Object.keys(evidence).length > 0 || cause === "no-client-certificate", `${cause} has evidence`);
  }
  assert.ok(world.reasons.length >= 30);
  for (const reason of world.reasons) {
    const cause = /^[a-z0-9-]+/.exec(reason)?.[0] ?? "";
    assert.ok(Object.hasOwn(REFUSALS, cause), `the reason string ${reason} begins with a cause`);
    assert.ok(
      refusals.some((refusal) => refusal.cause === cause),
      `${cause} is in the ledger, too`,
    );
  }
}

function reportOf(diagnoses: readonly Diagnosis[], right: number): string {
  const rows = diagnoses.map(
    ({ cause, story, first }) => `| ${story} | \`${cause}\` | ${first === cause ? "yes" : first} |`,
  );
  return [
    `${right} of ${diagnoses.length} right, of ${new Set(diagnoses.map(({ cause }) => cause)).size} causes.`,
    "",
    "| what went wrong | cause | named first |",
    "|---|---|---|",
    ...rows,
    "",
    OTHERS,
  ].join("\n");
}
