import {
  encodeJrcp1Into,
  encodeJrcp2Into,
  encodeReaders,
  JRCP1_TYPE,
  JRCP2_GREETING,
  JRCP2_START,
  JRCP2_TYPE,
  Jrcp1Parser,
  type Jrcp2Frame,
  readJrcp2,
} from "../apdu/index.ts";
import { concat, equal } from "../codec/index.ts";
import type { Card } from "./ports.ts";

/** What a client is answered with; `end` where it must be let go. */
export type JrcpReply = { readonly bytes: Uint8Array } | { readonly end: true };

/** A request that waits to be carried out. */
export type JrcpRequest = (card: Card) => JrcpReply;

/** The node of the only reader. */
const NODE = 0x21;

/** Memory for an answer, of this length; what it held does not matter. */
type Room = (length: number) => Uint8Array;

const NOTHING = new Uint8Array(0);

/** What the length field of JRCP v1 can say. A command too long for the chip is the chip's to refuse, with a status word. */
const MAX_PAYLOAD = 0xffff;

/** The least bytes that tell the two protocols apart. */
const GREETING_LENGTH = JRCP2_GREETING.request.length;

/**
 * One client's bytes, cut into requests: JRCP v1 or v2, whichever its first bytes are. Throws `DecodeError` where the
 * framing is broken. JRCP v1 and v2 framing
 */
export class JrcpFront {
  readonly #readerName: string;
  readonly #room: Room;
  #dialect: Jrcp1Front | Jrcp2Front | undefined;
  #first: Uint8Array = NOTHING;

  /** `readerName` is what JRCP v2 clients see in the list of readers; answers are written into `room`. */
  constructor(readerName = "chip", room: Room = (length) => new Uint8Array(length)) {
    this.#readerName = readerName;
    this.#room = room;
  }

  /** Takes over bytes that nobody changes from now on; `next` then gives the requests. */
  push(chunk: Uint8Array): void {
    if (this.#dialect) return this.#dialect.push(chunk);
    this.#first = concat(this.#first, chunk);
    const isGreeting = equal(this.#first, JRCP2_GREETING.request.subarray(0, this.#first.length));
    if (isGreeting && this.#first.length < GREETING_LENGTH) return;
    const startsV2 =
      this.#first[0] === JRCP2_START || equal(this.#first.subarray(0, GREETING_LENGTH), JRCP2_GREETING.request);
    this.#dialect = startsV2 ? new Jrcp2Front(this.#readerName, this.#room) : new Jrcp1Front(this.#room);
    this.#dialect.push(this.#first);
  }

  /** The next complete request, or undefined until more bytes come. */
  next(): JrcpRequest | undefined {
    return this.#dialect?.next();
  }

  /** How many bytes wait for the rest of their request. */
  get pendingBytes(): number {
    return this.#dialect?.pendingBytes ?? this.#first.length;
  }
}

/**
 * JRCP v1 messages that are answered by as much as their type. Whoever is in the middle of a sequence of commands has
 * the chip alone anyway, and of terminal and debugger there is nothing to tell. JRCP table, section 2.1
 */
const ACKNOWLEDGED: ReadonlySet<number> = new Set([
  JRCP1_TYPE.lock,
  JRCP1_TYPE.unlock,
  JRCP1_TYPE.terminalInfo,
  JRCP1_TYPE.debugInfo,
]);

class Jrcp1Front {
  readonly #parser = new Jrcp1Parser({ maxPayload: MAX_PAYLOAD });
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  push(chunk: Uint8Array): void {
    this.#parser.pushOwn(chunk);
  }

  next(): JrcpRequest | undefined {
    const frame = this.#parser.next();
    if (!frame) return undefined;
    const { type, node, payload } = frame;
    const answer = (bytes: Uint8Array) => ({ bytes: encodeJrcp1Into(this.#room, { type, node, payload: bytes }) });
    if (type === JRCP1_TYPE.apdu) return (card) => answer(card.exchange(payload));
    if (type === JRCP1_TYPE.reset) return (card) => answer(card.reset());
    if (ACKNOWLEDGED.has(type)) return () => answer(NOTHING);
    // A farewell, or a type that only other servers know.
    return () => ({ end: true });
  }

  get pendingBytes(): number {
    return this.#parser.pendingBytes;
  }
}

class Jrcp2Front {
  readonly #readers: Uint8Array;
  readonly #room: Room;
  #pending: Uint8Array = NOTHING;

  constructor(readerName: string, room: Room) {
    this.#readers = encodeReaders([{ node: NODE, name: readerName }]);
    this.#room = room;
  }

  push(chunk: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
  }

  next(): JrcpRequest | undefined {
    if (this.#takeGreeting()) return () => ({ bytes: JRCP2_GREETING.answer.slice() });
    // Part of a greeting again, or nothing.
    if (this.#pending[0] === JRCP2_GREETING.request[0] && this.#pending.length < GREETING_LENGTH) return undefined;
    const found = readJrcp2(this.#pending, { maxPayload: MAX_PAYLOAD });
    if (!found) return undefined;
    this.#pending = this.#pending.subarray(found.length);
    return requestOf(found.frame, this.#readers, this.#room);
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  #takeGreeting(): boolean {
    if (this.#pending[0] !== JRCP2_GREETING.request[0]) return false;
    if (!equal(this.#pending.subarray(0, GREETING_LENGTH), JRCP2_GREETING.request)) return false;
    this.#pending = this.#pending.subarray(GREETING_LENGTH);
    return true;
  }
}

function requestOf({ type, node, payload }: Jrcp2Frame, readers: Uint8Array, room: Room): JrcpRequest {
  const answer = (bytes: Uint8Array) => ({ bytes: encodeJrcp2Into(room, { type, node, payload: bytes }) });
  switch (type) {
    case JRCP2_TYPE.listReaders:
      return () => answer(readers);
    case JRCP2_TYPE.coldReset:
    case JRCP2_TYPE.warmReset:
      return (card) => answer(card.reset());
    case JRCP2_TYPE.apdu:
      return (card) => answer(card.exchange(payload));
    case JRCP2_TYPE.simulator:
      // Any payload will do, but clients take an empty one for an error.
      return () => answer(payload.length > 0 ? payload : Uint8Array.of(0));
    default:
      return () => ({ end: true });
  }
}
