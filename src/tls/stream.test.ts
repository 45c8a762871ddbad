import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, HawserError, toHex, utf8Bytes } from "../codec/index.ts";
import { nodeAead, nodeHash } from "../crypto/node.ts";
import { ClientRun } from "../../test/tls/run-client.ts";
import { ScriptedServer } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";
import { clientConfig, Connection, type Output } from "./index.ts";

const RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

/** One connection of fixed seeds: handshake, three records of data, goodbye; the bytes cut by `cut`. */
async function session(cut: (bytes: Uint8Array) => readonly Uint8Array[]): Promise<ClientRun> {
  const server = new ScriptedServer({ suite: RSA });
  const run = await new ClientRun(server, { serverKey: "rsa", cut }).start();
  const data = ["one ", "two ", "three"].map((text) => server.data(utf8Bytes(text)));
  await run.bytes(concat(...data, server.alert("close_notify", "warning")));
  return run;
}

function summary(run: ClientRun): string[] {
  const kinds = run.outputs.filter(({ do: what }) => what !== "deliver").map((output) => output.do);
  return [kinds.join(), toHex(run.written), new TextDecoder().decode(run.delivered)];
}

test("any split of the server's bytes gives the same outputs", async () => {
  const whole = summary(await session((bytes) => [bytes]));
  assert.equal(whole[2], "one two three");
  assert.match(whole[0] ?? "", /connected,trace,end,trace,write,shutdown$/);
  assert.deepEqual(summary(await session((bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)))), whole);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), async (sizes) => {
      const cut = (bytes: Uint8Array) => {
        const pieces: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        return pieces;
      };
      assert.deepEqual(summary(await session(cut)), whole);
    }),
    { numRuns: 25 },
  );
});

test("arbitrary bytes at any time give nothing but this room's errors", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }),
      fc.boolean(),
      async (chunks, early) => {
        const run = await new ClientRun(new ScriptedServer(early ? { editFlight: () => [] } : {})).start();
        for (const chunk of chunks) await run.bytes(chunk);
        assert.ok(run.error === undefined || run.error instanceof HawserError);
        assert.notEqual(run.error?.code, "operation-failed");
      },
    ),
    { numRuns: 150 },
  );
});

test("a record of arbitrary content at each step of the handshake gives nothing but this room's errors", async () => {
  const header = (type: number, length: number) => Uint8Array.of(type, 3, 3, length >> 8, length & 0xff);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 23 }),
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc.integer({ min: 0, max: 4 }),
      async (type, content, passed) => {
        const server = new ScriptedServer({ editFlight: (messages) => messages.slice(0, passed) });
        const run = await new ClientRun(server).start();
        await run.bytes(concat(header(type, content.length), content));
        await run.input({ on: "end" });
        assert.ok(run.error instanceof HawserError);
        assert.notEqual(run.error.code, "operation-failed");
      },
    ),
    { numRuns: 200 },
  );
});

test("input that waits for an answer is not lost", () => {
  const connection = new Connection(
    clientConfig({ servername: "a.example", hash: nodeHash, aead: nodeAead, versions: ["TLSv1.2"] }),
  );
  connection.step({ on: "start" });
  assert.equal(connection.wantsBytes, false);
  assert.deepEqual(connection.step({ on: "bytes", bytes: utf8Bytes("HTTP/1.1 400") }), []);
  const outputs = connection.step({ on: "random", bytes: new Uint8Array(32) });
  const failed = outputs.find((output): output is Extract<Output, { do: "fail" }> => output.do === "fail");
  assert.equal(failed?.error.code, "not-tls");
});

test("the server's close_notify is answered at once, and what follows it is ignored", async () => {
  const server = new ScriptedServer();
  const run = await new ClientRun(server).start();
  await run.bytes(concat(server.data(utf8Bytes("last")), server.alert("close_notify", "warning")));
  assert.deepEqual(server.alerts, ["close_notify"]);
  await run.bytes(utf8Bytes("ignored"));
  await run.input({ on: "end" });
  assert.equal(run.error, undefined);
  assert.equal(run.connection.phase, "over");
});

test("after our close_notify data still arrives until the server's", async () => {
  const server = new ScriptedServer();
  const run = await new ClientRun(server).start();
  await run.input({ on: "close" });
  assert.deepEqual(server.alerts, ["close_notify"]);
  await run.bytes(concat(server.data(utf8Bytes("still here")), server.alert("close_notify", "warning")));
  assert.equal(new TextDecoder().decode(run.delivered), "still here");
  assert.deepEqual(server.alerts, ["close_notify"]);
  assert.equal(run.outputs.at(-1)?.do, "end");
});

test("without extended master secret the older one is used, and the facts say so", async () => {
  const run = await new ClientRun(new ScriptedServer({ extendedMasterSecret: false })).start();
  assert.equal(run.facts?.extendedMasterSecret, false);
});

test("a request that no identity fits gets an empty certificate list", async () => {
  const request = { certificateTypes: [1], signatureSchemes: [0x0401], certificateAuthorities: [] };
  const server = new ScriptedServer({ request });
  const run = await new ClientRun(server).start();
  assert.equal(run.facts?.clientCertificate, "none-fitting");
  assert.deepEqual(server.clientChain, []);
  assert.equal(server.clientProof, undefined);
});

test("data longer than a record is sent as several, each of at most 2^14 bytes", async () => {
  const server = new ScriptedServer();
  const run = await new ClientRun(server).start();
  await run.input({ on: "send", data: new Uint8Array(40_000).fill(7) });
  assert.deepEqual(
    server.received.map(({ length }) => length),
    [0x4000, 0x4000, 40_000 - 0x8000],
  );
});

test("records to a server with a record_size_limit are no longer than that, in both versions", async () => {
  const extension = { type: 0x001c, data: Uint8Array.of(2, 0) };
  const servers = [
    new ScriptedServer({ editExtensions: (list) => [...list, extension] }),
    new ScriptedServer13({ encrypted: { record_size_limit: 512 } }),
  ];
  for (const [i, server] of servers.entries()) {
    const run = await new ClientRun(server, { recordSizeLimit: 1024 }).start();
    await run.input({ on: "send", data: new Uint8Array(1000) });
    // TLS 1.3 counts the content type as well. RFC 8449, section 4
    assert.deepEqual(
      server.received.map(({ length }) => length),
      i === 0 ? [512, 488] : [511, 489],
    );
  }
});
