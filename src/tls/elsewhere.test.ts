import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, toHex, UsageError, utf8Bytes } from "../codec/index.ts";
import type { AeadName } from "../crypto/index.ts";
import { nodeAead, nodeClock, nodeHash } from "../crypto/node.ts";
import { PerformedRun } from "../../test/tls/performed-run.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import { SCRIPTED_PSK, ScriptedServer } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";
import { SoftRecords } from "../../test/tls/soft-records.ts";
import { Bus, StubChip, type StubChipOptions } from "../../test/tls/stub-chip.ts";
import { offeredSuites } from "./client-config.ts";
import {
  clientConfig,
  type ClientConfigOptions,
  type ClientIdentity,
  type Effect,
  LocalFailure,
  type RecordAnswer,
} from "./index.ts";
import type { TrafficKeyOf } from "./protection-elsewhere.ts";

type RecordEffect = Extract<Effect, { do: "seal" | "open" }>;

const psk = { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } as const;
const ISSUER = utf8Bytes("issuer");
const REQUEST_12 = { certificateTypes: [1], signatureSchemes: [0x0401], certificateAuthorities: [] };

type Scenario = {
  readonly what: string;
  readonly server: () => ScriptedServer | ScriptedServer13;
  readonly config: Partial<ClientConfigOptions>;
  readonly chip: Partial<StubChipOptions>;
};

/** Our certificate: the stub signs with a key of the test's. */
function identity(chip: StubChip): ClientIdentity {
  const { publicKey, algorithms } = chip.signer();
  return { chain: [utf8Bytes("0")], issuers: [ISSUER], publicKey, algorithms };
}

const RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
const CHACHA = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
const ECDHE_PSK = "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256";

const SCENARIOS: readonly Scenario[] = [
  ...(["derived", "given", undefined] as const).map((records): Scenario => {
    return {
      what: `TLS 1.2, secrets in the chip, records ${records ?? "on the host"}`,
      server: () => new ScriptedServer({ suite: RSA, request: REQUEST_12 }),
      config: { suites: [RSA], versions: ["TLSv1.2"] },
      chip: { secrets: true, serverKey: "rsa", ...(records ? { records } : {}) },
    };
  }),
  {
    what: "TLS 1.2, secrets on the host, records in the chip",
    server: () => new ScriptedServer({ suite: CHACHA }),
    config: { suites: [CHACHA], versions: ["TLSv1.2"] },
    chip: { serverKey: "rsa", records: "given" },
  },
  {
    what: "TLS 1.2 with PSK",
    server: () => new ScriptedServer({ suite: "TLS_PSK_WITH_AES_128_GCM_SHA256" }),
    config: { suites: ["TLS_PSK_WITH_AES_128_GCM_SHA256"], versions: ["TLSv1.2"], psk },
    chip: { secrets: true, records: "derived" },
  },
  {
    what: "TLS 1.2 with ECDHE_PSK",
    server: () => new ScriptedServer({ suite: ECDHE_PSK }),
    config: { suites: [ECDHE_PSK], versions: ["TLSv1.2"], psk },
    chip: { secrets: true, records: "derived" },
  },
  {
    what: "TLS 1.3, records in the chip",
    server: () => new ScriptedServer13({ request: { signature_algorithms: [0x0804] } }),
    config: { versions: ["TLSv1.3"], suites: ["TLS_AES_128_GCM_SHA256"] },
    chip: { records: "given" },
  },
  {
    what: "TLS 1.3, records on the host",
    server: () => new ScriptedServer13({ request: { signature_algorithms: [0x0804] } }),
    config: { versions: ["TLSv1.3"], suites: ["TLS_AES_128_GCM_SHA256"] },
    chip: {},
  },
];

/** What happens once connected: both sides speak, and keys change where they can. */
const SCRIPT = [
  (run: PerformedRun) => {
    run.step({ on: "send", data: utf8Bytes("one") });
    run.step({ on: "send", data: new Uint8Array(12_000).fill(0x61) });
    run.serverSays(utf8Bytes("first"));
  },
  (run: PerformedRun) => {
    if (run.outputs.some((output) => output.do === "connected" && output.facts.protocol === "TLSv1.3")) {
      run.step({ on: "update-keys" });
    }
    run.step({ on: "send", data: utf8Bytes("two") });
    run.serverSays(utf8Bytes("second"));
  },
  (run: PerformedRun) => run.step({ on: "close" }),
];

function start(
  { server, config, chip: options }: Scenario,
  more: Pick<StubChipOptions, "bus"> & Partial<StubChipOptions>,
) {
  const chip = new StubChip({ seed: "client", ...options, ...more });
  const withIdentity = { ...config, identities: [identity(chip)] };
  return { chip, run: new PerformedRun(server(), chip.performers(nodeClock), withIdentity, SCRIPT).run() };
}

/** The same handshake with every operation in software. */
async function inSoftware({ server, config, chip: { serverKey } }: Scenario): Promise<Uint8Array> {
  const peer = server();
  const chip = new StubChip({ seed: "client", bus: new Bus("software") });
  const options: RunOptions = {
    ...config,
    identities: [identity(chip)],
    signers: [chip.signer()],
    groups: ["secp256r1"],
  };
  const run = new ClientRun(peer, { ...options, ...(serverKey ? { serverKey } : {}) });
  await run.start();
  assert.equal(run.error, undefined);
  await run.input({ on: "send", data: utf8Bytes("one") });
  await run.input({ on: "send", data: new Uint8Array(12_000).fill(0x61) });
  await run.bytes(peer.data(utf8Bytes("first")));
  if (run.facts?.protocol === "TLSv1.3") await run.input({ on: "update-keys" });
  await run.input({ on: "send", data: utf8Bytes("two") });
  await run.bytes(peer.data(utf8Bytes("second")));
  await run.input({ on: "close" });
  return run.written;
}

for (const scenario of SCENARIOS) {
  test(`A5-35 A5-37 ${scenario.what}: a chip that does everything gives the bytes of software`, async () => {
    const expected = toHex(await inSoftware(scenario));
    const { chip, run } = start(scenario, { bus: new Bus("alone") });
    const { written, delivered, error } = await run;
    assert.equal(error, undefined);
    assert.equal(toHex(written), expected);
    assert.equal(new TextDecoder().decode(delivered), "firstsecond");
    assert.deepEqual([...chip.held], []);
    assert.equal(chip.log.includes("seal"), scenario.chip.records !== undefined);
    // Both directions' keys, and one more while one takes over from the other.
    assert.ok(chip.mostKeys <= 3, `${chip.mostKeys} traffic keys at once`);
  });

  test(`${scenario.what}: whichever operation fails, a typed error ends it and the chip holds nothing`, async () => {
    const whole = start(scenario, { bus: new Bus("alone") });
    await whole.run;
    const count = whole.chip.log.length;
    assert.ok(count >= 6);
    for (let failsAt = 0; failsAt < count; failsAt++) {
      const { chip, run } = start(scenario, { bus: new Bus(`fails at ${failsAt}`), failsAt });
      const { error } = await run;
      assert.equal(error?.code, "operation-failed", `after ${chip.log[failsAt]} failed`);
      assert.deepEqual([...chip.held], [], `after ${chip.log[failsAt]} failed`);
    }
  });
}

test("A5-19 many connections at once, whose chips answer in any order, give the bytes of software each", async () => {
  for (const seed of ["a", "b", "c"]) {
    const bus = new Bus(seed);
    const runs = SCENARIOS.map(async (scenario) => {
      const { chip, run } = start(scenario, { bus });
      const { written, error } = await run;
      assert.equal(error, undefined, scenario.what);
      assert.equal(toHex(written), toHex(await inSoftware(scenario)), scenario.what);
      assert.deepEqual([...chip.held], []);
    });
    await Promise.all(runs);
  }
});

const PSK_SUITE = "TLS_PSK_WITH_AES_128_GCM_SHA256";

/** A connection that is up, with records elsewhere; effects of records are left to the test. */
async function connected(records: { ciphers: readonly AeadName[]; maxPlaintext: number }) {
  const server = new ScriptedServer({ suite: PSK_SUITE });
  const keys = new SoftRecords(records.maxPlaintext);
  const byKey = new Map<TrafficKeyOf, ReturnType<SoftRecords["keyOf"]>>();
  const left: RecordEffect[] = [];
  const keyOf = (effect: RecordEffect) => {
    assert.ok(effect.key.kind === "given");
    const made = byKey.get(effect.key) ?? keys.keyOf(effect.key.cipher, effect.key.keys);
    byKey.set(effect.key, made);
    return made;
  };
  const perform = async (effect: RecordEffect): Promise<RecordAnswer> => {
    const key = await keyOf(effect);
    if (effect.do === "seal") return { on: "sealed", bytes: await key.seal(effect.input) };
    return { on: "opened", plaintext: await key.open(effect.input) };
  };
  const run: ClientRun = new ClientRun(server, {
    suites: [PSK_SUITE],
    versions: ["TLSv1.2"],
    psk,
    recordsElsewhere: records,
    records: {
      async perform(effect) {
        if (run.facts) {
          left.push(effect);
          return undefined;
        }
        return perform(effect);
      },
    },
  });
  await run.start();
  assert.ok(run.facts, String(run.error));
  return { run, server, left, perform };
}

const KEEPER = { ciphers: ["aes-128-gcm"], maxPlaintext: 0x4000 } as const;

test("a record that the keeper finds forged ends the connection with bad_record_mac", async () => {
  const { run, server, left, perform } = await connected(KEEPER);
  await run.bytes(server.data(utf8Bytes("forged")));
  await run.input({ on: "opened", plaintext: undefined });
  const [, alert = assert.fail()] = left;
  // The alert is with the keeper; only behind it the failure is told.
  assert.ok(!run.outputs.some((output) => output.do === "fail"));
  await run.input(await perform(alert));
  assert.equal(run.error?.code, "bad-record-mac");
  assert.deepEqual(server.alerts, ["bad_record_mac"]);
});

test("a keeper that fails at the last words, or is given up, does not hold up the end", async () => {
  for (const end of ["not-sealed", "abort"] as const) {
    const { run, server } = await connected(KEEPER);
    await run.bytes(server.data(utf8Bytes("forged")));
    await run.input({ on: "opened", plaintext: undefined });
    const error = new LocalFailure("aborted", "enough");
    await run.input(end === "abort" ? { on: "abort", error } : { on: "not-sealed", error });
    assert.equal(run.error?.code, "bad-record-mac");
  }
});

test("giving up while the keeper is busy ends the connection at once, without an alert", async () => {
  const { run } = await connected(KEEPER);
  const before = run.written.length;
  await run.input({ on: "send", data: utf8Bytes("one") });
  await run.input({ on: "abort", error: new LocalFailure("aborted", "enough") });
  assert.equal(run.error?.code, "aborted");
  assert.equal(run.written.length, before);
});

test("what comes while a record is being opened waits, and answers that nobody waits for are misuse", async () => {
  const { run, server, left } = await connected(KEEPER);
  const isMisuse = (error: unknown) => error instanceof UsageError && error.code === "unexpected-answer";
  for (const answer of [
    { on: "opened", plaintext: undefined },
    { on: "sealed", bytes: new Uint8Array(1) },
    { on: "not-sealed", error: undefined },
    { on: "not-opened", error: undefined },
    { on: "keys-derived" },
  ] as const) {
    assert.throws(() => run.connection.step(answer), isMisuse);
  }
  await run.bytes(concat(server.data(utf8Bytes("one")), server.data(utf8Bytes("two"))));
  assert.equal(left.length, 1);
  assert.equal(run.connection.wantsBytes, false);
  await run.input({ on: "opened", plaintext: utf8Bytes("one") });
  assert.equal(left.length, 2);
  await run.input({ on: "opened", plaintext: utf8Bytes("two") });
  assert.equal(new TextDecoder().decode(run.delivered), "onetwo");
});

test("a keeper that gives back another length than the cipher's is not believed", async () => {
  const { run } = await connected(KEEPER);
  const before = run.written.length;
  await run.input({ on: "send", data: utf8Bytes("secret") });
  assert.ok(run.connection.isSealing);
  await run.input({ on: "sealed", bytes: utf8Bytes("secret") });
  assert.equal(run.error?.code, "operation-failed");
  assert.equal(run.written.length, before);
});

test("only suites that the keeper of traffic keys can do are offered, and with none there is no connection", async () => {
  const common = { servername: "device.example", hash: nodeHash, aead: nodeAead };
  const ofChacha = { ciphers: ["chacha20-poly1305"], maxPlaintext: 512 } as const;
  assert.throws(
    () => clientConfig({ ...common, suites: ["TLS_AES_128_GCM_SHA256"], recordsElsewhere: ofChacha }),
    /the keeper of traffic keys does chacha20-poly1305/,
  );
  const ofPsk = { sources: ["psk"], hashes: ["sha256"], extendedMasterSecret: false } as const;
  assert.throws(
    () => clientConfig({ ...common, suites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], secretsElsewhere: ofPsk }),
    /the keeper of secrets makes them of psk with sha256/,
  );
  const config = clientConfig({ ...common, recordsElsewhere: ofChacha });
  assert.ok(offeredSuites(config).length > 1);
  assert.ok(offeredSuites(config).every((name) => name.includes("CHACHA20")));
});
