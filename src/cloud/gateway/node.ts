import { constants } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

import { WebSocketServer } from "ws";

import { type AuthenticationPorts, type ControlPlane, authorizationOf, refusalCauseOf } from "../api/index.ts";
import { type Exchange, httpFor } from "../operations/index.ts";
import { answerRequest, ConnectionNames, HTTP_LIMITS, headOf } from "../api/node.ts";
import { attach, Handshakes, listening, peerOf, presentedChain, SOCKETS, tlsVersionOf } from "../broker/node.ts";
import type { Listening, TlsListenOptions } from "../broker/node.ts";
import { namesAuthorizer, type CustomGate } from "../authorizers/index.ts";
import type { Gatekeeper, Peer } from "../broker/index.ts";
import type { TemporaryKey, TemporaryKeys } from "../temporary-keys/index.ts";
import { asksForCredentials } from "./credential-provider.ts";
import { bearerOf, type DevicePlane } from "./device-plane.ts";
import { attachWebSocket } from "./node-websocket.ts";
import { operatorGate } from "./operator-gate.ts";
import { subprotocolOf, WEBSOCKET_PATH, websocketLogin } from "./websocket-login.ts";

export type GatewayOptions = TlsListenOptions & {
  readonly controlPlane: ControlPlane;
  readonly devicePlane: DevicePlane;
  /** Decides on the CONNECT of a WebSocket whose URL nobody signed. */
  readonly custom: CustomGate;
  /** What stands before every gatekeeper: the server name's configuration. */
  readonly guarded: (next: Gatekeeper) => Gatekeeper;
  /** What checks the signatures of WebSocket URLs. */
  readonly authentication: AuthenticationPorts;
  /** What temporary credentials are worth. */
  readonly temporary: TemporaryKeys;
};

/**
 * What ALPN means here: MQTT for the first two, HTTP/1.1 for the others and for who asks for nothing.
 * AWS IoT Core, "Device communication protocols", protocols, authentication, and port mappings
 */
const MQTT_PROTOCOLS: readonly string[] = ["x-amzn-mqtt-ca", "mqtt"];
const HTTP_PROTOCOLS: readonly string[] = ["x-amzn-http-ca", "http/1.1"];

/**
 * One TLS listener for everything that AWS puts on ports 443 and 8443: MQTT and HTTPS told apart by ALPN, MQTT over
 * WebSocket at /mqtt, publishing over HTTPS with a client certificate, and the control plane for signed requests.
 */
export async function listenGateway(options: GatewayOptions): Promise<Listening> {
  const { key, cert, ciphers, dhparam } = options;
  const connections = new ConnectionNames();
  const server = createServer(
    {
      ...SOCKETS,
      ...HTTP_LIMITS,
      key,
      cert,
      ciphers,
      dhparam,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      ALPNCallback: ({ protocols }) => [...MQTT_PROTOCOLS, ...HTTP_PROTOCOLS].find((name) => protocols.includes(name)),
    },
    (request, response) => answer(options, connections.of(request.socket), { request, response }),
  );
  // Node reads HTTP from every connection; here its reader waits until ALPN has been looked at.
  const [readHttp] = server.listeners("secureConnection") as ((socket: TLSSocket) => void)[];
  server.removeAllListeners("secureConnection");
  const handshakes = new Handshakes(options);
  server.on("connection", (socket) => handshakes.begin(socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    handshakes.succeed(socket);
    const { alpnProtocol } = socket;
    if (typeof alpnProtocol === "string" && MQTT_PROTOCOLS.includes(alpnProtocol))
      attach(socket, clientOf(socket), options);
    else readHttp?.call(server, socket);
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    handshakes.fail(socket, error);
    socket.destroy();
  });
  const { packetBytes } = options.broker.settings.limits;
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: packetBytes,
    handleProtocols: (offered) => subprotocolOf(offered) ?? false,
  });
  server.on("upgrade", (request, socket, head) =>
    openWebSocket(options, websockets, { request, socket: socket as TLSSocket, head }),
  );
  return listening(server, options);
}

type Asked = { readonly request: IncomingMessage; readonly response: ServerResponse };

function answer(options: GatewayOptions, connection: string, { request, response }: Asked): void {
  const peer = { ...clientOf(request.socket as TLSSocket), connection };
  const begin = (head: ReturnType<typeof headOf>): Exchange => {
    const isSigned = authorizationOf(head) !== undefined;
    const hasCredentials = bearerOf(head) !== undefined || namesAuthorizer(head) || asksForCredentials(head);
    const isDevice =
      hasCredentials || (!isSigned && (peer.certificates.length > 0 || options.devicePlane.offers(head)));
    return isDevice ? options.devicePlane.begin(head, peer) : options.controlPlane.begin(head, peer);
  };
  void answerRequest(begin, request, response).catch(() => response.destroy());
}

type Upgrade = { readonly request: IncomingMessage; readonly socket: TLSSocket; readonly head: Buffer };

function openWebSocket(options: GatewayOptions, websockets: WebSocketServer, { request, socket, head }: Upgrade): void {
  const { broker, clock, trace } = options;
  const peer = clientOf(socket);
  try {
    const login = loginOf(headOf(request), options);
    const gatekeeper = options.guarded(login.gatekeeper);
    const key = login.temporary;
    const expiry = key && { at: key.expiresAt, tell: () => options.temporary.tellExpired(key, peer) };
    websockets.handleUpgrade(request, socket, head, (websocket) =>
      attachWebSocket(websocket, socket, { peer, broker, clock, gatekeeper, expiry }),
    );
  } catch (error) {
    const { status, type, message, cure = "" } = httpFor(error, "iot-data");
    const { address, connection } = peer;
    const cause = refusalCauseOf(error) ?? "api-unauthorized";
    const evidence = { code: type, message: message.slice(0, 300), protocol: "websocket" };
    trace.emit("cloud", { kind: "refusal", cause, clientId: "", address, evidence }, { connection });
    refuseUpgrade(socket, { status, type, body: JSON.stringify({ message, cause, cure }) });
  }
}

type Login = { readonly gatekeeper: Gatekeeper; readonly temporary?: TemporaryKey };

/** Who decides on the CONNECT: the signature of an operator's or a certificate's URL, or else the credentials of a device. */
function loginOf(
  head: ReturnType<typeof headOf>,
  { authentication, custom, temporary: keys, trace }: GatewayOptions,
): Login {
  if (authorizationOf(head) === undefined && head.path === WEBSOCKET_PATH) return { gatekeeper: custom.overHttp(head) };
  const { authorization, temporary } = websocketLogin(head, authentication);
  if (temporary) return { gatekeeper: keys.gateFor(temporary), temporary };
  const isActive = (id: string) => authentication.accessKeys.secretOf(id) !== undefined;
  return { gatekeeper: operatorGate({ accessKeyId: authorization.accessKeyId, isActive, trace }) };
}

function refuseUpgrade(socket: Socket, { status, type, body }: { status: number; type: string; body: string }): void {
  socket.on("error", () => undefined);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nx-amzn-ErrorType: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function clientOf(socket: TLSSocket): Peer {
  const servername = typeof socket.servername === "string" ? socket.servername : undefined;
  return { ...peerOf(socket), certificates: presentedChain(socket), servername, ...tlsVersionOf(socket) };
}
