import { concat, toHex } from "../codec/index.ts";
import { ALERT_LEVELS, type AlertName, ALERTS } from "./alerts.ts";
import type { Output } from "./effects.ts";
import { TlsError } from "./errors.ts";
import { HandshakeJoiner } from "./handshake-joiner.ts";
import { type HandshakeMessage, messageName } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { type OpenedRecord, unprotected } from "./protection.ts";
import { type AnyProtection, isKept, type Opening } from "./protection-elsewhere.ts";
import { CONTENT_TYPES, MAX_PLAINTEXT, RecordReader } from "./records.ts";
import type { TlsVersion } from "./suites.ts";

/** The record layer of one connection, and the outputs of the step in progress. */
export class Wire {
  readonly reader = new RecordReader();
  readonly joiner = new HandshakeJoiner();
  // Old servers want to see 3.1 in the first record. RFC 8446, section 5.1
  #writes: AnyProtection = unprotected(0x0301);
  #reads: AnyProtection = unprotected(0x0303);
  #version: TlsVersion | undefined;
  #maxSent = MAX_PLAINTEXT;
  #maxReceived = MAX_PLAINTEXT;
  #readsAreProtected = false;
  /** Handshake messages that are not in records yet. */
  #messages: Uint8Array[] = [];
  #outputs: Output[] = [];
  readonly #outbox = new Outbox((output) => this.#outputs.push(output));
  #opening: Opening | undefined;
  #canSend = true;

  /** What tells of an end, or of the connection, does not overtake what is still to be sealed. */
  emit(output: Output): void {
    if (output.do === "connected" || output.do === "shutdown" || output.do === "fail") this.#outbox.behind(output);
    else this.#outputs.push(output);
  }

  /** Whether a record is away to be sealed; others may wait behind it. */
  get isSealing(): boolean {
    return this.#outbox.isSealing;
  }

  /** Whether a record is away to be opened; what comes behind it has to wait. */
  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  onSealed(sealed: Uint8Array): void {
    try {
      this.#outbox.onSealed(sealed);
    } catch (error) {
      this.giveUpSending();
      throw error;
    }
  }

  /** The record that was away, opened. */
  onOpened(plaintext: Uint8Array | undefined): OpenedRecord | undefined {
    const opening = this.#opening;
    this.#opening = undefined;
    return opening && this.#within(opening.finish(plaintext));
  }

  /** Nothing more can be sent: the keeper of the keys failed, or is not waited for any longer. */
  giveUpSending(): void {
    this.#canSend = this.#canSend && !isKept(this.#writes);
    if (!this.#canSend) this.#outbox.giveUp();
  }

  /** Puts a handshake message into the flight; messages in a row share records. RFC 8446, section 5.1 */
  sendMessage(message: HandshakeMessage): void {
    this.#messages.push(message.raw);
    this.traceMessage("sent", messageName(message.type), message.raw.length);
  }

  /** The one message of the change cipher spec protocol. RFC 5246, section 7.1 */
  sendChangeCipherSpec(): void {
    this.#send(CONTENT_TYPES.change_cipher_spec, Uint8Array.of(1));
    this.traceMessage("sent", "change_cipher_spec", 1);
  }

  sendData(data: Uint8Array): void {
    this.#send(CONTENT_TYPES.application_data, data);
    this.endFlight();
  }

  /** Sends an alert, behind whatever was waiting, and ends the flight. */
  sendAlert(alert: AlertName, level: keyof typeof ALERT_LEVELS, code = ""): void {
    this.#send(CONTENT_TYPES.alert, Uint8Array.of(ALERT_LEVELS[level], ALERTS[alert]));
    this.emit({
      do: "trace",
      event: { kind: "tls.alert", direction: "sent", alert, fatal: level === "fatal", code },
    });
    this.endFlight();
  }

  /** Gives the records since the last flight to the transport, in one write. */
  endFlight(): void {
    this.#packMessages();
    this.#outbox.flush();
  }

  protectWrites(protection: AnyProtection): void {
    this.#packMessages();
    this.#writes = protection;
  }

  /** Where it is our turn to speak, nothing of the server's may be left over: it could only be meant to be read later. */
  endTheirFlight(): void {
    if (!this.joiner.isEmpty) throw new TlsError("misaligned-key-change", "handshake bytes behind the end of a flight");
  }

  /** From the next record on. Bytes of a message that began under the old keys must not go on under the new. RFC 8446, section 5.1 */
  protectReads(protection: AnyProtection): void {
    if (!this.joiner.isEmpty) throw new TlsError("misaligned-key-change", "the rest of a message before new keys");
    this.#reads = protection;
    this.#readsAreProtected = true;
    this.reader.maxFragment = protection.maxFragment;
  }

  /** The versions of records are fixed from here on. */
  agreeVersion(version: TlsVersion): void {
    this.#packMessages();
    this.#version = version;
    this.reader.version = version === "TLSv1.3" ? "any" : 0x0303;
    this.#writes = unprotected(0x0303);
  }

  get version(): TlsVersion | undefined {
    return this.#version;
  }

  /** The longest plaintexts of records in either direction, from now on. */
  limitRecords({ sent, received }: { readonly sent: number; readonly received: number }): void {
    this.#maxSent = sent;
    this.#maxReceived = received;
  }

  get maxSent(): number {
    return isKept(this.#writes) ? Math.min(this.#maxSent, this.#writes.maxPlaintext) : this.#maxSent;
  }

  /** How many records may still be sent under the present key. */
  get recordsLeft(): number {
    return this.#writes.recordsLeft;
  }

  /** The next record, opened; undefined where more bytes are needed, or where it is away to be opened. */
  nextRecord(): OpenedRecord | undefined {
    const record = this.reader.next();
    if (!record) return undefined;
    if (!isKept(this.#reads)) return this.#within(this.#reads.open(record));
    const begun = this.#reads.beginOpen(record);
    if ("plaintext" in begun) return this.#within(begun);
    this.#opening = begun;
    this.emit({ do: "open", key: this.#reads.key, input: begun.input });
    return undefined;
  }

  /** RFC 8449, section 4: the limit is for protected records only. */
  #within(opened: OpenedRecord): OpenedRecord {
    if (this.#readsAreProtected && opened.plaintext.length > this.#maxReceived) {
      throw new TlsError("record-too-long", `${opened.plaintext.length} bytes, limit ${this.#maxReceived}`);
    }
    return opened;
  }

  traceMessage(direction: "sent" | "received", message: string, bytes: number): void {
    this.emit({ do: "trace", event: { kind: "tls.message", direction, message, bytes } });
  }

  /** A secret for the key log, by its name there; `random` is the client's. */
  logKey(name: string, random: Uint8Array, secret: Uint8Array): void {
    this.emit({ do: "key-log", line: `${name} ${toHex(random)} ${toHex(secret)}` });
  }

  /** What the step in progress asks for, at its end: from here on the bytes that came in are the caller's again. */
  takeOutputs(): Output[] {
    this.reader.keep();
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #packMessages(): void {
    if (this.#messages.length === 0) return;
    const messages = concat(...this.#messages);
    this.#messages = [];
    this.#seal(CONTENT_TYPES.handshake, messages);
  }

  #send(type: number, content: Uint8Array): void {
    this.#packMessages();
    this.#seal(type, content);
  }

  #seal(type: number, content: Uint8Array): void {
    if (!this.#canSend) return;
    const { maxSent } = this;
    for (let at = 0; at < content.length; at += maxSent) {
      this.#outbox.seal(this.#writes, type, content.subarray(at, at + maxSent));
    }
  }
}
