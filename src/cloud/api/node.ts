import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";

import { toHex } from "../../codec/index.ts";
import { nodeEntropy } from "../../crypto/node.ts";
import type { Via } from "./certificate-calls.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { ApiResponse, Exchange, RequestHead } from "../operations/index.ts";

/** Headers and whole requests must arrive within these times: who trickles bytes holds no socket for long. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 120_000;
const IDLE_TIMEOUT_MS = 60_000;
const LINGER_MS = 1000;
const MAX_HEADER_BYTES = 32 * 1024;
const MAX_CONNECTIONS = 1024;

/** How long, and how much, a client may take to ask: for every HTTP listener of ours. */
export const HTTP_LIMITS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 2,
  keepAliveTimeout: IDLE_TIMEOUT_MS,
  // One parser for everybody: a request that two readers understand differently is refused.
  insecureHTTPParser: false,
} as const;

export type ApiServerOptions = {
  readonly controlPlane: ControlPlane;
  /** Answers what is asked without a signature, before the control plane is asked. */
  readonly pages?: (head: RequestHead) => Exchange | undefined;
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port?: number;
  /** Told of connections that do not speak what this port speaks, with what their first bytes look like. */
  readonly onStranger?: (address: string, evidence: Readonly<Record<string, string>>) => void;
  /** Certificate chains and private keys in PEM; without them the server speaks plain HTTP, for loopback only. */
  readonly tls?: Pick<TlsOptions, "key" | "cert" | "ciphers" | "dhparam">;
};

/** A listening API server. */
export type ApiServer = {
  readonly port: number;
  /** `https://host:port`, or http where it has no certificate. */
  readonly url: string;
  /** Stops accepting, lets requests in progress finish for at most `graceMs`, then cuts them off. */
  close(graceMs?: number): Promise<void>;
};

/** Serves a control plane over HTTP/1.1. */
export async function serveApi(options: ApiServerOptions): Promise<ApiServer> {
  const { host = "127.0.0.1", port = 0, tls } = options;
  const connections = new ConnectionNames();
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const via = { connection: connections.of(request.socket) };
    void handle({ ...options, via }, request, response).catch(() => response.destroy());
  };
  const server = tls
    ? createTlsServer({ ...HTTP_LIMITS, ...tls, minVersion: "TLSv1.2", handshakeTimeout: HEADERS_TIMEOUT_MS }, listener)
    : createServer(HTTP_LIMITS, listener);
  server.maxConnections = MAX_CONNECTIONS;
  // Where the body is to be large, curl and the AWS CLI ask first: the head decides.
  server.on("checkContinue", listener);
  tellStrangers(server, options);
  await listening(server, port, host);
  const address = server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    port: address.port,
    url: `${tls ? "https" : "http"}://${shown}:${address.port}`,
    close: (graceMs = 5000) => closing(server, graceMs),
  };
}

/** A broken request is answered as node:http would; what is no HTTP, or no TLS, is also told. */
function tellStrangers(server: Server, { onStranger }: ApiServerOptions): void {
  server.on("clientError", (error: NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array }, socket: Socket) => {
    const opening = error.rawPacket;
    if (opening && error.code === "HPE_INVALID_METHOD") {
      onStranger?.(socket.remoteAddress ?? "", { looksLike: protocolOf(opening), code: error.code });
    }
    const status = STATUS_LINES[error.code ?? ""] ?? "400 Bad Request";
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    else socket.destroy();
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = error.code ?? "";
    if (!/HTTP_REQUEST|WRONG_VERSION_NUMBER/.test(code)) return;
    onStranger?.(socket.remoteAddress ?? "", { looksLike: /HTTP/.test(code) ? "http" : "no TLS", code });
  });
}

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** What the first byte of a stranger is: a TLS record, an MQTT CONNECT, or neither. */
function protocolOf([first]: Uint8Array): string {
  if (first === 0x16) return "tls";
  return first === 0x10 ? "mqtt" : "neither";
}

function handle(
  { controlPlane, pages, via }: ApiServerOptions & { readonly via: Via },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  return answerRequest((head) => pages?.(head) ?? controlPlane.begin(head, via), request, response);
}

/** What a server's connections are called, each the same in all requests that come by it. */
export class ConnectionNames {
  readonly #names = new WeakMap<Socket, string>();

  of(socket: Socket): string {
    const name = this.#names.get(socket) ?? toHex(nodeEntropy.bytes(8));
    this.#names.set(socket, name);
    return name;
  }
}

/** Answers one request as `begin` decides; its body is read only as far as that wants it. */
export async function answerRequest(
  begin: (head: RequestHead) => Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = begin(headOf(request));
  if ("answer" in exchange) return refuse(exchange.answer, request, response);
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > exchange.bodyLimit) return refuse(exchange.tooLarge(), request, response);
  if (request.headers.expect !== undefined) response.writeContinue();
  const body = await readBody(request, exchange.bodyLimit);
  if (body === "gone") return;
  if (body === "too-large") return refuse(exchange.tooLarge(), request, response);
  write(await exchange.complete(body), response);
}

/** A request's head as it stood on the wire. */
export function headOf(request: IncomingMessage): RequestHead {
  const url = request.url ?? "";
  const at = url.indexOf("?");
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    headers.push([request.rawHeaders[i] ?? "", request.rawHeaders[i + 1] ?? ""]);
  }
  return {
    method: request.method ?? "",
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? "" : url.slice(at + 1),
    headers,
    address: request.socket.remoteAddress ?? "",
  };
}

/** The body; or that it is longer than `limit`, what comes after being thrown away; or that the client went away. */
function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | "too-large" | "gone"> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | "too-large" | "gone">();
  let parts: Uint8Array[] = [];
  let length = 0;
  request.on("data", (part: Uint8Array) => {
    length += part.length;
    if (length <= limit) parts.push(part);
    else {
      parts = [];
      resolve("too-large");
    }
  });
  request.once("end", () => resolve(Buffer.concat(parts)));
  request.once("error", () => resolve("gone"));
  request.once("close", () => resolve("gone"));
  return promise;
}

/**
 * Answers without caring for the rest of the request, and ends the connection. Closing with unread input would reset it,
 * and the client might never see the answer: so what still comes is read and thrown away, for a moment.
 */
function refuse(answer: ApiResponse, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.setHeader("Connection", "close");
  write(answer, response);
  request.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}

function write({ status, headers, body }: ApiResponse, response: ServerResponse): void {
  response.writeHead(status, { ...headers, "Content-Length": body.length });
  response.end(body);
}

function listening(server: Server, port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, () => {
    server.off("error", reject);
    resolve();
  });
  return promise;
}

async function closing(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearTimeout(timer);
}
