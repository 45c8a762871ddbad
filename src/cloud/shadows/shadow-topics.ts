import { Conflict, HawserError, type Json, NotFound, Refused, UsageError, utf8Bytes } from "../../codec/index.ts";
import type { Trace } from "../../trace/index.ts";
import type { Published } from "../broker/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { tokenOfRefused } from "./request.ts";
import {
  checkShadowId,
  topicOf,
  type ShadowId,
  type ShadowPorts,
  type ShadowRequest,
  type Shadows,
} from "./shadows.ts";

/** The name under which shadows publish. */
export const SHADOW_ORIGIN = "shadow";

export type ShadowTopicsPorts = Pick<ShadowPorts, "publish" | "clock"> & { readonly trace: Trace };

type Verb = "get" | "update" | "delete";

const TOPIC = /^\$aws\/things\/([^/]+)\/shadow(?:\/name\/([^/]+))?\/(get|update|delete)$/;

/**
 * Device shadows over MQTT: a message to one of the request topics is carried out, and answered on its `accepted` or
 * `rejected` topic to whoever subscribed. AWS IoT Core, "Device Shadow MQTT topics"
 */
export class ShadowTopics {
  readonly #shadows: Shadows;
  readonly #ports: ShadowTopicsPorts;

  constructor(shadows: Shadows, ports: ShadowTopicsPorts) {
    this.#shadows = shadows;
    this.#ports = ports;
  }

  /**
   * Carries out a message that is a request. The promise of an update or a deletion resolves when it is durable and
   * answered, or was refused; it rejects where the disk failed.
   */
  handle({ topic, payload, origin, connection }: Published): Promise<void> | undefined {
    // A will is nobody's request: who left it does not wait for the answer.
    if (origin === SHADOW_ORIGIN || origin === "will" || !topic.startsWith("$aws/things/")) return undefined;
    const [, thing, name = "", verb] = TOPIC.exec(topic) ?? [];
    if (thing === undefined) return undefined;
    const done = this.#carryOut(verb as Verb, { thing, name }, { payload: Uint8Array.from(payload), connection });
    return verb === "get" ? void done : done;
  }

  async #carryOut(verb: Verb, id: ShadowId, request: ShadowRequest): Promise<void> {
    try {
      checkShadowId(id);
      if (verb === "get") await this.#shadows.get(id, request, (answer) => this.#say(id, "get/accepted", answer));
      else await this.#shadows[verb](id, request);
    } catch (error) {
      if (verb !== "get" && error instanceof Refused) throw error;
      this.#say(id, `${verb}/rejected`, this.#rejection(error, request.payload, `${verb} of ${topicOf(id)}`));
    }
  }

  #say(id: ShadowId, topic: string, message: Json): void {
    this.#ports.publish(`${topicOf(id)}/${topic}`, utf8Bytes(JSON.stringify(message)));
  }

  #rejection(error: unknown, payload: Uint8Array, what: string): Json {
    const { trace, clock } = this.#ports;
    const code = codeOf(error);
    const isForeseen = code < 500 && error instanceof Error;
    if (!isForeseen) {
      const detail = `${what} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      trace.emit("cloud", { kind: "process", what: "warning", detail });
    }
    const message = isForeseen ? error.message : "Internal service failure";
    const timestamp = Math.floor(clock.now() / 1000);
    const clientToken = tokenOfRefused(payload, this.#shadows.limits);
    return { code, message, timestamp, ...(clientToken !== undefined && { clientToken }) };
  }
}

const CODES: Readonly<Partial<Record<string, number>>> = {
  "body-too-large": 413,
  "shadow-encoding": 415,
  "shadow-busy": 429,
  throttled: 429,
} satisfies Partial<Record<CloudErrorCode, number>>;

/** AWS IoT Core, "Device Shadow error messages" */
function codeOf(error: unknown): number {
  if (!(error instanceof HawserError)) return 500;
  const code = CODES[error.code];
  if (code !== undefined) return code;
  if (error instanceof UsageError) return error.code === "invalid-request" ? 400 : 500;
  if (error instanceof NotFound) return 404;
  return error instanceof Conflict ? 409 : 500;
}
