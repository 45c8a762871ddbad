import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { toHex, utf8Bytes } from "../codec/index.ts";
import { nodeSigner } from "../crypto/node.ts";
import { checksOut, ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import type { ClientIdentity } from "./index.ts";
import { SUITES, type SuiteName } from "./suites.ts";

async function run(server: ScriptedServerOptions, client: RunOptions = {}) {
  const peer = new ScriptedServer(server);
  const started = await new ClientRun(peer, client).start();
  return { run: started, server: peer };
}

for (const suite of Object.keys(SUITES) as SuiteName[]) {
  test(`a handshake of ${suite} connects and carries data both ways`, async () => {
    const serverKey = SUITES[suite].authentication;
    const { run: client, server } = await run({ suite }, { serverKey });
    assert.equal(client.error, undefined);
    assert.equal(client.facts?.suite, suite);
    assert.equal(client.facts.extendedMasterSecret, true);
    await client.input({ on: "send", data: utf8Bytes("to the server") });
    assert.equal(new TextDecoder().decode(server.received[0]), "to the server");
    await client.bytes(server.data(utf8Bytes("to the client")));
    assert.equal(new TextDecoder().decode(client.delivered), "to the client");
  });
}

test("OE-27 a client certificate is sent, the transcript signed and each flight is one write", async () => {
  const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const signer = nodeSigner(key.privateKey);
  const identity: ClientIdentity = {
    chain: [utf8Bytes("device certificate"), utf8Bytes("intermediate certificate")],
    issuers: [utf8Bytes("intermediate"), utf8Bytes("root")],
    publicKey: signer.publicKey,
    algorithms: signer.algorithms,
  };
  const request = { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [utf8Bytes("root")] };
  const { run: client, server } = await run({ request }, { identities: [identity], signers: [signer] });
  assert.equal(client.error, undefined);
  assert.equal(client.facts?.clientCertificate, "sent");
  assert.deepEqual(server.clientChain, identity.chain);
  assert.ok(server.clientProof && checksOut(key.publicKey, server.clientProof));
  assert.equal(client.outputs.filter((output) => output.do === "write").length, 2);
});

test("two runs with the same seeds write the same bytes", async () => {
  const suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
  const runs = await Promise.all([1, 2].map(() => run({ suite }, { serverKey: "rsa" })));
  const [first, second] = runs.map((each) => toHex(each.run.written));
  assert.ok(first && first.length > 300);
  assert.equal(first, second);
});
