import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { HawserError, UsageError } from "../codec/index.ts";
import { ERROR_TABLES, explain } from "./error-tables.ts";
import { badOption, CLI_ERRORS } from "./errors.ts";
import { masked, reportFailure } from "./output.ts";
import { requireNode } from "./runtime.ts";

const MAIN = join(import.meta.dirname, "main.ts");

function hawser(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...argv], { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** What `reportFailure` writes to standard error, and the status it gives. */
async function reported(error: unknown, json = false): Promise<{ status: number; text: string }> {
  const write = process.stderr.write.bind(process.stderr);
  let text = "";
  process.stderr.write = (chunk) => {
    text += String(chunk);
    return true;
  };
  try {
    const status = await reportFailure(error, json);
    return { status, text };
  } finally {
    process.stderr.write = write;
  }
}

test("hawser --version prints the package's version and --help ends with examples", () => {
  const version = hawser("--version");
  assert.equal(version.status, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const help = hawser("--help");
  assert.equal(help.status, 0);
  assert.match(help.stdout, /Examples:\n {2}hawser /);
});

test("an unknown command and an unknown option end with status 2 and say how to go on", () => {
  const command = hawser("sail");
  assert.equal(command.status, 2);
  assert.match(command.stderr, /^error: there is no command 'sail'\ncause: .+\ncure: {2}hawser --help/);
  const option = hawser("--sail");
  assert.equal(option.status, 2);
  assert.match(option.stderr, /^error: unknown option '--sail'.*\ncause: .+\ncure: {2}.*--help.*\n$/);
});

test("what was typed wrongly is one JSON object under --json, also where a person is shown a group's help", () => {
  for (const [argv, code, said] of [
    [["chip", "serve", "--prot", "1"], "bad-option", /unknown option '--prot'/],
    [["chip", "serve", "--port", "x"], "bad-option", /a port is a number/],
    [["chip", "serve", "--model", "x"], "bad-option", /Allowed choices are a71ch/],
    [["chip", "snapshot"], "bad-option", /missing|required|argument/],
    [["chip", "sail"], "unknown-command", /'sail'/],
    [["chip"], "unknown-command", /needs a sub-command/],
    [[], "unknown-command", /needs a sub-command/],
  ] as const) {
    const { status, stdout, stderr } = hawser(...argv, "--json");
    assert.equal(status, 2, argv.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^[^\n]+\n$/);
    const { error } = JSON.parse(stderr) as { error: Record<"code" | "message" | "cause" | "cure", string> };
    assert.equal(error.code, code);
    assert.match(error.message, said);
    assert.ok(error.cause !== "" && error.cure.includes("--help"));
  }
  assert.match(hawser("chip").stderr, /^Usage: hawser chip /);
});

test("a Node that is too old is refused with the cure, before any file loads that it could not", () => {
  for (const version of ["20.20.2", "24.11.9"]) {
    assert.throws(() => requireNode(version), { code: "node-too-old", message: new RegExp(version) });
  }
  for (const version of ["24.12.0", "26.10.0"]) assert.doesNotThrow(() => requireNode(version));
  const source = readFileSync(MAIN, "utf8");
  const early = [...source.matchAll(/^import .* from "(?<from>.+)";$/gm)].map(({ groups }) => String(groups?.from));
  assert.deepEqual(
    new Set(early),
    new Set(["../codec/index.ts", "./errors.ts", "./output.ts", "./runtime.ts", "commander", "node:fs", "node:path"]),
  );
});

test("a failure prints its message, cause and cure; --json gives the same as one object", async () => {
  const { status, text } = await reported(new UsageError("bad-key", "private key cannot be read"));
  assert.equal(status, 1);
  assert.match(text, /^error: private key cannot be read\ncause: A key is malformed.*\ncure: {2}Give an EC /);
  const { error } = JSON.parse((await reported(new UsageError("bad-key", "no"), true)).text) as { error: object };
  assert.deepEqual(error, { code: "bad-key", message: "no", ...explain("bad-key") });
});

test("a failure with a cause below it names both, once", async () => {
  const below = new UsageError("bad-key", "key is encrypted");
  const above = new UsageError("bad-key", "cannot load the CA", { cause: below });
  assert.match((await reported(above)).text, /^error: cannot load the CA: key is encrypted\n/);
});

test("bad-option ends with status 2", async () => {
  assert.equal((await reported(badOption("--count needs --topic"))).status, 2);
});

test("a system error is explained, and an unknown one is shown whole and called a defect", async () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
  assert.match((await reported(refused)).text, /^error: connect ECONNREFUSED 127.0.0.1:1\ncause: Nothing listens/);
  assert.match((await reported(new AggregateError([refused]))).text, /cause: Nothing listens/);
  assert.match((await reported(new RangeError("odd"))).text, /RangeError: odd\n[^]*error: odd\ncause: .*defect/);
});

test("every failure of the operating system that has a row is told with it", async () => {
  const codes = Object.keys(CLI_ERRORS).filter((code) => code.startsWith("E"));
  assert.ok(codes.length > 10);
  for (const code of codes) {
    const { status, text } = await reported(Object.assign(new Error("it failed"), { code }));
    assert.equal(status, 1);
    assert.ok(text.includes(explain(code)?.cure ?? "no cure"), code);
  }
});

test("what the operating system refuses is no defect, and a folder that cannot be made is told as such", async () => {
  const system = (code: string, syscall: string) => Object.assign(new Error(`${code}, ${syscall}`), { code, syscall });
  const odd = await reported(system("EMLINK", "link"));
  assert.match(odd.text, /^error: EMLINK, link\ncause: The operating system refused/);
  const { error } = JSON.parse((await reported(system("EMLINK", "link"), true)).text) as { error: { code: string } };
  assert.equal(error.code, "operating-system");
  // mkdir with parents on a read-only file system: Node says ENOENT.
  assert.match((await reported(system("ENOENT", "mkdir"))).text, /cause: Nothing can be made or changed there/);
  assert.match((await reported(system("ENOENT", "open"))).text, /cause: A file or directory does not exist/);
});

test("an address, a topic and a place that cannot be meant are refused before anything is reached", () => {
  const device = ["device", "publish", "--chip", "127.0.0.1:1", "--cloud", "127.0.0.1:1", "--cafile", "x"];
  for (const [argv, said] of [
    [[...device, "--message", "m", "--topic", "a/#"], /none of \+, # and NUL/],
    [
      [...device.slice(0, -1), import.meta.filename, "--message", "m", "--topic", "a"],
      /--cafile \S+main\.test\.ts holds no certificate in PEM/,
    ],
    [
      ["device", "ready", "--chip", "127.0.0.1:1", "--cafile", import.meta.filename],
      /--cafile \S+main\.test\.ts holds no certificate in PEM/,
    ],
    [["pkcs11", "serve", "--socket", "/nonexistent/p", "--chip", "nonsense"], /"nonsense" is not HOST:PORT/],
    [["se", "generate", "--chip", "127.0.0.1:1", "--slot", "20000001"], /write 0x20000001/],
    [["line", "births", "--dir", "/nonexistent"], /journal\.jsonl is missing: --dir names/],
  ] as const) {
    const { status, stderr } = hawser(...argv);
    assert.notEqual(status, 0);
    assert.match(stderr, said);
    assert.match(stderr, /\ncause: .+\ncure: {2}.+\n$/);
  }
  const { stdout } = hawser("device", "publish", "--help");
  assert.match(stdout.replaceAll(/\s+/g, " "), /3\.1\.1 or 5 \(default: 3\.1\.1\)/);
  assert.match(stdout.replaceAll(/\s+/g, ""), /default:client-random=chip,key-agreement=host,/);
});

test("a code that several rooms have is explained by the room that made the error", () => {
  const from = (room: string) => `Error: x\n    at f (file:///somewhere/src/${room}/node.ts:1:1)`;
  assert.match(explain("connection-lost", from("host"))?.cause ?? "", /chip/);
  assert.match(explain("connection-lost", from("agent"))?.cause ?? "", /cloud/);
  assert.equal(explain("malformed-policy", from("cloud/policy")), ERROR_TABLES["cloud/policy"]?.["malformed-policy"]);
});

test("every code of every table has a cause and a cure that are sentences", () => {
  for (const [room, table] of Object.entries(ERROR_TABLES)) {
    for (const [code, { cause, cure }] of Object.entries(table)) {
      assert.ok(cause.length > 10 && cure.length > 10, `${room} ${code}`);
    }
  }
  assert.equal(explain("no-such-code"), undefined);
  assert.ok(new UsageError("x", "y") instanceof HawserError);
});

test("AW-72 masked shows four characters of a secret and hides its length", () => {
  assert.equal(masked("AKIA0123456789"), "AKIA********");
  assert.equal(masked("AKIA").length, masked("AKIA0123456789").length);
});

test("an error that nobody foresaw is called internal, and keeps its stack for the report", async () => {
  const { error } = JSON.parse((await reported(new RangeError("off by one"), true)).text) as {
    error: { code: string };
  };
  assert.equal(error.code, "internal");
  const { status, text } = await reported(new RangeError("off by one"));
  assert.equal(status, 1);
  assert.match(text, /RangeError: off by one\n\s+at /);
});

test("a cloud whose credentials cannot be read is no-credentials, with the file's name", () => {
  const { status, stderr } = hawser("--json", "why", "--data", "no-such-directory");
  assert.equal(status, 1);
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
  assert.equal(error.code, "no-credentials");
  assert.match(error.message, /no-such-directory.credentials\.json/);
});
