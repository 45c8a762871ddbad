import { fromBase64, toBase64, UsageError } from "../../codec/index.ts";
import { type Certificate, parseCertificate } from "../../pki/index.ts";
import type { LineErrorCode } from "./errors.ts";
import { LINE_MODELS, type LineModelName } from "./models.ts";

/** What a line shall do. `batch` names it; `issuer` is the id of the CA certificate, empty where parts are born with theirs. */
export type LineOrder = {
  readonly batch: string;
  readonly model: LineModelName;
  readonly chipModel: string;
  readonly count: number;
  readonly issuer: string;
  /** Which of the keys that parts are born with are taken in; those on curves where absent. */
  readonly bornKeys?: BornKeys;
};

/** Kinds of keys that parts are born with. */
export type BornKeys = "ec" | "ec+rsa";

/** A key pair of a part and the certificate for it. */
export type PartIdentity = { readonly name: string; readonly slot: number; readonly certificate: Certificate };

/** One step of one part, in the order in which they happen. Parts count from 1. */
export type LineEntry =
  /** Written before anything is changed in the part. */
  | { readonly step: "begun"; readonly part: number; readonly uniqueId: string }
  | { readonly step: "issued"; readonly part: number; readonly certificate: Certificate }
  | {
      readonly step: "done";
      readonly part: number;
      readonly uniqueId: string;
      readonly identities: readonly PartIdentity[];
    }
  | {
      readonly step: "refused";
      readonly part: number;
      readonly uniqueId: string;
      readonly code: string;
      readonly message: string;
    };

/** What a line must not forget. An entry is durable before `append` settles. */
export interface LineJournal {
  readonly order: LineOrder;
  readonly entries: readonly LineEntry[];
  append(entry: LineEntry): Promise<void>;
}

/** A journal that lasts as long as the process. */
export class MemoryJournal implements LineJournal {
  readonly order: LineOrder;
  readonly entries: LineEntry[];

  constructor(order: LineOrder, entries: readonly LineEntry[] = []) {
    this.order = order;
    this.entries = [...entries];
  }

  async append(entry: LineEntry): Promise<void> {
    this.entries.push(entry);
  }
}

/** What is known about one part. */
export type PartState = {
  readonly part: number;
  readonly outcome: "open" | "done" | "refused";
  /** Empty where no part of this number has been in the socket. */
  readonly uniqueId: string;
  /** Whether the line may have changed something in it: what it holds is then the line's own. */
  readonly isBegun: boolean;
  /** The certificate that was issued for it, once it was. */
  readonly certificate?: Certificate;
  readonly identities: readonly PartIdentity[];
  readonly refusal?: { readonly code: string; readonly message: string };
};

/** The state of every part of an order, by its number. */
export function partStates({ order, entries }: Pick<LineJournal, "order" | "entries">): Map<number, PartState> {
  const states = new Map<number, PartState>();
  for (let part = 1; part <= order.count; part++) {
    states.set(part, untouched(part, ""));
  }
  for (const entry of entries) {
    const before = states.get(entry.part);
    if (!before) throw damaged(`part ${entry.part} of ${order.count}`);
    states.set(entry.part, after(before, entry));
  }
  return states;
}

/** The state of a part behind one more entry. */
export function after(state: PartState, entry: LineEntry): PartState {
  if (entry.step === "issued") return { ...state, certificate: entry.certificate };
  // Another part may take the place of one that was refused, and nothing of the former one's is its own.
  const { refusal: _, ...same } = entry.uniqueId === state.uniqueId ? state : untouched(state.part, entry.uniqueId);
  if (entry.step === "begun") return { ...same, outcome: "open", isBegun: true };
  if (entry.step === "done") return { ...same, outcome: "done", identities: entry.identities };
  return { ...same, outcome: "refused", refusal: { code: entry.code, message: entry.message } };
}

function untouched(part: number, uniqueId: string): PartState {
  return { part, outcome: "open", uniqueId, isBegun: false, identities: [] };
}

/**
 * Whether a run may go on from a journal: it must be of the same order, whatever its name, and what is unfinished is
 * taken up only by who asks for that. Throws `UsageError` `line-differs` or `line-unfinished`.
 */
export function demandOrder(
  journal: Pick<LineJournal, "order" | "entries">,
  wanted: Omit<LineOrder, "batch">,
  { resume }: { readonly resume: boolean },
): void {
  const { batch, ...rest } = journal.order;
  const [order, asked] = [rest, wanted].map((each) => ({ bornKeys: "ec", ...each })) as [Ordered, Ordered];
  const other = (Object.keys(order) as (keyof Ordered)[]).find((name) => order[name] !== asked[name]);
  if (other !== undefined) {
    const message = `${batch} is a line with ${other} ${order[other]}, not ${asked[other]}`;
    throw new UsageError<LineErrorCode>("line-differs", message);
  }
  const left = [...partStates(journal).values()].filter(({ outcome }) => outcome !== "done").length;
  if (left > 0 && !resume) {
    throw new UsageError<LineErrorCode>("line-unfinished", `${batch} has ${left} of ${order.count} parts to do`);
  }
}

type Ordered = Omit<LineOrder, "batch">;

/** The first line of a journal's file. */
export function orderLine(order: LineOrder): string {
  return `${JSON.stringify({ journal: "hawser line", version: 1, ...order })}\n`;
}

/** One more line of a journal's file. */
export function entryLine(entry: LineEntry): string {
  const plain = {
    ...entry,
    ...("certificate" in entry ? { certificate: toBase64(entry.certificate.der) } : {}),
    ...("identities" in entry ? { identities: entry.identities.map(plainIdentity) } : {}),
  };
  return `${JSON.stringify(plain)}\n`;
}

/**
 * The journal in the whole lines of a file; the bytes behind the last newline are of an entry that was never finished.
 * Throws `UsageError` `journal-damaged`.
 */
export function readJournal(text: string): { readonly order: LineOrder; readonly entries: readonly LineEntry[] } {
  const lines = text.split("\n").slice(0, -1);
  const [first, ...rest] = lines.map((line, i) => fieldsOf(line, i + 1));
  if (!first || first["journal"] !== "hawser line" || first["version"] !== 1) throw damaged("line 1: no journal");
  const { batch, model, chipModel, count, issuer, bornKeys } = first;
  const order: LineOrder = {
    batch: textIn(batch, 1),
    model: modelOf(model),
    chipModel: textIn(chipModel, 1),
    count: numberIn(count, 1),
    issuer: textIn(issuer, 1),
    ...(bornKeys === undefined ? {} : { bornKeys: bornKeysOf(bornKeys) }),
  };
  return { order, entries: rest.map((fields, i) => entryOf(fields, i + 2)) };
}

function bornKeysOf(value: unknown): BornKeys {
  if (value === "ec" || value === "ec+rsa") return value;
  throw damaged("line 1: bornKeys");
}

function plainIdentity({ name, slot, certificate }: PartIdentity) {
  return { name, slot, certificate: toBase64(certificate.der) };
}

type Fields = Readonly<Record<string, unknown>>;

function entryOf(fields: Fields, line: number): LineEntry {
  const part = numberIn(fields["part"], line);
  switch (fields["step"]) {
    case "begun":
      return { step: "begun", part, uniqueId: textIn(fields["uniqueId"], line) };
    case "issued":
      return { step: "issued", part, certificate: certificateOf(fields["certificate"], line) };
    case "refused":
      return {
        step: "refused",
        part,
        uniqueId: textIn(fields["uniqueId"], line),
        code: textIn(fields["code"], line),
        message: textIn(fields["message"], line),
      };
    case "done": {
      const list = fields["identities"];
      if (!Array.isArray(list)) throw damaged(`line ${line}: identities`);
      const identities = list.map((each: Fields) => ({
        name: textIn(each["name"], line),
        slot: numberIn(each["slot"], line),
        certificate: certificateOf(each["certificate"], line),
      }));
      return { step: "done", part, uniqueId: textIn(fields["uniqueId"], line), identities };
    }
    default:
      throw damaged(`line ${line}: step ${JSON.stringify(fields["step"])}`);
  }
}

function fieldsOf(line: string, number: number): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw damaged(`line ${number}: not JSON`, cause);
  }
  if (typeof value !== "object" || value === null) throw damaged(`line ${number}: no object`);
  return value as Fields;
}

function certificateOf(value: unknown, line: number): Certificate {
  try {
    return parseCertificate(fromBase64(textIn(value, line)));
  } catch (cause) {
    throw damaged(`line ${line}: certificate`, cause);
  }
}

function modelOf(value: unknown): LineModelName {
  if (typeof value === "string" && Object.hasOwn(LINE_MODELS, value)) return value as LineModelName;
  throw damaged(`line 1: model ${JSON.stringify(value)}`);
}

function textIn(value: unknown, line: number): string {
  if (typeof value === "string") return value;
  throw damaged(`line ${line}: text is missing`);
}

function numberIn(value: unknown, line: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw damaged(`line ${line}: a number is missing`);
}

function damaged(what: string, cause?: unknown): UsageError<LineErrorCode> {
  return new UsageError<LineErrorCode>("journal-damaged", `the journal is damaged: ${what}`, { cause });
}
