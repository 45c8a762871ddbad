/** The demonstration of AN12132, chapter 5: chips, credentials, servers and clients, each by the function behind its script. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, after, test } from "node:test";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip, type ServedChip, nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { runOemClient, type ClientOptions } from "../../src/cli/oem-client.ts";
import { createCredentials } from "../../src/cli/oem-credentials.ts";
import { prepareClient } from "../../src/cli/oem-prepare.ts";
import { serveOem } from "../../src/cli/oem-server.ts";
import {
  CLIENT_MODES,
  type ClientMode,
  FILES,
  SERVER_MODES,
  SERVER_NAME,
  type ServerMode,
} from "../../src/cli/oem-words.ts";
import type { Output } from "../../src/cli/output.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier, privateKeyFromPem } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { certificatesFromPem, nameValues, validatePath } from "../../src/pki/index.ts";
import { connect } from "../../src/tls/node.ts";
import { serveDemonstration } from "../../src/tls/server12/node.ts";

type Line = Record<string, unknown>;
type Recording = Output & { readonly lines: Line[]; readonly seen: (event: string) => Line[] };
type Device = { readonly ecc: string; readonly chip: string; readonly served: ServedChip };

const home = mkdtempSync(join(tmpdir(), "hawser-oem-"));
let first: Device;
let second: Device;

before(async () => {
  first = await device("first");
  // The second device has the same CA and server, and a key and a certificate of its own.
  cpSync(first.ecc, join(home, "second"), { recursive: true });
  for (const name of ["clientKey", "psk"] as const) rmSync(join(home, "second", FILES[name]));
  second = await device("second");
});
after(async () => {
  await first.served.close();
  await second.served.close();
  rmSync(home, { recursive: true, force: true });
});

async function device(name: string): Promise<Device> {
  const entropy = new SeededEntropy(nodeHash, `oem ${name}`);
  const served = await serveChip({
    chip: new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock }),
    port: 0,
  });
  const [ecc, chip] = [join(home, name), `127.0.0.1:${served.port}`];
  const output = recording();
  await createCredentials({ ecc, chip, manufacturer: "Example Pumps", function: "Flow meter" }, output);
  assert.equal(await prepareClient({ ecc, chip }, output), 0);
  return { ecc, chip, served };
}

function recording(): Recording {
  const lines: Line[] = [];
  return {
    json: true,
    lines,
    seen: (event) => lines.filter((line) => line["event"] === event),
    line: (fields) => void lines.push(fields),
    note: () => undefined,
    warn: () => undefined,
  };
}

/** A server of the first device's folder while `work` runs. */
async function withServer<T>(mode: ServerMode, work: (port: number, output: Recording) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const output = recording();
  const watching: Output = {
    ...output,
    line: (fields, text) => {
      output.line(fields, text);
      if (fields["event"] === "listening") listening.resolve(Number(String(fields["address"]).split(":").at(-1)));
    },
  };
  const options = { ecc: first.ecc, host: "127.0.0.1", port: 0 };
  const serving = serveOem(mode, options, { output: watching, signal: stop.signal });
  serving.catch(listening.reject);
  try {
    return await work(await listening.promise, output);
  } finally {
    stop.abort();
    await serving;
  }
}

/** What the client's script tells, connection by connection. */
async function runClient(mode: ClientMode, port: number, more: Partial<ClientOptions & Device> = {}): Promise<Line[]> {
  const output = recording();
  const { ecc, chip } = first;
  const options = { ecc, chip, port, servername: SERVER_NAME, message: `over ${mode}\n`, ...more };
  await runOemClient("127.0.0.1", { mode, options }, { output, signal: new AbortController().signal });
  return output.seen("connected");
}

const MEETING: Readonly<Record<ServerMode, readonly ClientMode[]>> = {
  ECDH: ["ECDH"],
  ECDHE: ["ECDHE"],
  both: ["ECDH", "ECDHE"],
  max: ["ECDH", "ECDHE", "ECDHE_256"],
  psk: ["psk"],
  "ecdhe-psk": ["ecdhe-psk"],
};

for (const mode of Object.keys(MEETING) as ServerMode[]) {
  test(`OE-57 OE-59 OE-62 OE-63 a server for ${mode} meets clients for ${MEETING[mode].join(", ")} with the key in the chip, and no others`, async () => {
    await withServer(mode, async (port, server) => {
      for (const asked of Object.keys(CLIENT_MODES) as ClientMode[]) {
        if (!MEETING[mode].includes(asked)) {
          await assert.rejects(runClient(asked, port), { code: "alert-received" }, `${asked} must not meet ${mode}`);
          continue;
        }
        const [facts] = await runClient(asked, port);
        const there = server.seen("connected").at(-1);
        assert.equal(facts?.["protocol"], "TLSv1.2");
        assert.equal(facts?.["suite"], there?.["suite"]);
        assert.ok((CLIENT_MODES[asked] as readonly string[]).includes(String(facts?.["suite"])));
        assert.equal(facts?.["answer"], `over ${asked}\n`);
        assert.match(String(there?.["client"]), /demo-device/);
        assert.match(String(facts?.["timeline"]), /client_hello[\s\S]*finished/);
      }
      const refusals = server.seen("refused").length;
      assert.ok(refusals >= Object.keys(CLIENT_MODES).length - MEETING[mode].length, `${refusals} refusals`);
      assert.deepEqual(
        server.seen("refused").filter(({ code }) => code === "truncated"),
        [],
        "every client says goodbye",
      );
    });
  });
}

test("OE-26 T-14 tlsSeClient.sh --reconnect resumes its session over static ECDH, and the chip still gives the random", async () => {
  await withServer("ECDH", async (port, server) => {
    const rounds = await runClient("ECDH", port, { reconnect: true });
    assert.deepEqual(
      rounds.map(({ resumed, clientCertificate }) => [resumed, clientCertificate]),
      [
        [false, "sent"],
        [true, "not-requested"],
      ],
    );
    assert.deepEqual(
      server.seen("connected").map(({ resumed }) => resumed),
      [false, true],
    );
    const timelines = rounds.map(({ timeline }) => String(timeline));
    assert.match(timelines[0] ?? "", /client-signature by chip/);
    // Beside who did it: what it took on the bus.
    assert.match(timelines[0] ?? "", /Sign +<-> bus 38\+7\d B/);
    assert.doesNotMatch(timelines[1] ?? "", /client-signature/);
    assert.match(timelines[1] ?? "", /client-random by chip/);
  });
});

test("OE-26 T-14 a session of node:tls, kept in a ticket, is resumed too", async () => {
  await withServer("ECDHE", async (port) => {
    const rounds = await runClient("ECDHE", port, { reconnect: true });
    assert.deepEqual(
      rounds.map(({ resumed }) => resumed),
      [false, true],
    );
  });
});

test("OE-20 OE-51 --stored takes the client's and the CA's certificate out of the chip", async () => {
  await withServer("ECDH", async (port) => {
    const [facts] = await runClient("ECDH", port, { stored: true, ecc: join(home, "nowhere") });
    assert.equal(facts?.["clientCertificate"], "sent");
  });
});

test("OE-18 OE-23 two devices, each with a key and a certificate of its own in its chip, are connected to the server at once", async (t) => {
  const read = (name: keyof typeof FILES) => readFileSync(join(first.ecc, FILES[name]), "utf8");
  const names: string[] = [];
  const server = await serveDemonstration({
    certificate: read("server"),
    key: read("serverKey"),
    ca: read("root"),
    clientCertificates: "required",
    onConnection: (stream) => {
      names.push(Buffer.from(stream.facts.peerChain[0] ?? []).toString("latin1"));
      stream.on("data", (data: Uint8Array) => stream.write(data));
    },
  });
  t.after(server.close);
  const streams = await Promise.all(
    [first, second].map(async ({ ecc, chip }) => {
      const element = await A71ch.open(await connectChip(chip), { hash: nodeHash, clock: nodeClock });
      t.after(() => element.close());
      const stream = await connect({
        host: "127.0.0.1",
        port: server.port,
        servername: SERVER_NAME,
        ca: readFileSync(join(ecc, FILES.root), "utf8"),
        certificate: readFileSync(join(ecc, FILES.client), "utf8"),
        signer: await element.signer(0),
        random: element.random,
      });
      stream.on("error", () => undefined);
      t.after(() => stream.destroy());
      return { stream, id: element.identity.uniqueId };
    }),
  );
  assert.notEqual(streams[0]?.id, streams[1]?.id);
  // Both are connected: each now says something, the second one first.
  for (const { stream, id } of streams.toReversed()) {
    const answer = new Promise((resolve) =>
      stream.once("data", (data: Uint8Array) => resolve(Buffer.from(data).toString())),
    );
    stream.write(id);
    assert.equal(await answer, id);
  }
  for (const { id } of streams)
    assert.ok(
      names.some((der) => der.includes(id)),
      `${id} stands in a certificate that the server saw`,
    );
});

test("OE-03 a device proves where it is from: its chip signs a challenge, under a certificate of the maker's that holds the chip's id", async () => {
  const { ecc, chip } = first;
  const element = await A71ch.open(await connectChip(chip), { hash: nodeHash, clock: nodeClock });
  try {
    const der = (await element.readCertificate(0)) ?? assert.fail("no certificate in the chip");
    const anchors = certificatesFromPem(readFileSync(join(ecc, FILES.root), "utf8"));
    const path = await validatePath({
      chain: [der],
      anchors,
      time: nodeClock.now(),
      purpose: "clientAuth",
      verifier: nodeVerifier,
    });
    assert.deepEqual(nameValues(path.leaf.subject, "SerialNumber"), [element.identity.uniqueId]);
    const challenge = nodeEntropy.bytes(32);
    const signature = await (await element.signer(0)).sign("ecdsa_sha256", challenge);
    const check = { publicKey: path.leaf.publicKey.der, algorithm: "ecdsa_sha256", signature } as const;
    assert.equal(await nodeVerifier.verify({ ...check, content: challenge }), true);
    assert.equal(await nodeVerifier.verify({ ...check, content: nodeEntropy.bytes(32) }), false, "another challenge");
  } finally {
    await element.close();
  }
});

test("OE-19 OE-21 OE-22 a device with another CA's certificate refuses the server, whose own CA signed both", async () => {
  const other = join(home, "other");
  await createCredentials({ ecc: other, manufacturer: "Somebody else", function: "CA" }, recording());
  cpSync(join(first.ecc, FILES.client), join(other, FILES.client));
  await withServer("ECDH", async (port, server) => {
    await assert.rejects(runClient("ECDH", port, { ecc: other }), { code: "certificate-refused" });
    assert.equal((await runClient("ECDH", port)).length, 1, "with the right one it connects");
    assert.match(String(server.seen("refused")[0]?.["reason"]), /alert unknown_ca/);
  });
});

test("prepareClient gives an A5000 what it gives an A71CH, keeps what it was born with, and the client connects with it", async (t) => {
  const model = await Se05xChip.open({
    model: "a5000",
    crypto: nodeSe05xCrypto,
    entropy: new SeededEntropy(nodeHash, "oem a5000"),
    clock: nodeClock,
  });
  const served = await serveChip({ chip: model, port: 0 });
  t.after(() => served.close());
  const [ecc, chip] = [join(home, "a5000"), `127.0.0.1:${served.port}`];
  cpSync(first.ecc, ecc, { recursive: true });
  const output = recording();
  const born = async () => {
    const element = await Se05x.open(await connectChip(chip), { hash: nodeHash, clock: nodeClock });
    const slots = await element.keySlots();
    await element.close();
    return slots.filter(({ slot, publicKey }) => slot > 0xff && publicKey !== undefined);
  };
  const before = await born();
  assert.equal(before.length, 4);
  assert.equal(await prepareClient({ ecc, chip }, output), 0);
  assert.deepEqual(
    output.seen("certificate-written").map(({ index }) => index),
    [0, 1],
  );
  assert.equal(await prepareClient({ ecc, chip }, recording()), 0, "its own key once more");
  const other = { ecc: second.ecc, chip };
  await assert.rejects(prepareClient(other, recording()), /holds a key already: add --yes to replace it/);
  assert.equal(await prepareClient({ ...other, yes: true }, recording()), 0);
  assert.equal(await prepareClient({ ecc, chip, yes: true }, recording()), 0);
  assert.deepEqual(await born(), before, "a reset would have taken them");
  assert.match(readFileSync(join(ecc, FILES.clientReference), "utf8"), /^-----BEGIN EC PRIVATE KEY-----/);
  for (const [mode, more] of [
    ["ECDH", { stored: true }],
    ["ecdhe-psk", {}],
  ] as const) {
    await withServer(mode, async (port) =>
      assert.equal((await runClient(mode, port, { ecc, chip, ...more })).length, 1),
    );
  }
});

test("prepareClient resets no chip that holds keys unless it is told to, and says which credentials are missing", async () => {
  const { chip } = first;
  await assert.rejects(
    prepareClient({ ecc: second.ecc, chip }, recording()),
    /holds key pairs \(2\), which a reset destroys: add --yes/,
  );
  await assert.rejects(prepareClient({ ecc: home, chip }, recording()), /create the credentials first/);
  const nowhere = { ecc: home, host: "127.0.0.1", port: 0 };
  for (const mode of ["both", "ECDHE", "psk"] as const) {
    const serving = serveOem(mode, nowhere, { output: recording(), signal: AbortSignal.abort() });
    await assert.rejects(serving, /is missing: create the credentials first/, mode);
  }
  const blank = await serveChip({
    chip: new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "blank"), clock: nodeClock }),
    port: 0,
  });
  const unprepared = runClient("ECDH", 1, { chip: `127.0.0.1:${blank.port}` });
  await assert.rejects(unprepared, /is empty: prepare the client first \(tlsPrepareClient\.sh\)/);
  await blank.close();
  // The script's second run: the chip holds this folder's key pair, and the client's ephemeral one.
  assert.equal(await prepareClient({ ecc: first.ecc, chip }, recording()), 0);
});

test("prepareClient and the client print neither the device's private key nor the pre-shared key", async () => {
  const { ecc, chip } = second;
  const told: string[] = [];
  const output: Output = {
    json: false,
    line: (fields, text) => void told.push(JSON.stringify(fields), text),
    note: (text) => void told.push(text),
    warn: (text) => void told.push(text),
  };
  assert.equal(await prepareClient({ ecc, chip, yes: true }, output), 0);
  await withServer("max", async (port) => {
    const options = { ecc, chip, port, servername: SERVER_NAME, message: "said\n", reconnect: true } as const;
    await runOemClient("127.0.0.1", { mode: "ECDH", options }, { output, signal: new AbortController().signal });
  });
  const all = told.join("\n").toLowerCase();
  assert.match(all, /key pair 0[\s\S]*resumed/);
  const { d = "" } = privateKeyFromPem(readFileSync(join(ecc, FILES.clientKey), "utf8")).export({ format: "jwk" });
  const psk = readFileSync(join(ecc, FILES.psk), "utf8").trim();
  const scalar = Buffer.from(d, "base64url");
  assert.equal(scalar.length, 32);
  for (const secret of [psk, scalar.toString("hex"), d.toLowerCase()]) {
    assert.ok(!all.includes(secret.toLowerCase()), "a secret was printed");
  }
});

test("SERVER_MODES and CLIENT_MODES differ in what only one side can be", () => {
  assert.deepEqual(
    Object.keys(CLIENT_MODES).filter((name) => !(name in SERVER_MODES)),
    ["ECDHE_256"],
  );
});
