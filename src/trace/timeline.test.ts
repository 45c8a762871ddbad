import assert from "node:assert/strict";
import { test } from "node:test";

import {
  renderMermaid,
  renderTimeline,
  type Actor,
  type Correlation,
  type EventBody,
  type TraceEvent,
} from "./index.ts";

const CERT = "3f".repeat(32);
const START = Date.UTC(2026, 0, 1);

/** Events of several processes: each actor numbers its own. */
function events(...rows: [at: number, actor: Actor, ids: Correlation, body: EventBody][]): TraceEvent[] {
  const seq = { chip: 1, host: 1, cloud: 1, pki: 1 };
  return rows.map(([at, actor, ids, body]) => ({ seq: seq[actor]++, time: START + at, actor, ...ids, ...body }));
}

const chip = { device: "uid-7" };
const host = { device: "uid-7", connection: "h1", certificate: CERT };
const cloud = { device: "dev1", connection: "c9", certificate: CERT };
const packet = (direction: "sent" | "received", packet: string, topic = "", reasonCode = 0): EventBody => ({
  kind: "mqtt.packet",
  direction,
  packet,
  clientId: "dev1",
  topic,
  qos: 1,
  bytes: 10,
  reasonCode,
});
const message = (direction: "sent" | "received", message: string): EventBody => ({
  kind: "tls.message",
  direction,
  message,
  bytes: 100,
});

const handshake = events(
  [
    0.0,
    "chip",
    { device: "uid-8" },
    { kind: "chip.command", name: "Other", fields: {}, statusWord: 0x9000, durationMs: 1, command: "00", response: "" },
  ],
  [
    0.4,
    "chip",
    chip,
    {
      kind: "chip.command",
      name: "GetRandom",
      fields: { length: 28 },
      statusWord: 0x9000,
      durationMs: 0.3,
      command: "8004",
      response: "",
    },
  ],
  [
    1.0,
    "host",
    host,
    {
      kind: "bus.exchange",
      name: "GetRandom",
      statusWord: 0x9000,
      durationMs: 0.9,
      sentBytes: 9,
      receivedBytes: 34,
      command: "8004",
      response: "",
    },
  ],
  [
    1.2,
    "host",
    host,
    { kind: "tls.operation", operation: "client-random", performer: "chip", durationMs: 1.1, detail: "" },
  ],
  [2.0, "host", host, message("sent", "ClientHello")],
  [9.0, "host", host, message("received", "ServerHelloDone")],
  [
    30.0,
    "chip",
    chip,
    {
      kind: "chip.command",
      name: "EccSign",
      fields: { index: 0, digest: "ab".repeat(32) },
      statusWord: 0x6985,
      durationMs: 18.2,
      command: "8050",
      response: "",
    },
  ],
  [
    40.0,
    "host",
    host,
    {
      kind: "tls.connected",
      protocol: "TLS 1.2",
      suite: "ECDHE-ECDSA-AES128-GCM-SHA256",
      group: "secp256r1",
      servername: "",
      alpn: "",
    },
  ],
  [41.0, "host", host, packet("sent", "connect")],
  [42.0, "cloud", cloud, packet("received", "connect")],
  [42.5, "cloud", cloud, { kind: "onboarding", step: "registered", clientId: "dev1", caCertificate: "", detail: "" }],
  [
    42.6,
    "cloud",
    cloud,
    { kind: "refusal", cause: "certificate-pending", clientId: "dev1", address: "", evidence: {} },
  ],
  [43.0, "host", host, { kind: "tls.alert", direction: "received", alert: "close_notify", fatal: false, code: "" }],
  [43.5, "host", host, { kind: "process", what: "warning", detail: "not drawn" }],
);

/** What happens once the first connection is gone. */
const later = events(
  [
    60,
    "cloud",
    { certificate: CERT },
    { kind: "function.run", function: "activate", request: "r", outcome: "succeeded", durationMs: 11.5, detail: "" },
  ],
  [
    61,
    "cloud",
    { certificate: CERT },
    { kind: "onboarding", step: "activated", clientId: "", caCertificate: "", detail: "" },
  ],
  [
    70,
    "host",
    { ...host, connection: "h2" },
    packet("sent", "publish", "a/very/long/topic/name/that/fits/no/lane\u001b[1m"),
  ],
  [71, "cloud", { ...cloud, connection: "c10" }, packet("sent", "puback", "", 0x87)],
);

test("renderTimeline draws three lanes with chip operations, arrows and onboarding, in 100 columns", () => {
  const text = renderTimeline([...later, ...handshake].toReversed(), { device: "uid-7" });
  assert.equal(
    text,
    String.raw`from 2026-01-01T00:00:00.001Z
       ms | chip                     |  host                           |  cloud
----------+--------------------------+---------------------------------+----------------------------
      0.0 | GetRandom length=28     <-> bus 9+34 B 0.9 ms              |
          | 0.3 ms                   |                                 |
      0.2 |                          |  client-random by chip 1.1 ms   |
      1.0 |                          |  ClientHello 100 B             -->
      8.0 |                          |  ServerHelloDone 100 B         <--
     29.0 | EccSign index=0         <->                                |
          | digest=abababab…         |                                 |
          | SW=6985 18.2 ms          |                                 |
     39.0 |                          |  TLS 1.2                        |
          |                          |  ECDHE-ECDSA-AES128-GCM-SHA256  |
     40.0 |                          |  CONNECT                       -->
     41.0 |                          |                                --> CONNECT
     41.5 |                          |                                 |  certificate
          |                          |                                 |  PENDING_ACTIVATION
     41.6 |                          |                                 |  refused:
          |                          |                                 |  certificate-pending
     42.0 |                          |  alert close_notify            <--
     59.0 |                          |                                 |  function activate
          |                          |                                 |  succeeded 11.5 ms
     60.0 |                          |                                 |  certificate ACTIVE
     69.0 |                          |  PUBLISH                       -->
          |                          |  a/very/long/topic/name/that/f  |
          |                          |  its/no/lane\u{1b}[1m           |
     70.0 |                          |                                <-- PUBACK 0x87
----------+--------------------------+---------------------------------+----------------------------
chip: 2 operations, 18.5 ms; TLS messages: 2; MQTT packets: 4
`,
  );
  for (const row of text.split("\n")) assert.ok(row.length <= 100, row);
});

test("renderTimeline of a connection leaves out other connections and what happened after it", () => {
  const text = renderTimeline([...later, ...handshake], { connection: "h1" });
  assert.equal(text, renderTimeline(handshake, { device: "uid-7" }));
  assert.equal(renderTimeline(handshake, { connection: "h9" }), "nothing is recorded about it\n");
  assert.match(renderTimeline(later, {}), /certificate ACTIVE/);
});

test("renderTimeline shows a chip's commands or a host's bus exchanges alone, and acts of the PKI", () => {
  const alone = (actor: Actor) =>
    renderTimeline(
      handshake.filter((event) => event.actor === actor),
      { device: "uid-7" },
    );
  assert.match(alone("chip"), /GetRandom length=28 +<-> +\|\n +\| 0.3 ms/);
  assert.match(alone("host"), /\| GetRandom +<-> bus 9\+34 B 0.9 ms/);
  const pki = events([
    0,
    "pki",
    host,
    { kind: "pki.issued", what: "certificate", subject: "CN=d", serial: "1", performer: "host" },
  ]);
  assert.match(renderTimeline(pki), /certificate of CN=d signed\n +\| +\| +\| +by host/);
});

test("renderMermaid draws the same story, a packet that both ends recorded once", () => {
  assert.equal(
    renderMermaid([...handshake, ...later], { device: "uid-7" }),
    String.raw`sequenceDiagram
  participant chip
  participant host
  participant cloud
  host->>chip: GetRandom length=28 0.3 ms
  chip-->>host: bus 9+34 B 0.9 ms
  Note over host: client-random by chip 1.1 ms
  host->>cloud: ClientHello 100 B
  cloud->>host: ServerHelloDone 100 B
  host->>chip: EccSign index=0 digest=abababab… SW=6985 18.2 ms
  Note over host: TLS 1.2 ECDHE-ECDSA-AES128-GCM-SHA256
  host->>cloud: CONNECT
  Note over cloud: certificate PENDING_ACTIVATION
  Note over cloud: refused: certificate-pending
  cloud->>host: alert close_notify
  Note over cloud: function activate succeeded 11.5 ms
  Note over cloud: certificate ACTIVE
  host->>cloud: PUBLISH a/very/long/topic/name/that/fits/no/lane\u{1b}[1m
  cloud->>host: PUBACK 0x87
`,
  );
});
