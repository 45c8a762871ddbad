import { UsageError, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import { REFUSALS, type FieldValue, type RefusalCause, type Trace } from "../../trace/index.ts";
import {
  type ApiResponse,
  type Asker,
  type Exchange,
  OPERATIONS,
  type Operation,
  type OperationInput,
  type OperationName,
  type RequestHead,
  errorResponseOf,
  findRoute,
  leadsNowhere,
  httpFor,
  readInput,
  responseOf,
} from "../operations/index.ts";
import type { Admission, Authority, AuthorityAction, Peer } from "../broker/index.ts";
import { notImplemented, type CloudErrorCode } from "../errors.ts";
import { uuid } from "../registry/index.ts";
import { isoSecond } from "../temporary-keys/index.ts";
import { asksForCredentials, credentialRequest, type CredentialProvider } from "./credential-provider.ts";
import { cureFor } from "../why/index.ts";

/** What a device may ask over HTTPS with its certificate, and which rights each request needs. */
export type DeviceOperation<Name extends OperationName = OperationName> = {
  readonly needs: (input: OperationInput<Name>) => readonly (readonly [action: AuthorityAction, resource: string])[];
  readonly run: (input: OperationInput<Name>, authority: Authority, asker: Asker) => Promise<unknown>;
};

export type DeviceOperations = { readonly [Name in OperationName]?: DeviceOperation<Name> };

export type DevicePlaneOptions = {
  /** Decides about a connection's certificate or a request's credentials, as at CONNECT, but that no client id is asked for. */
  readonly authorize: (peer: Peer, head: RequestHead) => Promise<Admission>;
  readonly operations: DeviceOperations;
  /** Trades a client certificate for temporary credentials. */
  readonly credentials: CredentialProvider;
  readonly bodyLimit: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly trace: Trace;
};

/** A request that is let in for what it comes with. */
type Authorize = (peer: Peer, head: RequestHead) => Promise<Admission>;

/** Why a device is not let through, and what shows it. */
type Refused = { readonly cause: RefusalCause; readonly evidence?: Readonly<Record<string, FieldValue>> | undefined };

/** One request on its way through: `name` is what it is called in the ledger. */
type Call<Name extends string = string> = {
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly name: Name;
  readonly labels: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly startedAt: number;
};

/**
 * The data plane over HTTPS for devices: a request is authenticated by the client certificate of its connection and
 * allowed by its policies, where the control plane takes signatures of operators.
 * AWS IoT Core, "Device communication protocols", HTTPS
 */
export class DevicePlane {
  readonly #options: DevicePlaneOptions;

  constructor(options: DevicePlaneOptions) {
    this.#options = options;
  }

  /** Whether a request is for one of the operations. */
  offers(head: RequestHead): boolean {
    const route = this.#routeOf(head);
    return asksForCredentials(head) || (route.found === "operation" && this.has(route.name));
  }

  /** Whether an operation is one of them. */
  has(name: OperationName): boolean {
    return this.#options.operations[name] !== undefined;
  }

  /** Answers a request that was authenticated in another way than by its connection, under the rights that `authorize` finds. */
  answer(
    request: Pick<Call<OperationName>, "head" | "peer" | "name" | "labels" | "requestId">,
    body: Uint8Array,
    authorize: () => Promise<Admission>,
  ): Promise<ApiResponse> {
    return this.#complete({ ...request, startedAt: this.#options.clock.now() }, body, authorize);
  }

  /** Decides on a head before its body is read. */
  begin(head: RequestHead, peer: Peer): Exchange {
    const { bodyLimit, clock, entropy } = this.#options;
    const requestId = uuid(entropy);
    const common = { head, peer, requestId, startedAt: clock.now() };
    if (asksForCredentials(head)) {
      const call: Call = { ...common, name: "AssumeRoleWithCertificate", labels: {} };
      return {
        bodyLimit: 0,
        complete: () => this.#provide(call),
        tooLarge: () => this.#refuse(call, new UsageError<CloudErrorCode>("body-too-large", tooLarge(0))),
      };
    }
    const route = this.#routeOf(head);
    if (route.found === "query") return { answer: errorOf(notImplemented(titleOf(head, route)), requestId) };
    if (route.found !== "operation") return { answer: errorOf(leadsNowhere(route, titleOf(head, route)), requestId) };
    if (!this.has(route.name)) return { answer: errorOf(notImplemented(titleOf(head, route)), requestId) };
    const { name, labels } = route;
    const call: Call<OperationName> = { ...common, name, labels };
    return {
      bodyLimit,
      complete: (body) => this.#complete(call, body, this.#options.authorize),
      tooLarge: () => this.#refuse(call, new UsageError<CloudErrorCode>("body-too-large", tooLarge(bodyLimit))),
    };
  }

  /** A device signs for no service: its path may be one of either that devices ask. */
  #routeOf({ method, path }: RequestHead): ReturnType<typeof findRoute> {
    const route = findRoute(method, path, "iotdata");
    const isOffered = route.found === "operation" && this.#options.operations[route.name] !== undefined;
    return isOffered ? route : findRoute(method, path, "iot-jobs-data");
  }

  /** What AWS's credential provider answers. AWS IoT Core, "Authorizing direct calls to AWS services" */
  async #provide(call: Call): Promise<ApiResponse> {
    const { credentials } = this.#options;
    try {
      const request = credentialRequest(call.head);
      const admission = await credentials.authorize(call.peer);
      if (!admission.admit) return this.#forbid(call, admission);
      const { authority } = admission;
      const seconds = await credentials.seconds(request.roleAlias);
      const verdict = authority.may("iot:AssumeRoleWithCertificate", request.roleAlias);
      if (!verdict.allowed) return this.#deny(call, authority, verdict);
      const refused = credentials.thingRefusal(authority, request.thingName);
      if (refused) return this.#deny(call, authority, { cause: "credentials-thing", evidence: refused });
      const issued = credentials.issue(authority, seconds);
      this.#trace(call, 200, "");
      const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = issued;
      const body = { credentials: { accessKeyId, secretAccessKey, sessionToken, expiration: isoSecond(expiresAt) } };
      const headers = {
        "x-amzn-RequestId": call.requestId,
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
      };
      return { status: 200, headers, body: utf8Bytes(JSON.stringify(body)) };
    } catch (error) {
      return this.#refuse(call, error);
    }
  }

  async #complete(call: Call<OperationName>, body: Uint8Array, authorize: Authorize): Promise<ApiResponse> {
    const { head, peer, name, labels, requestId } = call;
    try {
      const admission = await authorize(peer, head);
      if (!admission.admit) return this.#forbid(call, admission);
      const { authority } = admission;
      const input = readInput(OPERATIONS[name], { ...head, body, labels }) as never;
      const operation = this.#options.operations[name] as DeviceOperation<never>;
      for (const [action, resource] of operation.needs(input)) {
        const verdict = authority.may(action, resource);
        if (!verdict.allowed) return this.#deny(call, authority, verdict);
      }
      const row: Operation = OPERATIONS[name];
      const response = responseOf(row, await operation.run(input, authority, peer), requestId);
      this.#trace(call, response.status, "");
      return response;
    } catch (error) {
      return this.#refuse(call, error);
    }
  }

  #deny(call: Call, { principalId }: Authority, { cause, evidence = {} }: Refused): ApiResponse {
    const { address, connection } = call.peer;
    const event = {
      kind: "refusal",
      cause,
      clientId: "",
      address,
      evidence: { ...evidence, protocol: "https" },
    } as const;
    this.#options.trace.emit("cloud", event, { connection, certificate: principalId });
    return this.#forbid(call, { cause, evidence: { certificateId: principalId, ...evidence } });
  }

  #forbid(call: Call, { cause, evidence = {} }: Refused): ApiResponse {
    const why = REFUSALS[cause].cause;
    const cure = cureFor(cause, evidence);
    const type = "ForbiddenException";
    this.#trace(call, 403, type);
    const error = { status: 403, type, message: `Forbidden: ${why}`, cure, members: { cause }, unforeseen: false };
    return errorResponseOf({ ...error, members: { cause, traceId: call.requestId } }, "iot-data", call.requestId);
  }

  #refuse(call: Call, error: unknown): ApiResponse {
    const http = httpFor(error, "iot-data");
    if (http.unforeseen) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const detail = `${call.name} failed, request ${call.requestId}: ${what}`;
      this.#options.trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
    this.#trace(call, http.status, http.type);
    return errorOf(error, call.requestId);
  }

  #trace({ name, startedAt }: Call, status: number, code: string): void {
    const { trace, clock } = this.#options;
    const durationMs = clock.now() - startedAt;
    trace.emit("cloud", { kind: "api.call", operation: name, status, code, durationMs });
  }
}

function titleOf({ method, path }: RequestHead, route: ReturnType<typeof findRoute>): string {
  return `${"name" in route ? route.name : `${method} ${path.slice(0, 128)}`} with a client certificate`;
}

/** The bearer credential of a request. RFC 6750, section 2.1 */
export function bearerOf(head: RequestHead): string | undefined {
  const [, value] = head.headers.find(([name]) => name.toLowerCase() === "authorization") ?? [];
  return value === undefined ? undefined : /^Bearer +(\S+)$/i.exec(value)?.[1];
}

function errorOf(error: unknown, requestId: string): ApiResponse {
  return errorResponseOf(httpFor(error, "iot-data"), "iot-data", requestId);
}

function tooLarge(limit: number): string {
  return `the body is larger than ${limit} bytes`;
}
