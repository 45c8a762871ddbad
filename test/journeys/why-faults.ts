/** The seeded faults: each is provoked through the code that refuses, on real sockets, and never by writing the event. */
import { createHash, createHmac, generateKeyPairSync } from "node:crypto";

import { SignatureV4 } from "@smithy/signature-v4";
import { SignJWT, type JWTPayload } from "jose";
import { generate } from "mqtt-packet";

import { toBase64 } from "../../src/codec/index.ts";
import { certificateToPem, issueCrl, NO_EXPIRY } from "../../src/pki/index.ts";
import type { RefusalCause } from "../../src/trace/index.ts";
import { causeAndCure, HOUR, program, type Device, type WhyWorld } from "./why-world.ts";

/** What goes wrong, and about whom a person asks then; undefined asks for the latest refusal. */
export type Fault = {
  readonly cause: RefusalCause;
  readonly story: string;
  readonly run: (world: WhyWorld) => Promise<string | undefined>;
};

const ANYTHING = { Effect: "Allow", Action: "iot:*", Resource: "*" };
const onTopic = (topic: string) => `arn:aws:iot:*:*:topic/${topic}`;

/** Connects once, or for ever where nothing is refused, and is asked about by client id. */
async function knock(world: WhyWorld, device: Device): Promise<string> {
  await world.attempt(device);
  return device.name;
}

async function deviceOfNewCa(world: WhyWorld, how: { active?: boolean; auto?: boolean } = {}): Promise<Device> {
  const ca = await world.newCa();
  await world.register(ca, how);
  return world.newDevice({ ca });
}

const CERTIFICATES: readonly Fault[] = [
  {
    cause: "no-client-certificate",
    story: "mosquitto_pub without --cert",
    async run(world) {
      const clientId = world.newName();
      await world.attempt(undefined, { clientId });
      return clientId;
    },
  },
  {
    cause: "unknown-ca",
    story: "the CA that issued the device was never registered",
    run: async (world) => knock(world, await world.newDevice({ ca: await world.newCa() })),
  },
  {
    cause: "wrong-issuer-sent",
    story: "the wrong CA was registered and sent along",
    async run(world) {
      const [mine, other] = [await world.newCa(), await world.newCa()];
      await world.register(other);
      return knock(world, await world.newDevice({ ca: mine, chain: [other.certificate] }));
    },
  },
  {
    cause: "ca-inactive",
    story: "the CA was registered and not activated",
    run: async (world) => knock(world, await deviceOfNewCa(world, { active: false })),
  },
  {
    cause: "sni-required",
    story: "the CA is in SNI_ONLY mode, and the device connects without a server name",
    async run(world) {
      const ca = await world.newCa();
      await world.call("RegisterCACertificate", {
        caCertificate: certificateToPem(ca.certificate),
        certificateMode: "SNI_ONLY",
        setAsActive: true,
        allowAutoRegistration: true,
      });
      const device = await world.newDevice({ ca });
      await world.attempt(device, { servername: "", rejectUnauthorized: false });
      return device.name;
    },
  },
  {
    cause: "auto-registration-off",
    story: "auto-registration was left DISABLED",
    run: async (world) => knock(world, await deviceOfNewCa(world, { auto: false })),
  },
  {
    cause: "certificate-denied",
    story: "an operator put the certificate on the deny-list",
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      await world.call("DenyCertificate", { certificateId: device.certificate.id, reason: "stolen" });
      return knock(world, device);
    },
  },
  {
    cause: "certificate-on-crl",
    story: "the CA's CRL lists the certificate",
    async run(world) {
      const ca = await world.newCa();
      const caCertificateId = await world.register(ca);
      const device = await world.activeDevice(ca, ANYTHING);
      const revoked = new Map([
        [device.certificate.serialNumber, { time: Date.now() - HOUR, reason: "keyCompromise" as const }],
      ]);
      const period = { thisUpdate: Date.now() - 1000, nextUpdate: Date.now() + HOUR };
      const crl = await issueCrl({ issuer: ca, revoked, number: 1, ...period });
      await world.call("PutCertificateRevocationList", { caCertificateId, crl });
      return knock(world, device);
    },
  },
  {
    cause: "certificate-unregistered",
    story: "a device that never connected publishes over HTTPS",
    async run(world) {
      const device = await deviceOfNewCa(world);
      await world.request(device, { method: "POST", path: "/topics/a?qos=1" });
      return device.certificate.id;
    },
  },
  ...(["INACTIVE", "REVOKED"] as const).map((newStatus): Fault => ({
    cause: newStatus === "INACTIVE" ? "certificate-inactive" : "certificate-revoked",
    story: `the certificate was made ${newStatus}`,
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      await world.call("UpdateCertificate", { certificateId: device.certificate.id, newStatus });
      return knock(world, device);
    },
  })),
  {
    cause: "certificate-expired",
    story: "the device's certificate has expired",
    async run(world) {
      const ca = await world.newCa();
      await world.register(ca);
      return knock(world, await world.newDevice({ ca, validity: { notAfter: Date.now() - HOUR } }));
    },
  },
  {
    cause: "certificate-not-yet-valid",
    story: "the clock of the issuing machine was ahead",
    async run(world) {
      const ca = await world.newCa();
      await world.register(ca);
      return knock(world, await world.newDevice({ ca, validity: { notBefore: Date.now() + HOUR } }));
    },
  },
  {
    cause: "certificate-unacceptable",
    story: "a server's certificate was put into the device",
    async run(world) {
      const ca = await world.newCa();
      await world.register(ca);
      return knock(world, await world.newDevice({ ca, profile: "server" }));
    },
  },
];

async function at<T>(world: WhyWorld, offset: number, work: () => Promise<T>): Promise<T> {
  world.time.offset = offset;
  try {
    return await work();
  } finally {
    world.time.offset = 0;
  }
}

type RuleOrder = {
  readonly source?: string;
  readonly permit?: boolean;
  readonly make?: boolean;
  readonly disabled?: boolean;
  readonly topic?: string;
  readonly timeout?: number;
  readonly memory?: number;
};

/** A device of a new CA whose registration a rule and a function are to hear of. */
async function underRule(world: WhyWorld, order: RuleOrder): Promise<Device> {
  const { source = "export const handler = async () => 1;", permit = true, make = true, disabled = false } = order;
  const ca = await world.newCa();
  const caId = await world.register(ca);
  const { id: account, region } = world.cloud.account;
  const [name, ruleName] = [world.newName("function"), world.newName("rule").replace("-", "_")];
  if (make) {
    await world.call("CreateFunction", {
      FunctionName: name,
      Runtime: "nodejs24.x",
      Role: `arn:aws:iam::${account}:role/functions`,
      Handler: "index.handler",
      Code: program(source),
      Timeout: order.timeout ?? 3,
      ...(order.memory !== undefined && { MemorySize: order.memory }),
    });
  }
  if (make && permit) {
    await world.call("AddPermission", {
      FunctionName: name,
      StatementId: "rule",
      Action: "lambda:InvokeFunction",
      Principal: "iot.amazonaws.com",
      SourceArn: `arn:aws:iot:${region}:${account}:rule/${ruleName}`,
    });
  }
  const topic = order.topic ?? `$aws/events/certificates/registered/${caId}`;
  const functionArn = `arn:aws:lambda:${region}:${account}:function:${name}`;
  await world.call("CreateTopicRule", {
    ruleName,
    topicRulePayload: {
      sql: `SELECT * FROM '${topic}'`,
      actions: [{ lambda: { functionArn } }],
      ruleDisabled: disabled,
    },
  });
  return world.newDevice({ ca });
}

function activation(cause: RefusalCause, story: string, order: RuleOrder): Fault {
  return {
    cause,
    story,
    async run(world) {
      const device = await underRule(world, order);
      await world.attempt(device);
      await world.refused(cause, device.certificate);
      return device.name;
    },
  };
}

const ACTIVATION: readonly Fault[] = [
  activation("registration-unheard", "the rule's topic has a typing error", {
    topic: "$aws/events/certificate/registered/+",
  }),
  activation("registration-rule-disabled", "the rule is disabled", { disabled: true }),
  activation("function-missing", "the rule names a function that was never made", { make: false }),
  activation("function-permission", "nobody ran aws lambda add-permission", { permit: false }),
  activation("function-failed", "the activation function throws", {
    source: "export const handler = async () => { throw new Error('no such table'); };",
  }),
  activation("function-timeout", "the activation function hangs", {
    source: "export const handler = () => new Promise(() => setInterval(() => 0, 1000));",
    timeout: 1,
  }),
  activation("function-memory", "the activation function keeps everything", {
    source: "export const handler = async () => { const all = []; for (;;) all.push(new Array(1e6).fill(1)); };",
    memory: 128,
    timeout: 20,
  }),
  {
    cause: "provisioning-failed",
    story: "the CA's template needs a subject attribute that the device lacks",
    async run(world) {
      const ca = await world.newCa();
      const certificateId = await world.register(ca);
      const templateBody = JSON.stringify({
        Parameters: {
          "AWS::IoT::Certificate::Country": { Type: "String" },
          "AWS::IoT::Certificate::Id": { Type: "String" },
        },
        Resources: {
          thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "AWS::IoT::Certificate::Country" } } },
          certificate: {
            Type: "AWS::IoT::Certificate",
            Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" }, Status: "ACTIVE" },
          },
        },
      });
      const roleArn = `arn:aws:iam::${world.cloud.account.id}:role/provisioning`;
      await world.call("UpdateCACertificate", { certificateId, registrationConfig: { templateBody, roleArn } });
      const device = await world.newDevice({ ca });
      await world.attempt(device);
      await world.refused("provisioning-failed", device.certificate);
      return device.name;
    },
  },
  {
    cause: "certificate-pending",
    story: "somebody else is to activate the device, and has not done so",
    async run(world) {
      const ca = await world.newCa();
      const caId = await world.register(ca);
      await world.call("CreateTopicRule", {
        ruleName: world.newName("rule").replace("-", "_"),
        topicRulePayload: {
          sql: `SELECT * FROM '$aws/events/certificates/registered/${caId}'`,
          actions: [{ republish: { topic: "ops/waiting", roleArn: `arn:aws:iam::${world.cloud.account.id}:role/r` } }],
        },
      });
      return knock(world, await world.newDevice({ ca }));
    },
  },
];

type Use = (client: NonNullable<Awaited<ReturnType<WhyWorld["attempt"]>>["client"]>) => Promise<unknown>;

/** A policy that does not allow what a connected device then does. */
function policed(cause: RefusalCause, story: string, statement: unknown, use?: Use): Fault {
  return {
    cause,
    story,
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), statement);
      const { client } = await world.attempt(device);
      if (client && use) {
        const closed = new Promise((resolve) => void client.once("close", () => resolve(undefined)));
        await Promise.race([use(client), closed]).catch(() => undefined);
      }
      await world.refused(cause, device.certificate);
      return device.name;
    },
  };
}

const CONNECT = { Effect: "Allow", Action: "iot:Connect", Resource: "*" };

const POLICIES: readonly Fault[] = [
  policed("no-policy", "the certificate is ACTIVE and has no policy", undefined),
  policed("policy-denies-connect", "the policy expects another client id", {
    ...CONNECT,
    Resource: "arn:aws:iot:*:*:client/somebody-else",
  }),
  policed(
    "policy-denies-publish",
    "the device publishes to a topic of another",
    [CONNECT, { ...ANYTHING, Action: "iot:Publish", Resource: onTopic("mine") }],
    (client) => client.publishAsync("theirs", "x", { qos: 1 }),
  ),
  policed(
    "policy-denies-subscribe",
    "topic instead of topicfilter in the policy",
    [CONNECT, { ...ANYTHING, Action: "iot:Subscribe", Resource: onTopic("a") }],
    (client) => client.subscribeAsync("a", { qos: 1 }),
  ),
  policed(
    "policy-denies-receive",
    "the policy allows to subscribe and not to receive",
    [{ ...ANYTHING, Action: ["iot:Connect", "iot:Subscribe", "iot:Publish"] }],
    async (client) => {
      await client.subscribeAsync("a", { qos: 1 });
      await client.publishAsync("a", "x", { qos: 1 });
    },
  ),
  policed(
    "policy-denies-retain",
    "iot:RetainPublish is missing",
    [CONNECT, { ...ANYTHING, Action: "iot:Publish" }],
    (client) => client.publishAsync("a", "x", { qos: 1, retain: true }),
  ),
  policed("policy-variable", "the policy uses an attribute that the certificate lacks", {
    ...CONNECT,
    Resource: "arn:aws:iot:*:*:client/${iot:Certificate.Subject.SerialNumber}",
  }),
  policed("thing-not-attached", "the policy is for attached things, and none is attached", {
    ...CONNECT,
    Resource: "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
  }),
  policed("policy-condition", "the policy allows another network only", {
    ...CONNECT,
    Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } },
  }),
  {
    cause: "server-name-missing",
    story: "the client sends no SNI, and the policy asks for it",
    async run(world) {
      const statement = { ...CONNECT, Condition: { StringEquals: { "iot:DomainName": "localhost" } } };
      const device = await world.activeDevice(await world.newCa(), statement);
      await world.attempt(device, { servername: "", rejectUnauthorized: false });
      return device.name;
    },
  },
  {
    cause: "client-id-taken-over",
    story: "two devices use one client id",
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      await world.attempt(device);
      await world.attempt(device);
      await world.refused("client-id-taken-over", device.certificate);
      return device.name;
    },
  },
];

type TokenOrder = {
  readonly header?: Record<string, unknown>;
  readonly claims?: (now: number) => JWTPayload;
  readonly tamper?: (token: string) => string;
  readonly foreign?: boolean;
  readonly unregistered?: boolean;
};

/** A device that logs in by a token which is right in everything but one thing. */
function tokened(cause: RefusalCause, story: string, order: TokenOrder): Fault {
  return {
    cause,
    story,
    async run(world) {
      const [ca, other] = [await world.newCa(), await world.newCa()];
      const registryName = world.newName("registry");
      await world.call("CreateDeviceRegistry", { registryName, caCertificates: certificateToPem(ca.certificate) });
      const issuer = order.foreign ? other : ca;
      const device = order.unregistered ? await world.newDevice({ ca }) : await world.activeDevice(issuer, ANYTHING);
      const { sub = device.certificate.id, ...claims } = order.claims?.(Math.floor(Date.now() / 1000)) ?? {};
      const now = Math.floor(Date.now() / 1000);
      const body = { aud: registryName, sub, iat: now, exp: now + 600, ...claims };
      const header = { alg: "ES256", ...order.header };
      const key = header.alg === "HS256" ? new Uint8Array(32).fill(7) : device.key;
      const token = await new SignJWT(body).setProtectedHeader(header).sign(key);
      await world.attempt(undefined, {
        clientId: device.name,
        username: "u",
        password: order.tamper?.(token) ?? token,
      });
      return device.name;
    },
  };
}

const TOKENS: readonly Fault[] = [
  tokened("jwt-malformed", "the token was cut", { tamper: (token) => token.replace(/^eyJ\w{6}/, "eyJAAAAAA") }),
  tokened("jwt-algorithm", "the token is signed with a shared secret", { header: { alg: "HS256" } }),
  tokened("jwt-signature", "another key signed", { tamper: (token) => `${token.slice(0, -12)}AAAAAAAAAAAA` }),
  tokened("jwt-audience", "the token names another registry", { claims: () => ({ aud: "elsewhere" }) }),
  tokened("jwt-expired", "the token is an hour old", { claims: (now) => ({ iat: now - 7200, exp: now - 3600 }) }),
  tokened("jwt-not-yet-valid", "the device's clock is an hour ahead", {
    claims: (now) => ({ iat: now + 3600, exp: now + 7200 }),
  }),
  tokened("jwt-lifetime", "the token is good for a week", { claims: (now) => ({ exp: now + 604_800 }) }),
  tokened("jwt-certificate-unknown", "the device was never registered", { unregistered: true }),
  tokened("jwt-certificate-foreign", "another registry's CA issued the device", { foreign: true }),
  {
    cause: "jwt-nonce",
    story: "the device answers with a token that holds another challenge",
    async run(world) {
      const ca = await world.newCa();
      const registryName = world.newName("registry");
      await world.call("CreateDeviceRegistry", { registryName, caCertificates: certificateToPem(ca.certificate) });
      const device = await world.activeDevice(ca, ANYTHING);
      const now = Math.floor(Date.now() / 1000);
      const header = { alg: "ES256", x5c: [toBase64(device.certificate.der)] };
      const body = { aud: registryName, iat: now, exp: now + 600, nonce: "an old one" };
      const token = await new SignJWT(body).setProtectedHeader(header).sign(device.key);
      const properties = { authenticationMethod: "OEM-JWT-CHALLENGE", authenticationData: Buffer.alloc(0) };
      await world.attempt(undefined, { clientId: device.name, properties }, (client) => {
        client.handleAuth = (_, callback) =>
          callback(undefined, {
            cmd: "auth",
            reasonCode: 0x18,
            properties: { ...properties, authenticationData: Buffer.from(token) },
          });
      });
      return device.name;
    },
  },
];

const AUTHORIZED = {
  isAuthenticated: true,
  principalId: "device1",
  policyDocuments: [JSON.stringify({ Version: "2012-10-17", Statement: [ANYTHING] })],
  disconnectAfterInSeconds: 300,
  refreshAfterInSeconds: 300,
};

type AuthorizerOrder = { readonly status?: "INACTIVE"; readonly signed?: boolean; readonly answer?: unknown };

/** Ten may be ACTIVE: those that answer alike are one. */
const AUTHORIZERS_OF = new WeakMap<WhyWorld, Map<string, Promise<string>>>();

/** A custom authorizer whose function gives a fixed answer; the name that it has. */
function authorizer(world: WhyWorld, order: AuthorizerOrder): Promise<string> {
  const known = AUTHORIZERS_OF.get(world) ?? new Map<string, Promise<string>>();
  AUTHORIZERS_OF.set(world, known);
  const key = JSON.stringify(order);
  const name = known.get(key) ?? newAuthorizer(world, order);
  known.set(key, name);
  return name;
}

async function newAuthorizer(world: WhyWorld, order: AuthorizerOrder): Promise<string> {
  const { id: account, region } = world.cloud.account;
  const [name, authorizerName] = [world.newName("function"), world.newName("authorizer")];
  await world.call("CreateFunction", {
    FunctionName: name,
    Runtime: "nodejs24.x",
    Role: `arn:aws:iam::${account}:role/functions`,
    Handler: "index.handler",
    Code: program(`export const handler = async () => (${JSON.stringify(order.answer ?? AUTHORIZED)});`),
  });
  await world.call("AddPermission", {
    FunctionName: name,
    StatementId: "iot",
    Action: "lambda:InvokeFunction",
    Principal: "iot.amazonaws.com",
  });
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await world.call("CreateAuthorizer", {
    authorizerName,
    authorizerFunctionArn: `arn:aws:lambda:${region}:${account}:function:${name}`,
    status: order.status ?? "ACTIVE",
    ...(order.signed
      ? { tokenKeyName: "tok", tokenSigningPublicKeys: { k: publicKey.export({ format: "pem", type: "spki" }) } }
      : { signingDisabled: true }),
  });
  return authorizerName;
}

function authorized(cause: RefusalCause, story: string, order: AuthorizerOrder | undefined): Fault {
  return {
    cause,
    story,
    async run(world) {
      const name = order ? await authorizer(world, order) : "nobody";
      const clientId = world.newName();
      await world.attempt(undefined, { clientId, username: `u?x-amz-customauthorizer-name=${name}` });
      return clientId;
    },
  };
}

const AUTHORIZERS: readonly Fault[] = [
  authorized("authorizer-unknown", "the client names an authorizer that was never made", undefined),
  authorized("authorizer-inactive", "the authorizer was not activated", { status: "INACTIVE" }),
  authorized("authorizer-signature", "the client's token is not signed", { signed: true }),
  authorized("authorizer-denied", "the authorizer's function says no", { answer: { isAuthenticated: false } }),
  authorized("authorizer-failed", "the authorizer's function answers nonsense", { answer: "yes" }),
  {
    cause: "policy-denies-request",
    story: "a device asks over HTTPS for a shadow that its policy does not allow",
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), CONNECT);
      await world.call("CreateThing", { thingName: device.name });
      await world.request(device, { method: "GET", path: `/things/${device.name}/shadow` });
      return device.certificate.id;
    },
  },
];

/** Faults of the connection itself are asked about as the latest refusal: all of these clients have one address. */
function latest(cause: RefusalCause, story: string, run: (world: WhyWorld) => Promise<unknown>): Fault {
  return {
    cause,
    story,
    async run(world) {
      const known = world.refusals().length;
      await run(world);
      await world.more(known);
      return undefined;
    },
  };
}

const HELLO = Buffer.from("GET / HTTP/1.1\r\nHost: cloud\r\n\r\n");
const CONNECT_PACKET = generate({
  cmd: "connect",
  clientId: "c",
  keepalive: 60,
  clean: true,
  protocolId: "MQTT",
  protocolVersion: 4,
});

const CONNECTIONS: readonly Fault[] = [
  latest("tls-version", "a client that knows TLS 1.1 only", (world) =>
    world.raw(world.cloud.mqtt.port, undefined, {
      ...world.tlsOf(undefined),
      minVersion: "TLSv1.1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    }),
  ),
  latest("tls-cipher-suite", "a client that offers CBC suites of RSA only", (world) =>
    world.raw(world.cloud.mqtt.port, undefined, {
      ...world.tlsOf(undefined),
      maxVersion: "TLSv1.2",
      ciphers: "AES128-SHA",
    }),
  ),
  latest("tls-failed", "a client that does not trust our root", (world) => {
    const { ca: _, ...rest } = world.tlsOf(undefined);
    return world.raw(world.cloud.mqtt.port, undefined, rest);
  }),
  latest("not-tls", "mosquitto without --cafile on the TLS port", (world) =>
    world.raw(world.cloud.mqtt.port, CONNECT_PACKET),
  ),
  latest("tls-on-plain-port", "TLS on the port of --plain-mqtt", (world) =>
    world.raw(world.cloud.plainMqtt?.port ?? 0, undefined, world.tlsOf(undefined)),
  ),
  latest("http-on-mqtt-port", "a browser on the port of --plain-mqtt", (world) =>
    world.raw(world.cloud.plainMqtt?.port ?? 0, HELLO),
  ),
  latest("not-http", "an MQTT client on the API's port", (world) =>
    world.raw(Number(new URL(world.cloud.api).port), CONNECT_PACKET),
  ),
  latest("mqtt-malformed", "a client whose first packet is none of MQTT", (world) =>
    world.raw(world.cloud.mqtt.port, Uint8Array.of(0x30, 3, 0, 1, 97), world.tlsOf(undefined)),
  ),
  {
    cause: "mqtt-limit",
    story: "a packet that is larger than AWS IoT allows",
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      const { client } = await world.attempt(device);
      client?.publish("a", Buffer.alloc(150_000), { qos: 1 });
      await world.refused("mqtt-limit", device.certificate);
      return device.name;
    },
  },
  latest("connect-timeout", "a port scanner that says nothing", async (world) => {
    world.time.speed = 200;
    await world.raw(world.cloud.mqtt.port, undefined);
    world.time.speed = 1;
  }),
];

type Keys = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
type Signed = { readonly credentials: Keys; readonly region: string; readonly isOnTime?: boolean };

/** Asks the control plane for its things with some credentials, and notes what it answers. */
async function ask(world: WhyWorld, { credentials, region, isOnTime = false }: Signed): Promise<void> {
  const { host, hostname, href } = new URL("/things", world.cloud.api);
  const signer = new SignatureV4({ credentials, region, service: "iot", sha256: Sha256 });
  const unsigned = { method: "GET", protocol: "http:", hostname, path: "/things", query: {}, headers: { host } };
  const { headers } = await signer.sign(unsigned, {
    signingDate: new Date(Date.now() + (isOnTime ? world.time.offset : 0)),
  });
  await noted(world, await fetch(href, { headers: { ...headers } }));
}

async function noted(world: WhyWorld, response: Response): Promise<void> {
  if (response.ok) return;
  world.tell({ transport: "api", code: response.status, ...causeAndCure(await response.text()) });
}

/** The hash that the signer asks for. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret as string | Uint8Array | undefined;
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }
}

function asked(cause: RefusalCause, story: string, change: (target: Signed) => Partial<Signed>, offset = 0) {
  return latest(cause, story, async (world) => {
    const target = { ...world.target, ...change(world.target) };
    await at(world, offset, () => ask(world, target));
  });
}

const API: readonly Fault[] = [
  latest("api-unsigned", "a browser asks the control plane", async (world) =>
    noted(world, await fetch(`${world.cloud.api}/things`)),
  ),
  asked("api-unknown-key", "an access key of AWS itself", ({ credentials }) => ({
    credentials: { ...credentials, accessKeyId: "AKIAIOSFODNN7EXAMPLE" },
  })),
  asked("api-signature", "a mistyped secret", ({ credentials }) => ({
    credentials: { ...credentials, secretAccessKey: "x".repeat(40) },
  })),
  asked("api-unauthorized", "another region", () => ({ region: "mars-north-1" })),
];

/** A domain configuration for one server name, and a device that asks for it. */
function onDomain(
  cause: RefusalCause,
  story: string,
  { settings, ...options }: { settings: object; disabled?: boolean; maxVersion?: "TLSv1.2"; named?: boolean },
): Fault {
  return {
    cause,
    story,
    async run(world) {
      const name = world.newName("domain");
      const domainName = `${name}.example`;
      await world.call("CreateDomainConfiguration", { domainConfigurationName: name, domainName, ...settings });
      if (options.disabled) {
        const change = { domainConfigurationName: name, domainConfigurationStatus: "DISABLED" } as const;
        await world.call("UpdateDomainConfiguration", change);
      }
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      await world.attempt(options.named ? undefined : device, {
        clientId: device.name,
        servername: domainName,
        rejectUnauthorized: false,
        ...(options.maxVersion && { maxVersion: options.maxVersion }),
        ...(options.named && {
          username: `u?x-amz-customauthorizer-name=${await authorizer(world, { answer: { isAuthenticated: false } })}`,
        }),
      });
      return device.name;
    },
  };
}

const DOMAINS: readonly Fault[] = [
  onDomain("domain-disabled", "the server name's configuration was switched off", { settings: {}, disabled: true }),
  onDomain("domain-tls-policy", "the server name wants TLS 1.3, and the device speaks 1.2", {
    settings: { tlsConfig: { securityPolicy: "IotSecurityPolicy_TLS13_1_3_2022_10" } },
    maxVersion: "TLSv1.2",
  }),
  {
    cause: "authorizer-not-allowed",
    story: "the client names an authorizer where its server name allows none but the default",
    async run(world) {
      const authorizerConfig = { defaultAuthorizerName: await authorizer(world, {}), allowAuthorizerOverride: false };
      const settings = { authorizerConfig };
      return onDomain("authorizer-not-allowed", "", { settings, named: true }).run(world);
    },
  },
];

/** A device with a role alias that its policy lets it have, and what the credential provider answers it. */
async function credentialsOf(world: WhyWorld, statement: unknown, headers: Readonly<Record<string, string>> = {}) {
  const device = await world.activeDevice(await world.newCa(), statement);
  const roleAlias = world.newName("alias");
  const roleArn = `arn:aws:iam::${world.cloud.account.id}:role/devices`;
  await world.call("CreateRoleAlias", { roleAlias, roleArn, credentialDurationSeconds: 900 });
  const path = `/role-aliases/${roleAlias}/credentials`;
  const { body } = await world.request(device, { method: "GET", path, headers });
  const { credentials } = JSON.parse(body) as { credentials?: Keys };
  return { device, credentials };
}

/** A device that has credentials uses them in a wrong way. */
function session(cause: RefusalCause, story: string, use: (keys: Keys) => Keys, offset = 0): Fault {
  return {
    cause,
    story,
    async run(world) {
      const { credentials } = await credentialsOf(world, ANYTHING);
      if (!credentials) return undefined;
      const known = world.refusals().length;
      await at(world, offset, () =>
        ask(world, { credentials: use(credentials), region: world.target.region, isOnTime: true }),
      );
      await world.more(known);
      return undefined;
    },
  };
}

const CREDENTIALS: readonly Fault[] = [
  {
    cause: "policy-denies-credentials",
    story: "a device asks for credentials that its policy does not give",
    run: async (world) => (await credentialsOf(world, CONNECT)).device.certificate.id,
  },
  {
    cause: "credentials-thing",
    story: "a device asks for credentials in the name of a thing that it is not",
    async run(world) {
      const thingName = world.newName("thing");
      await world.call("CreateThing", { thingName });
      return (await credentialsOf(world, ANYTHING, { "x-amzn-iot-thingname": thingName })).device.certificate.id;
    },
  },
  session(
    "session-token",
    "a device's credentials are used without their token",
    ({ accessKeyId, secretAccessKey }) => ({ accessKeyId, secretAccessKey }),
  ),
  session("session-not-allowed", "a device's credentials ask for the list of things", (keys) => keys),
];

/** What needs another time of day comes last, since the latest refusal is the one of the latest time. */
const LATER: readonly Fault[] = [
  {
    cause: "authorizer-expired",
    story: "the time is over that the authorizer allowed",
    async run(world) {
      const name = await authorizer(world, {});
      const clientId = world.newName();
      Object.assign(world.time, { speed: 500, beyondMs: 60_000 });
      await world.attempt(undefined, { clientId, username: `u?x-amz-customauthorizer-name=${name}`, keepalive: 1200 });
      await world.refused("authorizer-expired");
      Object.assign(world.time, { speed: 1, beyondMs: 0 });
      return clientId;
    },
  },
  {
    cause: "keep-alive-expired",
    story: "a device that falls silent",
    async run(world) {
      const device = await world.activeDevice(await world.newCa(), ANYTHING);
      world.time.speed = 200;
      await world.attempt(device, { keepalive: 30 });
      await at(world, HOUR / 60, () => world.refused("keep-alive-expired", device.certificate));
      world.time.speed = 1;
      return device.name;
    },
  },
  session("session-expired", "a device uses credentials of yesterday", (keys) => keys, 901_000),
  asked("api-clock-skew", "the caller's clock is an hour behind", () => ({}), HOUR),
  {
    cause: "ca-expired",
    story: "the CA has expired since it was registered",
    async run(world) {
      const ca = await world.newCa({ notAfter: Date.now() + HOUR });
      await world.register(ca);
      // A device may say that it never expires, whatever its CA says.
      const device = await world.newDevice({ ca, validity: { notAfter: NO_EXPIRY } });
      return at(world, 2 * HOUR, () => knock(world, device));
    },
  },
];

/** Questions about the latest refusal come before functions, which are tried again for a while after they failed. */
export const FAULTS: readonly Fault[] = [
  ...CERTIFICATES,
  ...CONNECTIONS,
  ...API,
  ...CREDENTIALS,
  ...ACTIVATION,
  ...POLICIES,
  ...TOKENS,
  ...AUTHORIZERS,
  ...DOMAINS,
  ...LATER,
];

/** What an upgrade to a WebSocket is refused for: the same faults of a signature as over the control plane. */
export const UPGRADES: readonly Fault[] = [
  upgraded("api-unsigned", { path: "/elsewhere" }),
  upgraded("api-unknown-key", {
    keys: ({ secretAccessKey }) => ({ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey }),
  }),
  upgraded("api-signature", { keys: ({ accessKeyId }) => ({ accessKeyId, secretAccessKey: "x".repeat(40) }) }),
  upgraded("api-unauthorized", { region: "mars-north-1" }),
  upgraded("api-clock-skew", { offset: -HOUR }),
];

type UpgradeOrder = {
  readonly path?: string;
  readonly region?: string;
  readonly offset?: number;
  readonly keys?: (keys: Keys) => Keys;
};

function upgraded(cause: RefusalCause, order: UpgradeOrder): Fault {
  return {
    cause,
    story: `a WebSocket's URL: ${cause}`,
    async run(world) {
      const [port = 0] = world.cloud.httpsPorts;
      const { credentials, region } = world.target;
      const { path = "/mqtt", offset = 0, keys = (same: Keys) => same } = order;
      const signer = new SignatureV4({
        credentials: keys(credentials),
        region: order.region ?? region,
        service: "iotdevicegateway",
        sha256: Sha256,
      });
      const host = `localhost:${port}`;
      const unsigned = {
        method: "GET",
        protocol: "wss:",
        hostname: "localhost",
        port,
        path,
        query: {},
        headers: { host },
      };
      const { query } = await signer.presign(unsigned, { signingDate: new Date(Date.now() + offset), expiresIn: 300 });
      const text = new URLSearchParams(query as Record<string, string>).toString();
      const upgrade = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol": "mqtt",
        host,
      };
      const from = world.told.length;
      await world.request(undefined, {
        method: "GET",
        path: path === "/mqtt" ? `${path}?${text}` : path,
        headers: upgrade,
      });
      for (const each of world.told.splice(from)) world.tell({ ...each, transport: "websocket" });
      return undefined;
    },
  };
}
