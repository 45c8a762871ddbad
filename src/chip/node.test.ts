import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";

import fc from "fast-check";

import { encodeJrcp1, JRCP1_RESET_REQUEST, Jrcp1Parser } from "../apdu/index.ts";
import { concat, fromHex, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { Ledger } from "../trace/index.ts";
import { A71chChip } from "./a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "./node.ts";

const RESET = toHex(encodeJrcp1(JRCP1_RESET_REQUEST));
const ATR = "0000001cb803110105b9020101ba0101bb0c413730303543473234325231bc00";

async function serve(t: TestContext) {
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "served"), clock });
  const served = await serveChip({ chip, port: 0, trace: ledger, clock, leaseMs: 500 });
  t.after(() => served.close());
  return { ...served, chip, ledger, clock };
}

/** A client that sends hex and waits for so many frames. */
class Client {
  readonly socket: Socket;
  readonly chunks: Uint8Array[] = [];
  readonly #parser = new Jrcp1Parser();
  readonly #frames: string[] = [];
  #wake: () => void = () => undefined;

  constructor(port: number, t: TestContext) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: Uint8Array) => {
      this.chunks.push(chunk);
      this.#parser.push(chunk);
      for (let frame = this.#parser.next(); frame; frame = this.#parser.next()) {
        this.#frames.push(toHex(encodeJrcp1(frame)));
      }
      this.#wake();
    });
    t.after(() => this.socket.destroy());
  }

  send(hex: string): void {
    this.socket.write(fromHex(hex));
  }

  async frames(count: number): Promise<string[]> {
    while (this.#frames.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#frames.splice(0, count);
  }

  async ask(hex: string): Promise<string | undefined> {
    this.send(hex);
    return (await this.frames(1))[0];
  }
}

function closed(socket: Socket): Promise<unknown> {
  return socket.closed ? Promise.resolve() : once(socket, "close");
}

test("serveChip gives the answer to reset and then answers commands, byte by byte or many at once", async (t) => {
  const { port } = await serve(t);
  const client = new Client(port, t);
  assert.equal(await client.ask(RESET), ATR);
  for (const byte of "0100000b00a4040005613731636800".match(/../g) ?? []) client.send(byte);
  assert.deepEqual(await client.frames(1), ["01000006013100009000"]);
  client.send("0100000580910003000100000580110000000100000180");
  assert.deepEqual(await client.frames(3), ["010000080131f32210009000", "010000026985", "010000026700"]);
});

test("serveChip sends each reply in one write", async (t) => {
  const { port } = await serve(t);
  const client = new Client(port, t);
  for (let i = 0; i < 50; i++) {
    await client.ask("01000005809500ff00");
    assert.equal(client.chunks.length, i + 1);
    assert.equal(client.chunks.at(-1)?.length, 4 + 255 + 2);
  }
});

test("serveChip takes clients in turn: one that only resets and goes, then another", async (t) => {
  const { port } = await serve(t);
  for (let i = 0; i < 10; i++) {
    const client = new Client(port, t);
    assert.equal(await client.ask(RESET), ATR);
    client.socket.end();
    await closed(client.socket);
  }
});

test("serveChip answers others while a client stalls in the middle of a frame, or reads nothing", async (t) => {
  const { port } = await serve(t);
  const [stalled, deaf, other] = [new Client(port, t), new Client(port, t), new Client(port, t)];
  await stalled.ask(RESET);
  stalled.send("01000005809500");
  await deaf.ask(RESET);
  deaf.socket.pause();
  deaf.socket.write(concat(...Array.from({ length: 20_000 }, () => fromHex("01000005809500ff00"))));
  for (let i = 0; i < 20; i++) assert.equal((await other.ask("010000058091000100"))?.length, 2 * 24);
  stalled.send("0800");
  assert.equal((await stalled.frames(1))[0]?.length, 2 * 14);
});

test("serveChip closes a connection that says farewell or breaks the framing, and goes on serving", async (t) => {
  const { port, ledger } = await serve(t);
  for (const hex of ["03000000", "40000000", "0200000000", "7f000001aa"]) {
    const client = new Client(port, t);
    assert.equal(await client.ask(RESET), ATR);
    client.send(hex);
    await closed(client.socket);
    assert.deepEqual(client.chunks.length, 1, hex);
  }
  const newer = new Client(port, t);
  newer.send("a5012100ffffffff");
  await closed(newer.socket);
  assert.equal(ledger.events({ kinds: ["process"] }).length, 1, "only the over-long frame is an incident");
  assert.equal(await new Client(port, t).ask(RESET), ATR);
});

test("serveChip takes what the length field of JRCP v1 can say, and the chip refuses commands too long for it", async (t) => {
  const { port } = await serve(t);
  const client = new Client(port, t);
  assert.equal(await client.ask(RESET), ATR);
  for (const length of ["0401", "0500", "ffff"]) {
    assert.equal(await client.ask(`0100${length}${"80".repeat(Number.parseInt(length, 16))}`), "010000026700", length);
    assert.equal(await client.ask("010000058091000100").then((answer) => answer?.length), 48);
  }
});

test("serveChip answers all that a client asked before it closed its half of the connection", async (t) => {
  const { port } = await serve(t);
  const asked = 40;
  for (const before of [[], [1, 7, 100]]) {
    const client = new Client(port, t);
    const bytes = fromHex(RESET + "01000005809500ff00".repeat(asked));
    let from = 0;
    for (const cut of before) client.socket.write(bytes.subarray(from, (from = cut)));
    client.socket.end(bytes.subarray(from));
    assert.equal((await client.frames(asked + 1)).length, asked + 1);
    await closed(client.socket);
  }
  const half = new Client(port, t);
  half.socket.end(fromHex("0100000580"));
  await closed(half.socket);
  assert.deepEqual(half.chunks, []);
});

test("serveChip outlives any bytes", async (t) => {
  const { port } = await serve(t);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const client = new Client(port, t);
      client.socket.end(bytes);
      await closed(client.socket);
    }),
    { numRuns: 60 },
  );
  assert.equal(await new Client(port, t).ask(RESET), ATR);
});

test("serveChip ends its connections when it is closed, and says when it cannot listen", async (t) => {
  const { port, chip, close } = await serve(t);
  const client = new Client(port, t);
  await client.ask(RESET);
  await assert.rejects(serveChip({ chip, port }), { name: "UsageError", code: "cannot-listen" });
  await close();
  await closed(client.socket);
});

test("serveChip speaks JRCP v2 on the same port, each reply in one write", async (t) => {
  const { port } = await serve(t);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  t.after(() => socket.destroy());
  const replies: string[] = [];
  for (const hex of [
    "04ff0000",
    "a5feff0000000002000100",
    "a5312100000000040000000000",
    "a501210000000005809500ff0000",
  ]) {
    socket.write(fromHex(hex));
    const [chunk] = (await once(socket, "data")) as [Uint8Array];
    replies.push(toHex(chunk));
  }
  assert.deepEqual(replies.slice(0, 3), [
    "04ff00104a5243502050726f746f636f6c20322b",
    "a5feff000000000900012105413731434800",
    `a53121000000001c${ATR.slice(8)}00`,
  ]);
  assert.equal(replies[3]?.length, 2 * (9 + 257));
  assert.equal(await new Client(port, t).ask(RESET), ATR, "and JRCP v1 beside it");
});

test("serveChip gives a client the whole of a sequence of commands, and others their turn when it stalls", async (t) => {
  const { port, clock } = await serve(t);
  const [one, other] = [new Client(port, t), new Client(port, t)];
  await one.ask(RESET);
  const start = "0100000780960001016100";
  assert.equal(await one.ask(start), "010000029000");
  other.send("010000058091000300");
  assert.equal(await one.ask("0100000780960002016200"), "010000029000");
  assert.match((await one.ask("0100000780960003016300")) ?? "", /^01000022ba7816bf8f01cfea/, "SHA-256 of abc");
  assert.equal((await other.frames(1))[0], "010000080131f32210009000");
  // Now the first client stalls in the middle.
  assert.equal(await one.ask(start), "010000029000");
  other.send("010000058091000300");
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(500);
  assert.equal((await other.frames(1))[0], "010000080131f32210009000");
});

test("64 clients at once: every answer goes to whom it belongs", async (t) => {
  const { port } = await serve(t);
  const clients = Array.from({ length: 64 }, () => new Client(port, t));
  const answers = await Promise.all(
    clients.map(async (client, i) => {
      const byte = i.toString(16).padStart(2, "0");
      const said: (string | undefined)[] = [];
      for (let round = 0; round < 5; round++) said.push(await client.ask(`0100000780fe000001${byte}00`));
      return { byte, said };
    }),
  );
  for (const { byte, said } of answers) assert.deepEqual(new Set(said), new Set([`01000003${byte}9000`]));
});

test("serveChip gathers no listeners on the connection of a client that reads slowly", async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  const bytes = new Uint8Array(60_000);
  const count = { answered: 0, waits: 0 };
  const exchange = () => (count.answered++, bytes);
  const served = await serveChip({ chip: { readerName: "slow", exchange, reset: () => bytes }, port: 0 });
  t.after(() => served.close());
  const client = connect(served.port, "127.0.0.1");
  t.after(() => client.destroy());
  await once(client, "connect");
  client.write(
    Buffer.concat(Array<Uint8Array>(1000).fill(encodeJrcp1({ type: 0x01, node: 0, payload: new Uint8Array(1) }))),
  );
  while (count.answered < 1000) {
    const before = count.answered;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (count.answered > before) continue;
    count.waits += 1;
    client.read();
  }
  assert.ok(count.waits > 20, `the chip waited ${count.waits} times`);
  assert.deepEqual(warnings, []);
});
