import { HawserError, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { Trace } from "../../trace/index.ts";
import { invalidRequest, notImplemented, type CloudErrorCode } from "../errors.ts";
import { uuid } from "../registry/index.ts";
import type { TemporaryKey } from "../temporary-keys/index.ts";
import { authorizationOf, checkHead, checkSignature, type AccessKeys, type Claim } from "./authenticate.ts";
import { answerCertificate, type CertificateCalls, type Via } from "./certificate-calls.ts";
import {
  ALL_SCOPES,
  type ApiResponse,
  type Authorization,
  type Exchange,
  type Handlers,
  OPERATIONS,
  type Operation,
  type OperationName,
  QUERY_SERVICES,
  type QueryService,
  type RawRequest,
  type RequestHead,
  type Route,
  type ServiceName,
  errorResponseOf,
  findRoute,
  leadsNowhere,
  httpFor,
  type queryOperations,
  readForm,
  readInput,
  readJsonInput,
  responseOf,
  scopesOf,
  xmlError,
  xmlResponse,
} from "../operations/index.ts";
import { OperationRates, type ApiRates } from "./operation-rates.ts";
import { refusalCauseOf } from "./refusal-cause.ts";

export type ControlPlaneOptions = {
  readonly handlers: Handlers;
  readonly queries: ReturnType<typeof queryOperations>;
  readonly accessKeys: AccessKeys;
  /** What a certificate's temporary credentials reach; without it they are not known. */
  readonly temporary?: CertificateCalls | undefined;
  readonly region: string;
  /** How often operations may be asked. */
  readonly rates: ApiRates;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly hash: Hash;
  readonly trace: Trace;
};

/** Function code travels in base64: 50 MB of zip and what stands around it. */
const CODE_LIMIT = 70 * 1024 * 1024;
/** Lambda's largest event. */
const PAYLOAD_LIMIT = 6 * 1024 * 1024;
/** A CRL of some hundred thousand certificates. */
const LIST_LIMIT = 16 * 1024 * 1024;
const BODY_LIMIT = 1024 * 1024;

/** How much of a message goes into the ledger. */
const EVIDENCE = 300;

/** One request on its way through: what it is called in errors and in the ledger. */
type Call = {
  readonly head: RequestHead;
  readonly via: Via;
  readonly requestId: string;
  readonly startedAt: number;
  readonly service: ServiceName;
  /** Whether its errors are XML. */
  readonly isQuery: boolean;
  /** The operation's name, or method and path where none is known. */
  readonly title: string;
};

/**
 * The API without its sockets: routes a request by method, raw path and the service that it was signed for, checks its
 * signature, reads its input, calls the handler and shapes the answer. Everything unknown is refused with its name.
 */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #rates: OperationRates;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    this.#rates = new OperationRates(options.rates, options.clock);
  }

  /** Decides on a head before its body is read. */
  begin(head: RequestHead, via: Via = {}): Exchange {
    const route = findRoute(head.method, head.path, signedScope(head));
    const call = this.#callOf(head, route, via);
    try {
      const scopes = route.found === "nothing" ? ALL_SCOPES : scopesOf(serviceOf(route));
      const claim = checkHead(head, scopes, this.#options);
      return {
        bodyLimit: bodyLimitOf(route),
        complete: (body) => this.#complete(call, { route, claim, body }),
        tooLarge: () => this.#refuse(call, tooLarge(bodyLimitOf(route))),
      };
    } catch (error) {
      return { answer: this.#refuse(call, error) };
    }
  }

  /**
   * Runs an operation for a program inside that needs no signature. `input` is JSON with the model's member names, bytes
   * in base64. Throws what the handler throws.
   */
  async call(name: string, input: unknown): Promise<unknown> {
    const operation = Object.hasOwn(OPERATIONS, name) ? (name as OperationName) : undefined;
    const handler = operation && this.#options.handlers[operation];
    if (!operation || !handler) throw notImplemented(name.slice(0, 64));
    return handler(readJsonInput(OPERATIONS[operation], input) as never);
  }

  async #complete(
    call: Call,
    { route, claim, body }: { readonly route: Route; readonly claim: Claim; readonly body: Uint8Array },
  ): Promise<ApiResponse> {
    try {
      checkSignature(claim, { ...call.head, body }, this.#options.hash);
      // Before anything is looked at: whoever is no operator reaches no handler of this plane.
      if (claim.temporary) return await this.#answerCertificate(call, { route, key: claim.temporary, body });
      if (route.found === "query") return await this.#answerQuery(call, route.service, body);
      if (route.found !== "operation") throw leadsNowhere(route, call.title);
      const operation: Operation = OPERATIONS[route.name];
      const handler = this.#options.handlers[route.name];
      if (!handler) throw notImplemented(call.title);
      this.#rates.count(route.name);
      const input = readInput(operation, { ...call.head, body, labels: route.labels });
      const response = responseOf(operation, await handler(input as never, call.via), call.requestId);
      this.#trace(call, response.status, "");
      return response;
    } catch (error) {
      return this.#refuse(call, error);
    }
  }

  async #answerCertificate(
    call: Call,
    asked: { readonly route: Route; readonly key: TemporaryKey; readonly body: Uint8Array },
  ): Promise<ApiResponse> {
    const { temporary } = this.#options;
    if (!temporary) throw notImplemented("temporary credentials");
    const { response, isTraced } = await answerCertificate(temporary, { ...call, ...asked });
    if (!isTraced) this.#trace({ ...call, title: "sts:GetCallerIdentity" }, response.status, "");
    return response;
  }

  async #answerQuery(call: Call, service: QueryService, body: Uint8Array): Promise<ApiResponse> {
    const form = readForm(body);
    const action = form.get("Action") ?? "";
    const known = this.#options.queries[service];
    const operation = Object.hasOwn(known, action) ? known[action] : undefined;
    const named = { ...call, title: operation ? `${service}:${action}` : call.title };
    try {
      if (!operation) throw notImplemented(`${service}:${action.slice(0, 64)}`);
      const { version, namespace } = QUERY_SERVICES[service];
      const asked = form.get("Version");
      if (asked !== version) throw invalidRequest(`Version must be ${version}, not ${JSON.stringify(asked ?? null)}`);
      const response = xmlResponse({ action, namespace }, await operation(form), call.requestId);
      this.#trace(named, response.status, "");
      return response;
    } catch (error) {
      return this.#refuse(named, error);
    }
  }

  #callOf(head: RequestHead, route: Route, via: Via): Call {
    const { clock, entropy } = this.#options;
    const service: ServiceName = route.found === "operation" ? OPERATIONS[route.name].service : "iot";
    const isQuery = route.found === "query";
    const title = titleOf(head, route);
    return { head, via, requestId: uuid(entropy), startedAt: clock.now(), service, isQuery, title };
  }

  #refuse(call: Call, error: unknown): ApiResponse {
    const { trace } = this.#options;
    const http = httpFor(error, call.service);
    if (http.unforeseen) {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const detail = `${call.title} failed, request ${call.requestId}: ${stack}`;
      trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
    const cause = refusalCauseOf(error);
    if (cause && error instanceof HawserError) {
      const evidence = {
        code: error.code,
        operation: call.title,
        accessKeyId: signedBy(call.head),
        message: error.message.slice(0, EVIDENCE),
      };
      const { address } = call.head;
      trace.emit("cloud", { kind: "refusal", cause, clientId: "", address, evidence });
    }
    this.#trace(call, http.status, http.type);
    const told = cause ? { ...http, members: { ...http.members, cause } } : http;
    return call.isQuery ? xmlError(told, call.requestId) : errorResponseOf(told, call.service, call.requestId);
  }

  #trace({ title, startedAt }: Call, status: number, code: string): void {
    const { trace, clock } = this.#options;
    const durationMs = clock.now() - startedAt;
    trace.emit("cloud", { kind: "api.call", operation: title, status, code, durationMs });
  }
}

function bodyLimitOf(route: Route): number {
  if (route.found !== "operation") return BODY_LIMIT;
  if (route.name === "CreateFunction" || route.name === "UpdateFunctionCode") return CODE_LIMIT;
  if (route.name === "PutCertificateRevocationList") return LIST_LIMIT;
  return route.name === "Invoke" ? PAYLOAD_LIMIT : BODY_LIMIT;
}

function tooLarge(limit: number): UsageError<CloudErrorCode> {
  return new UsageError("body-too-large", `the body is larger than ${limit} bytes`);
}

function serviceOf(route: Exclude<Route, { found: "nothing" }>): string {
  return route.found === "operation" ? OPERATIONS[route.name].service : route.service;
}

function titleOf({ method, path }: RawRequest, route: Route): string {
  if (route.found === "operation") return nameOf(route.name);
  if (route.found === "query") return `${route.service}:`;
  return route.found === "absent" ? route.name : `${method} ${path.slice(0, 128)}`;
}

function nameOf(operation: OperationName): string {
  const row: Operation = OPERATIONS[operation];
  return row.name ?? operation;
}

/** What the caller claims to have signed for; believed only after the signature was checked. */
function signedScope(head: RawRequest): string | undefined {
  return claimOf(head)?.scope.service;
}

function signedBy(head: RawRequest): string {
  return claimOf(head)?.accessKeyId ?? "";
}

function claimOf(head: RawRequest): Authorization | undefined {
  const claim = authorizationOf(head);
  return claim && "wrong" in claim ? undefined : claim;
}
