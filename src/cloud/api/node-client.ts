import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";

import { ProtocolError, Refused } from "../../codec/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import type { CloudErrorCode } from "../errors.ts";
import {
  callOperation as callOver,
  type ClientOptions,
  type ClientRequest,
  type ClientResponse,
  type HttpSend,
} from "./client.ts";
import type { OperationInput, OperationName, OperationResult } from "../operations/index.ts";

const TIMEOUT_MS = 60_000;
const MAX_ANSWER = 64 * 1024 * 1024;

/** Where the control plane is, whom to trust there, and with which key to sign. */
export type ApiTarget = Pick<ClientOptions, "endpoint" | "region" | "credentials"> & {
  /** Roots to trust instead of the system's, in PEM. */
  readonly ca?: string;
};

/** Calls one operation over HTTP or HTTPS. Throws as `callOperation` of client.ts does. */
export function callOperation<Name extends OperationName>(
  { ca, ...target }: ApiTarget,
  name: Name,
  input: OperationInput<Name>,
): Promise<OperationResult<Name>> {
  return callOver({ ...target, clock: nodeClock, hash: nodeHash, send: nodeSend(ca) }, name, input);
}

/** Asks for a page that needs no signature. Throws `Refused` `unreachable`, `ProtocolError` `not-our-api`. */
export async function fetchPage({ ca, endpoint }: ApiTarget, path: string): Promise<Uint8Array> {
  const url = new URL(path, endpoint).href;
  const { status, body } = await nodeSend(ca)({ method: "GET", url, headers: {}, body: new Uint8Array(0) });
  if (status === 200) return body;
  throw new ProtocolError<CloudErrorCode, number>("not-our-api", `${url} answers ${status}`, status);
}

/** Sends with node:http and node:https. */
export function nodeSend(ca?: string): HttpSend {
  return async (request) => {
    try {
      return await send(request, ca === undefined ? {} : { ca });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const code = (cause as { code?: unknown } | null)?.code;
      const wire = typeof code === "string" ? code : "";
      const message = `${new URL(request.url).origin} does not answer: ${reason}`;
      throw new Refused<CloudErrorCode, string>("unreachable", message, wire, { cause });
    }
  };
}

function send({ method, url, headers, body }: ClientRequest, trust: { ca?: string }): Promise<ClientResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
  const start = url.startsWith("https:") ? httpsRequest : httpRequest;
  const options: RequestOptions & { ca?: string } = {
    method,
    ...trust,
    // The name that the signature covers, and the exact path: neither may be written anew on the way.
    headers: { ...headers, "content-length": String(body.length) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    agent: false,
  };
  const request = start(url, options, (response) => {
    readAnswer(response).then(resolve, reject);
  });
  request.once("error", reject);
  request.end(body);
  return promise;
}

async function readAnswer(response: IncomingMessage): Promise<ClientResponse> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > MAX_ANSWER) {
      throw new Refused<CloudErrorCode, string>("unreachable", `an answer of more than ${MAX_ANSWER} bytes`, "");
    }
    parts.push(part);
  }
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: new Uint8Array(Buffer.concat(parts)),
  };
}
