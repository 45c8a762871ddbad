/**
 * The main job, typed command by command in processes of their own (AN12131, chapters 4 to 8): from a bare chip to
 * accepted telemetry. The chip's seed is known, so its private key is: it is looked for in everything that was left.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { filesBelow, holdersOf, holdersOfKeyFor, type Artefact } from "../../scripts/canary.ts";
import type { DemoCloud } from "../../scripts/demo/cloud.ts";
import { startObserver, type Observer } from "../../scripts/demo/observer.ts";
import { Stage } from "../../scripts/demo/stage.ts";
import { finished, hawser, words, type Program } from "../../scripts/programs.ts";
import { WireTap } from "../../scripts/wire-tap.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeHash } from "../../src/crypto/node.ts";
import type { TraceEvent } from "../../src/trace/index.ts";
import { occurrencesInMemory } from "./process-memory.ts";

const SEED = "a chip whose key is known";
const READINGS = 10;

type Line = Readonly<Record<string, unknown>>;
type Device = { readonly name: string; readonly chip: Program; readonly tap: WireTap; readonly uniqueId: string };

/** The scalar that the seeded chip generates first: its unique id takes 8 bytes of entropy before. */
function seededScalar(): Uint8Array {
  const entropy = new SeededEntropy(nodeHash, SEED);
  entropy.bytes(8);
  return entropy.bytes(32);
}

class Journey {
  readonly directory = mkdtempSync(join(tmpdir(), "hawser-journey-"));
  readonly stage = new Stage(this.directory, () => undefined);
  readonly outputs: Artefact[] = [];
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    for (const name of ["traces", "output", "snapshots"]) mkdirSync(this.path(name));
    t.after(async () => {
      await this.stage.end();
      rmSync(this.directory, { recursive: true });
    });
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** A command that goes on; it writes a heap snapshot where it is asked to. */
  start(argv: readonly string[]): Program {
    const nodeOptions = ["--heapsnapshot-signal=SIGUSR2", `--diagnostic-dir=${this.path("snapshots")}`];
    const program = hawser([...argv, "--json"], { nodeOptions });
    this.#t.after(() => program.stop("SIGKILL"));
    return program;
  }

  async run(argv: readonly string[]): Promise<Line[]> {
    const program = this.start(argv);
    const lines = await finished(program);
    this.keep(program);
    return lines.map((line) => JSON.parse(line) as Line);
  }

  keep(program: Program): void {
    this.outputs.push({ name: `output of ${program.name}`, bytes: Buffer.from(program.transcript()) });
  }

  trace(name: string): TraceEvent[] {
    const lines = readFileSync(this.path("traces", name), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as TraceEvent);
  }
}

function steps(lines: readonly Line[]): unknown[] {
  return lines.map(({ event }) => event);
}

async function startChip(journey: Journey, name: string, more: readonly string[] = []): Promise<Device> {
  const trace = journey.path("traces", `${name}-chip.jsonl`);
  const state = journey.path(`${name}.chip`);
  const chip = journey.start(words`chip serve --port 0 --state ${state} --trace ${trace} ${more}`);
  const { address = "", uniqueId = "" } = await chip.json({ event: "listening" });
  const tap = await WireTap.open(address);
  journey.stage.atEnd(() => tap.close());
  return { name, chip, tap, uniqueId };
}

function publish(journey: Journey, cloud: DemoCloud, { name, tap }: Device, address: string): Promise<Line[]> {
  const trace = journey.path("traces", `${name}-device.jsonl`);
  return journey.run(
    words`device publish --chip ${tap.address} --cloud ${address} --cafile ${cloud.caFile} --trace ${trace}
      --topic telemetry/{clientId} --message {"reading":{n}} --count ${String(READINGS)}
      --performers key-agreement=chip,verify-chain=chip`,
  );
}

test("the main job, from bare chip to accepted telemetry, typed command by command", async (t) => {
  const journey = new Journey(t);
  const data = journey.path("cloud");
  const ca = journey.path("ca");
  const cloudTrace = journey.path("traces", "cloud.jsonl");
  const cloudProgram = journey.start(words`up --data ${data} --api-port 0 --mqtt-port 0 --trace ${cloudTrace}`);
  const facts = await cloudProgram.json<Omit<DemoCloud, "names" | "caId">>({ event: "listening" });
  const cloud: DemoCloud = { ...facts, names: new Map(), caId: "" };
  const { api: endpoint, region, accessKeyId, secretAccessKey } = cloud;
  const api = { endpoint, region, credentials: { accessKeyId, secretAccessKey } };

  await t.test(
    "AW-07 AW-09 AW-18 AW-22 the OEM's intermediate CA is registered by proof of possession, ACTIVE and enabled",
    async () => {
      await journey.run(words`ca init --dir ${ca} --root-name Root --intermediate-name Intermediate`);
      const lines = await journey.run(words`cloud register-ca --data ${data} --ca-dir ${ca}`);
      assert.deepEqual(steps(lines), [
        "registration-code",
        "verification-certificate",
        "registered",
        "activated",
        "auto-registration",
      ]);
      cloud.caId = String(lines[2]?.["certificateId"]);
      const { certificateDescription } = await callOperation(api, "DescribeCACertificate", {
        certificateId: cloud.caId,
      });
      assert.equal(certificateDescription.status, "ACTIVE");
      assert.equal(certificateDescription.autoRegistrationStatus, "ENABLE");
      const again = await journey.run(words`cloud register-ca --data ${data} --ca-dir ${ca}`);
      assert.equal(again[2]?.["isNew"], false);
    },
  );

  await t.test(
    "AW-43 AW-57 function, permission and rule are installed, and installing them again changes nothing",
    async () => {
      const first = await journey.run(words`cloud install-jitr --data ${data}`);
      assert.deepEqual(
        first.map(({ event, isNew }) => [event, isNew]),
        [
          ["function", true],
          ["permission", true],
          ["rule", true],
        ],
      );
      const again = await journey.run(words`cloud install-jitr --data ${data}`);
      assert.deepEqual(
        again.map(({ isNew }) => isNew),
        [false, false, false],
      );
    },
  );

  const generated = await startChip(journey, "generated", ["--seed", SEED]);
  const injected = await startChip(journey, "injected");
  const keyFile = journey.path("deviceKey.key");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(keyFile, privateKey.export({ format: "pem", type: "sec1" }), { mode: 0o600 });
  const injectedScalar = Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url");
  const ids: Record<string, string> = {};

  await t.test(
    "AW-10 AW-11 each chip holds its key pair, its certificate and the intermediate's; the CSR is signed in the chip",
    async () => {
      for (const { name, tap } of [generated, injected]) {
        const key = name === "generated" ? ["--generate"] : ["--inject", keyFile];
        const trace = journey.path("traces", `${name}-init.jsonl`);
        const lines = await journey.run(
          words`device init --chip ${tap.address} --ca-dir ${ca} --subject CN=${name} ${key}
            --certificate-out ${journey.path(`${name}.pem`)} --trace ${trace}`,
        );
        assert.deepEqual(steps(lines), ["key", "requested", "issued", "stored", "certificate-written"]);
        ids[name] = String(lines[3]?.["certificateId"]);
        const [csr] = journey.trace(`${name}-init.jsonl`).filter((event) => event.kind === "pki.issued");
        assert.ok(csr?.kind === "pki.issued" && csr.what === "csr" && csr.performer === "chip");
        const [info] = await journey.run(words`chip info --chip ${tap.address}`);
        const certificates = info?.["certificates"] as { readonly id: string }[];
        assert.deepEqual(
          certificates.map(({ id }) => id),
          [ids[name], cloud.caId],
        );
        const pem = readFileSync(journey.path(`${name}.pem`), "utf8");
        assert.equal(pem.match(/BEGIN CERTIFICATE/g)?.length, 2);
      }
    },
  );

  const wire = await WireTap.open(cloud.mqtt);
  journey.stage.atEnd(() => wire.close());
  const observer: Observer = await startObserver(journey.stage, cloud);

  await t.test(
    "AW-01 AW-02 AW-05 AW-40 AW-41 AW-42 AW-63 AW-64 AW-65 AW-90 a new device is registered PENDING_ACTIVATION, dropped, activated, and publishes on its next attempts",
    async () => {
      const lines = await publish(journey, cloud, generated, wire.address);
      const refused = lines.filter(({ event }) => event === "refused");
      assert.ok(refused.length > 0 && refused.every(({ dropped }) => dropped === true));
      assert.deepEqual(steps(lines).slice(0, 3), ["connecting", "refused", "waiting"]);
      assert.deepEqual(lines.at(-1), { event: "done", acknowledged: READINGS });
      for (const step of ["registered", "event-published", "connection-dropped", "activated", "connected"]) {
        await cloudProgram.line(new RegExp(`"step":"${step}".*"certificate":"${ids["generated"]}"`));
      }
      assert.ok(cloudProgram.lines.some((line) => line.includes("PENDING_ACTIVATION to ACTIVE")));
    },
  );

  await t.test("AW-19 AW-46 the device with the injected key comes in the same way, and sent its chain", async () => {
    const lines = await publish(journey, cloud, injected, wire.address);
    assert.deepEqual(lines.at(-1), { event: "done", acknowledged: READINGS });
    const [first] = wire.conversations;
    assert.ok(first, "the capture holds the handshake in the clear: TLS 1.2");
    const intermediate = Buffer.from(cloud.caId, "hex");
    const sent = Buffer.concat(wire.sent);
    const der = filesBelow(ca)
      .filter(({ name }) => name.endsWith("certificate.pem"))
      .map(({ bytes }) =>
        Buffer.from(
          Buffer.from(bytes)
            .toString()
            .replace(/-----[^-]+-----|\s/g, ""),
          "base64",
        ),
      );
    const ours = der.find((bytes) => nodeHash.digest("sha256", bytes).every((byte, i) => byte === intermediate[i]));
    assert.ok(ours && sent.includes(ours), "the intermediate's certificate passed from device to cloud");
  });

  await t.test(
    "AW-16 an observer with a certificate and a policy of its own receives every reading of both",
    async () => {
      await observer.received(2 * READINGS);
    },
  );

  await t.test("every step of the onboarding is in the ledger, and hawser why tells how it ended", async () => {
    const lines = await journey.run(words`ledger --data ${data} --kinds onboarding,refusal,function.run`);
    const mine = lines.filter(({ certificate }) => certificate === ids["generated"]);
    const kinds = mine.map(({ kind, step, cause, outcome }) => JSON.stringify(step ?? cause ?? [kind, outcome]));
    for (const kind of ["registered", "certificate-pending", "policy-attached", "activated", "connected"]) {
      assert.ok(kinds.includes(`"${kind}"`), `${kind} in ${kinds.join(" ")}`);
    }
    const [why] = await journey.run(words`why generated --data ${data}`);
    assert.equal(why?.["verdict"], "resolved");
  });

  await t.test("AW-05 the timeline of the accepted handshake names what the chip did", async () => {
    const events = journey.trace("generated-device.jsonl");
    const accepted = events.find((event) => event.kind === "mqtt.packet" && event.packet === "CONNACK");
    const traces = ["chip", "device"].map((side) => journey.path("traces", `generated-${side}.jsonl`));
    const [line] = await journey.run(
      words`timeline --data ${data} --connection ${String(accepted?.connection)} --handshake --trace ${traces}`,
    );
    const drawn = String(line?.["timeline"]);
    for (const part of [/Random length=32/, /VerifyWithKey/, /GenerateKeyPair slot=3/, /Agree slot=3/, /Sign slot=0/]) {
      assert.match(drawn, part);
    }
    assert.match(drawn, /client-signature by chip/);
    assert.match(drawn, /<-- CONNACK/);
    assert.doesNotMatch(drawn, /PUBLISH/);
  });

  const scalar = seededScalar();
  const host = journey.start(
    words`device connect --chip ${generated.tap.address} --cloud ${wire.address} --cafile ${cloud.caFile}`,
  );
  await host.json({ event: "connected" });

  await t.test("the generated key is in the memory of its chip's process, and of no other", (t) => {
    const inChip = occurrencesInMemory(generated.chip.pid, scalar);
    if (inChip === undefined) return t.skip("this system does not let a process look into its children");
    assert.ok(inChip > 0, "the search finds the key where it must be");
    assert.equal(occurrencesInMemory(host.pid, scalar), 0);
    assert.equal(occurrencesInMemory(cloudProgram.pid, scalar), 0);
  });

  await t.test(
    "T-26 OE-16 OE-50 the generated key is in no log, trace, capture, file or heap snapshot outside its chip",
    async () => {
      for (const program of [host, cloudProgram]) {
        program.signal("SIGUSR2");
        assert.deepEqual(await program.stop(), { status: 0, signal: null });
        journey.keep(program);
      }
      for (const { chip } of [generated, injected]) {
        await chip.stop();
        journey.keep(chip);
      }
      await journey.stage.end();
      const artefacts = [
        ...filesBelow(journey.directory),
        ...journey.outputs,
        ...[generated.tap, injected.tap, wire].flatMap((tap, i) => [
          ...tap.sent.map((bytes) => ({ name: `capture ${i}, sent`, bytes })),
          ...tap.received.map((bytes) => ({ name: `capture ${i}, received`, bytes })),
        ]),
      ];
      assert.equal(artefacts.filter(({ name }) => name.endsWith(".heapsnapshot")).length, 2);
      assert.ok(artefacts.length > 40, `${artefacts.length} artefacts`);
      assert.deepEqual(holdersOf(scalar, artefacts), []);
      assert.deepEqual(holdersOf(injectedScalar, artefacts), [keyFile, "capture 1, sent"]);
      assert.equal(injected.tap.sent.filter((bytes) => bytes.includes(injectedScalar)).length, 1);
    },
  );

  await t.test(
    "the search for a key that is not known finds the injected one in its file, and the generated one nowhere",
    () => {
      const small = filesBelow(journey.directory).filter(({ name }) => /\.(key|pem|jsonl|log|chip)$/.test(name));
      const point = (path: string) => {
        const bus = journey
          .trace(path)
          .find(
            (event) =>
              event.kind === "chip.command" && event.name === "ReadKeyPairPoint" && event.statusWord === 0x9000,
          );
        return Buffer.from(bus?.kind === "chip.command" ? bus.response : "", "hex").subarray(0, 65);
      };
      assert.deepEqual(holdersOfKeyFor(point("injected-chip.jsonl"), small).holders, [keyFile]);
      assert.deepEqual(holdersOfKeyFor(point("generated-chip.jsonl"), small).holders, []);
      const known = {
        name: "known",
        bytes: Buffer.from(JSON.stringify({ d: Buffer.from(scalar).toString("base64url") })),
      };
      assert.deepEqual(holdersOfKeyFor(point("generated-chip.jsonl"), [known]).holders, ["known"]);
    },
  );
});
