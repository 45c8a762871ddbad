/** docs/notes/an-7648.md: every block is run, and every figure is compared with that run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { TraceEvent } from "../src/trace/index.ts";
import { requirePeer } from "./interop/peers.ts";
import { assertDrawn, fenced } from "./page-drawings.ts";
import { type BlockRun, runPage } from "./page-runner.ts";

const PAGE = "docs/notes/an-7648.md";
const page = readFileSync(join(import.meta.dirname, "..", PAGE), "utf8");

function said(...words: readonly string[]): void {
  for (const word of words) assert.ok(page.includes(word), `${PAGE} should say: ${word}`);
}

test(
  "MQ-24 MQ-31 MQ-32 MQ-33 MQ-38 MQ-40 T-35 T-38 T-39 T-40 T-41 T-42 T-43 every block of the page on AN-7648 runs, and its figures are of that run",
  { timeout: 240_000 },
  async (t) => {
    for (const peer of ["openssl", "mosquitto_pub", "curl"]) if (!requirePeer(t, peer)) return;
    let events: TraceEvent[] = [];
    const runs = await runPage(t, PAGE, {
      atEnd(home) {
        const lines = readFileSync(join(home, "cloud.jsonl"), "utf8").trim().split("\n");
        events = lines.map((line) => JSON.parse(line) as TraceEvent);
      },
    });
    const run = (text: string): BlockRun =>
      runs.find(({ block }) => block.text.includes(text)) ?? assert.fail(`no block has ${text}`);
    checkCommands(run);
    const listed = run("registry create sensors").stdout;
    const [, name = "", ca = ""] = /^(\w+): (CN=\S+)$/m.exec(listed) ?? assert.fail(listed);
    const registry = [
      "flowchart TB",
      `  ca["JWT_CA ${ca}: cert_CA.pem"] -- defines --> registry["registry ${name}"]`,
      `  ca -- issues --> device["csr_cert.pem: EXAMPLE_DEVICE"]`,
      `  device -- "logs in by token, aud ${name}" --> registry`,
    ];
    assertDrawn(PAGE, "registry", fenced("mermaid", registry.join("\n")));
    assertDrawn(PAGE, "login", fenced("mermaid", loginOf(events).join("\n")));
  },
);

type Find = (text: string) => BlockRun;

function checkCommands(run: Find): void {
  assert.match(run("init_tls_iot").stderr, /init_tls_iot is for a MAXQ1065, which is absent/);
  assert.match(run("make_ca_cert").stdout, /:PBES2[\s\S]*:aes-256-cbc[\s\S]*CA:TRUE/);
  // The click path: stored, and no CA of anybody.
  assert.match(run("list-ca-certificates").stdout, /certificateArn[\s\S]*"certificates": \[\]/);
  assert.match(run("{Certificate ARN}").stderr, /is a placeholder: put the ARN that the registration returned/);
  assert.match(run("tee device.txt").stderr, /two commands were glued together: split after EXAMPLE_DEVICE/);
  assert.match(run("-m '{").stdout, /received CONNACK \(0\)[\s\S]*received PUBACK/);
  assert.match(run("curl -sS").stdout, /"message":"OK"/);
  assert.match(run("hawser why").stdout, /jwt-audience/);
}

/** Connections of the device, from its CONNECT to what the cloud answered. */
function loginOf(events: readonly TraceEvent[]): string[] {
  const lines = ["sequenceDiagram", "  participant device", "  participant cloud"];
  for (const event of events) {
    if (event.kind === "refusal") lines.push(`  cloud--xdevice: refused, ${event.cause}`);
    if (event.kind !== "mqtt.packet" || event.clientId !== "EXAMPLE_DEVICE") continue;
    const { direction, packet, reasonCode } = event;
    if (packet === "disconnect") continue;
    const arrow = direction === "received" ? "device->>cloud" : "cloud->>device";
    lines.push(`  ${arrow}: ${packet.toUpperCase()}${packet === "connack" ? ` ${reasonCode}` : ""}`);
  }
  assert.ok(lines.includes("  cloud->>device: CONNACK 0") && lines.includes("  cloud--xdevice: refused, jwt-audience"));
  return lines;
}

test("T-36 T-37 T-44 T-45 the page says where the note is wrong or says two things, and what is absent", () => {
  said("it means the device by the server", "The note says one and then the other: both are there");
  said("Only figures 6, 20 and 24 are named in the note's text", "the drawings here are our own");
  said("DTLS is absent, too", "`init_tls_iot`, which is refused by name");
});
