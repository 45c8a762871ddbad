import { connect, type Socket } from "node:net";

/** Holds some fifteen full-size records: the system is asked for bytes as seldom as it is worth. */
const READ_BYTES = 256 * 1024;
/** What handshakes and small messages come in; most connections never need more. */
const FIRST_READ_BYTES = 16 * 1024;

/** Where a driver gets a transport's bytes from; they are the receiver's only until it returns. */
export interface Incoming {
  onBytes(receive: (bytes: Uint8Array) => void): void;
}

/** A TCP connection whose bytes always come in the same memory, so that a fast stream leaves no garbage behind. */
export class TcpTransport implements Incoming {
  #receive: (bytes: Uint8Array) => void = () => undefined;
  #memory: Uint8Array = new Uint8Array(FIRST_READ_BYTES);

  connect(host: string, port: number): Socket {
    return connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        // A function is asked again after each read.
        buffer: () => this.#memory,
        callback: (length, memory) => {
          if (length === memory.length && length < READ_BYTES) this.#memory = new Uint8Array(READ_BYTES);
          this.#receive(memory.subarray(0, length));
          return true;
        },
      },
    });
  }

  onBytes(receive: (bytes: Uint8Array) => void): void {
    this.#receive = receive;
  }
}
