import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";

import { A71CH_FORMS } from "../src/cli/a71ch-grammar.ts";
import { a71chHelp } from "../src/cli/a71ch-help.ts";
import { bench, run } from "./a71ch-tool.ts";
import { toHex, toPem } from "../src/codec/index.ts";
import { ecPublicKeyInfo } from "../src/crypto/index.ts";
import { keyPairFromPem } from "../src/agent/node.ts";
import { referenceInPem } from "../src/host/a71ch/index.ts";
import { A71CH_TOOL_ERRORS, type A71chToolErrorCode, exitStatusOf, toolError } from "../src/cli/a71ch-errors.ts";

function newKey() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = privateKey.export({ format: "pem", type: "sec1" });
  return { pem, ...keyPairFromPem(pem) };
}

/** The program itself, as a process of its own. */
async function spawned(
  program: string,
  argv: readonly string[],
  options: { cwd: string; address: string; input?: string },
) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../src/cli", program), ...argv], {
    cwd: options.cwd,
    env: { ...process.env, RJCT_SERVER_ADDR: options.address },
  });
  child.stdin.end(options.input ?? "");
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, out, err };
}

test("AW-84 AW-85 AW-86 AW-87 AW-88 AW-89 OE-49 OE-52 the commands of AN12131 8.6 run as they are written", async (t) => {
  const { folder, address, file, chip } = await bench(t);
  const key = newKey();
  file("deviceKey.key", key.pem);
  const tool = (line: string) => spawned("a71ch-config.ts", line.split(" "), { cwd: folder, address });

  const reset = await tool("debug reset");
  assert.deepEqual([reset.status, reset.out.split("\n").length], [0, 3]);
  // No address was given: standard error says which chip it was.
  assert.match(reset.err, new RegExp(`this goes to the A71CH ${chip.uniqueId} at ${address}`));

  const set = await tool("set pair -x 0 -k deviceKey.key");
  assert.equal(set.status, 0, set.err);
  assert.ok(set.out.includes(toHex(key.point)) && !set.out.includes(toHex(key.scalar)));

  const info = await tool("info pair");
  assert.match(info.out, new RegExp(`0: ${toHex(key.point)}\n {2}1: n.a.\n {2}2: n.a.\n {2}3: n.a.`));

  const refpem = await tool("refpem -c 10 -x 0 -r deviceRefKey.ref_key");
  assert.equal(refpem.status, 0, refpem.err);
  const reference = readFileSync(join(folder, "deviceRefKey.ref_key"), "utf8");
  assert.deepEqual(referenceInPem(reference), { keyClass: 0x10, index: 0 });
  assert.deepEqual(keyPairFromPem(reference).point, key.point);
});

test("hawser a71ch takes the same words, --json anywhere, and the same exit statuses", async (t) => {
  const { folder, address } = await bench(t);
  const said = await spawned("main.ts", ["a71ch", "--json", address, "info", "device"], { cwd: folder, address: "" });
  assert.equal(said.status, 0, said.err);
  const [connected, device] = said.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(connected, {
    event: "connected",
    address,
    appletVersion: "0x0131",
    secureBoxVersion: "0x0000",
  });
  assert.equal(device?.storageBytes, 4096);
  assert.equal(said.err, "");
  const wrong = await spawned("main.ts", ["a71ch", address, "gen", "pair", "-x", "256"], { cwd: folder, address: "" });
  assert.equal(wrong.status, 30);
  assert.match(wrong.err, /error: -x 256 is not within 0..255\ncause: .+\ncure: /);
});

test("a71chConfig --json prints one JSON object a line, on standard output and standard error, whatever is typed", async (t) => {
  const { folder, address, file } = await bench(t);
  file("deviceKey.key", newKey().pem);
  const typed = Object.keys(A71CH_FORMS).flatMap((name) => {
    const [, example = ""] = a71chHelp("", name.split(" ")).split("Examples:\n");
    return [example.trim(), `${name} wrong words`, name];
  });
  assert.ok(typed.length > 130);
  const input = `${typed.filter((line) => line !== "interactive").join("\n")}\n\n`;
  const options = { cwd: folder, address: "", input };
  const { status, out, err } = await spawned("a71ch-config.ts", [address, "interactive", "--json"], options);
  assert.equal(status, 33, "that of the empty line at the end");
  for (const line of `${out}${err}`.trim().split("\n")) assert.equal(typeof JSON.parse(line), "object", line);
  const said = err
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { warning?: string; error?: object });
  assert.deepEqual(
    said.filter(({ warning, error }) => (warning === undefined) === (error === undefined)),
    [],
  );
});

test("a71chConfig gen, get, erase and lock pair work on key pairs", async (t) => {
  const { run, inFolder } = await bench(t);
  const made = await run("gen pair -x 1");
  assert.equal(made.status, 0);
  const point = String(made.fields.at(-1)?.publicKey);
  assert.equal((await run(`get pub -c 10 -x 1 -k ${inFolder("pub.pem")}`)).status, 0);
  const written = readFileSync(inFolder("pub.pem"), "utf8");
  assert.equal(written, toPem("PUBLIC KEY", ecPublicKeyInfo(Buffer.from(point, "hex"))));
  assert.equal((await run("erase pair -x 1")).status, 0);
  assert.equal((await run("get pub -c 10 -x 1 -k /dev/null")).status, 1, "an erased key");
  assert.equal((await run("lock pair -x 1")).status, 0);
  const frozen = await run("gen pair -x 1");
  assert.equal(frozen.status, 1);
  assert.match(frozen.failure, /refused with 6986.*frozen[^]*cause:[^]*cure:/);
});

test("a71chConfig set takes plain, wrapped and to-be-wrapped keys", async (t) => {
  const { run, file } = await bench(t);
  const [key, wrapping] = [newKey(), "0f".repeat(16)];
  const [scalar, point] = [toHex(key.scalar), toHex(key.point)];
  const path = file("key.pem", key.pem);
  for (const index of [0, 1, 2]) assert.equal((await run(`set cfg -x ${index} -h ${wrapping}`)).status, 0);
  assert.equal((await run(`set pair -x 0 -h ${point} -h ${scalar}`)).status, 0);
  assert.equal((await run(`set pair -x 1 -k ${path} -w ${wrapping}`)).status, 0);
  assert.equal((await run(`set pair -x 2 -h ${point} -h ${scalar} -w ${wrapping}`)).status, 0);
  assert.equal((await run(`set pub -x 0 -k ${path}`)).status, 0);
  assert.equal((await run(`set pub -x 1 -h ${point} -w ${wrapping}`)).status, 0);
  assert.equal((await run(`set sym -x 0 -h ${wrapping}`)).status, 0);
  assert.equal((await run(`set sym -x 0 -h ${"aa".repeat(16)} -w ${wrapping}`)).status, 0);
  assert.equal((await run(`set cfg -x 0 -h ${"bb".repeat(16)} -w ${wrapping}`)).status, 0);
  const pairs = await run("info pair");
  assert.equal(pairs.text.split(point).length - 1, 3);
  assert.equal((await run("info pub")).text.split(point).length - 1, 2);
  const wrong = await run(`set sym -x 0 -h ${"cc".repeat(16)} -w ${wrapping}`);
  assert.equal(wrong.status, 1, "wrapped with what is no longer in the slot");
  assert.equal((await run(`set sym -x 1 -h ${"cc".repeat(16)} -w ${"dd".repeat(17)}`)).status, 36);
  for (const line of ["erase sym -x 0", "erase pub -x 0", "lock pub -x 1"]) assert.equal((await run(line)).status, 0);
  assert.equal((await run("erase pub -x 1")).status, 1);
});

test("a71chConfig counters only go up, until a debug mode chip sets them back", async (t) => {
  const { run } = await bench(t);
  assert.equal((await run("set cnt -x 1 -h 00000102")).status, 0);
  assert.deepEqual((await run("info cnt")).fields.at(-1)?.values, [0, 0x102]);
  assert.equal((await run("set cnt -x 1 -h 00000001")).status, 1);
  assert.equal((await run("erase cnt -x 1")).status, 0);
  assert.deepEqual((await run("info cnt")).fields.at(-1)?.values, [0, 0]);
});

test("a71chConfig wcrt, ucrt, rcrt and ecrt keep certificates with room to grow", async (t) => {
  const { run, inFolder } = await bench(t);
  const [first, second] = [`3042${"01".repeat(0x42)}`, `3050${"02".repeat(0x50)}`];
  const stored = await run(`wcrt -x 1 -h ${first} -n 2`);
  assert.deepEqual([stored.status, stored.fields.at(-1)?.reservedBytes], [0, 160]);
  assert.equal((await run(`wcrt -x 1 -h ${first}`)).status, 1, "there is one already");
  assert.equal((await run(`ucrt -x 1 -h ${second}`)).status, 0);
  const read = await run(`rcrt -x 1 -c ${inFolder("out.der")}`);
  assert.equal(read.fields.at(-1)?.certificate, second);
  assert.equal(toHex(readFileSync(inFolder("out.der"))), second);
  assert.equal((await run(`rcrt -x 1 -c ${inFolder("no/where")}`)).status, 39);
  assert.equal((await run(`ucrt -x 1 -h 30821000${"00".repeat(0xffc)}`)).status, 1, "longer than its room");
  assert.match((await run("info objects")).text, /certificate 1: at 0x0000, room for 160 bytes/);
  assert.equal((await run("ecrt -x 1")).status, 0);
  assert.equal((await run("rcrt -x 1")).status, 38);
  assert.equal((await run(`wcrt -x 1 -p ${inFolder("none.pem")}`)).status, 23);
  assert.match((await run("info objects")).text, /none/);
});

test("a71chConfig obj keeps data, as the demonstration's client preparation does", async (t) => {
  const { run, inFolder, file } = await bench(t);
  for (const line of [
    "obj write -x 0 -n 32",
    "obj update -x 0 -h 0000 -h 426567",
    "obj update -x 0 -h 03f8 -h 456E64",
  ]) {
    assert.equal((await run(line)).status, 0, line);
  }
  const whole = await run("obj get -x 0");
  assert.equal(whole.fields.at(-1)?.data, `426567${"00".repeat(0x3f5)}456e64${"00".repeat(5)}`);
  assert.equal((await run(`obj get -x 0 -h 03f8 -s 0003 -f ${inFolder("out.txt")} -t hex_16`)).status, 0);
  assert.equal(readFileSync(inFolder("out.txt"), "utf8"), "456E64");
  const data = file("in.txt", `${"ab".repeat(16)}\r\n${"CD".repeat(3)}\r\n`);
  assert.equal((await run(`obj write -x 7 -f ${data} -t hex_16`)).status, 0);
  assert.equal((await run("obj get -x 7")).fields.at(-1)?.data, "ab".repeat(16) + "cd".repeat(3));
  const long = file("long.txt", `${"ab".repeat(33)}\n`);
  assert.equal((await run(`obj update -x 7 -h 0000 -f ${long} -t hex_32`)).status, 29);
  assert.equal((await run("obj update -x 7 -h 0020 -h 00")).status, 1, "beyond its last segment");
  assert.equal((await run("obj erase -x 7")).status, 0);
  assert.equal((await run("obj erase -x 7")).status, 38);
});

test("a71chConfig set gp, info gp and lock gp work on raw storage; info status shows what is locked", async (t) => {
  const { run } = await bench(t);
  assert.equal((await run("set gp -h 0100 -h 00ff")).status, 0);
  assert.match((await run("info gp -h 0100 -n 1")).text, /0x0100 {2}00ff0000/);
  assert.equal((await run("lock gp -h 0100 -n 1")).status, 0);
  assert.match((await run("info status")).text, /0x00e0: initialised, open\n {2}0x0100: initialised, locked/);
  assert.equal((await run("set gp -h 0100 -h 00")).status, 1);
  const beyond = await run("set gp -h 1000 -h 00");
  assert.equal(beyond.status, 1, "as where the chip refuses");
  assert.ok(beyond.failure.includes(A71CH_TOOL_ERRORS["tool-size"].cause));
  await run(`set gp -h 0fe0 -h ${"7e".repeat(31)}01`);
  assert.equal((await run("info objects")).status, 37, "what is there is no object table");
  assert.equal((await run("rcrt -x 0")).status, 37);
});

test("a71chConfig ecrt says that the chip refused when the object table is frozen", async (t) => {
  const { run } = await bench(t);
  await run(`wcrt -x 0 -h 3002${"01".repeat(2)}`);
  await run("lock gp -h 0fe0 -n 1");
  assert.equal((await run("ecrt -x 0")).status, 40);
});

test("a71chConfig transport, lock inject_plain and debug show and change the chip's life cycle", async (t) => {
  const { run } = await bench(t);
  const key = "42".repeat(16);
  assert.equal((await run("transport lock")).status, 1, "no configuration key yet");
  await run(`set cfg -x 0 -h ${key}`);
  assert.equal((await run("lock inject_plain")).status, 0);
  assert.equal((await run("transport lock")).status, 0);
  assert.match((await run("info device")).text, /transport lock: +1, locked for transport\ninject lock: +1, locked/);
  assert.equal((await run(`transport unlock -h ${"43".repeat(16)}`)).status, 1, "a wrong key");
  assert.equal((await run(`transport unlock -h ${key}`)).status, 0);
  assert.match((await run("info device")).text, /transport lock: +2, unlocked/);
  assert.equal((await run("debug reset")).status, 0);
  assert.match((await run("info device")).text, /transport lock: +3, not locked yet/);
  assert.equal((await run("debug permanently_disable_debug")).status, 0);
  assert.equal((await run("debug reset")).status, 1);
  const all = await run("info all");
  assert.match(all.text, /debug mode: +ended for good[^]*key pairs:[^]*public keys:[^]*counters:[^]*0x0fe0/);
});

test("a71chConfig script opens a secure channel, works inside it, and stops at the first failure", async (t) => {
  const { run, file } = await bench(t);
  const keys = file(
    "scp.txt",
    `# keys\nENC ${"11".repeat(16)} # Enc\nMAC ${"22".repeat(16)}\nDEK ${"33".repeat(16)}\n`,
  );
  const put = file("put.txt", `scp put -h 21 -k ${keys}\n# done\nquit\ngen pair -x 99\n`);
  const script = await run(`script -f ${put}`);
  assert.equal(script.status, 0, script.failure);
  const use = [`scp auth -h 21 -k ${keys}`, "gen pair -x 0 # a remark", "info pair"];
  const used = await run(`script -f ${file("use.txt", use.join("\n"))}`);
  assert.equal(used.status, 0, used.failure);
  const refused = await run("info pair");
  assert.equal(refused.status, 1);
  assert.match(refused.failure, /only inside a secure channel\ncause: [^]*cure: {2}Put 'scp auth/);
  assert.ok(refused.failure.includes(A71CH_TOOL_ERRORS["tool-needs-channel"].cause));
  assert.match(
    (await run("info device")).text,
    /secure channel: +mandatory[^]*uid: +[0-9a-f]{36}\ncertUid: +[0-9a-f]{20}\n/,
  );
  const stopped = await run(`script -f ${file("stop.txt", "info device\ngen pair -x 300\ninfo device\n")}`);
  assert.deepEqual([stopped.status, stopped.fields.length], [30, 2]);
  const reset = file("reset.txt", `scp auth -h 21 -k ${keys}\nscp clear_host\ninfo pair\n`);
  assert.equal((await run(`script -f ${reset}`)).status, 1);
  const wrong = file("wrong.txt", `ENC ${"11".repeat(16)}\n`);
  assert.equal((await run(`scp auth -h 21 -k ${wrong}`)).status, 29);
  assert.doesNotMatch(JSON.stringify([script, used, refused]), /1111|2222|3333/);
});

test("a71chConfig interactive goes on after a failure, and connect closes and opens", async (t) => {
  const { run } = await bench(t);
  const lines = ["connect close", "info pair", "connect open", "gen pair -x 300", "help", "info pair", "interactive"];
  const said = await run("interactive", `${lines.join("\n")}\n`);
  assert.equal(said.status, 0, "interactive does not nest, and the last status counts");
  assert.match(said.warnings.join(), /'interactive' was passed over/);
  assert.match(said.failure, /there is no connection to the chip[^]*did not begin with nc[^]*-x 300 is not within/);
  for (const code of ["tool-not-connected", "tool-no-reopen"] as const) {
    assert.ok(said.failure.includes(A71CH_TOOL_ERRORS[code].cause));
  }
  const again = await run("nc interactive", "connect open\nconnect close\nconnect open\ninfo pair\n");
  assert.deepEqual([again.status, again.fields.filter(({ event }) => event === "connected").length], [0, 2]);
  assert.equal((await run("interactive", "gen pair -x 300\nquit\n")).status, 0);
});

test("a71chConfig apdu compares the status word", async (t) => {
  const { run } = await bench(t);
  assert.equal((await run("apdu -cmd 80710000010400 -sw 6A80")).status, 0);
  const other = await run("apdu -cmd 8095000800 -sw 6700");
  assert.equal(other.status, 1);
  assert.match(other.failure, /status word 9000, not 6700/);
  assert.ok(other.failure.includes(A71CH_TOOL_ERRORS["tool-failed"].cause));
});

test("a71chConfig nc needs no chip; without nc an absent chip ends with status 12", async (t) => {
  const { file, inFolder } = await bench(t);
  const free = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => free.once("listening", resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  const environmentAddress = `127.0.0.1:${port}`;
  const key = file("key.pem", newKey().pem);
  const words = (line: string) => run(line.split(" "), { environmentAddress });
  assert.equal((await words(`nc refpem -c 10 -x 3 -k ${key} -r ${inFolder("ref")}`)).status, 0);
  assert.deepEqual(referenceInPem(readFileSync(inFolder("ref"), "utf8")), { keyClass: 0x10, index: 3 });
  assert.equal((await words("nc info pair")).status, 1);
  assert.equal((await words("nc")).status, 33);
  const away = await words("info pair");
  assert.equal(away.status, 12);
  assert.match(away.failure, /no A71CH at 127.0.0.1:\d+: .*ECONNREFUSED[^]*RJCT_SERVER_ADDR/);
  // The chip counts before the line, as in the original tool; what is wrong with the line is told, too.
  const mistyped = await words("gen pair -x 300");
  assert.equal(mistyped.status, 12);
  assert.match(
    mistyped.warnings.join(),
    /mistyped besides: -x 300 is not within 0\.\.255; The message names the bounds/,
  );
  assert.equal((await words("nc gen pair -x 300")).status, 30);
  assert.equal((await words("")).status, 12);
  assert.equal((await words("help")).status, 0);
});

test("a71chConfig refuses SCI2C and serial lines by name", async () => {
  for (const bus of ["sci2c", "i2c:/dev/i2c-1", "/dev/ttyACM0", "COM3"]) {
    const { status, failure } = await run([bus, "info", "pair"]);
    assert.equal(status, 20, bus);
    assert.match(failure, /not built/);
  }
});

test("a71chConfig says what is wrong with a key file", async (t) => {
  const { run, file, inFolder } = await bench(t);
  const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  const files: Record<string, [string, number]> = {
    text: ["no key at all", 24],
    p384: [p384.privateKey.export({ format: "pem", type: "sec1" }), 26],
  };
  for (const [name, [content, status]] of Object.entries(files)) {
    const said = await run(`set pair -x 0 -k ${file(name, content)}`);
    assert.equal(said.status, status, name);
    assert.match(said.failure, /cause: .+\ncure: /);
  }
  const curve = file("p384.pub", p384.publicKey.export({ format: "pem", type: "spki" }));
  assert.equal((await run(`set pub -x 0 -k ${curve}`)).status, 26);
  const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const half = file("half.pub", p256.publicKey.export({ format: "pem", type: "spki" }));
  const halved = await run(`set pair -x 0 -k ${half}`);
  assert.equal(halved.status, 22);
  assert.ok(halved.failure.includes(A71CH_TOOL_ERRORS["tool-no-private-key"].cause));
  assert.equal((await run(`set pub -x 0 -k ${half}`)).status, 0);
  assert.equal((await run(`set pair -x 0 -k ${inFolder("none")}`)).status, 23);
  await run("gen pair -x 0");
  await run(`refpem -c 10 -x 0 -r ${inFolder("ref")}`);
  const reference = await run(`set pair -x 1 -k ${inFolder("ref")}`);
  assert.equal(reference.status, 24);
  assert.match(reference.failure, /is a reference to key 0 of a chip, not a key/);
  assert.equal((await run(`refpem -c 10 -x 2 -k ${inFolder("ref")} -r ${inFolder("other")}`)).status, 0);
  assert.deepEqual(referenceInPem(readFileSync(inFolder("other"), "utf8")), { keyClass: 0x10, index: 2 });
  assert.equal((await run(`refpem -c 10 -x 0 -r ${inFolder("no/where")}`)).status, 25);
  const none = await run(`refpem -c 10 -x 2 -r ${inFolder("none")}`);
  assert.equal(none.status, 25, "the original's status for a key that is not there");
  assert.ok(none.failure.includes(A71CH_TOOL_ERRORS["tool-no-reference"].cause));
});

test("every code of the tool has one of the original tool's exit statuses", () => {
  const statuses = Object.keys(A71CH_TOOL_ERRORS).map((code) =>
    exitStatusOf(toolError(code as A71chToolErrorCode, "")),
  );
  // 130, by which shells know an interrupted program, is ours.
  const documented = [1, 12, 16, 17, 20, 21, 22, 23, 24, 25, 26, 29, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40, 130];
  assert.deepEqual(
    [...new Set(statuses)].sort((a, b) => a - b),
    documented,
  );
});

test("the tool names the cure for an address without its port and for PEM where DER is taken", async (t) => {
  const { run: inTool, file } = await bench(t);
  const portless = await run(["127.0.0.1", "info", "device"]);
  assert.equal(portless.status, 12);
  assert.match(portless.failure, /an address needs its port: 127\.0\.0\.1:8050/);
  for (const address of ["127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999", ":8050", "[::1]"]) {
    const { status, failure } = await run([address, "info", "device"]);
    assert.equal(status, 12, address);
    assert.match(failure, /cause: .+\ncure: /);
  }
  const pem = file("device.crt", toPem("CERTIFICATE", Uint8Array.of(0x30, 0)));
  const { status, failure } = await inTool(`wcrt -x 0 -c ${pem}`);
  assert.equal(status, 24);
  assert.match(failure, /device\.crt is PEM, and -c takes DER: give it with -p/);
});
