import { Application, type ApplicationOptions } from "./application.ts";
import { encodeFrame, type Frame, FrameParser } from "./frames.ts";
import { PROTOCOL_VERSION } from "./mechanisms.ts";

/**
 * One client's byte stream: its protocol version, then frames. Bytes go in with `push`; `next` gives the bytes that
 * answer what has come, one answer at a time, or undefined until more has come. Throws `DecodeError` where the framing
 * is broken; nothing after that can be read. p11-kit RPC, connection set-up
 */
export class Connection {
  readonly #options: Omit<ApplicationOptions, "clientVersion">;
  readonly #frames = new FrameParser();
  #application: Application | undefined;
  #greeting: Uint8Array | undefined;

  constructor(options: Omit<ApplicationOptions, "clientVersion">) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    const [clientVersion] = chunk;
    if (this.#application || clientVersion === undefined) return this.#frames.push(chunk);
    this.#application = new Application({ ...this.#options, clientVersion });
    this.#greeting = Uint8Array.of(Math.min(clientVersion, PROTOCOL_VERSION));
    this.#frames.push(chunk.subarray(1));
  }

  /** A promise only where there is something to answer: nothing is waited for at the end of each request. */
  next(): Promise<Uint8Array> | undefined {
    const greeting = this.#greeting;
    if (greeting) {
      this.#greeting = undefined;
      return Promise.resolve(greeting);
    }
    const [application, frame] = [this.#application, this.#application && this.#frames.next()];
    return application && frame && answer(application, frame);
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

async function answer(application: Application, { serial, body }: Frame): Promise<Uint8Array> {
  return encodeFrame({ serial, body: await application.answer(body) });
}
