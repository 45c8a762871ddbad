/**
 * Parts of every provisioning model of AN13501, section 4, come to the cloud: made ready by `hawser line run`, served as
 * chips, and connected all at once. One of each model; the chips are of four families.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { finished, hawser, type Program, words } from "../../scripts/programs.ts";

type Line = Readonly<Record<string, unknown>>;

class Journey {
  readonly #t: TestContext;
  readonly #folder = mkdtempSync(join(tmpdir(), "hawser-line-"));

  constructor(t: TestContext) {
    this.#t = t;
    t.after(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  start(argv: readonly string[]): Program {
    const program = hawser([...argv, "--json"], { cwd: this.#folder });
    this.#t.after(() => program.stop("SIGTERM"));
    return program;
  }

  async run(argv: readonly string[]): Promise<Line[]> {
    return (await finished(this.start(argv))).map((line) => JSON.parse(line) as Line);
  }

  path(...names: readonly string[]): string {
    return join(this.#folder, ...names);
  }

  /** Where one part of a line listens, served from the state that the line left. */
  async serve(line: string, model: string, part: number): Promise<string> {
    const state = `${line}/chips/part-00000${part}.chip`;
    const chip = this.start(
      words`chip serve --model ${model} --port 0 --state ${state} --state-key ${line}/chips/state.key`,
    );
    const { address = "" } = await chip.json<{ address?: string }>({ event: "listening" });
    return address;
  }
}

const LINES = [
  { model: "oem", chip: "a5000", slot: "0" },
  { model: "vendor", chip: "se051", slot: "0" },
  { model: "distributor", chip: "a71ch", slot: "0" },
  { model: "preconfigured", chip: "se050", slot: "0xf0000100" },
] as const;

test(
  "A5-02 A5-12 A5-13 A5-14 A5-38 A5-39 A5-40 A5-41 A5-42 A5-43 devices of every provisioning model, with four kinds of chip, onboard at once",
  { timeout: 240_000 },
  async (t) => {
    const journey = new Journey(t);
    const cloud = journey.start(words`up --data cloud --api-port 0 --mqtt-port 0`);
    const { mqtt = "", caFile = "" } = await cloud.json<{ mqtt?: string; caFile?: string }>({ event: "listening" });
    await journey.run(words`ca init --dir ca --root-name OEM --intermediate-name Line-oem`);
    await journey.run(words`cloud install-jitr --data cloud`);

    for (const { model, chip } of LINES) {
      const ca = model === "preconfigured" ? [] : ["--ca-dir", "ca"];
      const lines = await journey.run(
        words`line run --model ${model} --count 2 --chip-model ${chip} --out ${model} ${ca}`,
      );
      assert.deepEqual([lines.at(-1)?.["done"], lines.at(-1)?.["faults"]], [2, []], model);
      if (model === "preconfigured") continue;
      // One CA certificate signs for all devices of a line; that the cloud knows it is all that it takes.
      await journey.run(words`cloud register-ca --data cloud --ca-dir ca --ca line-${model}`);
    }

    const chips = await Promise.all(LINES.map(({ model, chip }) => journey.serve(model, chip, 1)));
    const publish = (chip: string, slot: string, attempts = "30") =>
      words`device publish --chip ${chip} --slot ${slot} --cloud ${mqtt} --cafile ${caFile} --attempts ${attempts}
        --topic telemetry/{clientId} --message {"n":{n}} --count 2`;

    await t.test("each says that it is ready; a bare chip says what it lacks", async () => {
      for (const [i, { slot }] of LINES.entries()) {
        const [ready] = await journey.run(
          words`device ready --chip ${chips[i] ?? ""} --slot ${slot} --cafile ${caFile}`,
        );
        assert.deepEqual([ready?.["isReady"], ready?.["lacks"]], [true, []]);
      }
      const bare = journey.start(words`chip serve --model a5000 --port 0`);
      const { address = "" } = await bare.json<{ address?: string }>({ event: "listening" });
      const ready = journey.start(words`device ready --chip ${address}`);
      assert.equal((await ready.ended).status, 1);
      const told = JSON.parse(ready.lines[0] ?? "") as { lacks: { code: string; cure: string }[] };
      assert.deepEqual(
        told.lacks.map(({ code }) => code),
        ["empty-slot", "no-certificate", "no-ca-certificate"],
      );
      assert.ok(told.lacks.every(({ cure }) => cure.includes("hawser")));
      const refused = journey.start(publish(address, "0"));
      assert.equal((await refused.ended).status, 1);
      assert.match(refused.complaints.join(), /"code":"empty-slot".*not ready/);
    });

    await t.test("a part whose birth nobody recorded is turned away", async () => {
      const stranger = journey.start(publish(chips[3] ?? "", "0xf0000100", "2"));
      assert.equal((await stranger.ended).status, 1);
      assert.match(stranger.complaints.join(), /gave-up/);
    });

    await t.test("birth records are verified under the right root only, and then known to the cloud", async () => {
      const [exported] = await journey.run(words`line births --dir preconfigured --out births.json`);
      assert.equal(exported?.["parts"], 2);
      const wrong = journey.start(words`line trust births.json --root ca/issuers/oem/certificate.pem --data cloud`);
      assert.equal((await wrong.ended).status, 1);
      assert.match(wrong.complaints.join(), /birth-untrusted/);
      for (const registered of [2, 0]) {
        const lines = await journey.run(words`line trust births.json --root preconfigured/roots.pem --data cloud`);
        assert.deepEqual([lines[1]?.["event"], lines[1]?.["registered"]], ["trusted", registered]);
      }
    });

    const published = await Promise.all(LINES.map(({ slot }, i) => journey.run(publish(chips[i] ?? "", slot))));
    for (const [i, { model }] of LINES.entries()) {
      const lines = published[i] ?? [];
      assert.deepEqual(lines.at(-1), { event: "done", acknowledged: 2 }, model);
      const refused = lines.filter(({ event }) => event === "refused");
      // Just in time: registered at the first connection, and dropped. A recorded birth is known before.
      if (model === "preconfigured") assert.deepEqual(refused, []);
      else assert.ok(refused.length > 0 && refused.every(({ dropped }) => dropped === true), model);
    }
    const report = JSON.parse(readFileSync(journey.path("vendor/report.json"), "utf8")) as { minimumOrder: number };
    assert.equal(report.minimumOrder, 150_001);
  },
);
