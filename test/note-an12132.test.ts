/** docs/notes/an12132.md: every block is run, and every figure is compared with that run. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { OEM_SCRIPTS } from "../src/cli/oem-scripts.ts";
import type { TraceEvent } from "../src/trace/index.ts";
import { requirePeer } from "./interop/peers.ts";
import { assertDrawn, fenced, plainText } from "./page-drawings.ts";
import { blocksOf, type BlockRun, runPage } from "./page-runner.ts";

const PAGE = "docs/notes/an12132.md";
const page = readFileSync(join(import.meta.dirname, "..", PAGE), "utf8");

/** Each of these is to be found on the page. */
function said(...words: readonly string[]): void {
  for (const word of words) assert.ok(page.includes(word), `${PAGE} should say: ${word}`);
}

test(
  "OE-07 OE-16 OE-23 OE-31 OE-40 OE-54 OE-55 OE-56 OE-61 T-08 T-10 every block of the page on AN12132 runs, and its figures are of that run",
  { timeout: 240_000 },
  async (t) => {
    for (const peer of ["openssl", "make"]) if (!requirePeer(t, peer)) return;
    let trace: TraceEvent[] = [];
    let copied: readonly string[] = [];
    const runs = await runPage(t, PAGE, {
      atEnd: (home) => {
        const lines = readFileSync(join(home, "client.jsonl"), "utf8").trim().split("\n");
        trace = lines.map((line) => JSON.parse(line) as TraceEvent);
        copied = readdirSync(join(home, "usb/ecc"));
      },
    });
    const run = (text: string): BlockRun =>
      runs.find(({ block }) => block.text.includes(text)) ?? assert.fail(`no block has ${text}`);
    checkPrimer(run);
    checkDemonstration(run);
    assert.ok(copied.includes("tls_server_key.pem"), "the folder was copied with -r");
    drawHolders(run);
    drawSession(run, trace);
    drawTerminals(run);
  },
);

type Find = (text: string) => BlockRun;

function checkPrimer(run: Find): void {
  assert.match(run("sign sender.key").stdout, /Verified OK/);
  assert.match(run("the vault").stdout, /Verification failure/);
  assert.match(run("from-certificate.pub\nopenssl dgst").stdout, /Verified OK/);
}

function checkDemonstration(run: Find): void {
  assert.match(run("make -f Makefile_A71CH").stdout, /nothing to compile for applet=A71CH conn=i2c platf=native/);
  assert.match(run("mkdir usb").stderr, /-r not specified/);
  assert.match(run("./tlsSeClient 127.0.0.1").stdout, /^connected to 127\.0\.0\.1:8080 /);
  assert.match(run("--reconnect").stdout, /session {17}new[\s\S]*session {17}resumed/);
  assert.match(run("127.0.0.1 ECDHE\n").stderr, /alert handshake_failure/);
  // Figure 17: the public half that the Configure tool shows is the one that it was given.
  const [, stored] = /public key: (04[0-9a-f]{128})/.exec(run("./tlsPrepareClient.sh").stdout) ?? [];
  for (const text of ["./tlsPrepareClient.sh", "a71chConfig_i2c_imx info pair"]) {
    assert.match(run(text).stdout, new RegExp(`key pairs:\n {2}0: ${stored}\n {2}1: n.a.`), text);
  }
  assert.equal(run("grep answered").stdout.match(/hello from the secure element/g)?.length, 2);
}

/** Figure 6: what the chip and the server were given. */
function drawHolders(run: Find): void {
  const stored = run("./tlsPrepareClient.sh").stdout;
  for (const what of [/injected key pair 0/, /stored certificate 0/, /stored certificate 1/])
    assert.match(stored, what);
  const server = run("./tlsServer.sh ECDH").stdout;
  const inputs = [...server.matchAll(/-(?:CAfile|cert|key) \S+?\/ecc\/(\S+)/g)].map((match) => match[1]);
  const figure = [
    "flowchart LR",
    "  subgraph device[IoT device]",
    "    subgraph chip[A71CH]",
    "      pair[key pair 0] --- own[certificate 0: the device's]",
    "      root[certificate 1: the CA's]",
    "    end",
    "  end",
    "  subgraph cloud[OEM cloud]",
    ...inputs.map((file, i) => `    file${i}[${file}]`),
    "  end",
    "  device <-- TLS --> cloud",
  ];
  assertDrawn(PAGE, "figure-6", fenced("mermaid", figure.join("\n")));
  drawDevices(run("./tlsServer.sh both").stdout);
}

/** Figures 5 and 8: who was connected, as the server saw it. */
function drawDevices(server: string): void {
  const elements = new Set(
    [...server.matchAll(/client CN=demo-device,serialNumber=([0-9a-f]{36}),/g)].map((match) => match[1]),
  );
  assert.equal(elements.size, 2, "two secure elements");
  const devices = [...elements].map(
    (_, i) => `  device${i}[device ${i + 1}: key and certificate in its own A71CH] -- TLS 1.2 --> cloud`,
  );
  assertDrawn(PAGE, "figure-8", fenced("mermaid", ["flowchart LR", ...devices, "  cloud[OEM cloud]"].join("\n")));
}

/** Figures 9, 10 and 11: layers, handshake and software of one connection. */
function drawSession(run: Find, trace: readonly TraceEvent[]): void {
  const { stdout } = run("--mermaid");
  const at = stdout.indexOf("sequenceDiagram");
  const handshake = plainText(stdout.slice(at)).replaceAll(/(?<=\b\d+\+)\d+(?= B\b)|\b\d+(?=(?:\+\d+)? B\b)/g, "<n>");
  assert.match(handshake, /client_hello[\s\S]*server_key_exchange[\s\S]*certificate_verify[\s\S]*finished/);
  // Mermaid would take angle brackets for markup.
  assertDrawn(PAGE, "figure-10", fenced("mermaid", handshake.replaceAll("<n>", "n")));
  const connected = trace.find((event) => event.kind === "tls.connected") ?? assert.fail("no connection in the trace");
  const [, address, port] = /^connected to ([\d.]+):(\d+)/.exec(stdout) ?? [];
  const layers = [
    ["7 application", "one line of text and its echo"],
    ["6 presentation, 5 session", `${connected.protocol}, ${connected.suite}`],
    ["4 transport", `TCP, port ${port}`],
    ["3 network", `IPv4, ${address}`],
    ["2 data link, 1 physical", "loopback here; Ethernet on the board"],
  ];
  const table = ["| layer | in this run |", "|---|---|", ...layers.map((row) => `| ${row.join(" | ")} |`)];
  assertDrawn(PAGE, "figure-9", table.join("\n"));
  const operations = trace.flatMap((event) => (event.kind === "tls.operation" ? [event] : []));
  const chips = operations.filter(({ performer }) => performer === "chip").map(({ operation }) => operation);
  assert.ok(chips.includes("client-signature") && chips.includes("client-random"));
  const figure = [
    "flowchart TB",
    "  application[application: tlsSeClient.sh] --> tls[hawser/tls: handshake and records]",
    `  tls --> ports["ports: ${chips.join(", ")}"]`,
    "  ports --> library[hawser/host: A71CH host library]",
    "  library -- JRCP over TCP, in the place of I2C --> chip[A71CH]",
  ];
  assertDrawn(PAGE, "figure-11", fenced("mermaid", figure.join("\n")));
}

/** Figures 15, 17, 20, 22 and 23: what was printed, without the timelines behind it. */
function drawTerminals(run: Find): void {
  // The note's ports stay; those that the system chose do not.
  const text = (printed: string) =>
    fenced(
      "text",
      plainText(printed.replaceAll(/127\.0\.0\.1:(8080|8132)\b/g, "LOOPBACK:$1")).replaceAll("LOOPBACK", "127.0.0.1"),
    );
  const created = run("./tlsCreateCredentialsRunOnClientOnce.sh").stdout;
  assertDrawn(PAGE, "figure-15", text(created.slice(created.indexOf("client certificate"))));
  assertDrawn(PAGE, "figure-17", text(run("a71chConfig_i2c_imx").stdout));
  const server = run("./tlsServer.sh ECDH");
  const banner = server.stdout.slice(0, server.stdout.indexOf("connected"));
  assert.match(banner, /this machine's addresses: .*127\.0\.0\.1/);
  const shown = `${server.stderr}${banner}`.replace(/addresses: .*/, "addresses: <addresses>");
  assertDrawn(PAGE, "figure-20", text(shown));
  const untilTimeline = (printed: string) => printed.slice(0, printed.indexOf("from 20"));
  assertDrawn(PAGE, "figure-22", text(untilTimeline(run("./tlsSeClient 127.0.0.1").stdout)));
  assertDrawn(PAGE, "figure-23", text(untilTimeline(server.stdout.slice(server.stdout.indexOf("connected")))));
}

test("OE-42 OE-43 OE-49 OE-54 OE-55 OE-57 OE-59 every command that the note prints is run as it is printed, but those that need root", () => {
  const executed = blocksOf(page).filter(({ language }) => language === "sh");
  const lines = executed.flatMap(({ text }) => text.split("\n"));
  const printed = [
    "cd axHostSw/hostLib/embSeEngine/a71chDemo/scripts",
    "./tlsCreateCredentialsRunOnClientOnce.sh",
    "./tlsPrepareClient.sh",
    "make -f Makefile_A71CH default applet=A71CH conn=i2c platf=native",
    "cd ~",
    "mkdir usb",
    "cp ~/axHostSw/hostLib/embSeEngine/a71chDemo/ecc ~/usb",
    "./tlsServer.sh ECDH",
    // The note's <IP-address> is this machine's.
    "./tlsSeClient 127.0.0.1 ECDH",
  ];
  assert.deepEqual(
    printed.filter((line) => !lines.includes(line)),
    [],
  );
  const copied = executed.find(({ text }) => text.includes("cp ~/axHostSw/"));
  assert.equal(copied?.mode, "fails", "as printed it copies nothing");
  // The note's own folder in its fifth line, and what a package manager, a USB drive and a look at the network need.
  assert.ok(lines.includes("cd ~/axHostSw/linux"));
  said("mount /dev/sdc1 ./usb", "sudo apt-get update", "sudo apt-get upgrade", "`ifconfig`");
});

test("OE-05 OE-06 the page explains security by design, key halves, RSA and ECC", () => {
  said("security by design", "private half, which stays with its owner", "public half, which anybody may have");
  said("Rivest, Shamir and Adleman", "elliptic curves (ECC)", "integrity", "authenticity", "non-repudiation");
});

test("OE-24 the page maps the stack to the ISO/OSI layers", () => {
  said(
    "ISO/OSI",
    "| 7 application |",
    "| 6 presentation, 5 session | TLSv1.2",
    "| 4 transport | TCP",
    "| 3 network | IP",
  );
});

test("OE-32 the page names OpenSSL, mbedTLS and wolfSSL, the Engine interface, and what stands in its place", () => {
  said("OpenSSL (its Engine interface, since 0.9.6), mbedTLS and wolfSSL", "hawser pkcs11 serve");
});

test("OE-37 the page says that it is a demonstration, and what commercial use would have to change", () => {
  said("It is a demonstration", "commercial use", "suites that no product should", "A server needs `tls_rootca.cer`");
});

test("OE-38 OE-41 the page shows the parts of the set-up, the cable and the address that it needs", () => {
  said(
    "MCIMX6UL-EVKB",
    "OM3710/A71CHARD",
    "Ubuntu",
    "a network cable",
    "an address that the server can be reached from",
  );
});

test("OE-39 the package is what the note's ready image holds: library, examples and Configure tool by their names", () => {
  const { bin } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  const names = ["hawser", "a71chConfig", "a71chConfig_i2c_imx", ...Object.keys(OEM_SCRIPTS)];
  assert.deepEqual(
    names.filter((name) => !(name in bin)),
    [],
  );
  said("the ready image with library, examples and Configure tool is the package");
});

test("OE-53 the page gives the note's server preparation, and says that nothing here needs it", () => {
  said("sudo apt-get update\nsudo apt-get upgrade\nsudo apt-get install libssl-dev", "which nothing here needs");
});

test("OE-64 the page lists the note's references", () => {
  said("RFC 4279", "RFC 5489", "RFC 5246", "RFC 4492", "01.03.00 or later", "UM4334", "AN12119", "AN12133");
  said("www.openssl.org");
});

test("T-07 T-11 the page writes what the notes misprint as it should be, and says what they wrote", () => {
  said("the note misprints the first name", "misprints ECDHE_PKE", "which the note calls WolfTLS", "OM3170");
  assert.doesNotMatch(page, /ECHDE|River,/);
});
