import type { HawserError } from "../codec/index.ts";
import type { ClientConfig } from "./client-config.ts";
import type { Answer, Effect } from "./effects.ts";
import { LocalFailure, misuse, TlsError } from "./errors.ts";
import { HANDSHAKE_TYPES, type HandshakeMessage, type HandshakeType, messageName } from "./messages.ts";
import type { TlsVersion } from "./suites.ts";
import type { Transcript } from "./transcript.ts";
import type { Wire } from "./wire.ts";

/** What every state of a handshake carries, at either end. */
export type Engine = { readonly wire: Wire; readonly transcript: Transcript };

/** What every state of a client's handshake carries. */
export type Handshake = Engine & { readonly config: ClientConfig };

/** Record and hello versions. RFC 5246, section 6.2.1; RFC 8446, section 4.2.1 */
export const VERSIONS = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const satisfies Record<TlsVersion, number>;

/** Which keys to export; `length` in bytes. RFC 5705, section 4 */
export type KeyExport = {
  readonly label: string;
  readonly context?: Uint8Array | undefined;
  readonly length: number;
};

/** One state of a connection: each input it allows gives the next state, everything else is refused here. */
export abstract class State<H extends Engine = Handshake> {
  /** What it waits for, in the words that an error message uses. */
  abstract readonly name: string;
  /** Whether an effect is under way; until its answer, what the server sends has to wait. */
  readonly awaitsAnswer: boolean = false;
  /** Whether application data may be sent. */
  readonly isConnected: boolean = false;
  protected readonly handshake: H;

  constructor(handshake: H) {
    this.handshake = handshake;
  }

  onMessage(message: HandshakeMessage): State<H> {
    throw new TlsError("unexpected-message", `${messageName(message.type)} while waiting for ${this.name}`);
  }

  onChangeCipherSpec(): State<H> {
    throw new TlsError("unexpected-message", `change_cipher_spec while waiting for ${this.name}`);
  }

  onData(_data: Uint8Array): State<H> {
    throw new TlsError("unexpected-message", `application data while waiting for ${this.name}`);
  }

  onSend(_data: Uint8Array): void {
    throw misuse("not-connected", `data to send while waiting for ${this.name}`);
  }

  /** Throws `not-connected` before the handshake is complete, `bad-option` where no secret was kept for it. */
  exportKeys(_wanted: KeyExport): Uint8Array {
    if (this.isConnected) throw misuse("bad-option", "keys are only exported where exportsKeys is set");
    throw misuse("not-connected", `keys to export while waiting for ${this.name}`);
  }

  onUpdateKeys(): State<H> {
    throw misuse("not-connected", `new keys while waiting for ${this.name}`);
  }

  onAnswer(answer: Exclude<Answer, { on: "failed" }>): State<H> {
    throw misuse("unexpected-answer", `${answer.on} while waiting for ${this.name}`);
  }

  /** The error that ends the connection when the effect under way failed. */
  failure(cause: unknown): HawserError {
    return new LocalFailure("operation-failed", `${this.name} failed: ${reasonOf(cause)}`, { cause });
  }

  /** Refuses any other type. */
  protected expect(message: HandshakeMessage, type: HandshakeType): void {
    if (message.type !== HANDSHAKE_TYPES[type]) State.prototype.onMessage.call(this, message);
  }

  /** Takes a message of this type into the transcript; any other is refused. */
  protected accept(message: HandshakeMessage, type: HandshakeType): void {
    this.expect(message, type);
    this.handshake.transcript.add(message.raw);
  }

  protected send(message: HandshakeMessage): void {
    this.handshake.transcript.add(message.raw);
    this.handshake.wire.sendMessage(message);
  }
}

/** A state that waits for the answer to one effect. */
export abstract class Awaiting<K extends Answer["on"], H extends Engine = Handshake> extends State<H> {
  override readonly awaitsAnswer = true;
  readonly #kind: K;

  constructor(handshake: H, effect: Effect, kind: K) {
    super(handshake);
    this.#kind = kind;
    handshake.wire.emit(effect);
  }

  protected abstract resume(answer: Extract<Answer, { on: K }>): State<H>;

  override onAnswer(answer: Exclude<Answer, { on: "failed" }>): State<H> {
    if (answer.on !== this.#kind) return super.onAnswer(answer);
    return this.resume(answer as unknown as Extract<Answer, { on: K }>);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "unknown reason";
}
