/** Records that a keeper of traffic keys seals and opens, a few hundred bytes at a time, against openssl and gnutls-serv. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { nodeClock } from "../../src/crypto/node.ts";
import { connect } from "../../src/tls/node.ts";
import { Ledger } from "../../src/trace/index.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { SoftRecords } from "../tls/soft-records.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const server = await hierarchy.server();
const TAG = 16;

for (const [program, version, max] of [
  ["openssl", "TLSv1.2", 0x4000],
  ["openssl", "TLSv1.3", 0x4000],
  // Only gnutls keeps to a record_size_limit.
  ["gnutls-serv", "TLSv1.2", 600],
  ["gnutls-serv", "TLSv1.3", 600],
] as const) {
  test(`A5-37 ${program} talks over ${version} to a keeper of traffic keys that holds ${max} bytes`, async (t) => {
    if (!requirePeer(t, program)) return;
    const peer = await TLS_SERVERS[program](t, { hierarchy, server });
    const records = new SoftRecords(max);
    const trace = new Ledger({ clock: nodeClock });
    const client = await connect({
      host: "127.0.0.1",
      port: peer.port,
      servername: "localhost",
      ca: [hierarchy.root.certificate.der],
      minVersion: version,
      maxVersion: version,
      records,
      trace,
    });
    assert.equal(client.facts.protocol, version);
    // Longer than the keeper's buffer, where that is small; openssl turns each line round.
    const line = `${"abcdefghij".repeat(200)}\n`;
    const expected = program === "openssl" ? `${"jihgfedcba".repeat(200)}\n` : line;
    await new Promise<void>((resolve, reject) => {
      client.write(line, (error) => (error ? reject(error) : resolve()));
    });
    let heard = "";
    while (heard.length < expected.length) heard += String((await once(client, "data"))[0]);
    assert.equal(heard, expected);
    client.end();
    await once(client, "close");
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(records.isReleased);
    assert.ok(records.lengths.length > (max < 1000 ? 8 : 4));
    assert.ok(Math.max(...records.lengths) <= max + TAG);
    const operations = trace
      .events({ kinds: ["tls.operation"] })
      .flatMap((event) => (event.kind === "tls.operation" ? [`${event.operation} ${event.performer}`] : []));
    assert.ok(operations.includes("record-seal chip") && operations.includes("record-open chip"));
  });
}
