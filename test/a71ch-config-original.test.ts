/**
 * The Configure tool ends as NXP's A71CHConfigTool does (host library 04.02, JRCP v1 and v2), which was run against the same chip for each
 * of these lines: its exit statuses are the vectors here.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";

import { A71CH_TOOL_ERRORS } from "../src/cli/a71ch-errors.ts";
import { fromHex, toHex, toPem } from "../src/codec/index.ts";
import { referenceInPem } from "../src/host/a71ch/index.ts";
import { bench, checkSaid as check, keyLines, original, run as runTool } from "./a71ch-tool.ts";

const DER = "3003010203";

test("a71chConfig ends like the original where words are too many, numbers are not decimal, or hex is not hex", async (t) => {
  const { rows, line } = await original(t);
  await rows(
    ["gen pair -x 0x1", 0, /^-x 0x1 is taken as 0: .* if you mean 1, type -x 1$/],
    ["gen pair -x 0 extra", 0, /^"extra" was passed over: .*"help" gives the options/],
    ["gen pair -x 99999999999", 30],
    ["set sym -x 0x1 -h K16 extra", 0, /-x 0x1 is taken as 0[^]*"extra" was passed over/],
    ["set gp -h 0x20 -h 0x7f", 0, /byte 1 is taken as 00/],
    ["info gp -h 0020 -n 1x", 0, /-n 1x is taken as 1/],
    ["apdu -cmd 8091000100 -sw 0x90", 1],
    ["transport unlock -h K16 extra", 1],
    ["info device extra", 0, /"extra" was passed over/],
    ["set sym -x 0 -h K1600", 1, "tool-key-length"],
    ["set pub -x 0 -h POINT00", 1, "tool-key-length"],
    ["set pair -x 0 -h POINT -h SCALARaa", 1, "tool-key-length"],
    ["set sym -x 0 -h K160011223344556677 -w K16", 1, "tool-key-length"],
    ["set sym -x 0 -h K16 -w K1600", 36, "tool-wrap"],
    ["set pair -x 3 -k @key.pem -w K1600", 0, /^nothing was set: 32 bytes cannot be wrapped with a key of 17; give -w/],
    ["info sym", 20, "tool-secret"],
    ["nc", 33],
    ["rcrt -x 0 extra", 33],
  );
  assert.match((await line("info gp -h 0020 -n 1")).text, /0x0020 {2}007f0000/);
  assert.match((await line("info pair")).text, /0: 04[0-9a-f]{128}\n {2}1: n.a.\n {2}2: n.a.\n {2}3: n.a./);
});

test("a71chConfig ends like the original with each kind of file, and a folder is one without content", async (t) => {
  const { rows, file, inFolder, point } = await original(t);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
  file("rsa.pem", rsa.privateKey.export({ format: "pem", type: "pkcs1" }));
  file("rsapub.pem", rsa.publicKey.export({ format: "pem", type: "spki" }));
  file("compressed.pem", compressedKey(point));
  file("k", keyLines(["ENC", "MAC", "DEK"]));
  file("k-blank", keyLines(["ENC", "", "MAC", "DEK"]));
  file("odd.txt", "00112");
  file("junk.txt", "zz");
  file("short-lines.txt", "0A0B\r\n0C0D\r\n");
  file("two.txt", `${"0a".repeat(16)}\n0B0C`);
  await rows(
    ["set pair -x 0 -k @rsa.pem", 24, "tool-key-file"],
    ["set pair -x 0 -k @rsapub.pem", 24, "tool-key-file"],
    ["set pair -x 0 -k @dir", 24, /dir is a folder/],
    ["set pub -x 0 -k @rsapub.pem", 24],
    ["set pub -x 0 -k @compressed.pem", 0],
    ["refpem -c 10 -x 0 -k @pub.pem -r @ref", 22, "tool-no-private-key"],
    ["refpem -c 20 -x 0 -k @pub.pem -r @ref", 0],
    ["refpem -c 30 -x 0 -k @pub.pem -r @ref30", 0, /-c 30 is not 10\|20: no program will find a key by this class/],
    ["refpem -c 30 -x 0 -r @ref", 25, "tool-no-reference"],
    ["nc refpem -c 10 -x 0 -r @ref", 25, "tool-no-reference"],
    ["gen pair -x 0", 0],
    ["get pub -c 10 -x 0 -k @no/out.pem", 1, "tool-data-write"],
    ["scp put -h 21 -k @k-blank", 29, "tool-file-format"],
    ["scp put -h 21 -k @dir", 29, "tool-file-format"],
    ["obj write -x 0 -f @odd.txt", 0, /odd.txt, line 1: only 4 of 5 characters up to the end were taken/],
    ["obj write -x 1 -f @junk.txt", 1, "tool-no-data"],
    ["obj update -x 0 -h 0000 -f @junk.txt", 1, "tool-no-data"],
    ["obj write -x 2 -n 0", 1, "tool-no-data"],
    ["obj write -x 2 -f @two.txt -t Hex_16", 0],
    ["obj write -x 3 -f @two.txt", 0, /line 1: only 32 of 37 characters/],
    ["obj write -x 4 -f @short-lines.txt -t hex_16", 0, /line 1: only 4 of 10 characters/],
    ["obj get -x 2 -f @out.txt -t hex_16", 0],
    ["obj get -x 2 -f @no/out.txt", 1, "tool-data-write"],
    ["obj get -x 2 -t hex_16", 33],
    ["obj get -x 2 -h 0004", 0, /^-h was passed over: without -s the whole object is read/],
    ["script -f @dir", 0, /dir is a folder, and no command was read from it/],
  );
  assert.equal(readFileSync(inFolder("out.txt"), "utf8"), `${"0A".repeat(16)}\n0B0C`);
  assert.equal(referenceInPem(readFileSync(inFolder("ref30"), "utf8")), undefined);
});

test("a71chConfig ends like the original when certificates and objects grow, are missing, or are frozen", async (t) => {
  const { rows, line, file } = await original(t);
  file("trail.der", fromHex(`${realCertificate()}7878`));
  const long = `3082017c${"5a".repeat(0x17c)}`;
  await rows(
    ["ucrt -x 0 -h 3003010203", 1, "tool-nothing-to-update"],
    ["obj get -x 0", 38],
    ["wcrt -x 255 -h 3003010203", 0, /^nothing was stored: index 255 marks deleted objects/],
    ["obj write -x 255 -h 00", 0, /^nothing was stored: index 255 marks deleted objects/],
    [`wcrt -x 0 -h ${DER}`, 0],
    [`ucrt -x 0 -h ${long}`, 0],
    ["obj write -x 0 -h 0102", 0],
    ["obj update -x 0 -h 001f -h ff", 0],
    ["obj update -x 0 -h 0020 -h ff", 1],
    [`ucrt -x 0 -h 30820200${"00".repeat(0x200)}`, 1],
    ["ucrt -x 0 -h 3003010203 -n 2", 0, /-n was passed over/],
    ["wcrt -x 1 -c @trail.der -n two", 0, /"-n two" was passed over/],
    ["lock gp -h 0180 -n 1", 0],
    ["obj erase -x 0", 1, "tool-frozen-object"],
    ["ecrt -x 5", 38],
    ["lock gp -h 0000 -n 1", 0],
    ["ecrt -x 0", 40, "tool-certificate-erase"],
    [`set gp -h 0ff0 -c @crt.pem`, 23],
    ["nc rcrt -x 0", 37, "tool-objects"],
    ["nc obj get -x 0", 37, "tool-objects"],
    ["nc ecrt -x 0", 37, "tool-objects"],
    ["nc wcrt -x 0 -h 3003010203", 1],
  );
  assert.equal((await line("rcrt -x 0")).fields.at(-1)?.certificate, "3003010203");
  assert.equal((await line("obj get -x 0")).fields.at(-1)?.data, `0102${"00".repeat(29)}ff`);
  file("crt.pem", toPem("CERTIFICATE", fromHex(realCertificate())));
  await rows(["set gp -h 0ff0 -c @crt.pem", 35, "tool-too-long"]);
});

test("a71chConfig locked for transport says n.a. of counters and keys, and lists no objects, like the original", async (t) => {
  const { rows } = await original(t);
  await rows(
    ["set cfg -x 0 -h K16", 0],
    ["transport lock", 0],
    ["info cnt", 0, /counter 0 is shown as n.a.: .*6985/],
    ["info pair", 0],
    ["obj erase -x 0", 37, "tool-objects"],
    ["ecrt -x 0", 37, "tool-objects"],
  );
});

test("a71chConfig script ends like the original: empty lines end it, scripts nest, and extra words do not matter", async (t) => {
  const { rows, line, file, inFolder } = await original(t);
  file("blank", "gen pair -x 0\n\ngen pair -x 1\n");
  file("nonsense", "# remark\n\ninfo cnt\nnonsense\n");
  file("quitter", "gen pair -x 0\nquitter\ngen pair -x 300");
  file("late-quit", " quit\n");
  file("nested", `script -f ${inFolder("quitter")}\ngen pair -x 1 # remark\n`);
  file("endless", `script -f ${inFolder("endless")}\n`);
  file("interactive", "interactive\ngen pair -x 2\n");
  file("open", "connect open\ngen pair -x 3\n");
  file("empty", "");
  await rows(
    ["script -f @blank", 33, "tool-empty-line"],
    ["script -f @nonsense", 33, "tool-empty-line"],
    ["script -f @quitter", 0],
    ["script -f @late-quit", 21],
    ["script -f @nested extra", 0, /"extra" was passed over/],
    ["script -f @interactive", 1, /no command was given/],
    ["script -f @open", 1, "tool-connected"],
    ["script -f @empty", 0],
    ["script -f @endless", 23, "tool-depth"],
  );
  assert.match((await line("info pair")).text, /0: 04.*\n {2}1: 04.*\n {2}2: n.a.\n {2}3: n.a./);
});

test("a71chConfig interactive ends like the original: with the last status, 0 behind quit, 1 where nothing came", async (t) => {
  const { line, file, inFolder } = await original(t);
  file("sc", "gen pair -x 0\n");
  const sessions: readonly (readonly [input: string, status: number, said?: RegExp])[] = [
    ["", 1, /no command was given/],
    ["\n", 33, /holds no command/],
    ["quitting\n", 0],
    [" quit\n", 21],
    ["# remark\n", 21],
    ["info cnt # remark\n", 0],
    ["gen pair -x 300\nquit\n", 0, /-x 300/],
    ["info cnt\ngen pair -x 300\n", 30, /-x 300/],
    ["interactive\n", 0, /'interactive' was passed over/],
    [`script -f ${inFolder("sc")}\n`, 0],
    ["connect open\n", 1, /is open/],
    ["connect open\ninfo cnt\n", 0, /is open/],
    ["connect close\ninfo cnt\n", 1, /no connection/],
    ["help\n", 0],
    ["gen help\n", 21],
    ["help gen\n", 0],
  ];
  for (const [input, status, said] of sessions) check(input, await line("interactive", input), status, said);
  assert.equal((await line("nc interactive", "connect open\nconnect open\ninfo cnt\n")).status, 0);
});

test("a71chConfig connect open without a chip ends with 1, where the start without one ends with 12", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => free.once("listening", resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  const address = `127.0.0.1:${port}`;
  check("nc connect open", await runTool([address, "nc", "connect", "open"]), 1, "tool-not-opened");
  check("info device", await runTool([address, "info", "device"]), 12, "tool-unreachable");
});

test("a71chConfig generates a pair in a channel whose answers it cannot read, and says that it did", async (t) => {
  const { rows, file, inFolder } = await original(t);
  file("k", keyLines(["ENC", "MAC", "DEK"]));
  file("other", `${keyLines(["MAC", "DEK"])}ENC ${"77".repeat(16)}\n`);
  // The two know the same MAC key, so the channel opens; only encrypted bodies tell.
  file("sc", `scp put -h 21 -k ${inFolder("k")}\nscp auth -h 21 -k ${inFolder("other")}\ngen pair -x 0\n`);
  await rows(["script -f @sc", 0, /key pair 0 was generated, but its public key cannot be read/]);
});

test("a71chConfig stops between two commands when it is interrupted, says where, and ends with 130", async (t) => {
  const { address, file } = await bench(t);
  const cases = {
    script: ["script", "-f", file("long", "info cnt\n".repeat(3000))],
    interactive: ["interactive"],
  };
  for (const [name, words] of Object.entries(cases)) {
    const program = join(import.meta.dirname, "../src/cli/a71ch-config.ts");
    const child = spawn(process.execPath, [program, address, ...words]);
    child.stdin.write("info cnt\n");
    let [said, shown] = ["", ""];
    child.stdout.on("data", (chunk) => {
      // Once: whoever presses Ctrl-C twice wants the program gone.
      if (!shown.includes("counters") && (shown += String(chunk)).includes("counters")) child.kill("SIGINT");
    });
    child.stderr.on("data", (chunk) => (said += String(chunk)));
    const status = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(status, 130, `${name}: ${said}`);
    assert.ok(said.includes(A71CH_TOOL_ERRORS["tool-interrupted"].cause), said);
    if (name === "script") assert.match(said, /stopped before line \d+ of .*long: info cnt/);
  }
});

test("a71chConfig help and -h end with examples, and tell of one command where one is named", async (t) => {
  const nowhere = "127.0.0.1:1";
  const { address } = await bench(t);
  // Without a chip, then with one: where nothing was to be done, the original tool needs a chip all the same.
  const statuses: readonly (readonly [line: string, without: number, with_: number])[] = [
    ["help", 0, 0],
    ["help set pair", 0, 0],
    ["debug reset help", 0, 0],
    ["", 12, 21],
    ["-h", 12, 21],
    ["set help", 12, 21],
    ["gen pair -h", 12, 33],
  ];
  for (const [line, ...expected] of statuses) {
    for (const [i, chip] of [nowhere, address].entries()) {
      const got = await runTool([chip, ...line.split(" ").filter((word) => word !== "")]);
      assert.equal(got.status, expected[i], `${chip} ${line}`);
      assert.match(got.text, /\nExamples:\n( {2}a71chConfig .+\n)+/, line);
      assert.equal(got.failure === "", got.status !== 12, line);
    }
  }
  assert.equal((await runTool(["-h"])).status, 0, "a question, and no chip was named");
  assert.match(
    (await runTool(["help", "set", "pair"])).text,
    /^Usage: .*\n {4}set pair .*\n {8}injects .*\n\nExamples:\n.*set pair -x 0 -k/,
  );
  // An option without its value, which is passed over, and the name of a file: neither is a question.
  assert.equal((await runTool([nowhere, "nc", "obj", "get", "-x", "0", "-h"])).status, 37);
  assert.equal((await runTool([nowhere, "nc", "script", "-f", "help"])).status, 23);
});

/** The smallest certificate that comes with Node. */
function realCertificate(): string {
  const all = rootCertificates.map((pem) => new X509Certificate(pem).raw);
  return toHex(all.reduce((least, each) => (each.length < least.length ? each : least)));
}

/** A public key whose point is compressed, as `openssl ec -conv_form compressed` writes it. SEC 1, section 2.3.3 */
function compressedKey(point: Uint8Array): string {
  const short = Uint8Array.of(2 + ((point[64] ?? 0) & 1), ...point.subarray(1, 33));
  const spki = fromHex(`3039301306072a8648ce3d020106082a8648ce3d030107032200${toHex(short)}`);
  assert.ok(createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }));
  return toPem("PUBLIC KEY", spki);
}
