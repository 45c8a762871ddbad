import { join } from "node:path";

import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../crypto/node.ts";
import type { Ledger } from "../trace/index.ts";
import { ControlPlane, createHandlers } from "./api/index.ts";
import { httpFor, queryOperations } from "./operations/index.ts";
import { openGatekeeper, type Broker } from "./broker/index.ts";
import { listenPlain, listenTls, type HandshakeGate } from "./broker/node.ts";
import { allowOperations, FunctionLogs, Functions, functionStore } from "./functions/index.ts";
import { openFunctionRuntime } from "./functions/node.ts";
import type { DeviceRegistries } from "./jwt/index.ts";
import type { Domains } from "./domains/index.ts";
import { openSettings } from "./node-settings.ts";
import { chosenLimits } from "./chosen-limits.ts";
import { Closing } from "./node-closing.ts";
import { deviceIssuing, newSigner } from "./node-device-issuer.ts";
import { messagesOf, openDevicePlane, type OpenDevicePlane } from "./node-device-plane.ts";
import { listenHttps } from "./node-https.ts";
import { openEntry, type Entry } from "./node-entry.ts";
import { openLedger, type DurableLedger } from "./node-ledger.ts";
import { isLoopback, isWildcard, nameOf, type CloudOptions } from "./node-options.ts";
import { listenApi } from "./node-pages.ts";
import { openProvisioning } from "./node-provisioning.ts";
import { openRules } from "./node-rules.ts";
import { serverIdentity, type ServerIdentity } from "./node-server-identity.ts";
import { serverTls } from "./node-server-tls.ts";
import type { OnboardingGatekeeper } from "./onboarding/index.ts";
import { EventSwitches } from "./registry-events/index.ts";
import { openRegistry, type Account, type Registry } from "./registry/index.ts";
import { IssuedStatus, type Revocations } from "./revocation/index.ts";
import type { Destinations } from "./rules/index.ts";
import { FleetIndex } from "./search/index.ts";
import { openJobs } from "./node-jobs.ts";
import type { Jobs } from "./jobs/index.ts";
import { openShadows } from "./node-shadows.ts";
import type { Shadows } from "./shadows/index.ts";
import { openStore, storeFailure } from "./store/node.ts";
import type { AskFunction, Workshop } from "./templates/index.ts";
import { why } from "./why/index.ts";

export { openLedger, type DurableLedger, type DurableLedgerOptions } from "./node-ledger.ts";
export { PROFILES, type CloudOptions, type HttpActionOptions } from "./node-options.ts";
export { serverIdentity, type ServerIdentity, type ServerIdentityOptions } from "./node-server-identity.ts";

/** A cloud that is up. */
export type RunningCloud = {
  readonly account: Account;
  /** URL of the control plane. */
  readonly api: string;
  /** Where devices connect to. */
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Ports of the same host that take MQTT by ALPN, MQTT over WebSocket and publishing over HTTPS. */
  readonly httpsPorts: readonly number[];
  /** Where MQTT is spoken without TLS, if anywhere. */
  readonly plainMqtt: { readonly host: string; readonly port: number } | undefined;
  readonly accessKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Whether this start made the access key. */
  readonly isNewKey: boolean;
  /** The root that devices and callers must trust, PEM. */
  readonly caFile: string;
  readonly ledger: Ledger;
  /** Ends everything in order: first the listeners, then sessions and functions, last the disk. */
  close(): Promise<void>;
};

/**
 * Puts the rooms of the cloud together over one directory (store, registry, ledger, broker with its gatekeeper,
 * functions, rules, control plane) and starts both listeners. Throws what the rooms throw, with nothing left open.
 */
export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  const closing = new Closing();
  try {
    return await assemble(options, closing);
  } catch (error) {
    await closing.run();
    // Damage further inside shows only once something reads there.
    throw storeFailure(error, options.directory);
  }
}

async function assemble(options: CloudOptions, closing: Closing): Promise<RunningCloud> {
  const { directory, host } = options;
  const ground = await openGround(options, closing);
  const { trace, registry } = ground;
  const identity = await identityFor(options, registry);
  const shop = await workshopOf(options, registry);
  const ask: AskFunction = (...question) => control.functions.askFor(...question);
  const entry = await openEntry({ ...options, shop, isServerName: identity.isFor, ask }, closing);
  const { broker } = entry;
  const shadows = openShadows(registry, broker, closing);
  const switches = await EventSwitches.open(registry);
  const jobs = await openJobs({ directory, registry, broker, switches }, closing);
  const device = await openDevicePlane({ ...entry, registry, shadows, jobs });
  const rootCertificate = identity.root;
  let url = "";
  const listeners: string[] = [];
  const parts = {
    options,
    ground,
    shop,
    ...entry,
    ...device,
    shadows,
    jobs,
    switches,
    rootCertificate,
    listeners,
    controlPlane: () => url,
  };
  const control = await openControlPlane(parts, closing);
  const { plane, destinations, functions } = control;
  // Rules hear them, and no client has come back yet.
  broker.publishLeftWills();
  const { issuer } = shop.issuing;
  const issued = await IssuedStatus.open({ registry, issuer, revocations: entry.revocations, newSigner });
  const rooms = { issued, plane, destinations, functions, shadows, jobs, identity, listeners };
  const servers = { options, ledger: trace, registry, ...entry, ...device, ...rooms };
  const { api, mqtt, httpsPorts, plainMqtt } = await listen(servers, closing);
  url = api;
  return {
    account: registry.account,
    api,
    mqtt,
    httpsPorts,
    plainMqtt,
    accessKey: registry.accessKeys.primary,
    isNewKey: registry.accessKeys.isNew,
    caFile: identity.rootFile,
    ledger: trace,
    async close() {
      trace.emit("cloud", { kind: "process", what: "stopped", detail: `${directory} on ${host}` });
      await closing.run();
    },
  };
}

/** What everything else stands on. */
type Ground = { readonly ledger: DurableLedger; readonly trace: Ledger; readonly registry: Registry };

const RELAXED_WARNING =
  "certificates are relaxed, for test suites only: the control plane registers any text, and plain MQTT admits anybody";

async function openGround(options: CloudOptions, closing: Closing): Promise<Ground> {
  const { directory, region, accountId, relaxedCertificates = false } = options;
  const limits = chosenLimits(options.limits ?? []);
  const { clock = nodeClock, entropy = nodeEntropy, onLedger } = options;
  const store = await openStore({ directory });
  closing.add(() => store.close());
  const ledger = await openLedger({ store, clock });
  closing.add(() => ledger.close());
  const { trace } = ledger;
  onLedger?.(trace);
  trace.emit("cloud", { kind: "process", what: "started", detail: directory });
  const ports = { store, clock, entropy, verifier: nodeVerifier, trace };
  if (relaxedCertificates) trace.emit("cloud", { kind: "process", what: "warning", detail: RELAXED_WARNING });
  const chosen = { ...(region !== undefined && { region }), ...(accountId !== undefined && { accountId }) };
  return { ledger, trace, registry: await openRegistry(ports, { ...chosen, relaxedCertificates, limits }) };
}

function identityFor(
  { directory, host, serverNames, legacyDhe = false }: CloudOptions,
  registry: Registry,
): Promise<ServerIdentity> {
  const { clock, entropy, trace } = registry;
  const names = isWildcard(host) ? serverNames : [...serverNames, host];
  return serverIdentity({ directory: join(directory, "tls"), names, rsa: legacyDhe, clock, entropy, trace });
}

async function workshopOf({ directory, revocationUrl }: CloudOptions, registry: Registry): Promise<Workshop> {
  const { clock, entropy, trace } = registry;
  const place = { directory: join(directory, "issuing"), ...(revocationUrl !== undefined && { revocationUrl }) };
  const issuing = await deviceIssuing({ ...place, clock, entropy, trace });
  return { registry, issuing, hash: nodeHash };
}

type Parts = Pick<OpenDevicePlane, "certificateCalls"> & {
  readonly options: CloudOptions;
  readonly ground: Ground;
  readonly shop: Workshop;
  readonly broker: Broker;
  readonly gatekeeper: OnboardingGatekeeper;
  readonly domains: Domains;
  readonly deviceRegistries: DeviceRegistries;
  readonly revocations: Revocations;
  readonly shadows: Shadows;
  readonly jobs: Jobs;
  readonly switches: EventSwitches;
  readonly rootCertificate: string;
  /** Filled as soon as they listen. */
  readonly listeners: string[];
  /** The control plane's URL, once it listens. */
  readonly controlPlane: () => string;
};

async function openControlPlane(
  parts: Parts,
  closing: Closing,
): Promise<{
  readonly plane: ControlPlane;
  readonly functions: Functions;
  readonly destinations: Destinations;
}> {
  const { options, ground, shop, broker, gatekeeper, deviceRegistries, revocations, shadows, jobs, rootCertificate } =
    parts;
  const { ledger, trace, registry } = ground;
  const { account, clock, entropy, store, accessKeys } = registry;
  const common = { account, clock, entropy, hash: nodeHash, trace };
  // Functions call the control plane, which offers functions: whichever is asked first, both are there by then.
  const api = allowOperations(async (operation, input) => {
    try {
      return await plane.call(operation, input);
    } catch (error) {
      throw underAwsName(error, { operation, trace });
    }
  });
  const runtime = await openFunctionRuntime({
    clock,
    entropy,
    trace,
    api,
    directory: join(options.directory, "functions"),
    ...(options.functionLayer !== undefined && { layer: options.functionLayer }),
  });
  const logs = await FunctionLogs.open({ store, clock });
  const functions = await Functions.open({
    ...common,
    controlPlane: parts.controlPlane,
    store: functionStore(store),
    logs,
    runtime,
  });
  closing.add(() => functions.close());
  gatekeeper.holdFor((certificateId) => functions.underway(certificateId));
  const { directory, httpActions } = options;
  const call = (operation: string, input: unknown) => plane.call(operation, input);
  const ruleParts = { directory, httpActions, registry, broker, functions, shadows, call };
  const { rules, destinations, recordings } = await openRules(
    { ...ruleParts, controlPlane: parts.controlPlane, gatekeeper },
    closing,
  );
  const ask: AskFunction = (...question) => functions.askFor(...question);
  const settings = await openSettings(
    { options, registry, domains: parts.domains, broker, switches: parts.switches, ask },
    closing,
  );
  const { providers } = settings;
  const tasks = await openProvisioning({ directory, shop, broker, functions, providers }, closing);
  const handlers = createHandlers({
    settings,
    registry,
    deviceRegistries,
    revocations,
    shop,
    tasks,
    index: new FleetIndex(registry, { connected: () => connectedSince(broker) }),
    ask,
    messages: {
      limits: broker.settings.limits,
      publish: (message, origin) => broker.publish(message, origin),
      ...messagesOf(broker),
    },
    shadows,
    jobs,
    functions,
    rules,
    destinations,
    recordings,
    why: { explain: async (subject) => why(subject, await ledger.events({}, WHY_EVENTS)) },
    ledger,
    dataEndpoint: nameOf(options),
    rootCertificate,
    traffic: () => ({ sessions: sessionCounts(broker), listeners: parts.listeners }),
  });
  const plane: ControlPlane = new ControlPlane({
    ...common,
    handlers,
    queries: queryOperations(registry),
    accessKeys,
    temporary: parts.certificateCalls,
    rates: registry.limits,
    region: account.region,
  });
  return { plane, functions, destinations };
}

function connectedSince(broker: Broker): ReadonlyMap<string, number> {
  return new Map(
    broker
      .sessions()
      .flatMap(({ clientId, connection }) => (connection ? [[clientId, connection.since] as const] : [])),
  );
}

function sessionCounts(broker: Broker): { connected: number; away: number } {
  const counts = { connected: 0, away: 0 };
  for (const { connected } of broker.sessions()) counts[connected ? "connected" : "away"]++;
  return counts;
}

/** An error as functions know it: they ask for AWS's names, such as ResourceAlreadyExistsException. */
function underAwsName(error: unknown, { operation, trace }: { operation: string; trace: Ledger }): unknown {
  const { type, message, unforeseen } = httpFor(error, "iot");
  if (unforeseen) {
    trace.emit("cloud", { kind: "process", what: "warning", detail: `${operation} of a function failed: ${message}` });
  }
  return error instanceof Error ? Object.assign(error, { awsName: type }) : error;
}

/** How many events `why` looks at: more than a fleet's bad night. */
const WHY_EVENTS = 50_000;

type Servers = Entry &
  OpenDevicePlane & {
    readonly issued: IssuedStatus;
    readonly options: CloudOptions;
    readonly ledger: Ledger;
    readonly registry: Registry;
    readonly plane: ControlPlane;
    readonly destinations: Destinations;
    readonly functions: Functions;
    readonly shadows: Shadows;
    readonly jobs: Jobs;
    readonly identity: ServerIdentity;
    readonly listeners: string[];
  };

const DHE_WARNING = "TLS also offers DHE_RSA with AES-GCM, for clients without elliptic curves";

async function listen(
  servers: Servers,
  closing: Closing,
): Promise<Pick<RunningCloud, "api" | "mqtt" | "httpsPorts" | "plainMqtt">> {
  const { options, registry, broker, gatekeeper, identity } = servers;
  const { host, apiPort, mqttPort, httpsPorts: wanted = [] } = options;
  const { clock, trace } = registry;
  const tls = serverTls(identity);
  if (identity.rsa) trace.emit("cloud", { kind: "process", what: "warning", detail: DHE_WARNING });
  const gate = options.jitr === "note-literal" ? { handshakeGate: gateOf(gatekeeper, registry) } : {};
  const mqtt = await listenTls({
    broker,
    host,
    port: mqttPort,
    clock,
    trace,
    resumption: options.tlsResumption ?? false,
    ...tls,
    ...gate,
  });
  closing.add(() => mqtt.close());
  const https = await listenHttps({ ...servers, host, tls }, wanted);
  for (const each of https) closing.add(() => each.close());
  const httpsPorts = https.map(({ port }) => port);
  const plainMqtt = await listenWithoutTls({ options, registry, broker }, closing);
  const isPlain = isLoopback(host);
  const api = await listenApi({ ...servers, host, port: apiPort, tls: isPlain ? undefined : tls }, closing);
  const also = httpsPorts.map((port) => `HTTPS and WebSocket on ${host}:${port}`);
  if (plainMqtt) also.push(`MQTT without TLS on ${plainMqtt.host}:${plainMqtt.port}`);
  for (const detail of [`MQTT on ${host}:${mqtt.port}`, ...also, `control plane on ${api.url}`]) {
    servers.listeners.push(detail);
    trace.emit("cloud", { kind: "process", what: "listening", detail });
  }
  const name = nameOf(options);
  const url = isPlain ? api.url : `https://${name.includes(":") ? `[${name}]` : name}:${api.port}`;
  return { api: url, mqtt: { host: name, port: mqtt.port }, httpsPorts, plainMqtt };
}

async function listenWithoutTls(
  { options, registry, broker }: Pick<Servers, "options" | "registry" | "broker">,
  closing: Closing,
): Promise<RunningCloud["plainMqtt"]> {
  const { plainMqttPort: port, relaxedCertificates = false } = options;
  if (port === undefined) return undefined;
  const { clock, trace } = registry;
  const who = relaxedCertificates ? { gatekeeper: openGatekeeper } : {};
  const plain = await listenPlain({ broker, host: "127.0.0.1", port, clock, trace, ...who });
  closing.add(() => plain.close());
  trace.emit("cloud", {
    kind: "process",
    what: "listening",
    detail: `MQTT without TLS on ${plain.host}:${plain.port}`,
  });
  return { host: plain.host, port: plain.port };
}

/** The gatekeeper within the handshake; what a reset leads to is done beside it. */
function gateOf(gatekeeper: OnboardingGatekeeper, { trace }: Registry): HandshakeGate {
  return {
    mayFinish: (peer) => gatekeeper.mayFinish(peer),
    wasReset(peer) {
      gatekeeper.wasReset(peer).catch((error: unknown) => {
        const detail = `a handshake that was reset could not be registered: ${String(error)}`;
        trace.emit("cloud", { kind: "process", what: "warning", detail });
      });
    },
  };
}
