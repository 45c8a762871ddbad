import { Application, type ApplicationOptions } from "./application.ts";
import { encodeFrame, FrameParser, type Room } from "./frames.ts";
import { PROTOCOL_VERSION } from "./mechanisms.ts";

export type ConnectionOptions = Omit<ApplicationOptions, "clientVersion"> & {
  /** Where answers are written; fresh memory where absent. */
  readonly room?: Room;
};

/**
 * One client's byte stream: its protocol version, then frames. Bytes go in with `push`; `next` gives the bytes that
 * answer what has come, one answer at a time, or undefined until more has come. Throws `DecodeError` where the framing
 * is broken; nothing after that can be read. p11-kit RPC, connection set-up
 */
export class Connection {
  readonly #options: Omit<ConnectionOptions, "room">;
  readonly #room: Room | undefined;
  readonly #frames = new FrameParser();
  #application: Application | undefined;
  #greeting: Uint8Array | undefined;

  constructor({ room, ...options }: ConnectionOptions) {
    this.#options = options;
    this.#room = room;
  }

  push(chunk: Uint8Array): void {
    const [clientVersion] = chunk;
    if (this.#application || clientVersion === undefined) return this.#frames.push(chunk);
    this.#application = new Application({ ...this.#options, clientVersion });
    this.#greeting = Uint8Array.of(Math.min(clientVersion, PROTOCOL_VERSION));
    this.#frames.push(chunk.subarray(1));
  }

  /** A promise only where the chip has to be asked. */
  next(): Uint8Array | Promise<Uint8Array> | undefined {
    const greeting = this.#greeting;
    if (greeting) {
      this.#greeting = undefined;
      return greeting;
    }
    const frame = this.#application && this.#frames.next();
    const body = frame && this.#application?.answer(frame.body);
    if (!frame || !body) return undefined;
    const framed = (each: Uint8Array) => encodeFrame({ serial: frame.serial, body: each }, this.#room);
    return body instanceof Promise ? body.then(framed) : framed(body);
  }

  /** How many bytes wait for their turn. */
  get pendingBytes(): number {
    return this.#frames.pendingBytes;
  }

  /** The program is gone: its sessions are closed and its login ends. */
  close(): void {
    this.#application?.finalize();
  }
}
