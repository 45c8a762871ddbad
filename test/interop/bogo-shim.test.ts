/** The bogo shim, driven as BoringSSL's runner would drive it, with node:tls as the other side. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { createSecureContext, TLSSocket } from "node:tls";

import { TLS_ERRORS } from "../../src/tls/index.ts";
import { ERROR_NAMES } from "../bogo/error-names.ts";
import { FLAGS, parseFlags } from "../bogo/flags.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";

const SHIM = join(import.meta.dirname, "../bogo/shim.ts");
const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const device = await hierarchy.device();

async function shim(...argv: readonly string[]) {
  const child = spawn(process.execPath, [SHIM, ...argv]);
  const stderr = await text(child.stderr);
  if (child.exitCode === null) await once(child, "exit");
  return { status: child.exitCode, stderr };
}

/** What the runner does: takes the shim's id, speaks TLS, sends a few bytes and reads them back. */
async function runner(t: TestContext, onClient: (socket: TLSSocket, id: bigint) => void): Promise<string> {
  const secureContext = createSecureContext({
    cert: chainPem(server.chain),
    key: keyPem(server.key),
    ca: chainPem([hierarchy.root.certificate.der]),
    sessionIdContext: "runner",
  });
  const listener = createServer((socket) => void accept(socket));
  const accept = async (socket: Socket) => {
    await once(socket, "readable");
    const id = (socket.read(8) as Buffer).readBigUInt64LE();
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["foo"],
    });
    tls.on("error", () => undefined);
    onClient(tls, id);
  };
  listener.listen(0, "127.0.0.1");
  t.after(() => listener.close());
  await once(listener, "listening");
  return String((listener.address() as AddressInfo).port);
}

test("the shim sends its id, shakes hands and flips every bit of what it reads, with each flag it answers", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-bogo-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "cert.pem"), chainPem(device.chain));
  writeFileSync(join(folder, "key.pem"), keyPem(device.key));
  const echoes: string[] = [];
  const ids = new Set<bigint>();
  const port = await runner(t, (socket, id) => {
    ids.add(id);
    socket.write("ping");
    socket.once("data", (data: Buffer) => {
      echoes.push(Buffer.from(data.map((byte) => byte ^ 0xff)).toString());
      socket.end();
    });
  });
  const identity = ["-cert-file", join(folder, "cert.pem"), "-key-file", join(folder, "key.pem")];
  const runs = [
    ["-max-version", "771", "-expect-version", "771", "-expect-extended-master-secret"],
    ["-min-version", "772", "-expect-version", "772", "-curves", "24", "-expect-curve-id", "24"],
    ["-advertise-alpn", "\u0003foo", "-expect-alpn", "foo", "-host-name", "example.com", "-async"],
    ["-no-tls13", "-no-tls1", "-no-tls11", "-verify-prefs", "1027", ...identity],
    ["-no-tls12", "-key-update", "-check-close-notify", ...identity],
    [
      "-resume-count",
      "1",
      "-max-version",
      "771",
      "-on-initial-expect-session-miss",
      "-on-resume-expect-version",
      "771",
    ],
    ["-expect-cipher-aes", "49195", "-max-version", "771", "-expect-peer-signature-algorithm", "1027"],
    [
      "-no-tls12",
      "-signing-prefs",
      "1027",
      "-curves",
      "23",
      "-expect-no-hrr",
      "-enable-ocsp-stapling",
      "-trust-cert",
      "x",
      ...identity,
    ],
  ];
  for (const flags of runs) {
    const { status, stderr } = await shim("-port", port, "-shim-id", "7", ...flags);
    assert.equal(status, 0, `${flags.join(" ")}: ${stderr}`);
  }
  assert.deepEqual([...new Set(echoes)], ["ping"]);
  assert.equal(echoes.length, runs.length + 1);
  assert.deepEqual([...ids], [7n]);
});

test("the shim writes first and shuts down where it is told to", async (t) => {
  const received: Promise<string>[] = [];
  const port = await runner(t, (socket) => {
    received.push(text(socket));
    socket.on("end", () => socket.end());
  });
  const { status, stderr } = await shim("-port", port, "-shim-id", "1", "-shim-writes-first", "-shim-shuts-down");
  assert.equal(status, 0, stderr);
  assert.deepEqual(await Promise.all(received), ["hello"]);
});

test("the shim exports keys, sends records of many sizes and refuses a chain where its flags say so", async (t) => {
  const sizes: number[] = [];
  const exported: Buffer[] = [];
  const port = await runner(t, (socket) => {
    let length = 0;
    socket.on("data", (data: Buffer) => {
      if (length === 0) {
        exported.push(socket.exportKeyingMaterial(8, "label", Buffer.from("context")), data.subarray(0, 8));
      }
      length += data.length;
    });
    socket.once("end", () => {
      sizes.push(length);
      socket.end();
    });
  });
  const exports = "-export-keying-material 8 -export-label label -export-context context -use-export-context";
  const others = "-shim-id 1 -write-different-record-sizes -shim-shuts-down";
  const { status, stderr } = await shim("-port", port, ...`${exports} ${others}`.split(" "));
  assert.equal(status, 0, stderr);
  assert.deepEqual(exported[0], exported[1]);
  assert.deepEqual(sizes, [8 + 1 + 255 + 256 + 257 + 16383 + 16384 + 16385 + 32767 + 32768 + 32769]);
  const refused = await shim("-port", port, "-shim-id", "1", "-verify-fail", "-use-custom-verify-callback");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^:certificate-refused:.*:CERTIFICATE_VERIFY_FAILED:/);
});

test("a flag may be for the first connection or those that resume it, and unknown ones name themselves", () => {
  const run = parseFlags(["-port", "1", "-on-resume-shim-writes-first", "-on-initial-expect-alpn", "a"]);
  assert.ok("initial" in run);
  assert.deepEqual([run.initial.shimWritesFirst, run.resumed.shimWritesFirst], [false, true]);
  assert.deepEqual([run.initial.expects, run.resumed.expects], [[{ what: "alpn", value: "a" }], []]);
  assert.deepEqual([run.initial.port, run.resumed.port], [1, 1]);
  const other = parseFlags(["-on-handshaker-curves", "29", "-on-shim-curves", "23"]);
  assert.ok("initial" in other);
  assert.deepEqual(other.initial.groups, [23]);
  assert.deepEqual(parseFlags(["-port", "1", "-on-resume-dtls"]), { unimplemented: "-on-resume-dtls" });
});

test("the shim ends with 89 for what it does not know, and with 1 and our code for what fails", async (t) => {
  assert.equal((await shim("-server", "-port", "1")).status, 89);
  assert.equal((await shim("-dtls")).status, 89);
  const port = await runner(t, (socket) => socket.destroy());
  const failed = await shim("-port", port, "-shim-id", "1");
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /^:closed-in-handshake:/);
  const wrong = await runner(t, (socket) => void socket.on("data", () => socket.end()).write("x"));
  const unexpected = await shim("-port", wrong, "-shim-id", "1", "-expect-version", "771");
  assert.equal(unexpected.status, 1);
  assert.match(unexpected.stderr, /:expectation: version is 772, not 771/);
});

test("the shim's configuration names only our codes, and gives a reason for each family left out", () => {
  const path = join(import.meta.dirname, "../bogo/config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as { readonly DisabledTests: Record<string, string> };
  for (const codes of Object.values(ERROR_NAMES)) for (const code of codes) assert.ok(code in TLS_ERRORS, code);
  for (const reason of Object.values(config.DisabledTests)) assert.ok(reason.length > 5);
  assert.ok(Object.keys(FLAGS).length > 30);
});
