import type { Socket } from "node:net";

import { WebSocket, type RawData } from "ws";

import type { Clock } from "../../crypto/index.ts";
import { afterLong, type Broker, type Connection, type Gatekeeper, type Peer, type Sink } from "../broker/index.ts";

/** How long a closed connection may take to say so before it is cut. */
const LINGER_MS = 5000;

/** Below this many unsent bytes the broker may write again. */
const LOW_WATER = 32 * 1024;

/** RFC 6455, section 7.4.1 */
const STATUS = { normal: 1000, unsupportedData: 1003 } as const;

export type WebSocketOptions = {
  readonly peer: Peer;
  readonly broker: Broker;
  /** Decides on the CONNECT that comes. */
  readonly gatekeeper: Gatekeeper;
  readonly clock: Clock;
  /** When the credentials that opened it expire, and who is told that it ended with them. */
  readonly expiry?: { readonly at: number; readonly tell: () => void } | undefined;
};

/** Makes a WebSocket a connection of the broker, for as long as it lasts. MQTT 5.0, section 6 */
export function attachWebSocket(
  websocket: WebSocket,
  socket: Socket,
  { peer, broker, gatekeeper, clock, expiry }: WebSocketOptions,
): void {
  // Its close, which follows, says all that matters.
  websocket.on("error", () => undefined);
  if (broker.isStopped) return websocket.terminate();
  const sink = sinkOf(websocket, socket, { clock, drained: () => connection.drained() });
  const connection: Connection = broker.open(peer, sink, gatekeeper);
  const leftMs = Math.max(0, (expiry?.at ?? Infinity) - clock.now());
  const lifetimeMs = broker.settings.limits.webSocketS * 1000;
  const endOfLife = afterLong(clock, Math.min(lifetimeMs, leftMs), () => {
    if (leftMs < lifetimeMs) expiry?.tell();
    websocket.terminate();
  });
  websocket.on("message", (data: RawData, isBinary: boolean) => {
    // MQTT 5.0, section 6: MQTT control packets MUST be sent in binary data frames.
    if (!isBinary) return websocket.close(STATUS.unsupportedData, "MQTT travels in binary frames");
    connection.receive(bytesOf(data));
  });
  websocket.on("close", () => {
    endOfLife();
    connection.closed();
  });
}

function sinkOf(
  websocket: WebSocket,
  socket: Socket,
  { clock, drained }: { readonly clock: Clock; readonly drained: () => void },
): Sink {
  let isFull = false;
  const sent = () => {
    if (!isFull || websocket.bufferedAmount > LOW_WATER) return;
    isFull = false;
    drained();
  };
  return {
    write(bytes) {
      if (websocket.readyState !== WebSocket.OPEN) return;
      websocket.send(bytes, { binary: true }, sent);
      isFull ||= websocket.bufferedAmount > LOW_WATER;
    },
    end() {
      websocket.close(STATUS.normal);
      const cancel = clock.after(LINGER_MS, () => websocket.terminate());
      websocket.once("close", cancel);
    },
    destroy: () => websocket.terminate(),
    pause: () => websocket.pause(),
    resume: () => websocket.resume(),
    get writableLength() {
      return websocket.bufferedAmount + socket.writableLength;
    },
  };
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
