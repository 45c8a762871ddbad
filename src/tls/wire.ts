import { concat } from "../codec/index.ts";
import { ALERT_LEVELS, type AlertName, ALERTS } from "./alerts.ts";
import type { Output } from "./effects.ts";
import { TlsError } from "./errors.ts";
import { HandshakeJoiner } from "./handshake-joiner.ts";
import { type HandshakeMessage, messageName } from "./messages.ts";
import { type RecordProtection, unprotected } from "./protection.ts";
import { CONTENT_TYPES, MAX_PLAINTEXT, RecordReader } from "./records.ts";
import type { TlsVersion } from "./suites.ts";

/** The record layer of one connection, and the outputs of the step in progress. */
export class Wire {
  readonly reader = new RecordReader();
  readonly joiner = new HandshakeJoiner();
  // Old servers want to see 3.1 in the first record. RFC 8446, section 5.1
  #writes: RecordProtection = unprotected(0x0301);
  #reads: RecordProtection = unprotected(0x0303);
  #version: TlsVersion | undefined;
  #flight: Uint8Array[] = [];
  #outputs: Output[] = [];

  emit(output: Output): void {
    this.#outputs.push(output);
  }

  /** Puts a handshake message into the flight. */
  sendMessage(message: HandshakeMessage): void {
    this.#send(CONTENT_TYPES.handshake, message.raw);
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
    if (this.#flight.length > 0) this.emit({ do: "write", bytes: concat(...this.#flight) });
    this.#flight = [];
  }

  protectWrites(protection: RecordProtection): void {
    this.#writes = protection;
  }

  /** From the next record on. Bytes of a message that began under the old keys must not go on under the new. RFC 8446, section 5.1 */
  protectReads(protection: RecordProtection): void {
    if (!this.joiner.isEmpty) throw new TlsError("misaligned-key-change", "the rest of a message before new keys");
    this.#reads = protection;
    this.reader.maxFragment = protection.maxFragment;
  }

  /** The versions of records are fixed from here on. */
  agreeVersion(version: TlsVersion): void {
    this.#version = version;
    this.reader.version = version === "TLSv1.3" ? "any" : 0x0303;
    this.#writes = unprotected(0x0303);
  }

  get version(): TlsVersion | undefined {
    return this.#version;
  }

  /** How many records may still be sent under the present key. */
  get recordsLeft(): number {
    return this.#writes.recordsLeft;
  }

  /** The next record, opened; undefined where more bytes are needed. */
  nextRecord(): { type: number; plaintext: Uint8Array } | undefined {
    const record = this.reader.next();
    return record && this.#reads.open(record);
  }

  traceMessage(direction: "sent" | "received", message: string, bytes: number): void {
    this.emit({ do: "trace", event: { kind: "tls.message", direction, message, bytes } });
  }

  takeOutputs(): Output[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #send(type: number, content: Uint8Array): void {
    for (let at = 0; at < content.length; at += MAX_PLAINTEXT) {
      this.#flight.push(this.#writes.seal(type, content.subarray(at, at + MAX_PLAINTEXT)));
    }
  }
}
