/** docs/notes/an12131.md: every block is run, and every figure is compared with that run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { TraceEvent } from "../src/trace/index.ts";
import { requirePeer } from "./interop/peers.ts";
import { assertDrawn, fenced } from "./page-drawings.ts";
import { type BlockRun, runPage } from "./page-runner.ts";

const PAGE = "docs/notes/an12131.md";
const page = readFileSync(join(import.meta.dirname, "..", PAGE), "utf8");

type Of<Kind extends TraceEvent["kind"]> = Extract<TraceEvent, { kind: Kind }>;

/** Each of these is to be found on the page. */
function said(...words: readonly string[]): void {
  for (const word of words) assert.ok(page.includes(word), `${PAGE} should say: ${word}`);
}

const events = (file: string) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TraceEvent);
const ofKind = <Kind extends TraceEvent["kind"]>(all: readonly TraceEvent[], kind: Kind) =>
  all.filter((event): event is Of<Kind> => event.kind === kind);
const draw = (name: string, ...lines: readonly string[]) =>
  assertDrawn(PAGE, name, fenced("mermaid", lines.join("\n")));

test(
  "AW-04 AW-06 AW-12 AW-13 AW-15 AW-17 AW-38 AW-48 AW-49 AW-58 AW-61 AW-68 AW-79 T-15 T-21 every block of the page on AN12131 runs, and its figures are of that run",
  { timeout: 240_000 },
  async (t) => {
    for (const peer of ["openssl", "aws", "mosquitto_pub"]) if (!requirePeer(t, peer)) return;
    let cloud: TraceEvent[] = [];
    let device: TraceEvent[] = [];
    const runs = await runPage(t, PAGE, {
      atEnd(home) {
        cloud = events(join(home, "cloud.jsonl"));
        device = events(join(home, "board/device.jsonl"));
      },
    });
    const run = (text: string): BlockRun =>
      runs.find(({ block }) => block.text.includes(text)) ?? assert.fail(`no block has ${text}`);
    checkCommands(run);
    drawParts(run, cloud);
    drawConnection(cloud, device);
    drawOnboarding(cloud);
  },
);

type Find = (text: string) => BlockRun;

function checkCommands(run: Find): void {
  assert.match(run("mkdir primer").stdout, /sender\.crt: OK[\s\S]*Verified OK/);
  assert.match(run("describe-endpoint").stdout, /"endpointAddress": "localhost"/);
  assert.match(run("aws configure").stdout, /^AWS Access Key ID \[None\]: [\s\S]*[0-9a-f]{64}\n$/);
  const registered = run("register-ca-certificate");
  assert.match(registered.stderr, /–ca-certificate became --ca-certificate: a typographic dash is no hyphen/);
  assert.match(registered.stdout, /INACTIVE[\s\S]*ENABLE\t[\s\S]*\bACTIVE\b/);
  assert.match(run("copy-to-device --certificate").stderr, /cause: .*could then make any number of them/);
  assert.match(run("--profile demo").stderr, /DEMONSTRATION ONLY/);
  assert.match(run("for attempt").stdout, /received PUBACK/);
  assert.match(run("openssl ec -in deviceRefKey").stdout, /Private-Key: \(256 bit\)/);
  for (const text of ["Hello from the chip", "CN=born-in-the-chip"]) {
    assert.match(run(text).stdout, /done: 1 acknowledged/);
  }
  assert.match(run("hawser why").stdout, /^anyclientID: resolved/);
  assert.match(run("aws lambda invoke").stdout, /^START [\s\S]*\nme said: Hello\nEND [\s\S]*\{"heard":"me"\}/);
  assert.match(run("hawser rules try").stdout, /^foo\/bar: fires with \{.*"message":"SGVsbG8="\}/);
  const heard = run("hawser logs hear").stdout;
  for (const line of [
    "anyclientID said: Hello",
    "chip-device said: Hello from the chip",
    "born-in-the-chip said: Hello",
  ]) {
    assert.ok(heard.includes(`  ${line}\n`), heard);
  }
}

/** Figures 5, 8 and 18: who took part. */
function drawParts(run: Find, cloud: readonly TraceEvent[]): void {
  const connected = ofKind(cloud, "onboarding").filter(({ step }) => step === "connected");
  const clients = [...new Set(connected.map(({ clientId }) => clientId))];
  assert.deepEqual(clients, ["anyclientID", "chip-device", "born-in-the-chip"]);
  const lines = clients.map((client, i) => `  device${i}[${client}] -- MQTT over TLS --> cloud`);
  draw("figure-5", "flowchart LR", ...lines, "  cloud[hawser up]");
  const packets = ofKind(cloud, "mqtt.packet").filter(({ packet, topic }) => packet === "publish" && topic !== "");
  const star = clients.flatMap((client, i) => {
    const topics = new Set(packets.filter(({ clientId }) => clientId === client).map(({ topic }) => topic));
    return [...topics].map((topic) => `  client${i}((${client})) -- "publishes ${topic}" --> broker((broker))`);
  });
  assert.equal(star.length, clients.length);
  draw("figure-18", "flowchart LR", ...star);
  const [ca] = ofKind(cloud, "onboarding").filter(({ step }) => step === "registered");
  assert.ok(run("register-ca").stdout.includes(ca?.caCertificate ?? "none"));
  draw(
    "figure-8",
    "flowchart LR",
    "  subgraph device[IoT device]",
    "    subgraph chip[A71CH]",
    "      pair[key pair] --- own[certificate of the device]",
    "      ca0[certificate of the CA]",
    "    end",
    "  end",
    "  subgraph oem[OEM]",
    "    ca1[CACertificate_ECC.crt] --- key[CACertificate_ECC.key]",
    "  end",
    "  subgraph cloud[hawser up]",
    "    ca2[registered CA] --- registered[registered certificate of the device]",
    "  end",
    "  oem -- issues --> own",
    "  oem -- registered by proof of possession --> ca2",
    "  device <-- TLS, both ends authenticated --> cloud",
  );
}

/** Figures 10, 11, 12 and 17: layers, handshake and software of section 8.7's connection. */
function drawConnection(cloud: readonly TraceEvent[], device: readonly TraceEvent[]): void {
  const all = ofKind(device, "tls.connected");
  const connected = all.at(-1) ?? assert.fail("the device never connected");
  const table = (application: string) => [
    "| layer | in this run |",
    "|---|---|",
    `| 7 application | ${application} |`,
    `| 6 presentation, 5 session | ${connected.protocol}, ${connected.suite} |`,
    "| 4 transport | TCP |",
    "| 3 network | IP, loopback |",
    "| 2 data link, 1 physical | loopback here; Ethernet on the board |",
  ];
  assertDrawn(PAGE, "figure-10", table("the device's messages").join("\n"));
  const connect = ofKind(device, "mqtt.packet").find(({ packet }) => packet === "CONNECT");
  assert.ok(connect, "the device sent CONNECT");
  assertDrawn(PAGE, "figure-17", table("MQTT: CONNECT, PUBLISH at QoS 1, DISCONNECT").join("\n"));
  const mine = device.filter(({ connection }) => connection === connected.connection);
  const messages = ofKind(mine, "tls.message");
  const arrows = messages.map(({ direction, message }) =>
    direction === "sent" ? `  host->>cloud: ${message}` : `  cloud->>host: ${message}`,
  );
  assert.ok(arrows.length >= 6);
  const operations = ofKind(mine, "tls.operation").filter(({ performer }) => performer === "chip");
  const byChip = [...new Set(operations.map(({ operation }) => operation))];
  assert.ok(byChip.includes("client-signature"), byChip.join());
  draw("figure-11", "sequenceDiagram", "  participant host", "  participant cloud", ...arrows);
  draw(
    "figure-12",
    "flowchart TB",
    "  application[application: hawser device publish] --> tls[hawser/tls]",
    `  tls --> ports["by the chip: ${byChip.join(", ")}"]`,
    "  ports --> library[hawser/host: A71CH host library]",
    "  library -- JRCP over TCP, in the place of I2C --> chip[A71CH]",
  );
  assert.ok(cloud.length > 0);
}

/** Figures 13, 15 and 20: what the control plane and the broker did. */
function drawOnboarding(cloud: readonly TraceEvent[]): void {
  const wanted = /^(GetRegistrationCode|RegisterCACertificate|DescribeCACertificate|UpdateCACertificate)$/;
  const calls = ofKind(cloud, "api.call").filter(({ operation }) => wanted.test(operation));
  const asked = calls.map(({ operation, status }) => `  OEM->>cloud: ${operation}\n  cloud-->>OEM: ${status}`);
  assert.equal(asked.length, 6);
  draw("figure-15", "sequenceDiagram", "  participant OEM", "  participant cloud", ...asked);
  const steps = ofKind(cloud, "onboarding");
  const storyOf = (client: string) => {
    const [first] = steps.filter(({ clientId }) => clientId === client);
    const about = steps.filter(({ certificate }) => certificate === first?.certificate);
    return about.slice(0, about.findIndex(({ step }) => step === "connected") + 1).map(({ step }) => step);
  };
  const arrow = (step: string) => {
    if (step === "connected") return "  cloud-->>device: CONNACK";
    if (step === "connection-dropped") return "  cloud--xdevice: connection dropped";
    return `  Note over cloud: ${step.replaceAll("-", " ")}`;
  };
  const story = storyOf("anyclientID");
  for (const step of ["registered", "event-published", "connection-dropped", "activated", "connected"] as const)
    assert.ok(story.includes(step), step);
  const ordered = story.filter((step, i) => story.indexOf(step) === i);
  // The function works while the connection is being dropped: the two may be told in either order.
  const settled = [...ordered].sort((a, b) => RANK.indexOf(a) - RANK.indexOf(b));
  draw(
    "figure-20",
    "sequenceDiagram",
    "  participant device",
    "  participant cloud",
    "  device->>cloud: TLS, CONNECT",
    ...settled.slice(0, -1).map(arrow),
    "  device->>cloud: TLS, CONNECT",
    arrow("connected"),
  );
  assert.ok(storyOf("born-in-the-chip").includes("activated"));
  draw(
    "figure-13",
    "flowchart LR",
    "  facility[programming facility: key pair made in the chip, certificate issued and stored] --> device",
    "  oem[OEM: CA registered and ACTIVE] --> cloud",
    `  device -- "first connection: ${settled.slice(0, 2).join(", ").replaceAll("-", " ")}" --> cloud`,
    `  cloud -- "${settled.filter((step) => step === "activated").join("")}, then connected" --> device`,
  );
}

const RANK: readonly string[] = [
  "registered",
  "event-published",
  "connection-dropped",
  "thing-created",
  "policy-attached",
  "activated",
  "connected",
];

test("AW-03 the page says what is tamper-resistant and what is simulated, and that hosts are of many kinds", () => {
  said("tamper-resistant platform", "Tamper resistance is the silicon's; the simulator here has none");
  said("hosts and operating systems of many kinds", "proves that a node is the one it says it is");
});

test("AW-67 the page names the note's parts, the cable and the DNS server", () => {
  said(
    "MCIMX6UL-EVK",
    "OM3710/A71CHARD",
    "Windows PC",
    "Tera Term",
    "a network cable",
    "DNS server may have to be set",
  );
});

test("T-18 T-19 T-20 T-22 T-24 T-25 T-28 the page says where the note is wrong, and what is done instead", () => {
  said("lacks a dash before `out` and has one quote too many", '"amazonwas.com" there is a misprint');
  said('`"certificateStatus "`', "`hawser up --jitr note-literal` does as the note says");
  said("random and does not expire by itself", "delete-registration-code");
  said("the policy that a device needs to publish anything at all");
  said("`type a b > c` of Windows may add lines", 'code was "obtained in 0"', "The note ends inside this section");
});
