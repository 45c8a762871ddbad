import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";

import { fromHex, HawserError, toHex } from "../codec/index.ts";
import { VirtualClock } from "../crypto/index.ts";
import { HOST_ERRORS, type HostErrorCode } from "./index.ts";
import { connectChip } from "./node.ts";

/** A server that does with each connection what a test says. */
async function server(t: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  const address = listener.address();
  assert.ok(address && typeof address === "object");
  return `127.0.0.1:${address.port}`;
}

/** Answers the reset, then each further chunk with the next of these. */
function script(...answers: readonly string[]): (socket: Socket) => void {
  return (socket) => {
    const left = ["00000000", ...answers];
    socket.on("data", () => socket.write(fromHex(left.shift() ?? "")));
  };
}

const failure = (name: string, code: HostErrorCode) => ({ name, code });

test("connectChip refuses an address that is not HOST:PORT", async () => {
  for (const address of ["", "localhost", "127.0.0.1:", ":8050", "a b:1", "127.0.0.1:0", "127.0.0.1:65536", "::1:80"]) {
    await assert.rejects(connectChip(address), failure("UsageError", "bad-address"), address);
  }
});

test("connectChip says that nobody listens, with the system's reason and a cure", async () => {
  const free = createServer();
  free.listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as { port: number };
  free.close();
  await once(free, "close");
  await assert.rejects(connectChip(`127.0.0.1:${port}`), {
    ...failure("Refused", "connection-refused"),
    wire: "ECONNREFUSED",
    message: `no connection to 127.0.0.1:${port}: ECONNREFUSED`,
  });
  assert.match(HOST_ERRORS["connection-refused"].cure, /hawser chip serve/);
});

test("ChipConnection.exchange gives answers that come in pieces", async (t) => {
  const address = await server(t, (socket) => {
    socket.on("data", (chunk: Uint8Array) => {
      const reply = chunk[0] === 0 ? "000000023b00" : "01000004aabb9000";
      for (const byte of reply.match(/../g) ?? []) socket.write(fromHex(byte));
    });
  });
  const connection = await connectChip(address);
  t.after(() => connection.close());
  assert.equal(toHex(connection.answerToReset), "3b00");
  assert.equal(toHex(await connection.exchange(fromHex("8095000200"))), "aabb9000");
});

test("ChipConnection says connection-lost for the command under way and closed from then on", async (t) => {
  // Half an answer, then the end of the connection.
  const address = await server(t, (socket) => {
    socket.once("data", () => {
      socket.write(fromHex("00000000"));
      socket.once("data", () => socket.end(fromHex("0100000290")));
    });
  });
  const connection = await connectChip(address);
  const waiting = connection.exchange(fromHex("80"));
  await assert.rejects(connection.exchange(fromHex("80")), failure("UsageError", "busy"));
  await assert.rejects(waiting, failure("ProtocolError", "connection-lost"));
  await connection.close();
  await assert.rejects(connection.exchange(fromHex("80")), failure("UsageError", "closed"));
});

test("ChipConnection refuses frames that are not JRCP v1 answers, and ends", async (t) => {
  for (const answer of ["0300000102", "ff00000000", "010000029000010000029000"]) {
    const connection = await connectChip(await server(t, script(answer)));
    const first = connection.exchange(fromHex("80"));
    if (answer.startsWith("0100")) assert.equal(toHex(await first), "9000");
    else await assert.rejects(first, failure("ProtocolError", "malformed-frame"));
    await assert.rejects(connection.exchange(fromHex("80")), failure("UsageError", "closed"));
  }
});

test("ChipConnection gives up by the Clock, not before, and ends", async (t) => {
  const clock = new VirtualClock();
  let asked: () => void = () => undefined;
  const heard = new Promise<void>((resolve) => (asked = resolve));
  const address = await server(t, (socket) => {
    socket.once("data", () => {
      socket.write(fromHex("00000000"));
      socket.once("data", asked);
    });
  });
  const connection = await connectChip(address, { clock, timeoutMs: 500 });
  const settled: string[] = [];
  const waiting = connection.exchange(fromHex("80")).catch((error: unknown) => {
    assert.ok(error instanceof HawserError);
    settled.push(error.code);
  });
  await heard;
  clock.advance(499);
  await Promise.resolve();
  assert.deepEqual(settled, []);
  clock.advance(1);
  await waiting;
  assert.deepEqual(settled, ["timeout"]);
  await assert.rejects(connection.exchange(fromHex("80")), failure("UsageError", "closed"));
  clock.advance(10_000);
});

test("ChipConnection counts each command's time from its own beginning, and an idle connection none", async (t) => {
  const clock = new VirtualClock();
  let asked: () => void = () => undefined;
  const address = await server(t, (socket) => {
    const left = ["00000000", "010000029000", "010000029000"];
    socket.on("data", () => {
      const answer = left.shift();
      if (answer) socket.write(fromHex(answer));
      else asked();
    });
  });
  const connection = await connectChip(address, { clock, timeoutMs: 500 });
  clock.advance(10_000);
  assert.equal(toHex(await connection.exchange(fromHex("80"))), "9000", "after a long silence");
  clock.advance(400);
  assert.equal(toHex(await connection.exchange(fromHex("80"))), "9000");
  clock.advance(50);
  let failed: unknown;
  const heard = new Promise<void>((resolve) => (asked = resolve));
  const waiting = connection.exchange(fromHex("80")).catch((error: unknown) => (failed = error));
  await heard;
  for (const ms of [50, 449]) {
    clock.advance(ms);
    await Promise.resolve();
    assert.equal(failed, undefined, "what was measured for those before does not count");
  }
  clock.advance(1);
  await waiting;
  assert.ok(failed instanceof HawserError && failed.code === "timeout");
});

test("ChipConnection leaves no timer behind when it ends", async (t) => {
  const timers = new Set<object>();
  const clock = {
    now: () => 0,
    after: () => {
      const timer = {};
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const connection = await connectChip(await server(t, script("010000029000")), { clock });
  await connection.exchange(fromHex("80"));
  assert.equal(timers.size, 1, "one for all commands");
  await connection.close();
  assert.equal(timers.size, 0);
});

/** Answers each chunk with the next of these. */
function dialogue(...answers: readonly string[]): (socket: Socket) => void {
  return (socket) => {
    const left = [...answers];
    socket.on("data", () => socket.write(fromHex(left.shift() ?? "")));
  };
}

const GREETING = "04ff00104a5243502050726f746f636f6c20322b";
// Two readers: the lowest node is the one that is used.
const READERS = "a5feff000000000d0001300562696773792102534500";

test("connectChip speaks JRCP v2 with jrcp2:HOST:PORT, to the reader with the lowest node", async (t) => {
  const asked: string[] = [];
  const address = await server(t, (socket) => {
    dialogue(GREETING, READERS, READERS, "a5312100000000023b0000", "a5012100000000049000aabb00")(socket);
    socket.on("data", (chunk: Uint8Array) => asked.push(toHex(chunk)));
  });
  const connection = await connectChip(`jrcp2:${address}`);
  t.after(() => connection.close());
  assert.equal(toHex(connection.answerToReset), "3b00");
  assert.equal(toHex(await connection.exchange(fromHex("8004002203410101"))), "9000aabb");
  // Origin of the bytes: an unmodified JRCP v2 client of NXP's.
  assert.deepEqual(asked, [
    "04ff0000",
    "a5feff0000000002000100",
    "a5feff0000000002000100",
    "a5312100000000040000000000",
    "a501210000000008800400220341010100",
  ]);
});

test("connectChip refuses a JRCP v2 server that greets otherwise, has no reader, or answers with another type", async (t) => {
  const wrong = [
    ["04ff00104a5243502050726f746f636f6c20312b"],
    [GREETING, "a5feff0000000002000100"],
    [GREETING, "a5fdff000000000000"],
    ["01"],
  ];
  for (const answers of wrong) {
    const address = await server(t, dialogue(...answers));
    await assert.rejects(connectChip(`jrcp2:${address}`), failure("ProtocolError", "malformed-frame"), answers.join());
  }
});
