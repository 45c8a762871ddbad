import { toHex } from "../../codec/index.ts";
import type { Certificate } from "../../pki/index.ts";
import { type LineJournal, type LineOrder, partStates } from "./journal.ts";
import { LINE_MODELS } from "./models.ts";

/** How a line's parts, its certificates and its refusals go together. */
export type LineReport = {
  readonly order: LineOrder;
  readonly minimumOrder: number;
  readonly done: number;
  readonly refused: readonly {
    readonly part: number;
    readonly uniqueId: string;
    readonly code: string;
    readonly message: string;
  }[];
  /** Parts that were never in the socket, or were left there. */
  readonly open: number;
  /** Certificates that the CA issued for this line's parts, or that they were born with. */
  readonly certificates: number;
  /** Of these, those whose part was refused or left behind: each to be revoked, or to be used when the line goes on. */
  readonly undelivered: readonly { readonly part: number; readonly serialNumber: string }[];
  /** What does not add up; none in a line that can be trusted. */
  readonly faults: readonly string[];
};

/**
 * Adds the journal up against what the CA has issued: every part has its own identifier, key and serial number, every
 * certificate of a part was issued by the CA, and the CA issued none for the line that the journal does not know.
 */
export function reconcile(
  { order, entries }: Pick<LineJournal, "order" | "entries">,
  issued: readonly Certificate[],
): LineReport {
  const states = [...partStates({ order, entries }).values()];
  const journaled = entries.flatMap((entry) =>
    entry.step === "issued" ? [{ part: entry.part, certificate: entry.certificate }] : [],
  );
  const delivered = states.flatMap(({ part, outcome, identities }) =>
    outcome === "done" ? identities.map(({ certificate }) => ({ part, certificate })) : [],
  );
  const deliveredIds = new Set(delivered.map(({ certificate }) => certificate.id));
  const undelivered = journaled.filter(({ certificate }) => !deliveredIds.has(certificate.id));
  const all = [...delivered, ...undelivered];
  const isIssued = LINE_MODELS[order.model].certificate === "issued";
  return {
    order,
    minimumOrder: LINE_MODELS[order.model].minimumOrder,
    done: states.filter(({ outcome }) => outcome === "done").length,
    refused: states.flatMap(({ part, uniqueId, outcome, refusal }) =>
      outcome === "refused" && refusal ? [{ part, uniqueId, ...refusal }] : [],
    ),
    open: states.filter(({ outcome }) => outcome === "open").length,
    certificates: all.length,
    undelivered: undelivered.map(({ part, certificate }) => ({ part, serialNumber: certificate.serialNumber })),
    faults: [
      ...repeated(
        "identifier",
        states.filter(({ outcome }) => outcome === "done"),
        ({ uniqueId }) => uniqueId,
      ),
      ...repeated("serial number", all, ({ certificate }) => `${certificate.issuer.text} ${certificate.serialNumber}`),
      ...repeated("public key", all, ({ certificate }) => toHex(certificate.publicKey.der)),
      ...(isIssued ? against(all, issued) : []),
    ],
  };
}

type Held = { readonly part: number; readonly certificate: Certificate };

/** The journal's certificates against the CA's. Others that the CA issued, to other subjects, are none of the line's. */
function against(all: readonly Held[], issued: readonly Certificate[]): string[] {
  const [known, subjects] = [
    new Set(all.map(({ certificate }) => certificate.id)),
    new Set(all.map(({ certificate }) => certificate.subject.text)),
  ];
  const fromCa = new Set(issued.map(({ id }) => id));
  return [
    ...all
      .filter(({ certificate }) => !fromCa.has(certificate.id))
      .map(({ part, certificate }) => `part ${part}: the CA knows nothing of serial ${certificate.serialNumber}`),
    ...issued
      .filter(({ id, subject }) => !known.has(id) && subjects.has(subject.text))
      .map(({ subject, serialNumber }) => `serial ${serialNumber} for ${subject.text} is in no part`),
  ];
}

function repeated<T extends { readonly part: number }>(
  what: string,
  items: readonly T[],
  key: (item: T) => string,
): string[] {
  const first = new Map<string, number>();
  const faults: string[] = [];
  for (const item of items) {
    const value = key(item);
    const before = first.get(value);
    if (before === undefined) first.set(value, item.part);
    else faults.push(`parts ${before} and ${item.part} have one ${what}`);
  }
  return faults;
}
