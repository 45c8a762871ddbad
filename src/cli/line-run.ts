import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { toHex } from "../codec/index.ts";
import { nodeClock, nodeEntropy, nodeVerifier } from "../crypto/node.ts";
import { nodeSe05xCrypto } from "../chip/node.ts";
import { testRoot } from "../chip/se05x/index.ts";
import { certificateToPem, nameFromText } from "../pki/index.ts";
import {
  type BornKeys,
  demandOrder,
  LINE_MODELS,
  type LineIssuer,
  lineIssuer,
  type LineModelName,
  type LineOptions,
  type LineOrder,
  type LineReport,
  partStates,
  reconcile,
  runLine,
} from "../provisioning/line/index.ts";
import { FileJournal, newKeyPair } from "../provisioning/line/node.ts";
import type { Trace } from "../trace/index.ts";
import type { AccessOptions, CaChipOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { withLineCa } from "./line-ca.ts";
import { type LineChipModel, lineParts } from "./line-parts.ts";
import { lineProgress } from "./line-progress.ts";
import type { Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

export type LineRunOptions = AccessOptions &
  CaChipOptions & {
    readonly model: LineModelName;
    readonly count?: number;
    readonly chipModel: LineChipModel;
    readonly bornKeys?: BornKeys;
    readonly chip?: readonly string[];
    readonly out: string;
    readonly caDir?: string;
    readonly ca?: string;
    readonly passphraseFile?: string;
    readonly days: number;
    readonly subject: string;
    readonly stations: number;
    readonly resume?: true;
    readonly trace?: string;
  };

/** The files of a line's directory. */
export const LINE_FILES = {
  journal: "journal.jsonl",
  report: "report.json",
  roots: "roots.pem",
  issuers: "issuers.pem",
} as const;

const DAY_MS = 86_400_000;

/** `hawser line run`: a whole line, or what is left of one. */
export async function runLineCommand(options: LineRunOptions, output: Output): Promise<void> {
  const { model, out } = options;
  if (LINE_MODELS[model].certificate === "born" && (options.caDir ?? options.ca) !== undefined) {
    throw badOption(`parts of --model ${model} are born with their certificates: --ca-dir and --ca have no part in it`);
  }
  const order = orderOf(options);
  await demandSameLine(options, order);
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const { trace, close } = traceFile(options.trace);
  try {
    const root = await testRoot(nodeSe05xCrypto);
    if (LINE_MODELS[model].certificate === "born") {
      return await runWith(options, order, { output, trace, roots: [root.certificate] });
    }
    const ca = { ...options, caDir: options.caDir ?? join(out, "ca") };
    await withLineCa(ca, { model, trace, output }, async ({ authority, issuer, root: ours }) => {
      const { notBefore, notAfter } = issuer.certificate.validity;
      const begin = Math.max(nodeClock.now() - 3_600_000, notBefore);
      const validity = { notBefore: begin, notAfter: Math.min(begin + options.days * DAY_MS, notAfter) };
      const line = lineIssuer(authority, issuer, validity);
      await runWith(options, order, { output, trace, roots: [ours], issuer: line, label: issuer.label });
    });
  } finally {
    close();
  }
}

type Tools = {
  readonly output: Output;
  readonly trace: Trace;
  readonly roots: LineOptions["anchors"] & {};
  readonly issuer?: LineIssuer;
  readonly label?: string;
};

/** What is asked for, but for who certifies it. */
type AskedOrder = Omit<LineOrder, "batch" | "issuer">;

function orderOf({ count: given, chip, model, chipModel, bornKeys }: LineRunOptions): AskedOrder {
  const count = given ?? chip?.length;
  if (count === undefined) throw badOption("--count is needed, or a --chip for each part");
  if (chip && chip.length !== count) throw badOption(`--count ${count} does not go with ${chip.length} times --chip`);
  if (bornKeys !== "ec+rsa") return { model, chipModel, count };
  const hasRsa = chipModel === "se050" || chipModel === "se051";
  if (LINE_MODELS[model].key !== "born" || !hasRsa) {
    throw badOption(`--born-keys ${bornKeys} is for --model preconfigured with an SE050 or SE051, which have RSA`);
  }
  return { model, chipModel, count, bornKeys };
}

/** Refuses what does not go on with the line that is there, before anything is made for it: a certification authority would stay. */
async function demandSameLine({ out, resume }: LineRunOptions, order: AskedOrder): Promise<void> {
  const path = join(out, LINE_FILES.journal);
  if (!existsSync(path)) return;
  const journal = await FileJournal.open(path);
  try {
    demandOrder(journal, { ...order, issuer: journal.order.issuer }, { resume: resume === true });
  } finally {
    await journal.close();
  }
}

async function runWith(options: LineRunOptions, order: AskedOrder, tools: Tools): Promise<void> {
  const { output, issuer, roots } = tools;
  const { count } = order;
  const wanted = { ...order, issuer: issuer?.chain[0].id ?? "" };
  const journal = await journalOf(options, wanted);
  try {
    writeFileSync(join(options.out, LINE_FILES.roots), roots.map(certificateToPem).join(""));
    writeFileSync(join(options.out, LINE_FILES.issuers), (issuer?.chain ?? []).map(certificateToPem).join(""));
    const left = [...partStates(journal).values()].filter(({ outcome }) => outcome !== "done").length;
    if (left === 0) {
      tell(options, tools, reconcile(journal, (await issuer?.issued()) ?? []));
      return;
    }
    output.note(`${journal.order.batch}: ${left} of ${count} parts to do`);
    await interruptible(async (signal) => {
      const progress = lineProgress(output, count);
      try {
        const report = await runLine(lineOptionsOf(options, tools, { journal, signal, ...progress }));
        progress.end();
        tell(options, tools, report);
        // What is thrown under a signal ends the process with the signal's status.
        signal.throwIfAborted();
      } finally {
        progress.end();
      }
    });
  } finally {
    await journal.close();
  }
}

function lineOptionsOf(
  { subject, stations, ...options }: LineRunOptions,
  { trace, issuer, roots }: Tools,
  run: Pick<LineOptions, "journal" | "onProgress"> & { readonly signal: AbortSignal },
): LineOptions {
  const { journal, onProgress, signal } = run;
  return {
    journal,
    ...lineParts(options),
    ...(issuer ? { issuer } : {}),
    anchors: roots,
    newKeyPair,
    subjectOf: ({ number, uniqueId }) =>
      nameFromText(subject.replaceAll("{uniqueId}", uniqueId).replaceAll("{part}", String(number))),
    verifier: nodeVerifier,
    entropy: nodeEntropy,
    clock: nodeClock,
    trace,
    stations,
    ...(onProgress ? { onProgress } : {}),
    shouldStop: () => signal.aborted,
  };
}

/** The line's journal: a new one, that of a finished line, or with --resume that of an unfinished one. */
async function journalOf({ out, resume }: LineRunOptions, wanted: Omit<LineOrder, "batch">): Promise<FileJournal> {
  const path = join(out, LINE_FILES.journal);
  if (!existsSync(path)) {
    return FileJournal.create(path, { batch: `${wanted.model}-${toHex(nodeEntropy.bytes(4))}`, ...wanted });
  }
  const journal = await FileJournal.open(path);
  try {
    demandOrder(journal, wanted, { resume: resume === true });
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function tell({ out, model }: LineRunOptions, { output, label }: Tools, report: LineReport): void {
  writeFileSync(join(out, LINE_FILES.report), `${JSON.stringify(report, undefined, 1)}\n`);
  const { order, done, refused, open, certificates, undelivered, faults, minimumOrder } = report;
  const lines = [
    `${order.batch}: ${done} of ${order.count} parts are ready, ${refused.length} refused, ${open} not done`,
    `${certificates} certificates${label === undefined ? " of the maker's" : ` by ${label}`}, ${undelivered.length} of them in no finished part`,
    ...refused.map(
      ({ part, uniqueId, code, message }) => `  part ${part} (${uniqueId}) was refused: ${code}: ${message}`,
    ),
    ...faults.map((fault) => `  fault: ${fault}`),
    faults.length === 0 ? "parts, certificates and refusals add up" : "PARTS AND CERTIFICATES DO NOT ADD UP",
  ];
  output.line({ event: "report", ...report }, lines.join("\n"));
  if (open > 0) output.note("the same command with --resume goes on from here");
  if (order.count < minimumOrder) {
    output.note(`a real order of this model begins at ${minimumOrder} parts (${LINE_MODELS[model].facility})`);
  }
  if (refused.length > 0 || faults.length > 0) process.exitCode = 1;
}
