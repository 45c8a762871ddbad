/** What tests of the API share: a control plane over a temporary registry, and a client that calls it without sockets. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { Ledger } from "../../trace/index.ts";
import { AWS_PROFILE } from "../broker/index.ts";
import { Revocations } from "../revocation/index.ts";
import { DeviceRegistries } from "../jwt/index.ts";
import { entropy, newIssuing, newWorld, type World } from "../registry/fixtures.test.ts";
import type { DeviceIssuing, RegistryOptions } from "../registry/index.ts";
import { Domains } from "../domains/index.ts";
import { LoggingOptions, type ApiLogLevel } from "../logging/index.ts";
import { CertificateProviders } from "../providers/index.ts";
import { EventSwitches } from "../registry-events/index.ts";
import { FleetIndex } from "../search/index.ts";
import { Jobs } from "../jobs/index.ts";
import { Shadows } from "../shadows/index.ts";
import { RegistrationTasks, type AskFunction, type ObjectStore, type Workshop } from "../templates/index.ts";
import type { CertificateCalls } from "./certificate-calls.ts";
import { callOperation, type ClientOptions, type ClientRequest, type ClientResponse } from "./client.ts";
import { ControlPlane } from "./control-plane.ts";
import {
  OPERATIONS,
  type Operation,
  type OperationInput,
  type OperationName,
  type OperationResult,
  type RequestHead,
  queryOperations,
} from "../operations/index.ts";
import { createHandlers, type ControlPlaneServices } from "./handlers.ts";
import type { Settings } from "./settings/handlers.ts";

export type Api = World & {
  readonly settings: Settings;
  /** Levels that the log was given, in order. */
  readonly levels: readonly ApiLogLevel[];
  readonly shop: Workshop;
  readonly jobs: Jobs;
  readonly tasks: RegistrationTasks;
  /** Clients that are connected, with the time since. */
  readonly connected: Map<string, number>;
  /** What bulk registration reads and writes, by BUCKET/KEY. */
  readonly objects: Map<string, Uint8Array>;
  readonly plane: ControlPlane;
  readonly client: ClientOptions;
  /** What the stand-ins of the functions and rules rooms were called with. */
  readonly calls: { readonly name: string; readonly input: unknown }[];
  call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationResult<Name>>;
};

type Replaced = Partial<ControlPlaneServices> & {
  readonly issuing?: DeviceIssuing;
  /** How the registry is opened. */
  readonly opened?: RegistryOptions;
  /** What certificates' temporary credentials reach. */
  readonly temporary?: (parts: Pick<Api, "shop" | "jobs">) => Promise<CertificateCalls>;
};

export async function newApi(
  t: TestContext,
  { issuing, opened = {}, temporary, ...services }: Replaced = {},
): Promise<Api> {
  const world = await newWorld(t, undefined, opened);
  const { registry, clock, ledger } = world;
  const calls: Api["calls"] = [];
  const shop = { registry, issuing: issuing ?? (await newIssuing()), hash: nodeHash };
  const connected = new Map<string, number>();
  const objects = new Map<string, Uint8Array>();
  const tasks = await RegistrationTasks.open(shop, memoryObjects(objects));
  t.after(() => tasks.close());
  const levels: ApiLogLevel[] = [];
  const ask: AskFunction = services.ask ?? (async () => ({}));
  const settings = {
    domains: await Domains.open(registry),
    providers: new CertificateProviders(registry, ask),
    switches: await EventSwitches.open(registry),
    logging: await LoggingOptions.open(registry, (level) => void levels.push(level)),
  };
  const jobs = await jobsFor(registry, calls);
  t.after(() => jobs.close());
  const handlers = createHandlers({
    settings,
    deviceRegistries: await DeviceRegistries.open(registry),
    revocations: await Revocations.open(registry),
    registry,
    why: {
      explain: async (subject) => ({
        ...(subject !== undefined && { subject }),
        verdict: "unknown" as const,
        note: "",
        findings: [],
      }),
    },
    ledger: { events: async (filter, limit) => ledger.events(filter).slice(-limit) },
    dataEndpoint: "iot.example",
    rootCertificate: "ROOT",
    traffic: () => ({ sessions: { connected: 0, away: 0 }, listeners: [] }),
    shop,
    tasks,
    ask,
    index: new FleetIndex(registry, { connected: () => connected }),
    ...standIns(calls),
    jobs,
    shadows: new Shadows({
      store: registry.store,
      clock,
      publish: (topic, payload) => void calls.push({ name: "shadow", input: { topic, payload } }),
    }),
    ...services,
  });
  const { region } = registry.account;
  const { accessKeys } = registry;
  const plane = new ControlPlane({
    handlers,
    queries: queryOperations(registry),
    accessKeys,
    temporary: await temporary?.({ shop, jobs }),
    region,
    rates: registry.limits,
    clock,
    entropy,
    hash: nodeHash,
    trace: ledger,
  });
  const send = (request: ClientRequest) => deliver(plane, request);
  const credentials = accessKeys.primary;
  const client = { endpoint: "https://localhost:8443", region, credentials, clock, hash: nodeHash, send };
  t.after(() => onlyModelled(ledger));
  return {
    ...world,
    shop,
    jobs,
    tasks,
    objects,
    connected,
    plane,
    client,
    calls,
    settings,
    levels,
    call: (name, input) => callOperation(client, name, input),
  };
}

/** What any operation may answer: errors of the front door, of the input, of what is absent, and the unforeseen. */
const COMMON = [
  "ThrottlingException",
  "TooManyRequestsException",
  "MethodNotAllowedException",
  "MissingAuthenticationTokenException",
  "IncompleteSignatureException",
  "UnrecognizedClientException",
  "ExpiredTokenException",
  "AccessDeniedException",
  "ForbiddenException",
  "InvalidSignatureException",
  "RequestEntityTooLargeException",
  "InvalidRequestException",
  "InvalidParameterValueException",
  "NotImplementedException",
  "InternalFailureException",
];

/** Checks that every operation answered only with errors that the service model gives it. */
function onlyModelled(ledger: Ledger): void {
  for (const event of ledger.events({ kinds: ["api.call"] })) {
    if (event.kind !== "api.call" || event.code === "" || COMMON.includes(event.code)) continue;
    // Their errors have other names, which their own tests check.
    if (/^((sts|iam):|AssumeRoleWithCertificate$)/.test(event.operation)) continue;
    const row = Object.entries<Operation>(OPERATIONS).find(
      ([key, each]) => event.operation === key || event.operation === each.name,
    )?.[1];
    assert.ok(row?.errors.includes(event.code), `${event.operation} answered ${event.code}`);
  }
}

/** Gives a request to the control plane as the HTTP server would. */
export async function deliver(plane: ControlPlane, request: ClientRequest): Promise<ClientResponse> {
  const exchange = plane.begin(headOf(request));
  const { status, headers, body } =
    "answer" in exchange
      ? exchange.answer
      : request.body.length > exchange.bodyLimit
        ? exchange.tooLarge()
        : await exchange.complete(request.body);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { status, headers: Object.fromEntries(lower), body };
}

export function headOf({ method, url, headers }: ClientRequest): RequestHead {
  const target = url.replace(/^https?:\/\/[^/]*/, "");
  const at = target.indexOf("?");
  return {
    method,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? "" : target.slice(at + 1),
    headers: Object.entries(headers),
    address: "192.0.2.7",
  };
}

/** The signed request that the client would send for an operation. */
export async function capture<Name extends OperationName>(
  api: Api,
  name: Name,
  input: OperationInput<Name>,
): Promise<ClientRequest> {
  const sent: ClientRequest[] = [];
  const send = async (request: ClientRequest) => {
    sent.push(request);
    return { status: 200, headers: {}, body: new Uint8Array(0) };
  };
  await callOperation({ ...api.client, send }, name, input);
  return sent[0] ?? assert.fail("nothing was sent");
}

export type Answer = {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Record<string, unknown>;
};

/** An answer in the parts that tests look at. */
export function answerOf({ status, headers, body }: ClientResponse): Answer {
  const text = new TextDecoder().decode(body);
  const parsed = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status, type: headers["x-amzn-errortype"], body: parsed };
}

function memoryObjects(objects: Map<string, Uint8Array>): ObjectStore {
  return {
    read: async (bucket, key) => objects.get(`${bucket}/${key}`),
    async write(bucket, key, bytes) {
      objects.set(`${bucket}/${key}`, bytes);
      return `memory:${bucket}/${key}`;
    },
  };
}

function standIns(calls: Api["calls"]): Pick<ControlPlaneServices, "functions" | "rules" | "messages"> {
  const note = (name: string, input: unknown) => void calls.push({ name, input });
  return {
    functions: {
      async createFunction(input) {
        note("createFunction", input);
        return CONFIGURATION;
      },
      async addPermission(input) {
        note("addPermission", input);
        return { Statement: "{}" };
      },
      async invoke(input) {
        note("invoke", input);
        return {
          StatusCode: 200,
          FunctionError: "Unhandled",
          LogResult: "bG9n",
          ExecutedVersion: "$LATEST",
          Payload: utf8Bytes('{"errorType":"Error"}'),
        };
      },
    },
    messages: {
      limits: AWS_PROFILE.limits,
      retainedMessage: () => undefined,
      retainedTopics: () => [],
      disconnect: async (clientId, how) => {
        note("disconnect", { clientId, ...how });
        return clientId !== "nobody";
      },
      publish: (message, origin) => note("publish", { ...message, origin }),
    },
    rules: {
      async createTopicRule(input) {
        note("createTopicRule", input);
      },
    },
  };
}

export const CONFIGURATION = {
  FunctionName: "activate",
  FunctionArn: "arn:aws:lambda:eu-central-1:000000000000:function:activate",
  Runtime: "nodejs22.x",
  Role: "arn:aws:iam::000000000000:role/r",
  Handler: "index.handler",
  CodeSize: 2,
  Description: "",
  Timeout: 3,
  MemorySize: 128,
  LastModified: "2026-01-01T00:00:00.000+0000",
  CodeSha256: "",
  Version: "$LATEST",
  RevisionId: "1",
  State: "Active",
  LastUpdateStatus: "Successful",
  PackageType: "Zip",
  Architectures: ["x86_64"],
  EphemeralStorage: { Size: 512 },
} as const;

/** Jobs that tell the test what they would publish. */
async function jobsFor(registry: World["registry"], calls: Api["calls"]): Promise<Jobs> {
  const publish = (topic: string, payload: Uint8Array) =>
    void calls.push({ name: topic, input: JSON.parse(new TextDecoder().decode(payload)) as unknown });
  return Jobs.open({ registry, publish, isOn: () => true, readObject: async () => undefined });
}
