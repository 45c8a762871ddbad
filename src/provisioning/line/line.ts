import { Denied, type HawserError, Refused, toHex, UsageError } from "../../codec/index.ts";
import type { Clock, Entropy, PlainKeyPair, SecureElement, SignatureVerifier } from "../../crypto/index.ts";
import type { Certificate } from "../../pki/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import type { LineErrorCode } from "./errors.ts";
import type { LineIssuer } from "./issuer.ts";
import { after, type LineEntry, type LineJournal, type PartState, partStates } from "./journal.ts";
import { LINE_MODELS } from "./models.ts";
import { makeReady, type PartTools } from "./part.ts";
import type { LinePlaces } from "./places.ts";
import { type LineReport, reconcile } from "./report.ts";

/** Puts parts into the sockets of a line. */
export interface LineFeed {
  /** The part of a number, counted from 1, ready for commands. Asked again, it gives the same part. */
  open(part: number): Promise<{ readonly element: SecureElement; readonly close: () => Promise<void> }>;
}

/** How far a line has come. */
export type LineProgress = {
  readonly part: number;
  readonly outcome: "done" | "refused";
  readonly uniqueId: string;
  readonly refusal?: { readonly code: string; readonly message: string };
  readonly done: number;
  readonly refused: number;
  readonly count: number;
};

export type LineOptions = {
  readonly journal: LineJournal;
  readonly feed: LineFeed;
  readonly places: LinePlaces;
  readonly issuer?: LineIssuer;
  readonly anchors?: readonly Certificate[];
  readonly newKeyPair: () => Promise<PlainKeyPair>;
  readonly subjectOf: PartTools["subjectOf"];
  readonly verifier: SignatureVerifier;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly trace?: Trace;
  /** How many parts are worked on at a time; 1 where absent. */
  readonly stations?: number;
  readonly onProgress?: (progress: LineProgress) => void;
  /** Asked before each part: whether to leave it for another run. */
  readonly shouldStop?: () => boolean;
};

/**
 * Makes the parts of a journal's order ready that are not, each in turn, and gives the report on all of them.
 *
 * A part that says no, or is not what it should be, is refused with its reason and the line goes on. Anything else (a
 * broken bus, a CA that cannot issue, a full disk) ends the line, which then goes on from the same journal.
 */
export async function runLine(options: LineOptions): Promise<LineReport> {
  const line = new Line(options);
  const stations = Array.from({ length: options.stations ?? 1 }, () => line.work());
  const ended = await Promise.allSettled(stations);
  for (const station of ended) if (station.status === "rejected") throw station.reason;
  return reconcile(options.journal, (await options.issuer?.issued()) ?? []);
}

class Line {
  readonly #options: LineOptions;
  readonly #states: Map<number, PartState>;
  readonly #waiting: number[];
  readonly #tools: PartTools;
  /** Which part each identifier belongs to. */
  readonly #owners = new Map<string, number>();
  #earlier: Promise<ReadonlyMap<string, Certificate>> | undefined;
  #isBroken = false;
  #done = 0;
  #refused = 0;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#states = partStates(options.journal);
    this.#waiting = [...this.#states.values()].filter(({ outcome }) => outcome !== "done").map(({ part }) => part);
    this.#done = this.#states.size - this.#waiting.length;
    for (const { part, uniqueId, outcome } of this.#states.values()) {
      if (outcome !== "refused" && uniqueId !== "") this.#owners.set(uniqueId, part);
    }
    const { anchors = [], trace = silentTrace, issuer, journal } = options;
    this.#tools = {
      ...options,
      model: LINE_MODELS[journal.order.model],
      anchors,
      trace,
      issuer,
      issuedFor: (publicKey) => this.#issuedFor(publicKey),
      note: (entry) => this.#note(entry),
    };
  }

  /** One station: takes the next part until there is none. */
  async work(): Promise<void> {
    for (;;) {
      const part = this.#isBroken || this.#options.shouldStop?.() === true ? undefined : this.#waiting.shift();
      if (part === undefined) return;
      try {
        await this.#one(part);
      } catch (error) {
        this.#isBroken = true;
        throw error;
      }
    }
  }

  async #one(part: number): Promise<void> {
    const { element, close } = await this.#options.feed.open(part);
    try {
      const { uniqueId } = await element.identify();
      try {
        const before = this.#admit(part, uniqueId);
        await makeReady({ element, uniqueId, before }, this.#tools);
        this.#tell(part, uniqueId);
      } catch (error) {
        if (!(error instanceof Denied || error instanceof Refused)) throw error;
        await this.#refuse(part, uniqueId, error);
      }
    } finally {
      await close();
    }
  }

  /** What the line knows of a part, once it is sure that the part in the socket is the one. */
  #admit(part: number, uniqueId: string): PartState {
    const before = this.#states.get(part);
    const owner = this.#owners.get(uniqueId) ?? part;
    if (owner !== part) {
      throw new Denied<LineErrorCode>("part-twice", `${uniqueId} is part ${owner} of this line already`);
    }
    if (!before) throw new UsageError<LineErrorCode>("line-differs", `this line has no part ${part}`);
    if (before.outcome === "open" && before.isBegun && before.uniqueId !== uniqueId) {
      const message = `part ${part} was begun as ${before.uniqueId}, and ${uniqueId} is in the socket`;
      throw new UsageError<LineErrorCode>("part-swapped", message);
    }
    this.#owners.set(uniqueId, part);
    return before;
  }

  async #refuse(part: number, uniqueId: string, error: HawserError): Promise<void> {
    const { code, message } = error;
    await this.#note({ step: "refused", part, uniqueId, code, message });
    this.#tell(part, uniqueId, { code, message });
  }

  #tell(part: number, uniqueId: string, refusal?: { readonly code: string; readonly message: string }): void {
    if (refusal) this.#refused++;
    else this.#done++;
    const { count } = this.#options.journal.order;
    this.#options.onProgress?.({
      part,
      outcome: refusal ? "refused" : "done",
      uniqueId,
      ...(refusal ? { refusal } : {}),
      done: this.#done,
      refused: this.#refused,
      count,
    });
  }

  async #note(entry: LineEntry): Promise<void> {
    await this.#options.journal.append(entry);
    const before = this.#states.get(entry.part);
    if (before) this.#states.set(entry.part, after(before, entry));
  }

  async #issuedFor(publicKey: Uint8Array): Promise<Certificate | undefined> {
    this.#earlier ??= this.#readEarlier();
    return (await this.#earlier).get(toHex(publicKey));
  }

  async #readEarlier(): Promise<ReadonlyMap<string, Certificate>> {
    const issued = (await this.#options.issuer?.issued()) ?? [];
    return new Map(issued.map((certificate) => [toHex(certificate.publicKey.der), certificate]));
  }
}
