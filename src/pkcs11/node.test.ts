import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto } from "../chip/node.ts";
import { fromHex, toHex } from "../codec/index.ts";
import { ecdsaRawToDer, SeededEntropy } from "../crypto/index.ts";
import { nodeClock, nodeHash, nodeVerifier } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { Ledger } from "../trace/index.ts";
import { FrameParser, Token } from "./index.ts";
import { keepPinIn, MAX_CONNECTIONS, NamesInFile, serveToken } from "./node.ts";

/** Where an answer does not come, the test ends all the same. */
const TIMEOUT = { timeout: 10_000 };

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-p11-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(t: TestContext, path: string) {
  const chip = new A71chChip({
    crypto: nodeChipCrypto,
    entropy: new SeededEntropy(nodeHash, "node"),
    clock: nodeClock,
  });
  const open = async () => {
    const element = await A71ch.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
    return { element, close: () => element.close() };
  };
  const device = (await open()).element;
  const publicKey = await device.generateKeyPair(0);
  const trace = new Ledger({ clock: nodeClock });
  const token = new Token({ open, hash: nodeHash, label: "SE", pin: "1234", trace });
  const served = await serveToken({ token, path, trace });
  t.after(() => served.close());
  return { served, trace, publicKey };
}

/** A client that says bytes and waits for what comes back. */
class Client {
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  #isGreeted = false;
  #isEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#parser.push(this.#isGreeted ? chunk : chunk.subarray(1));
      this.#isGreeted = true;
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
  }

  static async to(path: string): Promise<Client> {
    const socket = connect({ path });
    await once(socket, "connect");
    return new Client(socket);
  }

  say(hex: string): void {
    this.#socket.write(fromHex(hex.replaceAll(/\s/g, "")));
  }

  async answer(): Promise<{ serial: number; body: string }> {
    for (;;) {
      const frame = this.#parser.next();
      if (frame) return { serial: frame.serial, body: toHex(frame.body) };
      assert.ok(!this.#isEnded, "the connection ended");
      await this.#news();
    }
  }

  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  async greeted(): Promise<void> {
    while (!this.#isGreeted && !this.#isEnded) await this.#news();
  }

  async ended(): Promise<void> {
    while (!this.#isEnded) await this.#news();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  end(): void {
    this.#socket.destroy();
  }
}

const INITIALIZE = `00000010 00000006 00000042 636c69656e74
  00000001 00000005 6179796179
  01 00000029 505249564154452d474e4f4d452d4b455952494e472d504b435331312d50524f544f434f4c2d562d31 00 01 00000001 00`;

/** What pkcs11-tool --sign sent through p11-kit 0.24.1, with our slot and the handles that this token gives. */
const SLOT = "0000000000000001";
const SESSION = "0000000000000001";
const KEY = "0000000000000001";
const REPLAY: readonly (readonly [said: string, answered: RegExp])[] = [
  [INITIALIZE, /^0000000100000000$/],
  [
    "00000011 00000006 00000010 636c69656e74 00000004 00000003 796675 00 00000000",
    /^00000004000000026175 00 00000001$/,
  ],
  [
    "00000012 00000006 00000010 636c69656e74 00000004 00000003 796675 00 00000002",
    /^00000004000000026175 01 00000001 0000000000000001$/,
  ],
  [
    `00000013 00000006 00000011 636c69656e74 00000006 00000001 75 ${SLOT}`,
    /^00000006 00000012 737373737575757575757575757575767673 00000020 5345(20){30} 00000020 .{64} 00000010 4137314348(20){11} 00000010 .{32} 000000000000040d .*$/,
  ],
  [
    `00000015 00000006 0000001a 636c69656e74 0000000a 00000002 7575 ${SLOT} 0000000000000004`,
    /^0000000a 00000001 75 0000000000000001$/,
  ],
  [
    `00000017 00000006 00000025 636c69656e74 00000012 00000004 75756179 ${SESSION} 0000000000000001 01 00000004 31323334`,
    /^0000001200000000$/,
  ],
  [
    `00000018 00000006 00000036 636c69656e74 0000001a 00000003 756141 ${SESSION} 00000002
     00000000 01 00000008 0000000000000003 00000102 01 00000001 00000001 00`,
    /^0000001a00000000$/,
  ],
  [
    `00000019 00000006 00000017 636c69656e74 0000001b 00000003 756675 ${SESSION} 00000001`,
    /^0000001b 00000002 6175 01 00000001 0000000000000001$/,
  ],
  [
    `0000001b 00000006 00000023 636c69656e74 0000002a 00000003 754d75 ${SESSION} 00001041 ffffffff ${KEY}`,
    /^0000002a00000000$/,
  ],
  [
    `0000001c 00000006 00000028 636c69656e74 00000018 00000004 75756641 ${SESSION} ${KEY} 00000001 00000202 00000001`,
    /^00000018 00000003 614175 00000001 00000202 01 00000001 00 0000000000000000$/,
  ],
  [
    `0000001d 00000006 0000003e 636c69656e74 0000002b 00000005 7561796679 ${SESSION} 01 00000020
     2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 00000200`,
    /^0000002b 00000002 6179 01 00000040 .{128}$/,
  ],
  [
    `0000001e 00000006 00000028 636c69656e74 00000018 00000004 75756641 ${SESSION} ${KEY} 00000001 00000181 00000000`,
    /^00000018 00000003 614175 00000001 00000181 00 0000000000000012$/,
  ],
  [`0000001f 00000006 00000011 636c69656e74 0000000b 00000001 75 ${SESSION}`, /^0000000b00000000$/],
  ["00000020 00000006 00000008 636c69656e74 00000002 00000000", /^0000000200000000$/],
];

test(
  "the trace of pkcs11-tool signing through p11-kit 0.24.1, replayed, has the same answers in every byte that can be",
  TIMEOUT,
  async (t) => {
    const path = join(temporary(t), "run", "pkcs11");
    const { publicKey } = await serve(t, path);
    const client = await Client.to(path);
    client.say("00");
    let signature = "";
    for (const [said, answered] of REPLAY) {
      client.say(said);
      const { serial, body } = await client.answer();
      assert.equal(serial, Number.parseInt(said.slice(0, 8), 16), "the serial comes back");
      const pattern = new RegExp(answered.source.replaceAll(" ", ""));
      assert.match(body, pattern, said);
      if (body.startsWith("0000002b")) signature = body.slice(-128);
    }
    // The digest in the trace is SHA-256 of "hello".
    const check = { publicKey, algorithm: "ecdsa_sha256", content: new TextEncoder().encode("hello") } as const;
    assert.equal(await nodeVerifier.verify({ ...check, signature: ecdsaRawToDer(fromHex(signature)) }), true);
    client.end();
  },
);

test("serveToken makes a socket of mode 0600 in a directory of mode 0700, and removes it", TIMEOUT, async (t) => {
  const path = join(temporary(t), "new", "pkcs11");
  const { served } = await serve(t, path);
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  assert.ok(lstatSync(path).isSocket());
  await served.close();
  assert.ok(!existsSync(path));
});

test(
  "serveToken takes over a socket that nobody listens on, and refuses one that somebody does",
  TIMEOUT,
  async (t) => {
    const folder = temporary(t);
    const path = join(folder, "pkcs11");
    const stale = createServer().listen(path);
    await once(stale, "listening");
    await assert.rejects(serve(t, path), { code: "socket-in-use" });
    // A server that dies leaves its socket behind: a copy of the name outlives `close`.
    linkSync(path, `${path}.left`);
    stale.close();
    await once(stale, "close");
    renameSync(`${path}.left`, path);
    const { served } = await serve(t, path);
    const client = await Client.to(served.path);
    client.say(`00 ${INITIALIZE}`);
    assert.equal((await client.answer()).body, "0000000100000000");
    client.end();
  },
);

test(
  "serveToken refuses a path that is no socket, a directory that others can enter, and one that cannot be",
  TIMEOUT,
  async (t) => {
    const folder = temporary(t);
    const file = join(folder, "file");
    writeFileSync(file, "");
    await assert.rejects(serve(t, file), { code: "bad-socket" });
    await assert.rejects(serve(t, "relative/pkcs11"), { code: "bad-socket" });
    await assert.rejects(serve(t, join(folder, "x".repeat(120))), { code: "bad-socket" });
    await assert.rejects(serve(t, join(file, "pkcs11")), { code: "cannot-listen" });
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o755);
    await assert.rejects(serve(t, join(open, "pkcs11")), { code: "open-directory" });
  },
);

test("a broken frame ends its own connection and no other; wrong requests end none", TIMEOUT, async (t) => {
  const path = join(temporary(t), "run", "pkcs11");
  const { trace } = await serve(t, path);
  const [bad, good] = [await Client.to(path), await Client.to(path)];
  good.say(`00 ${INITIALIZE}`);
  assert.equal((await good.answer()).body, "0000000100000000");
  good.say("00000011 00000000 00000003 ffffff");
  assert.equal((await good.answer()).body, "0000000000000001750000000000000007");
  bad.say("00 00000011 00000000 ffffffff");
  await bad.ended();
  assert.ok(trace.events({ kinds: ["process"] }).some((event) => event.kind === "process" && event.what === "warning"));
  good.say("00000012 00000000 00000008 00000002 00000000");
  assert.deepEqual(await good.answer(), { serial: 0x12, body: "0000000200000000" });
  good.end();
});

test("a later client is answered by our highest version, and bytes may come one by one", TIMEOUT, async (t) => {
  const path = join(temporary(t), "run", "pkcs11");
  await serve(t, path);
  const socket = connect({ path });
  await once(socket, "connect");
  socket.write(Uint8Array.of(9));
  const [greeting] = (await once(socket, "data")) as [Uint8Array];
  assert.deepEqual([...greeting], [2]);
  socket.destroy();
  const client = await Client.to(path);
  for (const byte of fromHex(`00${INITIALIZE}`.replaceAll(/\s/g, ""))) client.say(byte.toString(16).padStart(2, "0"));
  assert.equal((await client.answer()).body, "0000000100000000");
  client.end();
});

test("no more programs are served than MAX_CONNECTIONS, and a place is free when one leaves", TIMEOUT, async (t) => {
  const path = join(temporary(t), "run", "pkcs11");
  const { served } = await serve(t, path);
  const clients: Client[] = [];
  for (let i = 0; i < MAX_CONNECTIONS; i++) {
    const client = await Client.to(path);
    client.say("00");
    await client.greeted();
    clients.push(client);
  }
  assert.equal(served.connections(), MAX_CONNECTIONS);
  const turnedAway = await Client.to(path);
  turnedAway.say("00");
  await turnedAway.ended();
  const [first] = clients;
  first?.end();
  await first?.ended();
  // The server hears of the end a moment later than the client.
  for (let isServed = false; !isServed;) {
    const next = await Client.to(path);
    clients.push(next);
    next.say("00");
    await next.greeted();
    isServed = next.isGreeted;
  }
  for (const client of clients) client.end();
});

test("NamesInFile keeps names over restarts, in a file of mode 0600, and refuses a file of another kind", (t) => {
  const file = join(temporary(t), "names.json");
  const names = new NamesInFile(file);
  const devkey = { label: "devkey", id: Uint8Array.of(1, 2), application: "meter", subject: Uint8Array.of(0x30, 0) };
  names.rename("aa", devkey);
  names.rename("bb", { label: undefined, id: Uint8Array.of(3) });
  names.forget("bb");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const again = new NamesInFile(file);
  assert.deepEqual(again.nameOf("aa"), devkey);
  assert.equal(again.nameOf("bb"), undefined);
  mkdirSync(`${file}.new`);
  assert.throws(() => names.rename("aa", { label: "other", id: undefined }), { code: "ERR_FS_EISDIR" });
  assert.throws(() => names.forget("aa"), { code: "ERR_FS_EISDIR" });
  assert.deepEqual(names.nameOf("aa"), devkey, "what cannot be kept does not count meanwhile");
  for (const text of [
    "no json",
    "[]",
    '{"aa":1}',
    '{"aa":{"label":1}}',
    '{"aa":{"id":"xx"}}',
    '{"aa":{"subject":[]}}',
  ]) {
    writeFileSync(file, text);
    assert.throws(() => new NamesInFile(file), { name: "DecodeError", code: "encoding" }, text);
  }
});

test("keepPinIn puts a PIN into its file, of mode 0600, through a link, and throws where it cannot", (t) => {
  const folder = temporary(t);
  const file = join(folder, "pin");
  writeFileSync(file, "1234");
  symlinkSync(file, join(folder, "link"));
  keepPinIn(join(folder, "link"))("5678");
  assert.equal(readFileSync(file, "utf8"), "5678\n");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(lstatSync(join(folder, "link")).isSymbolicLink());
  mkdirSync(`${file}.new`);
  assert.throws(() => keepPinIn(file)("9999"), { code: "ERR_FS_EISDIR" });
  assert.equal(readFileSync(file, "utf8"), "5678\n");
});
