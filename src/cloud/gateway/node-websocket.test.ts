import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";

import { WebSocket, WebSocketServer } from "ws";

import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { AWS_PROFILE, Broker, openGatekeeper, type BrokerLimits } from "../broker/index.ts";
import { attachWebSocket, type WebSocketOptions } from "./node-websocket.ts";

/** A WebSocket that is attached to a broker, on a clock that stands still; and when it ended, on that clock. */
async function attached(
  t: { after: (end: () => void) => void },
  limits: Partial<BrokerLimits>,
  expiry?: WebSocketOptions["expiry"],
) {
  const clock = new VirtualClock();
  const trace = new Ledger({ clock });
  const settings = { ...AWS_PROFILE, limits: { ...AWS_PROFILE.limits, ...limits } };
  const entropy = new SeededEntropy(nodeHash, "websocket");
  const broker = new Broker({ clock, entropy, trace, settings, gatekeeper: openGatekeeper, defer: queueMicrotask });
  const server = createServer();
  const websockets = new WebSocketServer({ server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(websockets, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`);
  t.after(() => {
    client.terminate();
    websockets.close();
    server.close();
  });
  const [websocket, request] = (await accepted) as [WebSocket, { socket: Socket }];
  const peer = { connection: "c1", address: "127.0.0.1", certificates: [], servername: undefined };
  attachWebSocket(websocket, request.socket, { peer, broker, gatekeeper: openGatekeeper, clock, expiry });
  return { clock, client, websocket };
}

test("a WebSocket ends after webSocketS, or with the credentials that opened it", async (t) => {
  // CONNECT never comes here: its own timeout must not be what ends it.
  const connectTimeoutMs = 2 ** 31 - 1;
  const day = await attached(t, { connectTimeoutMs });
  day.clock.advance(86_399_999);
  assert.equal(day.websocket.readyState, WebSocket.OPEN);
  day.clock.advance(1);
  await once(day.client, "close");
  const minute = await attached(t, { connectTimeoutMs, webSocketS: 60 });
  minute.clock.advance(60_000);
  await once(minute.client, "close");
  const forEver = await attached(t, { connectTimeoutMs: 2 ** 40, webSocketS: Infinity });
  forEver.clock.advance(365 * 86_400_000);
  assert.equal(forEver.websocket.readyState, WebSocket.OPEN);
  let told = 0;
  const at = new VirtualClock().now() + 30_000;
  const short = await attached(t, { connectTimeoutMs }, { at, tell: () => void (told += 1) });
  short.clock.advance(30_000);
  await once(short.client, "close");
  assert.equal(told, 1, "who told the credentials apart is told that they ended it");
});
