import { existsSync } from "node:fs";
import { join } from "node:path";

import type { StoredIssuer } from "../pki/ca/index.ts";
import { DirectoryCaStore } from "../pki/ca/node.ts";
import { type Certificate, nameValues } from "../pki/index.ts";
import type { LineModelName } from "../provisioning/line/index.ts";
import type { Trace } from "../trace/index.ts";
import { type CaOptions, type ChosenCa, withCa } from "./ca-directory.ts";
import { initCa } from "./ca-init.ts";
import { badOption } from "./errors.ts";
import type { Output } from "./output.ts";

/**
 * Gives `work` the issuer of a line. Without `--ca` it is the facility's own intermediate under the OEM's root, made
 * where it is missing; an OEM that has just one intermediate issues with that.
 */
export async function withLineCa<T>(
  options: CaOptions,
  { model, trace, output }: { readonly model: LineModelName; readonly trace: Trace; readonly output: Output },
  work: (ca: ChosenCa & { readonly root: Certificate }) => Promise<T>,
): Promise<T> {
  const ca = options.ca ?? (await labelFor(options, model, output));
  return withCa({ ...options, ca }, trace, async (chosen) => {
    const issuers = await chosen.authority.issuers();
    return work({ ...chosen, root: rootAbove(chosen.issuer, issuers) });
  });
}

async function labelFor(options: CaOptions, model: LineModelName, output: Output): Promise<string> {
  const { caDir, passphraseFile, caScp03, caSession, caChip } = options;
  const issuers = existsSync(join(caDir, "issuers")) ? await (await DirectoryCaStore.open(caDir)).issuers() : [];
  const roots = issuers.filter(({ parent }) => parent === undefined);
  const intermediates = issuers.filter(({ parent }) => parent !== undefined);
  const [only, ...more] = intermediates;
  if (model === "oem" && only && more.length === 0) return only.label;
  const label = `line-${model}`;
  if (intermediates.some((each) => each.label === label)) return label;
  if (roots.length > 1) throw badOption(`--ca must say which CA of ${caDir} issues: it has several roots`);
  const [rootName = "Hawser root"] = roots[0] ? nameValues(roots[0].certificate.subject, "CommonName") : [];
  const common = { dir: caDir, rootName, intermediateName: [`Line ${model}`], curve: "P-256", slot: 0 } as const;
  const access = {
    ...(caChip ? { caChip } : {}),
    ...(caScp03 ? { caScp03 } : {}),
    ...(caSession ? { caSession } : {}),
  };
  await initCa(
    { ...common, ...access, chipFor: "intermediate", ...(passphraseFile ? { passphraseFile } : {}) },
    output,
  );
  return label;
}

function rootAbove(issuer: StoredIssuer, issuers: readonly StoredIssuer[]): Certificate {
  let at: StoredIssuer | undefined = issuer;
  for (let step = 0; at?.parent !== undefined && step < issuers.length; step++) {
    const { parent }: StoredIssuer = at;
    at = issuers.find(({ label }) => label === parent);
  }
  return (at ?? issuer).certificate;
}
