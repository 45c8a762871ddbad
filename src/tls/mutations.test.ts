/** Every mutation of a recorded server flight ends in an error, or is one of the few that are proven harmless. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { concat } from "../codec/index.ts";
import { ClientRun, type Peer, type RunOptions } from "../../test/tls/run-client.ts";
import { ScriptedServer } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";

const DEEP = process.env.HAWSER_DEEP === "1";

/** What the server wrote, flight by flight, in an honest run of fixed seeds. */
async function record(server: Peer, options: RunOptions): Promise<Uint8Array[]> {
  const flights: Uint8Array[] = [];
  const recorder: Peer = {
    receive(bytes) {
      const flight = server.receive(bytes);
      if (flight.length > 0) flights.push(flight);
      return flight;
    },
  };
  const run = await new ClientRun(recorder, options).start();
  assert.ok(run.facts, String(run.error));
  return flights;
}

/** Plays the flights to a client of the same seeds, whatever it says, then ends the stream. */
async function replay(flights: readonly Uint8Array[], options: RunOptions): Promise<ClientRun> {
  const waiting = [...flights];
  const run = await new ClientRun({ receive: () => waiting.shift() ?? new Uint8Array(0) }, options).start();
  await run.input({ on: "end" });
  return run;
}

/** Where plain records begin in a flight. */
function recordStarts(flight: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 5 <= flight.length; at += 5 + (flight[at + 3] ?? 0) * 256 + (flight[at + 4] ?? 0))
    starts.push(at);
  return starts;
}

type Mutation = { readonly what: string; readonly apply: (flight: Uint8Array) => Uint8Array };

/** Every bit flipped, every byte taken out, doubled, and the flight cut behind it. */
function* mutations(length: number): Generator<Mutation & { readonly at: number }> {
  for (let at = 0; at < length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      yield {
        at,
        what: `bit ${bit} of byte ${at}`,
        apply: (flight) => flight.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)),
      };
    }
    yield { at, what: `without byte ${at}`, apply: (f) => concat(f.subarray(0, at), f.subarray(at + 1)) };
    yield { at, what: `byte ${at} twice`, apply: (f) => concat(f.subarray(0, at + 1), f.subarray(at)) };
    yield { at, what: `cut before byte ${at}`, apply: (f) => f.subarray(0, at) };
  }
}

const CASES = [
  {
    what: "TLS 1.2",
    server: () =>
      new ScriptedServer({
        suite: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        request: { certificateTypes: [64], signatureSchemes: [0x0403], certificateAuthorities: [] },
        alpn: "mqtt",
      }),
    options: { serverKey: "rsa", alpn: ["mqtt"] },
    // Before the hello any 3.x is accepted as a record's version. RFC 5246, appendix E.1
    isHarmless: (flight: number, place: number, record: number) => flight === 0 && record === 0 && place === 2,
  },
  {
    what: "TLS 1.3",
    server: () => new ScriptedServer13({ key: "rsa", request: { signature_algorithms: [0x0403] } }),
    options: { serverKey: "rsa", groups: ["secp256r1"] },
    // TLS 1.3 ignores the version of plain records: those of the hello and of change_cipher_spec. RFC 8446, section 5.1
    isHarmless: (_flight: number, place: number, record: number) => record < 2 && place === 2,
  },
] as const;

for (const { what, server, options, isHarmless } of CASES) {
  test(`A5-03 OE-27 no mutation of a ${what} server's flights is accepted`, async (t: TestContext) => {
    const flights = await record(server(), options);
    assert.ok((await replay(flights, options)).facts, "the recording itself is accepted");
    const codes = new Map<string, number>();
    let [count, skipped] = [0, 0];
    for (const [index, flight] of flights.entries()) {
      const starts = recordStarts(flight);
      for (const mutation of mutations(flight.length)) {
        // A byte behind the end of all is the beginning of a next record, and changes nothing that came before.
        const isLast = index === flights.length - 1 && mutation.at === flight.length - 1;
        if (isLast && mutation.what.endsWith("twice")) continue;
        // A prime stride keeps the everyday run short and still meets every kind of field.
        if (!DEEP && skipped++ % 23 !== 0) continue;
        count++;
        const mutated = flights.map((each, i) => (i === index ? mutation.apply(each) : each));
        const run = await replay(mutated, options);
        const start = starts.findLast((each) => each <= mutation.at) ?? 0;
        const inPlace = mutation.what.startsWith("bit");
        if (run.facts) {
          const harmless = inPlace && isHarmless(index, mutation.at - start, starts.indexOf(start));
          assert.ok(harmless, `flight ${index}, ${mutation.what} was accepted`);
        } else {
          assert.ok(run.error, `flight ${index}, ${mutation.what}: no error`);
          assert.notEqual(run.error.code, "operation-failed", `flight ${index}, ${mutation.what}`);
          codes.set(run.error.code, (codes.get(run.error.code) ?? 0) + 1);
        }
      }
    }
    t.diagnostic(`${count} mutations: ${[...codes].map(([code, n]) => `${code} ${n}`).join(", ")}`);
    assert.ok(count > (DEEP ? 5000 : 200));
  });
}
