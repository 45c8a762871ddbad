import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { test, type TestContext } from "node:test";
import { createServer } from "node:tls";

import { toHex, utf8Bytes } from "../codec/index.ts";
import { prf12 } from "../crypto/index.ts";
import { nodeClock, nodeHash } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { chainPem, keyPem, newHierarchy } from "../../test/tls/hierarchy.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import { SCRIPTED_PSK, ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { StubSecrets } from "../../test/tls/stub-secrets.ts";
import type { Answer, Effect } from "./index.ts";
import { pskPremaster } from "./key-schedule12.ts";
import { connect } from "./node.ts";

const psk = { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } as const;

const KEEPER = { sources: ["ecdhe", "psk", "ecdhe_psk"], hashes: ["sha256", "sha384"] } as const;

/** The keeper of secrets as a performer of effects, over the agreement that the run has in software. */
function keeper(agree: (peerKey: Uint8Array) => Promise<Uint8Array>) {
  let master: Uint8Array | undefined;
  return {
    async perform(effect: Effect): Promise<Answer> {
      await new Promise((resolve) => setImmediate(resolve));
      if (effect.do === "derive-master") {
        const { source, hash, label, seed } = effect;
        const shared = source.kind === "psk" ? undefined : await agree(source.peerKey);
        const premaster = source.kind === "ecdhe" ? (shared ?? assert.fail()) : pskPremaster(SCRIPTED_PSK, shared);
        master = prf12(nodeHash, hash, { secret: premaster, label, seed: [seed], length: 48 });
        return { on: "master-derived" };
      }
      assert.ok(effect.do === "expand" && master);
      const { hash, label, seed, length } = effect;
      return { on: "expanded", bytes: prf12(nodeHash, hash, { secret: master, label, seed: [seed], length }) };
    },
  };
}

const CASES: readonly { what: string; server: ScriptedServerOptions; client: RunOptions }[] = [
  {
    what: "ECDHE_RSA",
    server: { suite: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
    client: { serverKey: "rsa", suites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] },
  },
  {
    what: "PSK",
    server: { suite: "TLS_PSK_WITH_AES_128_GCM_SHA256" },
    client: { psk, suites: ["TLS_PSK_WITH_AES_128_GCM_SHA256"] },
  },
  {
    what: "ECDHE_PSK",
    server: { suite: "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256" },
    client: { psk, suites: ["TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"] },
  },
];

for (const { what, server, client } of CASES) {
  for (const extendedMasterSecret of [true, false]) {
    const how = extendedMasterSecret ? "with" : "without";
    test(`A5-35 A5-36 secrets of ${what} kept elsewhere ${how} EMS give the same bytes as those kept here`, async () => {
      const here = await new ClientRun(new ScriptedServer({ ...server, extendedMasterSecret }), client).start();
      const run: ClientRun = new ClientRun(new ScriptedServer({ ...server, extendedMasterSecret }), {
        ...client,
        // The hello is the same in both runs; whether EMS is used is the server's choice here.
        secretsElsewhere: { ...KEEPER, extendedMasterSecret: true },
        performer: keeper((peerKey) => run.agree(peerKey)),
      });
      await run.start();
      assert.equal(run.error, undefined);
      assert.equal(toHex(run.written), toHex(here.written));
      const effects = run.outputs.map((output) => output.do);
      assert.ok(!effects.includes("agree") && effects.filter((each) => each === "expand").length === 3);
    });
  }
}

test("a keeper that can only seed with the randoms is never asked for an extended master secret", async () => {
  const peer = new ScriptedServer({ extendedMasterSecret: false });
  const run: ClientRun = new ClientRun(peer, {
    secretsElsewhere: { ...KEEPER, extendedMasterSecret: false },
    performer: keeper((peerKey) => run.agree(peerKey)),
  });
  await run.start();
  assert.equal(run.facts?.extendedMasterSecret, false);
  const offered = peer.hello?.extensions.map(({ type }) => type);
  assert.ok(offered?.includes(0x000a) && !offered.includes(0x0017));
});

const hierarchy = await newHierarchy();
const holder = await hierarchy.server();

async function listen(t: TestContext): Promise<number> {
  const listener = createServer({ cert: chainPem(holder.chain), key: keyPem(holder.key) }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  listener.on("tlsClientError", () => undefined);
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}

test("A5-35 the trace says that a chip made random and master secret, and its lease ends with the handshake", async (t) => {
  const secrets = new StubSecrets();
  const trace = new Ledger({ clock: nodeClock });
  const port = await listen(t);
  const ca = [hierarchy.root.certificate.der];
  const client = await connect({ host: "127.0.0.1", port, servername: "localhost", ca, secrets, trace });
  assert.equal(client.facts.protocol, "TLSv1.2");
  client.write("echo");
  await once(client, "data");
  client.destroy();
  assert.deepEqual(secrets.log, ["clientRandom", "deriveMaster", "expand", "expand", "expand", "release"]);
  const operations = trace
    .events({ kinds: ["tls.operation"] })
    .flatMap((event) => (event.kind === "tls.operation" ? [`${event.operation} ${event.performer}`] : []));
  assert.deepEqual(operations, [
    "key-share host",
    "client-random chip",
    "verify-chain host",
    "verify-server-signature host",
    "master-secret chip",
    "master-secret chip",
    "master-secret chip",
    "master-secret chip",
  ]);
});

for (const fails of ["clientRandom", "deriveMaster", "expand"] as const) {
  test(`a keeper of secrets whose ${fails} fails ends the connection, and its lease is freed`, async (t) => {
    const secrets = new StubSecrets({ fails });
    const port = await listen(t);
    const ca = [hierarchy.root.certificate.der];
    await assert.rejects(connect({ host: "127.0.0.1", port, servername: "localhost", ca, secrets }), {
      code: "operation-failed",
    });
    assert.equal(secrets.isLeased, false);
  });
}

test("a server that stalls does not keep the lease beyond the deadline", async (t) => {
  const listener = createTcpServer((socket) => t.after(() => socket.destroy())).listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const secrets = new StubSecrets();
  const ca = [hierarchy.root.certificate.der];
  await assert.rejects(connect({ host: "127.0.0.1", port, servername: "localhost", ca, secrets, timeoutMs: 50 }), {
    code: "handshake-timeout",
  });
  assert.equal(secrets.isLeased, false);
});
