import {
  Conflict,
  DecodeError,
  Denied,
  HawserError,
  type Json,
  NotFound,
  UsageError,
  utf8Bytes,
} from "../../codec/index.ts";
import type { Certificate } from "../../pki/index.ts";
import type { Published, SystemMessage } from "../broker/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import { certificateFromCsr, describeCertificate, iotArn, issueWithNewKey, record } from "../registry/index.ts";
import { carryOut, type Workshop } from "./carry-out.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { planOf } from "./plan.ts";
import { isObject, parseTemplate } from "./template.ts";
import { describeTemplate, versionOf, type StoredTemplate } from "./template-store.ts";
import { giveOwnership, keepForGood, ownedBy, sweepTemporary } from "./temporary-certificates.ts";

/** Topics of fleet provisioning: what is published here is a question to the cloud, and nobody else's business. */
export const FLEET_TOPICS = ["$aws/certificates/create", "$aws/provisioning-templates/"] as const;

/** Asks a function on behalf of one of the cloud's resources, and waits for its answer. */
export type AskFunction = (
  caller: { readonly service: string; readonly sourceArn: string; readonly sourceAccount: string },
  functionArn: string,
  question: { readonly event: unknown; readonly limitMs: number },
) => Promise<unknown>;

export type FleetOptions = Workshop & {
  /** Another signer of a device's request, in place of the cloud's own CA, where there is one. */
  readonly signElsewhere?: (
    csr: string,
    sender: { readonly principalId: string; readonly clientId: string },
  ) => Promise<Certificate | undefined>;
  readonly ask: AskFunction;
  /** Gives a message to one client only, if it subscribed to the topic. */
  readonly answer: (clientId: string, message: SystemMessage) => void;
};

type Format = "json" | "cbor";
type Question = { readonly clientId: string; readonly principalId: string; readonly payload: Json };
type Answer = (question: Question) => Promise<Json>;

/** How long a pre-provisioning hook may take. AWS IoT Core, "Pre-provisioning hooks" */
const HOOK_MS = 5000;

/** Provisioning by claim over MQTT: a certificate for a device's own request or key, then its thing. AWS IoT Core, "Device provisioning MQTT API" */
export class FleetProvisioning {
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Answers a message that is a question; resolves when the answer was given. Nothing is thrown. */
  async handle({ topic, payload, clientId, principalId, origin }: Published): Promise<void> {
    if (origin !== "client" || !FLEET_TOPICS.some((prefix) => topic.startsWith(prefix))) return;
    const found = this.#find(topic);
    if (!found) return;
    const { format, answer } = found;
    const bytes = Uint8Array.from(payload);
    try {
      const asked = { clientId, principalId, payload: decode(bytes, format) };
      this.#reply(clientId, { topic: `${topic}/accepted`, format, body: await answer(asked) });
    } catch (error) {
      this.#reply(clientId, {
        topic: `${topic}/rejected`,
        format,
        body: this.#rejection(error, { topic, clientId, principalId }),
      });
    }
  }

  #find(topic: string): { readonly format: Format; readonly answer: Answer } | undefined {
    const [, , kind = "", ...rest] = `/${topic}`.split("/");
    const format = rest.at(-1);
    if (format !== "json" && format !== "cbor") return undefined;
    if (kind === "certificates" && rest.length === 2) {
      if (rest[0] === "create") return { format, answer: () => this.#createKeys() };
      if (rest[0] === "create-from-csr") return { format, answer: (asked) => this.#createFromCsr(asked) };
    }
    const [name = "", step] = rest;
    if (kind !== "provisioning-templates" || rest.length !== 3 || step !== "provision") return undefined;
    return { format, answer: (asked) => this.#provision(name, asked) };
  }

  async #createKeys(): Promise<Json> {
    const { registry, issuing } = this.#options;
    await sweepTemporary(registry);
    const { certificateId, certificatePem, keyPair } = await issueWithNewKey(registry, issuing, {
      status: "PENDING_ACTIVATION",
    });
    const certificateOwnershipToken = await giveOwnership(this.#options, certificateId);
    return { certificateId, certificatePem, privateKey: keyPair.privateKeyPem, certificateOwnershipToken };
  }

  async #createFromCsr({ payload, principalId, clientId }: Question): Promise<Json> {
    const { registry, issuing } = this.#options;
    await sweepTemporary(registry);
    const csr = isObject(payload) ? payload["certificateSigningRequest"] : undefined;
    if (typeof csr !== "string") throw invalidRequest("certificateSigningRequest is required");
    const { signElsewhere } = this.#options;
    const certificate =
      (await signElsewhere?.(csr, { principalId, clientId })) ?? (await certificateFromCsr(registry, issuing, csr));
    const { certificateId, certificatePem } = await record(registry, certificate, "PENDING_ACTIVATION");
    const certificateOwnershipToken = await giveOwnership(this.#options, certificateId);
    return { certificateOwnershipToken, certificateId, certificatePem };
  }

  async #provision(name: string, asked: Question): Promise<Json> {
    const { registry } = this.#options;
    const payload = isObject(asked.payload) ? asked.payload : {};
    const { certificateOwnershipToken: token, parameters = {} } = payload;
    if (typeof token !== "string") throw invalidRequest("certificateOwnershipToken is required");
    const given = textsIn(parameters);
    const template = await describeTemplate(registry, name);
    if (!template.body.isEnabled) throw refusedByTemplate(`template ${name} is not enabled`);
    if (template.body.type !== "FLEET_PROVISIONING")
      throw refusedByTemplate(`template ${name} is of type ${template.body.type}`);
    const certificateId = await ownedBy(this.#options, token);
    const overrides = await this.#askHook(template, { asked, certificateId, given });
    const values = { ...given, ...overrides, "AWS::IoT::Certificate::Id": certificateId };
    const plan = planOf(parseTemplate(versionOf(template).text), values);
    const { thingName = null } = await carryOut(this.#options, plan);
    await keepForGood(registry, certificateId);
    const event = {
      kind: "onboarding" as const,
      step: "provisioned" as const,
      clientId: asked.clientId,
      caCertificate: "",
    };
    registry.trace.emit("cloud", { ...event, detail: `${name}: ${thingName ?? ""}` }, { certificate: certificateId });
    return { deviceConfiguration: plan.deviceConfiguration, thingName };
  }

  async #askHook(
    { name, body }: StoredTemplate,
    about: {
      readonly asked: Question;
      readonly certificateId: string;
      readonly given: Readonly<Record<string, string>>;
    },
  ): Promise<Readonly<Record<string, string>>> {
    if (!body.hook) return {};
    const { registry, ask } = this.#options;
    const { asked, certificateId, given } = about;
    const templateArn = iotArn(registry.account, "provisioningtemplate", name);
    const { pem: certificatePem } = await describeCertificate(registry, certificateId);
    const event = {
      claimCertificateId: asked.principalId,
      certificateId,
      certificatePem,
      templateArn,
      clientId: asked.clientId,
      parameters: given,
    };
    const caller = { service: "iot.amazonaws.com", sourceArn: templateArn, sourceAccount: registry.account.id };
    const answer = (await ask(caller, body.hook.targetArn, { event, limitMs: HOOK_MS })) as Json;
    if (!isObject(answer) || answer["allowProvisioning"] !== true) {
      throw refusedByTemplate(`the pre-provisioning hook of ${name} did not allow this device`);
    }
    return textsIn(answer["parameterOverrides"] ?? {});
  }

  #rejection(
    error: unknown,
    about: { readonly topic: string; readonly clientId: string; readonly principalId: string },
  ): Json {
    const { registry } = this.#options;
    const [statusCode, errorCode] = statusOf(error);
    const errorMessage = error instanceof HawserError ? error.message : "an internal failure; the server's log has it";
    const code = error instanceof HawserError ? error.code : "internal";
    const detail = `${about.topic}: ${code}: ${error instanceof Error ? error.message : String(error)}`;
    const event = { kind: "onboarding" as const, step: "provisioning-failed" as const, caCertificate: "", detail };
    const ids = { device: about.clientId, certificate: about.principalId };
    registry.trace.emit("cloud", { ...event, clientId: about.clientId }, ids);
    return { statusCode, errorCode, errorMessage };
  }

  #reply(clientId: string, { topic, format, body }: { topic: string; format: Format; body: Json }): void {
    const payload = format === "cbor" ? encodeCbor(body) : utf8Bytes(JSON.stringify(body));
    this.#options.answer(clientId, { topic, payload, qos: 1 });
  }
}

function decode(bytes: Uint8Array, format: Format): Json {
  if (bytes.length === 0) return {};
  if (format === "cbor") return decodeCbor(bytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Json;
  } catch (cause) {
    throw invalidRequest(`the payload is not JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
}

function textsIn(value: Json): Readonly<Record<string, string>> {
  if (!isObject(value)) throw invalidRequest("parameters must be an object");
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") throw invalidRequest(`parameters.${name.slice(0, 64)} must be a string`);
  }
  return value as Readonly<Record<string, string>>;
}

function refusedByTemplate(message: string): Denied<CloudErrorCode> {
  return new Denied("provisioning-refused", message);
}

function statusOf(error: unknown): readonly [number, string] {
  if (error instanceof DecodeError) return [400, "InvalidPayload"];
  if (error instanceof UsageError) return [400, "InvalidRequest"];
  if (error instanceof HawserError && error.code === "ownership-token")
    return [400, "InvalidCertificateOwnershipToken"];
  if (error instanceof Denied) return [403, "AccessDenied"];
  if (error instanceof NotFound) return [404, "ResourceNotFound"];
  if (error instanceof Conflict) return [409, "ResourceConflict"];
  return [500, "InternalFailure"];
}
