/** A cloud in this process with everything that can refuse a device, and devices of any kind, for the seeded faults. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connect as tlsConnect, type ConnectionOptions } from "node:tls";

import { zipSync } from "fflate";
import { connect as mqttConnect, type IClientOptions, type MqttClient } from "mqtt";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { utf8Bytes } from "../../src/codec/index.ts";
import type { Clock } from "../../src/crypto/index.ts";
import { nodeEntropy, nodeSigner } from "../../src/crypto/node.ts";
import {
  type Certificate,
  certificateToPem,
  issueCertificate,
  issueRootCertificate,
  type Issuer,
  nameFromText,
  type ProfileName,
  type Validity,
} from "../../src/pki/index.ts";
import type { RefusalCause, TraceEvent } from "../../src/trace/index.ts";

export type WhyWorld = Awaited<ReturnType<typeof whyWorld>>;

/** A certificate, its private key, and what its client sends behind it. */
export type Device = {
  readonly name: string;
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly chain: readonly Certificate[];
};

/** How a client comes: what `attempt` speaks. */
export type Transport = "mqtt5" | "mqtt311" | "https" | "api" | "websocket";

/** What a client was told about a refusal: a code of its protocol, and the cause and the cure where there is room. */
export type Told = {
  readonly transport: Transport;
  readonly code: number | "closed";
  readonly cause?: string | undefined;
  readonly cure?: string | undefined;
};

/** How a connection attempt ended. */
export type Attempt = { readonly client: MqttClient | undefined; readonly reasons: readonly string[] };

type DeviceOrder = {
  readonly ca: Issuer;
  readonly subject?: (name: string) => string;
  readonly validity?: Partial<Validity>;
  readonly profile?: ProfileName;
  readonly chain?: readonly Certificate[];
};

export const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export async function whyWorld(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "hawser-why-"));
  const time = { offset: 0, speed: 1, beyondMs: 0 };
  const cloud = await startCloud({
    directory: join(folder, "cloud"),
    host: "127.0.0.1",
    apiPort: 0,
    mqttPort: 0,
    plainMqttPort: 0,
    httpsPorts: [0],
    serverNames: [],
    clock: clockOf(time),
  });
  const mode: { transport: Exclude<Transport, "api"> } = { transport: "mqtt5" };
  const told: Told[] = [];
  /** Whoever waits for something to be told or written. */
  const watchers = new Set<() => void>();
  const stir = (): void => watchers.forEach((look) => look());
  cloud.ledger.subscribe(stir);
  const tell = (each: Told): void => {
    told.push(each);
    stir();
  };
  /** Resolves when it holds, which is looked at whenever something was told or written; or after far too long. */
  const until = async (holds: () => boolean): Promise<void> => {
    if (holds()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => void (holds() && resolve());
    const timer = setTimeout(resolve, 20_000);
    watchers.add(look);
    await promise;
    watchers.delete(look);
    clearTimeout(timer);
  };
  const clients = new Set<MqttClient>();
  /** Every reason string that any client was sent. */
  const allReasons: string[] = [];
  t.after(async () => {
    for (const client of clients) client.end(true);
    await cloud.close();
    rmSync(folder, { recursive: true });
  });
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  let names = 0;
  const newName = (what = "device") => `${what}-${++names}`;
  const ca = readFileSync(cloud.caFile);

  const newCa = async (validity: Partial<Validity> = {}): Promise<Issuer> => {
    const signer = nodeSigner(newKey());
    const order = { subject: nameFromText(`CN=${newName("CA")}`), validity: { ...period(), ...validity } };
    return { certificate: await issueRootCertificate({ ...order, signer, entropy: nodeEntropy }), signer };
  };
  const newDevice = async (order: DeviceOrder): Promise<Device> => {
    const name = newName();
    const key = newKey();
    const { subject = (text: string) => `CN=${text}`, profile = "device", chain = [order.ca.certificate] } = order;
    const certificate = await issueCertificate({
      subject: nameFromText(subject(name)),
      publicKey: nodeSigner(key).publicKey,
      validity: { ...order.ca.certificate.validity, ...order.validity },
      issuer: order.ca,
      profile,
      entropy: nodeEntropy,
      ...(profile === "server" && { names: { dns: ["server.example"] } }),
    });
    return { name, certificate, key, chain };
  };
  /** Registers a CA by proof of possession; ACTIVE and with auto-registration unless told otherwise. */
  const register = async (issuer: Issuer, { active = true, auto = true } = {}): Promise<string> => {
    const { registrationCode } = await call("GetRegistrationCode", {});
    const proof = await issueCertificate({
      subject: nameFromText(`CN=${registrationCode}`),
      publicKey: nodeSigner(newKey()).publicKey,
      validity: issuer.certificate.validity,
      issuer,
      profile: "verification",
      entropy: nodeEntropy,
    });
    await call("RegisterCACertificate", {
      caCertificate: certificateToPem(issuer.certificate),
      verificationCertificate: certificateToPem(proof),
      setAsActive: active,
      allowAutoRegistration: auto,
    });
    return issuer.certificate.id;
  };
  const policy = async (statement: unknown): Promise<string> => {
    const policyName = newName("policy");
    await call("CreatePolicy", {
      policyName,
      policyDocument: JSON.stringify({ Version: "2012-10-17", Statement: statement }),
    });
    return policyName;
  };
  const arnOf = (certificate: Certificate) =>
    `arn:aws:iot:${cloud.account.region}:${cloud.account.id}:cert/${certificate.id}`;
  /** A device that is ACTIVE, under a policy where one is given. */
  const activeDevice = async (issuer: Issuer, statement?: unknown, order: Partial<DeviceOrder> = {}) => {
    const device = await newDevice({ ca: issuer, ...order });
    await call("RegisterCertificateWithoutCA", {
      certificatePem: certificateToPem(device.certificate),
      status: "ACTIVE",
    });
    if (statement !== undefined)
      await call("AttachPolicy", { policyName: await policy(statement), target: arnOf(device.certificate) });
    return device;
  };
  const tlsOf = (device: Device | undefined): ConnectionOptions => ({
    ca,
    host: "127.0.0.1",
    port: cloud.mqtt.port,
    servername: "localhost",
    ...(device && {
      cert: [device.certificate, ...device.chain].map(certificateToPem).join(""),
      key: device.key.export({ format: "pem", type: "pkcs8" }),
    }),
  });
  /** One request over HTTPS with the device's certificate, and what it was answered. */
  const request = (
    device: Device | undefined,
    what: { readonly method: string; readonly path: string; readonly headers?: Readonly<Record<string, string>> },
    more: ConnectionOptions = {},
  ): Promise<{ readonly status: number; readonly body: string }> =>
    new Promise((resolve) => {
      const [port = 0] = cloud.httpsPorts;
      const options = { ...tlsOf(device), ...more, ...what, port, agent: false };
      const failed = () => {
        tell({ transport: "https", code: "closed" });
        resolve({ status: 0, body: "" });
      };
      const asked = httpsRequest(options as object, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("error", failed);
        response.once("end", () => {
          const { statusCode: status = 0 } = response;
          const body = Buffer.concat(parts).toString();
          if (status >= 400) tell({ transport: "https", code: status, ...causeAndCure(body) });
          resolve({ status, body });
        });
      });
      asked.once("error", failed);
      asked.end(what.method === "POST" ? "x" : undefined);
    });
  /** Publishes once over HTTPS with what the client would log in by: certificate, token or authorizer. */
  const publishOverHttps = async (device: Device | undefined, options: Partial<IClientOptions>): Promise<Attempt> => {
    const { username = "", password, servername, rejectUnauthorized } = options;
    const { maxVersion } = options as ConnectionOptions;
    const [, authorizer] = /x-amz-customauthorizer-name=([^&]+)/.exec(username) ?? [];
    const headers = {
      ...(password !== undefined && { authorization: `Bearer ${String(password)}` }),
      ...(authorizer !== undefined && { "x-amz-customauthorizer-name": authorizer }),
    };
    const more = {
      ...(servername !== undefined && { servername }),
      ...(maxVersion !== undefined && { maxVersion }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    };
    await request(device, { method: "POST", path: "/topics/a?qos=1", headers }, more);
    return { client: undefined, reasons: [] };
  };
  /** One attempt by MQTT.js, or over HTTPS; `reasons` are the reason strings that the cloud sent. */
  const attempt = (
    device: Device | undefined,
    options: Partial<IClientOptions> = {},
    prepare: (client: MqttClient) => void = () => undefined,
  ): Promise<Attempt> =>
    mode.transport === "https" ? publishOverHttps(device, options) : attemptMqtt(device, options, prepare);
  /** The same login by the URL of a WebSocket. */
  const overWebSocket = ({
    username = "",
    servername = "localhost",
  }: Partial<IClientOptions>): Partial<IClientOptions> => {
    const [port = 0] = cloud.httpsPorts;
    return {
      protocol: "wss",
      port,
      path: `/mqtt?${username.split("?")[1] ?? ""}`,
      username: "u",
      wsOptions: { servername } as object,
    };
  };
  const attemptMqtt = (
    device: Device | undefined,
    options: Partial<IClientOptions> = {},
    prepare: (client: MqttClient) => void,
  ): Promise<Attempt> =>
    new Promise((resolve) => {
      const { transport } = mode;
      const reasons: string[] = [];
      const client = mqttConnect({
        protocol: "mqtts",
        ...(tlsOf(device) as object),
        clientId: device?.name ?? newName(),
        protocolVersion: transport === "mqtt311" ? 4 : 5,
        reconnectPeriod: 0,
        clean: true,
        ...options,
        ...(transport === "websocket" && overWebSocket(options)),
      });
      clients.add(client);
      prepare(client);
      client.on("packetreceive", (packet) => {
        const { reasonString, userProperties } = (
          "properties" in packet && packet.properties ? packet.properties : {}
        ) as { reasonString?: string; userProperties?: { cure?: string } };
        if (transport === "mqtt311" && packet.cmd === "connack" && packet.returnCode) {
          tell({ transport, code: packet.returnCode });
        }
        if (reasonString === undefined) return;
        const { reasonCode = 0 } = packet as { reasonCode?: number };
        const code = packet.cmd === "suback" ? Number(packet.granted[0]) : reasonCode;
        tell({ transport, code, cause: reasonString.split(":")[0], cure: userProperties?.cure });
        reasons.push(reasonString);
        allReasons.push(reasonString);
      });
      client.on("error", () => undefined);
      client.once("connect", () => resolve({ client, reasons }));
      client.once("close", () => {
        tell({ transport, code: "closed" });
        resolve({ client: undefined, reasons });
      });
    });
  /** Bytes on a bare connection; resolves when it is closed. */
  const raw = (port: number, bytes: Uint8Array | undefined, options?: ConnectionOptions): Promise<void> =>
    new Promise((resolve) => {
      const socket = options ? tlsConnect({ ...options, port }) : tcpConnect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.once(options ? "secureConnect" : "connect", () => bytes && socket.write(bytes));
      socket.once("close", () => resolve());
      socket.resume();
    });
  const refusals = () =>
    cloud.ledger
      .events({ kinds: ["refusal"] })
      .filter((event): event is Extract<TraceEvent, { kind: "refusal" }> => event.kind === "refusal");
  /** Resolves when a refusal that matches is in the ledger, or after a while without one. */
  const refused = (cause: RefusalCause, certificate?: Certificate): Promise<void> =>
    until(() =>
      refusals().some((event) => event.cause === cause && (!certificate || event.certificate === certificate.id)),
    );
  /** Resolves when there are more refusals than that. */
  const more = (known: number): Promise<void> => until(() => refusals().length > known);
  /** What a client was told of a cause, counted from `from`; undefined after a while without. */
  const toldOf = async (cause: RefusalCause, from: number): Promise<Told | undefined> => {
    const find = () => told.slice(from).find((each) => each.cause === cause);
    await until(() => find() !== undefined);
    return find();
  };
  const world = { cloud, time, call, newName, newCa, newDevice, register, policy, arnOf, activeDevice, attempt, raw };
  return { ...world, reasons: allReasons, refusals, refused, more, tlsOf, target, request, mode, told, tell, toldOf };
}

/** What an answer over HTTP says about a refusal. */
export function causeAndCure(body: string): Pick<Told, "cause" | "cure"> {
  try {
    const { cause, cure } = JSON.parse(body) as Record<string, string | undefined>;
    return { cause, cure };
  } catch {
    return {};
  }
}

/** A program for a function, zipped. */
export function program(source: string): { readonly ZipFile: Uint8Array } {
  return { ZipFile: zipSync({ "index.mjs": utf8Bytes(source) }) };
}

export function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function period(): Validity {
  return { notBefore: Date.now() - DAY, notAfter: Date.now() + 30 * DAY };
}

/** The time of day, moved by `offset`; delays over `beyondMs` are shorter by `speed`. */
function clockOf(time: { offset: number; speed: number; beyondMs: number }): Clock {
  return {
    now: () => Date.now() + time.offset,
    after(delayMs, task) {
      const timer = setTimeout(task, Math.min(delayMs > time.beyondMs ? delayMs / time.speed : delayMs, 2 ** 31 - 1));
      return () => clearTimeout(timer);
    },
  };
}
