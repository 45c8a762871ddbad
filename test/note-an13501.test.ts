/** docs/notes/an13501.md: every block is run, and every figure is compared with that run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { renderMermaid, type TraceEvent } from "../src/trace/index.ts";
import { requirePeer } from "./interop/peers.ts";
import { assertDrawn, fenced, plainText } from "./page-drawings.ts";
import { type BlockRun, runPage } from "./page-runner.ts";

const PAGE = "docs/notes/an13501.md";
const page = readFileSync(join(import.meta.dirname, "..", PAGE), "utf8");

/** Each of these is to be found on the page. */
function said(...words: readonly string[]): void {
  for (const word of words) assert.ok(page.includes(word), `${PAGE} should say: ${word}`);
}

const TRACES = ["handshake", "host-checks", "host-keys", "tls13", "psk", "static"];
type Traces = Readonly<Record<string, readonly TraceEvent[]>>;

test(
  "A5-01 A5-03 A5-04 A5-07 A5-10 A5-12 A5-14 A5-15 A5-17 A5-21 A5-23 A5-28 A5-32 A5-33 A5-36 T-03 T-06 every block of the page on AN13501 runs, and its figures are of that run",
  { timeout: 300_000 },
  async (t) => {
    if (!requirePeer(t, "openssl")) return;
    const traces: Record<string, readonly TraceEvent[]> = {};
    const runs = await runPage(t, PAGE, {
      atEnd: (home) => {
        for (const name of TRACES) traces[name] = eventsIn(join(home, `${name}.jsonl`));
      },
    });
    const run = (text: string): BlockRun =>
      runs.find(({ block }) => block.text.includes(text)) ?? assert.fail(`no block has ${text}`);
    checkTrust(run);
    checkSplits(traces);
    checkLines(run);
    drawTrust(run, traces);
    drawHandshake(traces["handshake"] ?? []);
  },
);

function eventsIn(path: string): TraceEvent[] {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as TraceEvent);
}

type Find = (text: string) => BlockRun;

function checkTrust(run: Find): void {
  assert.match(run("openssl verify -x509_strict -CAfile root.pem -untrusted intermediate.pem pump-1").stdout, /: OK/);
  assert.match(run("hawser ca issue").stdout, /server\.pem: OK[\s\S]*the device is ready for operation/);
  const bare = run("device ready --chip 127.0.0.1:8137").stdout;
  assert.match(bare, /key pair: missing[\s\S]*device certificate: missing[\s\S]*CA certificate: missing/);
  assert.match(bare, /the device is not admitted to operation/);
}

/** Who did what, operation by operation, as each command asked for it. */
function performers(events: readonly TraceEvent[]): Record<string, string> {
  return Object.fromEntries(
    events.flatMap((event) => (event.kind === "tls.operation" ? [[event.operation, event.performer]] : [])).reverse(),
  );
}

function checkSplits(traces: Traces): void {
  const trace = (name: string) => traces[name] ?? assert.fail(name);
  const [handshake, checks, keys] = [trace("handshake"), trace("host-checks"), trace("host-keys")];
  const [tls13, psk, legacy] = [trace("tls13"), trace("psk"), trace("static")];
  const all = performers(handshake);
  for (const operation of [
    "client-random",
    "key-share",
    "verify-chain",
    "verify-server-signature",
    "client-signature",
  ]) {
    assert.equal(all[operation], "chip", operation);
  }
  assert.equal(all["master-secret"], "chip");
  const few = performers(checks);
  assert.deepEqual([few["verify-chain"], few["verify-server-signature"], few["key-share"]], ["host", "host", "host"]);
  assert.deepEqual([few["client-random"], few["client-signature"]], ["chip", "chip"]);
  const split = performers(keys);
  assert.deepEqual([split["key-share"], split["master-secret"]], ["host", "chip"]);
  const newer = performers(tls13);
  assert.deepEqual([newer["key-share"], newer["key-agreement"], newer["client-signature"]], ["chip", "chip", "chip"]);
  assert.equal(performers(psk)["master-secret"], "chip");
  const suites = [handshake, tls13, psk, legacy].map(
    (events) => events.flatMap((event) => (event.kind === "tls.connected" ? [event.suite] : []))[0],
  );
  assert.equal(suites[0], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
  assert.match(suites[1] ?? "", /^TLS_AES_/);
  assert.match(suites[2] ?? "", /PSK/);
  assert.equal(suites[3], "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256");
}

function checkLines(run: Find): void {
  const { stdout } = run("line run --model vendor");
  assert.equal(stdout.match(/parts, certificates and refusals add up/g)?.length, 4);
  assert.match(stdout, /a real order of this model begins at 150001 parts/);
  assert.match(run("line trust").stdout, /2 parts verify under[\s\S]*2 certificates registered ACTIVE/);
  assert.equal(run("--performers").stdout.match(/done: 1 acknowledged/g)?.length, 3);
  assert.match(run("--attempts 2").stderr, /gave-up|gave up|did not accept/i);
}

/** Figures 1 to 4: who trusts whom, and who holds what. */
function drawTrust(run: Find, { handshake = [] }: Traces): void {
  const connected = handshake.find((event) => event.kind === "tls.connected") ?? assert.fail("no connection");
  const chip = Object.entries(performers(handshake)).flatMap(([name, who]) => (who === "chip" ? [name] : []));
  const scenario = [
    "flowchart LR",
    "  subgraph device[IoT device]",
    `    host[host] <-- "${chip.toSorted().join(", ")}" --> chip[A5000]`,
    "  end",
    `  device <-- "${connected.protocol}, ${connected.suite}" --> cloud[OEM cloud]`,
  ];
  assertDrawn(PAGE, "figure-1", fenced("mermaid", scenario.join("\n")));
  const names = [...run("hawser chain show").stdout.matchAll(/^\d+: (CN=[^\n(]+?)(?: \(CA\))?$/gm)].map(
    (match) => match[1] ?? "",
  );
  assert.deepEqual(names, ["CN=pump-1", "CN=OEM devices", "CN=OEM root"]);
  const roles = ["leaf", "intermediate CA", "root CA, the trust anchor"];
  const chain = names.map((name, i) => `  c${i}["${roles[i]}: ${name}"]`);
  assertDrawn(
    PAGE,
    "figure-2",
    fenced("mermaid", ["flowchart TB", ...chain, "  c2 -- signs --> c1", "  c1 -- signs --> c0"].join("\n")),
  );
  const line = run("line run --model vendor").stdout;
  const issued = [...line.matchAll(/(\d+) certificates by ([\w-]+)/g)].map((match) => [match[2], match[1]]);
  const figure3 = [
    "flowchart TB",
    "  root[OEM root] --> devices[OEM devices]",
    "  devices -- signs --> pump[pump-1]",
    ...issued.map(([label, count], i) =>
      label === "oem-devices"
        ? `  devices -- signs --> l${i}["${count} parts of the OEM's line"]`
        : `  root --> ${label}\n  ${label} -- signs --> l${i}["${count} parts of ${label}"]`,
    ),
  ];
  assertDrawn(PAGE, "figure-3", fenced("mermaid", figure3.join("\n")));
  const ready = run("hawser ca issue").stdout;
  const held = (what: string) => new RegExp(`^${what}: ([^\\n]+)$`, "m").exec(ready)?.[1] ?? assert.fail(what);
  const holders = [
    "flowchart LR",
    "  subgraph device[IoT device]",
    "    subgraph chip[A5000]",
    `      pair["key pair 0"] --- own["${held("device certificate")}"]`,
    "    end",
    `    ca["CA certificate: ${held("CA certificate").split("; ").at(0)}"]`,
    "  end",
    "  subgraph cloud[OEM cloud]",
    '    key["server.key"] --- server["CN=oem-cloud.example, signed by CN=OEM devices"]',
    "  end",
    "  device <-- TLS --> cloud",
  ];
  assert.match(held("key pair"), /^[0-9a-f]{182}$/);
  assertDrawn(PAGE, "figure-4", fenced("mermaid", holders.join("\n")));
}

/** The messages, operations and commands between two points of a handshake, as a diagram. */
function drawPart(name: string, events: readonly TraceEvent[]): void {
  const drawn = plainText(renderMermaid([...events], {})).replaceAll(/\b\d+(?:\+\d+)? B\b/g, "n B");
  assertDrawn(PAGE, name, fenced("mermaid", drawn.replaceAll("<n>", "n").replaceAll(/<(hex|time)>/g, "$1")));
}

/** Figures 5 to 9: the whole handshake without the bus, and its phases with it. */
function drawHandshake(events: readonly TraceEvent[]): void {
  const at = (message: string, direction: "sent" | "received") => {
    const found = events.findIndex(
      (event) => event.kind === "tls.message" && event.message === message && event.direction === direction,
    );
    assert.ok(found >= 0, `no ${message} ${direction}`);
    return found;
  };
  // Who says goodbye first is chance.
  const tls = (event: TraceEvent) => event.kind.startsWith("tls.") && event.kind !== "tls.alert";
  const first = events.findIndex((event) => event.kind === "bus.exchange" && event.name === "GetRandom");
  drawPart("figure-5", events.filter(tls));
  const [serverHello, own] = [at("server_hello", "received"), at("certificate", "sent")];
  drawPart("figure-6", events.slice(first, serverHello + 1));
  drawPart("figure-7", events.slice(serverHello + 1, own));
  const secret = (event: TraceEvent) =>
    (event.kind === "tls.operation" && event.operation === "master-secret") ||
    (event.kind === "bus.exchange" && !["ECDSASign"].includes(event.name));
  const proof = at("certificate_verify", "sent");
  // The ephemeral key was made before the first message.
  const made = events.filter((event) => event.kind === "tls.operation" && event.operation === "key-share");
  drawPart("figure-8", [...made, ...events.slice(own, proof + 1).filter((event) => !secret(event))]);
  const agreed = events.slice(own, at("finished", "received") + 1);
  drawPart(
    "figure-9",
    agreed.filter((event) => secret(event) || (event.kind === "tls.message" && event.message === "finished")),
  );
}

test("A5-08 the page gives the note's classes of devices as fleet profiles", () => {
  said("| industrial |", "| sensor networks |", "| IP cameras |", "| smart home |", "| home gateways |");
  said("| smart city |", "As profiles of a fleet");
});

test("A5-07 A5-44 the page shows the scenario and leads to RFC 4492", () => {
  said("**Figure 1: the scenario.**", "https://www.rfc-editor.org/rfc/rfc4492");
});

test("T-01 the page cites AN13501 by its revision, without either of its dates", () => {
  said("AN13501 (revision 1.0)");
  assert.doesNotMatch(page, /20\d\d-\d\d-\d\d|March 20/);
});

test("T-02 the page has both families of suites, and certificates as the rule", () => {
  said("Both are below; certificates are the rule", "--psk-slot 0", "--in-chip random,sign");
});

test("A5-40 the page says from how many parts on the vendor provisions", () => {
  said("NXP's Trust Provisioning", "more than 150,000 parts");
});
