import { prepareKey } from "../agent/index.ts";
import type { Signer } from "../crypto/index.ts";
import { nodeClock, nodeEntropy, nodeSigner } from "../crypto/node.ts";
import { labelFrom, type CertificateAuthority, type KeyPlace, type StoredIssuer } from "../pki/ca/index.ts";
import { DirectoryCaStore, generateIssuingKey, keyToPem, type IssuingCurve } from "../pki/ca/node.ts";
import { nameFromAttributes, type Validity } from "../pki/index.ts";
import type { Trace } from "../trace/index.ts";
import { withAuthority } from "./ca-directory.ts";
import { type AccessOptions, type CaChipOptions, openChipAt } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";
import { passphraseOf } from "./passphrase.ts";
import { traceFile } from "./trace-file.ts";

export type InitCaOptions = AccessOptions &
  CaChipOptions & {
    readonly dir: string;
    readonly rootName: string;
    readonly intermediateName?: readonly string[];
    readonly curve: IssuingCurve;
    readonly passphraseFile?: string;
    readonly chip?: string;
    readonly slot: number;
    readonly chipFor: "root" | "intermediate";
    readonly existingKey?: true;
    readonly trace?: string;
  };

const DAY_MS = 86_400_000;
const ROOT_DAYS = 20 * 365;
const INTERMEDIATE_DAYS = 10 * 365;

type Tools = {
  readonly options: InitCaOptions;
  readonly authority: CertificateAuthority;
  readonly store: DirectoryCaStore;
  readonly trace: Trace;
  readonly output: Output;
};

/** `hawser ca init`: a root and its intermediates; a second run keeps what is there and adds what is new. */
export async function initCa(options: InitCaOptions, output: Output): Promise<void> {
  const names = options.intermediateName ?? ["Hawser intermediate"];
  if (options.chip !== undefined && options.chipFor === "intermediate" && names.length > 1) {
    throw badOption("--chip with --chip-for intermediate holds the key of one: give one --intermediate-name a run");
  }
  const labels = [options.rootName, ...names].map(labelOf);
  if (new Set(labels).size < labels.length) throw badOption("two of the CAs would have the same label");
  if (options.existingKey && options.chip === undefined) throw badOption("--existing-key needs --chip");
  const { trace, close } = traceFile(options.trace);
  try {
    const store = await DirectoryCaStore.create(options.dir);
    const ca = { caDir: options.dir, ...options, ...parentAccess(options) };
    await withAuthority({ options: ca, trace, store }, async (authority) =>
      initIssuers({ options, authority, store, trace, output }, names),
    );
  } finally {
    close();
  }
}

/** A root that this run puts into a chip signs the intermediates from there. */
function parentAccess({ chip, chipFor, scp03, session, ...parent }: InitCaOptions): CaChipOptions {
  const isHere = chip !== undefined && chipFor === "root";
  const caScp03 = parent.caScp03 ?? (isHere ? scp03 : undefined);
  const caSession = parent.caSession ?? (isHere ? session : undefined);
  return { ...(caScp03 === undefined ? {} : { caScp03 }), ...(caSession === undefined ? {} : { caSession }) };
}

async function initIssuers(tools: Tools, names: readonly string[]): Promise<void> {
  const { options, authority, output } = tools;
  const existing = new Map((await authority.issuers()).map((each) => [each.label, each]));
  const root = labelOf(options.rootName);
  const isNewRoot = !existing.has(root);
  const kept = await keepOrMake(tools, { name: options.rootName, parent: undefined, existing });
  for (const name of names) await keepOrMake(tools, { name, parent: kept, existing });
  const isAnyNew = isNewRoot || names.some((name) => !existing.has(labelOf(name)));
  if (!isAnyNew) output.note("nothing was changed");
  else if (options.passphraseFile === undefined) {
    output.warn(`private keys in ${options.dir} are not encrypted: --passphrase-file would do that`);
  }
}

type Wanted = {
  readonly name: string;
  readonly parent: StoredIssuer | undefined;
  readonly existing: ReadonlyMap<string, StoredIssuer>;
};

async function keepOrMake(tools: Tools, { name, parent, existing }: Wanted): Promise<StoredIssuer> {
  const found = existing.get(labelOf(name));
  if (found && found.parent !== parent?.label) {
    const under = found.parent === undefined ? "is a root" : `stands under ${found.parent}`;
    throw badOption(`${found.label} exists and ${under}: choose another name`);
  }
  const issuer = found ?? (await make(tools, name, parent));
  tell(tools, issuer, found ? "kept" : "created");
  return issuer;
}

async function make(tools: Tools, name: string, parent: StoredIssuer | undefined): Promise<StoredIssuer> {
  const { options, authority } = tools;
  const isInChip = options.chip !== undefined && options.chipFor === (parent ? "intermediate" : "root");
  const work = async (signer: Signer, key: KeyPlace) => {
    const subject = nameFromAttributes([["CN", name]]);
    const order = { label: labelOf(name), subject, validity: validityUnder(parent), signer, key };
    return parent ? authority.createIntermediate({ ...order, parent: parent.label }) : authority.createRoot(order);
  };
  return isInChip ? withChipKey(tools, options.chip, work) : withFileKey(options, work);
}

async function withFileKey<T>(options: InitCaOptions, work: (signer: Signer, key: KeyPlace) => Promise<T>): Promise<T> {
  const key = generateIssuingKey(options.curve);
  return work(nodeSigner(key), { in: "store", pem: keyToPem(key, nodeEntropy, passphraseOf(options)) });
}

async function withChipKey<T>(
  { options, trace }: Tools,
  address: string,
  work: (signer: Signer, key: KeyPlace) => Promise<T>,
): Promise<T> {
  const { slot, existingKey } = options;
  const chip = await openChipAt(address, options, trace);
  try {
    const signer = await prepareKey(chip, slot, { from: existingKey ? "kept" : "generated" });
    return await work(signer, { in: "chip", address, slot });
  } finally {
    await chip.close();
  }
}

/** Valid since an hour ago, since devices' clocks are seldom right; never outside the parent's validity. */
function validityUnder(parent: StoredIssuer | undefined): Validity {
  const now = nodeClock.now();
  const notBefore = now - DAY_MS / 24;
  if (!parent) return { notBefore, notAfter: now + ROOT_DAYS * DAY_MS };
  const { validity } = parent.certificate;
  return {
    notBefore: Math.max(notBefore, validity.notBefore),
    notAfter: Math.min(now + INTERMEDIATE_DAYS * DAY_MS, validity.notAfter),
  };
}

function tell({ output, store }: Tools, issuer: StoredIssuer, event: "created" | "kept"): void {
  const { label, certificate, parent, key } = issuer;
  const files = store.files(label);
  const place = key.in === "chip" ? `in the chip at ${key.address}, slot ${key.slot}` : `in ${files.key}`;
  output.line(
    {
      event,
      label,
      parent: parent ?? null,
      subject: certificate.subject.text,
      certificateId: certificate.id,
      certificateFile: files.certificate,
      key: key.in === "chip" ? key : { in: "file", file: files.key },
    },
    `${event} ${parent === undefined ? "root" : "intermediate"} ${label}: ${files.certificate}, key ${place}`,
  );
}

function labelOf(name: string): string {
  const label = labelFrom(name);
  if (label === "") throw badOption(`no label can be made of ${JSON.stringify(name)}: use some letters or digits`);
  return label;
}
