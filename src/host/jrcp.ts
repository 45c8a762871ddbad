import {
  decodeReaders,
  encodeJrcp1Into,
  encodeJrcp2Into,
  JRCP1_RESET_REQUEST,
  JRCP1_TYPE,
  type Jrcp1Frame,
  JRCP2_GREETING,
  JRCP2_LIST_READERS,
  JRCP2_TYPE,
  type Jrcp2Frame,
  readJrcp1,
  readJrcp2,
} from "../apdu/index.ts";
import { DecodeError, equal } from "../codec/index.ts";

/** Memory for a frame, of this length; what it held does not matter. */
export type JrcpRoom = (length: number) => Uint8Array;

/** Bytes to send, and how to find their answer in what comes back; undefined until more bytes come. Throws `DecodeError`. */
export type JrcpQuestion<T> = {
  bytes(room: JrcpRoom): Uint8Array;
  read(received: Uint8Array): { readonly value: T; readonly length: number } | undefined;
};

/** What asks a question over a connection. */
type Ask = <T>(question: JrcpQuestion<T>) => Promise<T>;

/** The most bytes that a payload may have here; answers of chips are much shorter. */
const MAX_PAYLOAD = 0xffff;

/** JRCP v1: resets the chip; the answer to reset. */
export const resetRequest1: JrcpQuestion<Uint8Array> = question1(JRCP1_RESET_REQUEST);

/** JRCP v1: a command; its answer. */
export function apduRequest1(command: Uint8Array): JrcpQuestion<Uint8Array> {
  return question1({ type: JRCP1_TYPE.apdu, node: 0, payload: command });
}

/**
 * JRCP v2: greets the server, asks twice for its readers as its clients do, and resets the chip in the lowest of them.
 * JRCP v2 connect sequence
 */
export async function openJrcp2(ask: Ask) {
  await ask(greeting);
  await ask(question2(JRCP2_LIST_READERS, lowestNode));
  const node = await ask(question2(JRCP2_LIST_READERS, lowestNode));
  const answerToReset = await ask(question2({ type: JRCP2_TYPE.coldReset, node, payload: new Uint8Array(4) }, whole));
  return {
    answerToReset,
    apduRequest: (command: Uint8Array) => question2({ type: JRCP2_TYPE.apdu, node, payload: command }, whole),
  };
}

const greeting: JrcpQuestion<undefined> = {
  bytes: () => JRCP2_GREETING.request,
  read(received) {
    const { answer } = JRCP2_GREETING;
    if (!equal(received.subarray(0, answer.length), answer.subarray(0, received.length))) {
      throw new DecodeError("value", "not the greeting of a JRCP v2 server", 0);
    }
    return received.length < answer.length ? undefined : { value: undefined, length: answer.length };
  },
};

function question1(frame: Jrcp1Frame): JrcpQuestion<Uint8Array> {
  return {
    bytes: (room) => encodeJrcp1Into(room, frame),
    read(received) {
      const answer = readJrcp1(received, { maxPayload: MAX_PAYLOAD });
      if (!answer) return undefined;
      checkType(frame.type, answer.frame.type);
      return { value: answer.frame.payload, length: answer.length };
    },
  };
}

function question2<T>(frame: Jrcp2Frame, convert: (payload: Uint8Array) => T): JrcpQuestion<T> {
  return {
    bytes: (room) => encodeJrcp2Into(room, frame),
    read(received) {
      const answer = readJrcp2(received, { maxPayload: MAX_PAYLOAD });
      if (!answer) return undefined;
      checkType(frame.type, answer.frame.type);
      return { value: convert(answer.frame.payload), length: answer.length };
    },
  };
}

function whole(payload: Uint8Array): Uint8Array {
  return payload;
}

function lowestNode(list: Uint8Array): number {
  const nodes = decodeReaders(list).map(({ node }) => node);
  if (nodes.length === 0) throw new DecodeError("value", "a JRCP v2 server without readers", 0);
  return Math.min(...nodes);
}

function checkType(asked: number, answered: number): void {
  if (asked !== answered) {
    throw new DecodeError("value", `a frame of type 0x${answered.toString(16)}, not 0x${asked.toString(16)}`, 0);
  }
}
