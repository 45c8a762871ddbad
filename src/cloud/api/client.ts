import { SignatureV4 } from "@smithy/signature-v4";

import { concat, ProtocolError, Refused, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Hash } from "../../crypto/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import {
  OPERATIONS,
  type Operation,
  type OperationInput,
  type OperationName,
  type OperationResult,
  type Parameter,
  SCOPES,
  blob,
  jsonBytes,
} from "../operations/index.ts";

/** One HTTP request, complete. */
export type ClientRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** An HTTP response; header names are lower-case. */
export type ClientResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** Carries one request out. Throws `Refused` `unreachable` where nobody answers. */
export type HttpSend = (request: ClientRequest) => Promise<ClientResponse>;

export type ClientOptions = {
  /** Scheme, host and port, such as https://localhost:8443. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly clock: Clock;
  readonly hash: Hash;
  readonly send: HttpSend;
};

/** The service refused an operation; `type` is AWS's name of the error, `wire` the HTTP status. */
export class OperationRefused extends Refused<CloudErrorCode> {
  readonly operation: string;
  readonly type: string;
  /** What to do about it, where the service said so. */
  readonly cure: string | undefined;

  constructor(
    operation: string,
    status: number,
    details: { type: string; message: string; cure?: string | undefined },
  ) {
    super("operation-refused", `${operation}: ${details.type}: ${details.message}`, status);
    this.operation = operation;
    this.type = details.type;
    this.cure = details.cure;
  }
}

/**
 * Calls one operation of the control plane, signed with the given key; names and types come from the same table as the
 * server's. Throws `OperationRefused`, `Refused` `unreachable`, or `ProtocolError` `not-our-api` for an answer that is
 * none.
 */
export async function callOperation<Name extends OperationName>(
  options: ClientOptions,
  name: Name,
  input: OperationInput<Name>,
): Promise<OperationResult<Name>> {
  const operation: Operation = OPERATIONS[name];
  const request = await signed(options, operation, unsigned(operation, input));
  const response = await options.send(request);
  if (response.status >= 400) throw refusal(operation.name ?? name, response);
  return resultOf(operation, response) as OperationResult<Name>;
}

type Unsigned = {
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** Puts each member of the input where the table says that it travels. */
function unsigned({ input, path }: Operation, values: Readonly<Record<string, unknown>>): Unsigned {
  const labels = new Map<string, string>();
  const query: Record<string, string | string[]> = {};
  const headers: Record<string, string> = {};
  const members: [string, unknown][] = [];
  let payload: Uint8Array | undefined;
  for (const [name, parameter] of Object.entries<Parameter>(input)) {
    const value = values[name];
    if (value === undefined) continue;
    const { place, shape, wire = name } = parameter;
    if (place === "uri") labels.set(wire, escaped(shape.toText(value)));
    else if (place === "query") query[wire] = parameter.repeated ? (value as string[]) : shape.toText(value);
    else if (place === "header") headers[wire] = shape.toText(value);
    else if (place === "body") members.push([wire, shape.toJson(value)]);
    else payload = shape === blob ? (value as Uint8Array) : jsonBytes(shape.toJson(value));
  }
  const body = payload ?? (members.length > 0 ? jsonBytes(Object.fromEntries(members)) : new Uint8Array(0));
  return { path: path.replace(/\{(\w+)\+?\}/g, (_, label: string) => labels.get(label) ?? ""), query, headers, body };
}

async function signed(options: ClientOptions, operation: Operation, request: Unsigned): Promise<ClientRequest> {
  const { endpoint, region, credentials, clock } = options;
  const url = new URL(endpoint);
  const [service = operation.service] = SCOPES[operation.service];
  const signer = new SignatureV4({ credentials, region, service, sha256: sha256Of(options.hash) });
  const { headers } = await signer.sign(
    {
      method: operation.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: request.path,
      query: { ...request.query },
      headers: { host: url.host, ...(request.body.length > 0 && jsonType), ...request.headers },
      body: request.body,
    },
    { signingDate: new Date(clock.now()) },
  );
  const pairs = Object.entries(request.query).flatMap(([name, value]) =>
    [value].flat().map((each) => `${escaped(name)}=${escaped(each)}`),
  );
  const query = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  return { method: operation.method, url: `${url.origin}${request.path}${query}`, headers, body: request.body };
}

const jsonType = { "content-type": "application/json" };

function resultOf({ output }: Operation, { status, headers, body }: ClientResponse): unknown {
  const outside: Record<string, unknown> = {};
  if (output.statusMember !== undefined) outside[output.statusMember] = status;
  for (const [member, wire] of Object.entries(output.headers ?? {})) {
    const value = headers[wire.toLowerCase()];
    if (value !== undefined) outside[member] = value;
  }
  if (output.payload) return { ...outside, ...(body.length > 0 ? { [output.payload.member]: body } : {}) };
  const value = body.length > 0 ? parseAnswer(body, status) : undefined;
  return Object.keys(outside).length > 0 ? { ...(value as object | undefined), ...outside } : value;
}

function refusal(operation: string, { status, headers, body }: ClientResponse): OperationRefused {
  const { message, Message, cure } = parseAnswer(body, status) as Readonly<Record<string, unknown>>;
  const type = (headers["x-amzn-errortype"] ?? `HTTP ${status}`).split(":")[0] ?? "";
  const text = typeof message === "string" ? message : typeof Message === "string" ? Message : "no message";
  return new OperationRefused(operation, status, {
    type,
    message: text,
    ...(typeof cure === "string" ? { cure } : {}),
  });
}

function parseAnswer(body: Uint8Array, status: number): unknown {
  const text = new TextDecoder().decode(body);
  try {
    return text === "" ? {} : (JSON.parse(text) as unknown);
  } catch (cause) {
    const message = `an answer of status ${status} that is not JSON: ${JSON.stringify(text.slice(0, 80))}`;
    throw new ProtocolError<CloudErrorCode, number>("not-our-api", message, status, { cause });
  }
}

/** Percent-encoded but for the unreserved characters of RFC 3986, section 2.3. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

type Sha256 = new (secret?: unknown) => {
  update(data: Uint8Array): void;
  reset(): void;
  digest(): Promise<Uint8Array>;
};

/** Our hash in the form in which the signer takes one: SHA-256, or HMAC where it is given a key. */
export function sha256Of(hash: Hash): Sha256 {
  const bytesOf = (data: unknown) => (typeof data === "string" ? utf8Bytes(data) : (data as Uint8Array));
  return class {
    readonly #key: Uint8Array | undefined;
    #content: Uint8Array = new Uint8Array(0);

    constructor(secret?: unknown) {
      this.#key = secret === undefined ? undefined : bytesOf(secret);
    }

    update(data: unknown): void {
      this.#content = concat(this.#content, bytesOf(data));
    }

    reset(): void {
      this.#content = new Uint8Array(0);
    }

    async digest(): Promise<Uint8Array> {
      return this.#key ? hash.hmac("sha256", this.#key, this.#content) : hash.digest("sha256", this.#content);
    }
  };
}
