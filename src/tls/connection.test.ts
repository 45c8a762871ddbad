import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { concat, toHex, utf8Bytes } from "../codec/index.ts";
import { nodeSigner } from "../crypto/node.ts";
import { checksOut, SCRIPTED_PSK, ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import type { ClientIdentity } from "./index.ts";
import { decodeExtensions } from "./extensions.ts";
import { type Suite12Name, type Suite13Name, SUITES_12, SUITES_13 } from "./suites.ts";

async function run(server: ScriptedServerOptions, client: RunOptions = {}) {
  const peer = new ScriptedServer(server);
  const started = await new ClientRun(peer, client).start();
  return { run: started, server: peer };
}

/** Read anew: what the compiler knew of the run before is past. */
function errorOf(client: ClientRun): string | undefined {
  return client.error?.code;
}

for (const suite of Object.keys(SUITES_12) as Suite12Name[]) {
  for (const encryptThenMac of suite.includes("CBC") ? [false, true] : [false]) {
    const how = encryptThenMac ? ", encrypt-then-MAC," : "";
    test(`a handshake of ${suite}${how} connects and carries data both ways`, async () => {
      const serverKey = SUITES_12[suite].authentication === "rsa" ? "rsa" : "ecdsa";
      const psk = { identity: utf8Bytes("device-1"), key: SCRIPTED_PSK, hash: "sha256" } as const;
      const options = { serverKey, psk, suites: [suite], legacy: true } as const;
      const { run: client, server } = await run({ suite, encryptThenMac }, options);
      assert.equal(client.error, undefined);
      assert.equal(client.facts?.suite, suite);
      assert.equal(client.facts.extendedMasterSecret, true);
      if (suite.includes("PSK")) assert.deepEqual(server.pskIdentity, psk.identity);
      await client.input({ on: "send", data: utf8Bytes("to the server") });
      assert.equal(new TextDecoder().decode(server.received[0]), "to the server");
      await client.bytes(server.data(utf8Bytes("to the client")));
      assert.equal(new TextDecoder().decode(client.delivered), "to the client");
      const warned = client.outputs.some((output) => output.do === "trace" && output.event.kind === "process");
      assert.equal(
        warned,
        suite.startsWith("TLS_ECDH_") ||
          suite.startsWith("TLS_ECDHE_RSA_WITH_AES_128_CBC") ||
          suite.startsWith("TLS_ECDHE_ECDSA_WITH_AES_128_CBC"),
      );
      const record = server.data(utf8Bytes("one bit"));
      record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
      await client.bytes(record);
      assert.equal(errorOf(client), "bad-record-mac");
    });
  }
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

for (const suite of Object.keys(SUITES_13) as Suite13Name[]) {
  test(`a TLS 1.3 handshake of ${suite} connects and carries data both ways`, async () => {
    const server = new ScriptedServer13({ suite });
    const client = await new ClientRun(server, { suites: [suite] }).start();
    assert.equal(client.error, undefined);
    assert.equal(client.facts?.suite, suite);
    await client.input({ on: "send", data: utf8Bytes("to the server") });
    assert.equal(new TextDecoder().decode(server.received[0]), "to the server");
    await client.bytes(server.data(utf8Bytes("to the client")));
    assert.equal(new TextDecoder().decode(client.delivered), "to the client");
  });
}

test("TLS 1.3: a client certificate is sent, the transcript signed, and the client's flights are two writes", async () => {
  const key = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const signer = nodeSigner(key.privateKey);
  const identity: ClientIdentity = {
    chain: [utf8Bytes("device certificate")],
    issuers: [utf8Bytes("root")],
    publicKey: signer.publicKey,
    algorithms: signer.algorithms,
  };
  const request = { signature_algorithms: [0x0403], certificate_authorities: [utf8Bytes("root")] };
  const server = new ScriptedServer13({ request });
  const client = await new ClientRun(server, { identities: [identity], signers: [signer] }).start();
  assert.equal(client.error, undefined);
  assert.equal(client.facts?.clientCertificate, "sent");
  assert.deepEqual(server.clientChain, identity.chain);
  assert.ok(server.clientProof && checksOut(key.publicKey, server.clientProof));
  assert.equal(client.outputs.filter((output) => output.do === "write").length, 2);
});

test("TLS 1.3: the second hello carries the wanted group and the cookie, and else what the first had", async () => {
  const cookie = utf8Bytes("crumbs");
  const server = new ScriptedServer13({ retry: { key_share: 0x0017, cookie } });
  const client = await new ClientRun(server, { groups: ["secp384r1", "secp256r1"] }).start();
  assert.equal(client.facts?.group, "secp256r1");
  const [first, second] = server.hellos.map((hello) => decodeExtensions("client_hello", hello.extensions));
  assert.deepEqual(
    first?.key_share?.map(({ group }) => group),
    [0x0018],
  );
  assert.deepEqual(
    second?.key_share?.map(({ group }) => group),
    [0x0017],
  );
  assert.deepEqual(second?.cookie, cookie);
  assert.deepEqual(
    { ...second, key_share: undefined, cookie: undefined },
    { ...first, key_share: undefined, cookie: undefined },
  );
  assert.deepEqual(server.hellos[0]?.random, server.hellos[1]?.random);
});

test("a server that asks for a certificate gets an empty list where none fits", async () => {
  const request = { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] };
  const twelve = new ScriptedServer({ request });
  const thirteen = new ScriptedServer13({ request: { signature_algorithms: [0x0403] } });
  for (const server of [twelve, thirteen]) {
    const client = await new ClientRun(server).start();
    assert.equal(client.facts?.clientCertificate, "none-fitting");
    assert.deepEqual(server.clientChain, []);
    assert.equal(server.clientProof, undefined);
    assert.ok(server.isConnected);
  }
});

test("TLS 1.3: many wishes for new keys are answered by one KeyUpdate, ahead of our next data", async () => {
  const server = new ScriptedServer13();
  const client = await new ClientRun(server).start();
  for (let i = 0; i < 5; i++) await client.bytes(server.updateKeys(1));
  assert.equal(server.messages.filter((name) => name === "key_update").length, 0);
  await client.input({ on: "send", data: utf8Bytes("one") });
  await client.input({ on: "send", data: utf8Bytes("two") });
  assert.equal(server.messages.filter((name) => name === "key_update").length, 1);
  assert.equal(new TextDecoder().decode(concat(...server.received)), "onetwo");
});

test("TLS 1.3: keys change at the server's wish and at ours, before they wear out", async () => {
  const server = new ScriptedServer13();
  const client = await new ClientRun(server).start();
  await client.bytes(concat(server.updateKeys(1), server.data(utf8Bytes("new keys"))));
  await client.input({ on: "send", data: utf8Bytes("answer") });
  await client.input({ on: "update-keys" });
  await client.input({ on: "send", data: utf8Bytes("again") });
  await client.bytes(server.data(utf8Bytes(" twice")));
  assert.equal(client.error, undefined);
  assert.equal(server.messages.filter((name) => name === "key_update").length, 2);
  assert.equal(new TextDecoder().decode(concat(...server.received)), "answeragain");
  assert.equal(new TextDecoder().decode(client.delivered), "new keys twice");
});
