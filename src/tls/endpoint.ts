import type { HawserError } from "../codec/index.ts";
import { ALERT_LEVELS, alertName, ALERTS } from "./alerts.ts";
import type { Hash } from "../crypto/index.ts";
import type { Input, Output } from "./effects.ts";
import { alertFor, AlertReceived, asTlsError, LocalFailure, misuse, TlsError } from "./errors.ts";
import { HANDSHAKE_TYPES, type HandshakeMessage, messageName } from "./messages.ts";
import { CONTENT_TYPES } from "./records.ts";
import type { Engine, KeyExport, State } from "./state.ts";
import { Transcript } from "./transcript.ts";
import { Wire } from "./wire.ts";

/** Records without content in a row, and warnings in a row, that are borne. */
const MAX_EMPTY_RECORDS = 32;
const MAX_WARNINGS = 4;

/** Where a connection stands. */
export type Phase = "idle" | "handshake" | "connected" | "over";

/** What an endpoint is made of: the synchronous hash, who is on the other side, and its first state. */
export type EndpointParts = {
  readonly hash: Hash;
  readonly peer: "client" | "server";
  readonly begin: (engine: Engine) => State<Engine>;
};

/**
 * One end of a TLS connection as a pure function of its inputs: bytes and answers go in, bytes and work to do come out.
 * Which end it is decides its first state.
 *
 * `step` throws `UsageError` only where the caller is at fault; what the peer does wrong comes out as `fail`, behind
 * the alert that tells it so.
 */
export class Endpoint {
  readonly #parts: EndpointParts;
  readonly #wire = new Wire();
  #state: State<Engine> | undefined;
  #isOver = false;
  #sentGoodbye = false;
  #heardGoodbye = false;
  #emptyRecords = 0;
  #warnings = 0;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  get phase(): Phase {
    if (this.#isOver) return "over";
    if (!this.#state) return "idle";
    return this.#state.isConnected ? "connected" : "handshake";
  }

  /** Whether bytes from the peer would be looked at now, and not only kept until an answer has come. */
  get wantsBytes(): boolean {
    const isFree = this.#state?.awaitsAnswer === false && !this.#wire.isOpening;
    return isFree && !this.#isOver && !this.#heardGoodbye;
  }

  /** Whether records wait to be sealed by whoever keeps the keys: better not to send more before they are. */
  get isSealing(): boolean {
    return this.#wire.isSealing;
  }

  /** Keys for another protocol's use, which nobody but the two ends can have. RFC 5705, section 4; RFC 8446, section 7.5 */
  exportKeys(wanted: KeyExport): Uint8Array {
    if (!this.#state || this.#isOver) throw misuse("not-connected", `keys to export while ${this.phase}`);
    return this.#state.exportKeys(wanted);
  }

  step(input: Input): Output[] {
    this.#refuseMisuse(input);
    try {
      if (!this.#isOver) this.#take(input);
      else this.#takeLate(input);
    } catch (error) {
      this.#fail(asTlsError(error, this.#state?.name ?? "the start"));
    }
    return this.#wire.takeOutputs();
  }

  /** After the end only the last words may still be with the keeper of the keys, and nobody has to wait for them. */
  #takeLate({ on, ...input }: Input): void {
    if (on === "sealed" && "bytes" in input && this.#wire.isSealing) this.#wire.onSealed(input.bytes);
    if (on === "not-sealed" || on === "abort") this.#wire.giveUpSending();
  }

  #refuseMisuse({ on }: Input): void {
    if (on === "start" && this.#state) throw misuse("unexpected-answer", "the connection was started before");
    if ((on === "send" || on === "update-keys") && (this.phase !== "connected" || this.#sentGoodbye)) {
      throw misuse("not-connected", `data to send while ${this.#sentGoodbye ? "closing" : this.phase}`);
    }
    if (this.#isOver || ["start", "bytes", "end", "send", "update-keys", "close", "abort"].includes(on)) return;
    if (!this.#isAwaited(on)) {
      throw misuse("unexpected-answer", `${on} answers nothing that was asked`);
    }
  }

  #isAwaited(on: Input["on"]): boolean {
    if (on === "sealed" || on === "not-sealed") return this.#wire.isSealing;
    if (on === "opened" || on === "not-opened") return this.#wire.isOpening;
    return this.#state?.awaitsAnswer === true;
  }

  #take(input: Input): void {
    switch (input.on) {
      case "start": {
        this.#state = this.#parts.begin({ wire: this.#wire, transcript: new Transcript(this.#parts.hash) });
        return;
      }
      case "bytes":
        this.#wire.reader.push(input.bytes);
        return this.#pump();
      case "end":
        return this.#onEnd();
      case "send":
        return this.#state?.onSend(input.data);
      case "update-keys":
        this.#state = this.#state?.onUpdateKeys();
        return undefined;
      case "close":
        return this.#sayGoodbye();
      case "abort":
        this.#wire.giveUpSending();
        return this.#fail(input.error);
      case "sealed":
        return this.#wire.onSealed(input.bytes);
      case "not-sealed":
        this.#wire.giveUpSending();
        return this.#fail(recordFailure("sealing", input.error));
      case "opened":
        return this.#onOpened(input.plaintext);
      case "not-opened":
        return this.#fail(recordFailure("opening", input.error));
      case "failed":
        return this.#state && this.#fail(this.#state.failure(input.error));
      default:
        this.#state = this.#state?.onAnswer(input);
        return this.#pump();
    }
  }

  /** Looks at what has come, message by message, until more bytes or an answer are needed. */
  #pump(): void {
    while (this.wantsBytes) {
      const message = this.#wire.joiner.next();
      if (message) {
        this.#onMessage(message);
        continue;
      }
      const record = this.#wire.nextRecord();
      if (!record) return;
      this.#onRecord(record.type, record.plaintext);
    }
  }

  #onOpened(plaintext: Uint8Array | undefined): void {
    const record = this.#wire.onOpened(plaintext);
    if (record) this.#onRecord(record.type, record.plaintext);
    this.#pump();
  }

  #onRecord(type: number, plaintext: Uint8Array): void {
    // TLS 1.2 lets other records come between the parts of a handshake message, TLS 1.3 none. RFC 8446, section 5.1
    const isStrict = type === CONTENT_TYPES.application_data || this.#wire.version === "TLSv1.3";
    if (isStrict && type !== CONTENT_TYPES.handshake && !this.#wire.joiner.isEmpty) {
      throw new TlsError("unexpected-message", `a record of type ${type} within a handshake message`);
    }
    if (plaintext.length === 0) return this.#onEmptyRecord(type);
    if (type !== CONTENT_TYPES.change_cipher_spec) this.#emptyRecords = 0;
    if (type === CONTENT_TYPES.alert) return this.#onAlert(plaintext);
    if (type === CONTENT_TYPES.handshake) return this.#wire.joiner.push(plaintext);
    this.#warnings = 0;
    if (type === CONTENT_TYPES.application_data) {
      this.#state = this.#state?.onData(plaintext);
      return;
    }
    if (plaintext.length !== 1 || plaintext[0] !== 1) {
      // RFC 8446, section 5 has an alert of its own for this.
      const code = this.#wire.version === "TLSv1.2" ? "malformed-message" : "unexpected-message";
      throw new TlsError(code, "change_cipher_spec is not the one byte 1");
    }
    this.#wire.traceMessage("received", "change_cipher_spec", 1);
    if (this.#wire.version === "TLSv1.3") this.#countEmpty();
    this.#state = this.#state?.onChangeCipherSpec();
  }

  /** Only application data may be empty, and not for long. RFC 5246, section 6.2.1 */
  #onEmptyRecord(type: number): void {
    if (type !== CONTENT_TYPES.application_data || this.phase !== "connected") {
      throw new TlsError("unexpected-message", `an empty record of type ${type}`);
    }
    this.#countEmpty();
  }

  /** Also counts the change_cipher_spec of TLS 1.3, which is to be dropped however many there are. */
  #countEmpty(): void {
    if (++this.#emptyRecords > MAX_EMPTY_RECORDS) {
      throw new TlsError("empty-record-flood", `${this.#emptyRecords} records that say nothing`);
    }
  }

  #onMessage(message: HandshakeMessage): void {
    this.#wire.traceMessage("received", messageName(message.type), message.raw.length);
    if (this.#asksForAnother(message)) {
      this.#countWarning();
      // RFC 5246, section 7.4.1.1: ignored while a handshake is under way, and no part of its hashes.
      if (this.phase === "handshake" && message.body.length === 0) return;
    }
    const state = this.#state;
    if (!state) return;
    try {
      this.#state = state.onMessage(message);
    } catch (error) {
      throw asTlsError(error, messageName(message.type));
    }
  }

  /** Whether the peer wants to renegotiate, which it may ask for a few times in vain. RFC 5246, sections 7.4.1.1 and 7.4.1.2 */
  #asksForAnother({ type }: HandshakeMessage): boolean {
    if (this.#parts.peer === "client") return type === HANDSHAKE_TYPES.client_hello && this.phase === "connected";
    return type === HANDSHAKE_TYPES.hello_request && this.#wire.version !== "TLSv1.3";
  }

  #onAlert(plaintext: Uint8Array): void {
    const [level, description] = plaintext;
    if (plaintext.length !== 2 || level === undefined || description === undefined) {
      throw new TlsError("malformed-message", `an alert of ${plaintext.length} bytes`);
    }
    if (level !== ALERT_LEVELS.warning && level !== ALERT_LEVELS.fatal) {
      throw new TlsError("malformed-message", `an alert of level ${level}`, { alert: "illegal_parameter" });
    }
    const fatal = this.#isFatal(level, description);
    const code = fatal ? "alert-received" : "";
    this.#wire.emit({
      do: "trace",
      event: { kind: "tls.alert", direction: "received", alert: alertName(description), fatal, code },
    });
    if (fatal) throw new AlertReceived(description, this.#state?.name ?? "the start", this.#parts.peer);
    if (description === ALERTS.close_notify) return this.#onGoodbye();
    this.#countWarning();
  }

  /** In TLS 1.3 the level says nothing: all but the two closure alerts end the connection. RFC 8446, section 6 */
  #isFatal(level: number, description: number): boolean {
    if (description === ALERTS.close_notify) return false;
    if (this.#wire.version === "TLSv1.3") return description !== ALERTS.user_canceled;
    return level === ALERT_LEVELS.fatal;
  }

  #countWarning(): void {
    if (++this.#warnings > MAX_WARNINGS) throw new TlsError("warning-flood", `${this.#warnings} warnings in a row`);
  }

  /** What comes behind is ignored. TLS 1.2 answers at once; TLS 1.3 may go on sending. RFC 5246, section 7.2.1; RFC 8446, section 6.1 */
  #onGoodbye(): void {
    if (this.phase !== "connected") throw new TlsError("closed-in-handshake", "close_notify within the handshake");
    this.#heardGoodbye = true;
    this.#wire.emit({ do: "end" });
    if (this.#wire.version === "TLSv1.2") this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    if (this.#sentGoodbye) return;
    this.#sentGoodbye = true;
    if (this.#state) this.#wire.sendAlert("close_notify", "warning");
    this.#wire.emit({ do: "shutdown" });
    if (this.phase !== "connected") this.#isOver = true;
  }

  /** The transport ended: in order only after the peer's goodbye, else an attacker may have cut it. */
  #onEnd(): void {
    if (this.#heardGoodbye) {
      this.#isOver = true;
      return;
    }
    if (this.phase === "connected") throw new TlsError("truncated", "the connection ended without close_notify");
    throw new TlsError(
      "closed-in-handshake",
      `the ${this.#parts.peer} closed while we waited for ${this.#state?.name ?? "the start"}`,
    );
  }

  #fail(error: HawserError): void {
    const alert = alertFor(error);
    if (alert !== undefined && this.#state && !this.#sentGoodbye) this.#wire.sendAlert(alert, "fatal", error.code);
    this.#isOver = true;
    this.#wire.emit({ do: "fail", error });
  }
}

function recordFailure(what: string, cause: unknown): LocalFailure {
  const reason = cause instanceof Error ? cause.message : "unknown reason";
  return new LocalFailure("operation-failed", `${what} a record failed: ${reason}`, { cause });
}
