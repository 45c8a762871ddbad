import { Conflict, NotFound, toBase64 } from "../../codec/index.ts";
import type { Clock, Entropy } from "../../crypto/index.ts";
import type { RecordedMessage, RecordingPage } from "../operations/index.ts";
import { filterMatches, topicFilterProblem } from "../broker/topics.ts";
import type { BrokerSettings, MessageProperties, Published, PublishListener } from "../broker/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import { uuid } from "../registry/index.ts";
import type { RuleErrorCode } from "./errors.ts";

export type RecordingLimits = {
  /** Recordings at once. */
  readonly recordings: number;
  /** What one recording keeps for whoever fetches it: the newest messages, and bytes of payload. */
  readonly messages: number;
  readonly bytes: number;
  /** What one page holds. */
  readonly pageMessages: number;
  readonly pageBytes: number;
  /** A recording that nobody fetches for so long ends. */
  readonly idleMs: number;
};

export const RECORDING_LIMITS: RecordingLimits = {
  recordings: 4,
  messages: 5000,
  bytes: 16 * 1024 * 1024,
  pageMessages: 1000,
  pageBytes: 4 * 1024 * 1024,
  idleMs: 30_000,
};

export type RecordingPorts = {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: Pick<BrokerSettings, "limits" | "multiLevelMatchesParent">;
  /** Hears of every message from now on, until the answer is called. */
  readonly listen: (listener: PublishListener) => () => void;
  readonly limits?: Partial<RecordingLimits>;
};

/** One recording under way. `bytes` counts payloads that wait; `missed` those that had to go before they were fetched. */
type Recording = {
  readonly filters: readonly string[];
  waiting: RecordedMessage[];
  bytes: number;
  missed: number;
  lastSeq: number;
  /** The newest message that was given out. */
  givenOut: number;
  stopExpiry: () => void;
};

/** Live traffic, kept for those who asked for it and fetch it page by page. The broker is listened to only meanwhile. */
export class Recordings {
  readonly #ports: RecordingPorts;
  readonly #limits: RecordingLimits;
  readonly #byId = new Map<string, Recording>();
  #stopListening: (() => void) | undefined;

  constructor(ports: RecordingPorts) {
    this.#ports = ports;
    this.#limits = { ...RECORDING_LIMITS, ...ports.limits };
  }

  /** Throws `UsageError` `invalid-request` for what is no topic filter, `Conflict` `limit-exceeded`. */
  start(filters: readonly string[]): { readonly recordingId: string } {
    const { entropy, settings, listen } = this.#ports;
    for (const filter of filters) {
      const problem = topicFilterProblem(filter, settings.limits);
      if (problem !== undefined) throw invalidRequest(`the topic filter ${JSON.stringify(filter)}: ${problem}`);
    }
    if (this.#byId.size >= this.#limits.recordings) {
      throw new Conflict<CloudErrorCode>("limit-exceeded", `${this.#byId.size} recordings are under way already`);
    }
    const recordingId = uuid(entropy);
    const recording = {
      filters,
      waiting: [],
      bytes: 0,
      missed: 0,
      lastSeq: 0,
      givenOut: 0,
      stopExpiry: () => undefined,
    };
    this.#byId.set(recordingId, recording);
    this.#expireLater(recordingId, recording);
    this.#stopListening ??= listen((message) => this.#hear(message));
    return { recordingId };
  }

  /**
   * What came after the message numbered `after`; messages up to that one are let go. Throws `NotFound`
   * `recording-not-found`.
   */
  fetch(recordingId: string, after = 0): RecordingPage {
    const recording = this.#byId.get(recordingId);
    if (!recording) throw notFound(recordingId);
    recording.stopExpiry();
    this.#expireLater(recordingId, recording);
    while ((recording.waiting[0]?.seq ?? Infinity) <= after) this.#letGo(recording);
    const { pageMessages, pageBytes } = this.#limits;
    let bytes = 0;
    const end = recording.waiting.findIndex(({ payload }, i) => (bytes += payload.length) > pageBytes && i > 0);
    const messages = recording.waiting.slice(0, end < 0 ? pageMessages : Math.min(end, pageMessages));
    recording.givenOut = messages.at(-1)?.seq ?? recording.givenOut;
    return { messages, missed: recording.missed };
  }

  /** Throws `NotFound` `recording-not-found`. */
  stop(recordingId: string): void {
    if (!this.#byId.has(recordingId)) throw notFound(recordingId);
    this.#end(recordingId);
  }

  close(): void {
    for (const id of this.#byId.keys()) this.#end(id);
  }

  #end(recordingId: string): void {
    this.#byId.get(recordingId)?.stopExpiry();
    this.#byId.delete(recordingId);
    if (this.#byId.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #expireLater(recordingId: string, recording: Recording): void {
    recording.stopExpiry = this.#ports.clock.after(this.#limits.idleMs, () => this.#end(recordingId));
  }

  #hear(message: Published): void {
    const { clock, settings } = this.#ports;
    for (const recording of this.#byId.values()) {
      const { filters } = recording;
      const { topic } = message;
      if (!filters.some((filter) => filterMatches(filter, topic, settings.multiLevelMatchesParent))) continue;
      const recorded = recordedOf(message, ++recording.lastSeq, Math.floor(clock.now()));
      recording.waiting.push(recorded);
      recording.bytes += recorded.payload.length;
      while (recording.waiting.length > this.#limits.messages || recording.bytes > this.#limits.bytes) {
        if ((recording.waiting[0]?.seq ?? 0) > recording.givenOut) recording.missed++;
        this.#letGo(recording);
      }
    }
  }

  #letGo(recording: Recording): void {
    recording.bytes -= recording.waiting.shift()?.payload.length ?? 0;
  }
}

/** A message as the API hands it out; the payload is copied. */
function recordedOf(message: Published, seq: number, time: number): RecordedMessage {
  const { topic, payload, qos, retain, properties, origin, clientId, principalId, address } = message;
  return {
    seq,
    time,
    topic,
    payload: toBase64(payload),
    qos,
    retain,
    origin,
    clientId,
    principalId,
    ...(address !== undefined && { address }),
    ...propertiesOf(properties),
  };
}

function propertiesOf(properties: MessageProperties): Pick<RecordedMessage, "properties"> {
  const { correlationData, userProperties, ...plain } = properties;
  const shown = {
    ...plain,
    ...(correlationData && { correlationData: toBase64(correlationData) }),
    ...(userProperties && { userProperties: userProperties.map((pair) => [...pair]) }),
  };
  return Object.keys(shown).length === 0 ? {} : { properties: shown };
}

function notFound(id: string): NotFound<RuleErrorCode> {
  return new NotFound("recording-not-found", `no recording ${id.slice(0, 64)} is under way`);
}
