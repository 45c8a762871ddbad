import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { OperationRefused } from "../cloud/api/index.ts";
import { DEVICE_POLICIES } from "../cloud/onboarding/node-activation-function.ts";
import { UsageError } from "../codec/index.ts";
import { nodeClock, nodeVerifier } from "../crypto/node.ts";
import { certificatesFromPem, certificateToPem } from "../pki/index.ts";
import {
  type BirthBatch,
  decodeBirths,
  encodeBirths,
  type LineErrorCode,
  partStates,
  verifyBirths,
} from "../provisioning/line/index.ts";
import { FileJournal } from "../provisioning/line/node.ts";
import { type ApiAccess, apiAccess, type ApiOptions } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { LINE_FILES } from "./line-run.ts";
import type { Output } from "./output.ts";

export type BirthsOptions = { readonly dir: string; readonly out?: string };
export type TrustOptions = ApiOptions & {
  readonly root: string;
  readonly identity: string;
  readonly policyName: string;
};

/** `hawser line births`: what a line's finished parts hold, as a file that others can verify. */
export async function exportBirths({ dir, out }: BirthsOptions, output: Output): Promise<void> {
  const file = join(dir, LINE_FILES.journal);
  if (!existsSync(file))
    throw badOption(`${file} is missing: --dir names the folder that hawser line run had as --out`);
  const journal = await FileJournal.open(file);
  try {
    const parts = [...partStates(journal).values()].filter(({ outcome }) => outcome === "done");
    const pem = readFileSync(join(dir, LINE_FILES.issuers), "utf8");
    const issuers = pem === "" ? [] : certificatesFromPem(pem);
    const text = encodeBirths({ ...journal.order, issuers, parts });
    if (out !== undefined) writeFileSync(out, text);
    const fields = { event: "births", batch: journal.order.batch, parts: parts.length, ...(out ? { file: out } : {}) };
    if (out === undefined && !output.json) return output.line(fields, text.trimEnd());
    output.line(out === undefined ? { ...fields, births: JSON.parse(text) } : fields, `${parts.length} parts: ${out}`);
  } finally {
    await journal.close();
  }
}

/** `hawser line trust`: a batch is verified as a whole, and then known to the cloud before any of its devices connects. */
export async function trustBirths(file: string, options: TrustOptions, output: Output): Promise<void> {
  const batch = decodeBirths(readFileSync(file, "utf8"));
  const anchors = certificatesFromPem(readFileSync(options.root, "utf8"));
  await verifyBirths(batch, { anchors, verifier: nodeVerifier, time: nodeClock.now() });
  output.line(
    { event: "verified", batch: batch.batch, parts: batch.parts.length },
    `${batch.batch}: ${batch.parts.length} parts verify under ${anchors.map(({ subject }) => subject.text).join("; ")}`,
  );
  const { call } = apiAccess(options);
  await makePolicy(call, options.policyName);
  const counts = { registered: 0, known: 0 };
  for (const { certificate } of chosen(batch, options.identity)) {
    const isNew = await register(call, certificateToPem(certificate));
    counts[isNew ? "registered" : "known"]++;
    const { certificateDescription } = await call("DescribeCertificate", { certificateId: certificate.id });
    const target = certificateDescription.certificateArn;
    await call("AttachPolicy", { policyName: options.policyName, target });
  }
  output.line(
    { event: "trusted", batch: batch.batch, ...counts, policy: options.policyName },
    `${counts.registered} certificates registered ACTIVE with policy ${options.policyName}, ${counts.known} known before`,
  );
}

function chosen({ parts, batch }: BirthBatch, name: string) {
  return parts.map(({ uniqueId, identities }) => {
    const found = identities.find((each) => each.name === name);
    if (found) return found;
    throw new UsageError<LineErrorCode>("births-malformed", `part ${uniqueId} of ${batch} has no identity ${name}`);
  });
}

async function makePolicy(call: ApiAccess["call"], policyName: string): Promise<void> {
  await unlessThere(call("CreatePolicy", { policyName, policyDocument: DEVICE_POLICIES["own-name"] }));
}

async function register(call: ApiAccess["call"], certificatePem: string): Promise<boolean> {
  return unlessThere(call("RegisterCertificateWithoutCA", { certificatePem, status: "ACTIVE" }));
}

/** Whether the call made something; false where it was there already. */
async function unlessThere(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof OperationRefused && error.type === "ResourceAlreadyExistsException") return false;
    throw error;
  }
}
