/** The engine on bytes that no server would send: it answers with its own errors, and always comes to an end. */
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, HawserError, UsageError } from "../codec/index.ts";
import { ClientRun, type Peer, type RunOptions } from "../../test/tls/run-client.ts";
import { SCRIPTED_PSK, ScriptedServer } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";
import type { Input } from "./effects.ts";
import { TLS_ERRORS } from "./error-codes.ts";
import { EXTENSIONS } from "./extensions.ts";
import { HANDSHAKE_TYPES } from "./messages.ts";
import { encodeRecord } from "./records.ts";

const DEEP = process.env.HAWSER_DEEP === "1";
const RUNS = DEEP ? 20_000 : 400;
const REQUEST = { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] };
const psk = { identity: new TextEncoder().encode("device-1"), key: SCRIPTED_PSK, hash: "sha256" } as const;

/** How far an honest server takes the client before the arbitrary bytes begin. */
const SERVERS: Readonly<Record<string, { readonly server: () => Peer; readonly options: RunOptions }>> = {
  "nothing said": { server: () => ({ receive: () => new Uint8Array(0) }), options: {} },
  "TLS 1.2, connected": { server: () => new ScriptedServer(), options: {} },
  "TLS 1.3, connected": { server: () => new ScriptedServer13(), options: {} },
  "TLS 1.2, resumable": { server: () => new ScriptedServer(), options: { wantsSessions: true, asksStatus: true } },
  "TLS 1.2, pre-shared key": {
    server: () => new ScriptedServer({ suite: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256" }),
    options: { psk },
  },
};

const bytes = fc.uint8Array({ maxLength: 200 });
const opaque = (lengthBytes: number, content: fc.Arbitrary<Uint8Array>) =>
  content.map((value) => {
    const prefix = Array.from({ length: lengthBytes }, (_, i) => (value.length >> (8 * (lengthBytes - 1 - i))) & 0xff);
    return concat(Uint8Array.from(prefix), value);
  });
const joined = (...parts: fc.Arbitrary<Uint8Array>[]) => fc.tuple(...parts).map((each) => concat(...each));
const code = (values: readonly number[]) => fc.constantFrom(...values).map((v) => Uint8Array.of(v >> 8, v & 0xff));
const extension = joined(code(Object.values(EXTENSIONS).map(({ type }) => type)), opaque(2, bytes));
const extensions = opaque(
  2,
  fc.array(extension, { maxLength: 5 }).map((list) => concat(...list)),
);
/** Half the way to a sound hello, so that what comes behind the first checks is met too. */
const hello = joined(
  code([0x0303, 0x0304]),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  opaque(1, fc.uint8Array({ maxLength: 32 })),
  code([0x1301, 0x1302, 0xc02b, 0xc02f, 0x009e, 0xc025, 0x0035]),
  fc.constant(Uint8Array.of(0)),
  extensions,
);
const message = fc
  .tuple(fc.constantFrom(...Object.values(HANDSHAKE_TYPES)), fc.oneof(bytes, hello, extensions))
  .map(([type, body]) => concat(Uint8Array.of(type, 0, body.length >> 8, body.length & 0xff), body));
const record = fc
  .tuple(fc.integer({ min: 19, max: 24 }), fc.constantFrom(0x0300, 0x0303, 0x0304), fc.oneof(bytes, message))
  .map(([type, version, fragment]) => encodeRecord({ type, version, fragment }));
const handshake = message.map((fragment) => encodeRecord({ type: 22, version: 0x0303, fragment }));
const stream = fc.array(fc.oneof(bytes, record, handshake), { maxLength: 12 });

for (const [what, { server, options }] of Object.entries(SERVERS)) {
  test(`the engine takes any bytes after ${what} and throws nothing but its own errors`, async () => {
    await fc.assert(
      fc.asyncProperty(stream, fc.boolean(), async (pieces, ends) => {
        const run = await new ClientRun(server(), options).start();
        for (const piece of pieces) await run.bytes(piece);
        if (ends) await run.input({ on: "end" });
        if (run.error) {
          assert.ok(run.error instanceof HawserError);
          assert.ok(run.error.code in TLS_ERRORS, run.error.code);
          assert.notEqual(run.error.code, "operation-failed", String(run.error.cause));
          assert.equal(run.connection.phase, "over");
        }
        if (ends) assert.equal(run.connection.phase, "over");
        // Whatever comes, the client says a bounded lot: its flights and one alert.
        assert.ok(run.written.length < 8192);
      }),
      { numRuns: RUNS / 5 },
    );
  });
}

const TYPES = ["alert", "handshake", "application_data", "change_cipher_spec"] as const;
const sealed = fc.tuple(fc.constantFrom(...TYPES), fc.oneof(bytes, message, fc.constant(Uint8Array.of(1, 0))));

for (const [what, Server] of [["TLS 1.2", ScriptedServer] as const, ["TLS 1.3", ScriptedServer13] as const]) {
  test(`the engine takes any ${what} records under protection and throws nothing but its own errors`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sealed, { maxLength: 12 }), async (records) => {
        const server = new Server();
        const run = await new ClientRun(server).start();
        assert.ok(run.facts);
        for (const [type, content] of records) await run.bytes(server.record(type, content));
        if (!run.error) return;
        assert.ok(run.error.code in TLS_ERRORS, run.error.code);
        assert.notEqual(run.error.code, "operation-failed", String(run.error.cause));
        assert.notEqual(run.error.code, "bad-record-mac");
      }),
      { numRuns: RUNS / 5 },
    );
  });
}

const input: fc.Arbitrary<Input> = fc.oneof(
  fc.constantFrom<Input>({ on: "start" }, { on: "end" }, { on: "close" }, { on: "update-keys" }),
  bytes.map((data): Input => ({ on: "send", data })),
  record.map((each): Input => ({ on: "bytes", bytes: each })),
  bytes.map((each): Input => ({ on: "random", bytes: each })),
  fc.boolean().map((valid): Input => ({ on: "verified", valid })),
);

test("the engine takes any inputs in any order and throws nothing but the caller's own mistakes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.values(SERVERS)), fc.array(input), async ({ server, options }, list) => {
      const run = new ClientRun(server(), options);
      for (const each of list) {
        try {
          await run.input(each);
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }
    }),
    { numRuns: RUNS / 2 },
  );
});

/** What the server wrote, flight by flight, to a client of fixed seeds, and what that client gave out. */
async function recordFlights(server: Peer, options: RunOptions) {
  const flights: Uint8Array[] = [];
  const recorder: Peer = {
    receive: (sent) => {
      const flight = server.receive(sent);
      flights.push(flight);
      return flight;
    },
  };
  const run = await new ClientRun(recorder, options).start();
  assert.ok(run.facts, String(run.error));
  return { flights, outputs: run.outputs };
}

for (const [what, server] of [
  ["TLS 1.2", () => new ScriptedServer({ request: REQUEST })],
  ["TLS 1.3", () => new ScriptedServer13({ request: { signature_algorithms: [0x0403] }, changeCipherSpecs: 3 })],
  ["TLS 1.3 with a retry", () => new ScriptedServer13({ retry: { cookie: Uint8Array.of(1, 2) } })],
] as const) {
  test(`any split of a ${what} server's bytes gives the same outputs, one for one`, async () => {
    const options = { groups: ["secp256r1"] } as const;
    const { flights, outputs } = await recordFlights(server(), options);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), async (lengths) => {
        const waiting = [...flights];
        const peer: Peer = { receive: () => waiting.shift() ?? new Uint8Array(0) };
        let next = 0;
        const cut = (whole: Uint8Array) => {
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < whole.length;) {
            const length = lengths[next++ % lengths.length] ?? 1;
            pieces.push(whole.slice(at, at + length));
            at += length;
          }
          return pieces;
        };
        const run = await new ClientRun(peer, { ...options, cut }).start();
        assert.deepEqual(run.outputs, outputs);
      }),
      { numRuns: DEEP ? 1000 : 40 },
    );
  });
}
