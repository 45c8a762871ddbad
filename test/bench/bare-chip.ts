import { once } from "node:events";
import { connect } from "node:net";

import { encodeJrcp1, encodeT1, JRCP1_RESET_REQUEST, JRCP1_TYPE } from "../../src/apdu/index.ts";
import { T1_ADDRESS, T1_MAX_INFORMATION, T1_RECEIVE_ERROR, T1_SUPERVISION } from "../../src/apdu/index.ts";
import { concat } from "../../src/codec/index.ts";

/** A chip that is asked with as little of this process's time as can be, to measure the chip. */
export type BareChip = {
  /** A command made ready: each call sends it and throws where the status word of its answer is not 9000. */
  readonly prepare: (command: Uint8Array) => () => Promise<void>;
  readonly close: () => void;
};

/** Over JRCP v1. */
export async function bareJrcp(host: string, port: number): Promise<BareChip> {
  const line = await Line.to(host, port, { head: 4, rest: (head) => ((head[2] ?? 0) << 8) | (head[3] ?? 0) });
  await line.ask(encodeJrcp1(JRCP1_RESET_REQUEST));
  return {
    prepare(command) {
      const frame = Buffer.from(encodeJrcp1({ type: JRCP1_TYPE.apdu, node: 0, payload: command }));
      return async () => demandSuccess(await line.ask(frame), 0);
    },
    close: () => line.close(),
  };
}

/** Over blocks of T=1. */
export async function bareT1(host: string, port: number): Promise<BareChip> {
  const line = await Line.to(host, port, { head: 3, rest: (head) => (head[2] ?? 0) + CHECKSUM });
  const what = T1_SUPERVISION.interfaceReset;
  await line.ask(block({ kind: "supervisory", what, isResponse: false, information: new Uint8Array(0) }));
  const acknowledge = BITS.map((sequence) => block({ kind: "receive-ready", sequence, error: T1_RECEIVE_ERROR.none }));
  let sequence: 0 | 1 = 0;
  return {
    prepare(command) {
      const count = Math.ceil(command.length / T1_MAX_INFORMATION);
      const chains = BITS.map((first) => Array.from({ length: count }, (_, i) => informationBlock(command, i, first)));
      return async () => {
        let answer: Uint8Array = NOTHING;
        for (const each of chains[sequence] ?? []) answer = await line.ask(each);
        if (count % 2 === 1) sequence = sequence === 0 ? 1 : 0;
        // As long as the chip has more to say, its next block is asked for.
        for (let control = answer[1] ?? 0; control & MORE; control = answer[1] ?? 0) {
          answer = await line.ask(acknowledge[control & SECOND ? 0 : 1] ?? NOTHING);
        }
        demandSuccess(answer, CHECKSUM);
      };
    },
    close: () => line.close(),
  };
}

const BITS = [0, 1] as const;
const CHECKSUM = 2;
/** In the control byte of a block with information: more is to come, and its number. ISO/IEC 7816-3, section 11.3.2.2 */
const MORE = 0x20;
const SECOND = 0x40;
const NOTHING = new Uint8Array(0);

function block(content: Parameters<typeof encodeT1>[1]): Buffer {
  return Buffer.from(encodeT1(T1_ADDRESS.toChip, content));
}

function informationBlock(command: Uint8Array, i: number, first: 0 | 1): Buffer {
  const information = command.subarray(i * T1_MAX_INFORMATION, (i + 1) * T1_MAX_INFORMATION);
  const more = (i + 1) * T1_MAX_INFORMATION < command.length;
  return block({ kind: "information", sequence: (i + first) % 2 === 0 ? 0 : 1, more, information });
}

function demandSuccess(frame: Uint8Array, behind: number): void {
  const at = frame.length - behind - 2;
  if (frame[at] !== 0x90 || frame[at + 1] !== 0x00) throw new Error("the chip refused a command that is measured");
}

/** How long a frame is: `rest` says by its head what follows. */
type Framing = { readonly head: number; readonly rest: (head: Uint8Array) => number };

/** Frames go out, and one comes back for each. */
class Line {
  #received: Uint8Array = NOTHING;
  #wake: (frame: Uint8Array) => void = () => undefined;
  #fail: (cause: Error) => void = () => undefined;
  readonly #framing: Framing;
  readonly #socket: ReturnType<typeof connect>;

  private constructor(host: string, port: number, framing: Framing) {
    this.#framing = framing;
    const callback = (count: number, bytes: Uint8Array) => this.#take(bytes.subarray(0, count));
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: new Uint8Array(4096), callback } });
    this.#socket.on("close", () => this.#fail(new Error("the chip closed the connection")));
    this.#socket.on("error", (cause) => this.#fail(cause));
  }

  static async to(host: string, port: number, framing: Framing): Promise<Line> {
    const line = new Line(host, port, framing);
    await once(line.#socket, "connect");
    return line;
  }

  /** The bytes of the answer stay what they are until the next question. */
  ask(frame: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      this.#fail = reject;
      this.#socket.write(frame);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): true {
    const { head, rest } = this.#framing;
    const bytes = this.#received.length === 0 ? chunk : concat(this.#received, chunk);
    const isWhole = bytes.length >= head && bytes.length >= head + rest(bytes);
    this.#received = isWhole ? NOTHING : bytes.slice();
    if (isWhole) this.#wake(bytes);
    return true;
  }
}
