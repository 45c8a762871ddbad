import { nodeClock, nodeEntropy, nodeVerifier } from "../crypto/node.ts";
import type { Signer } from "../crypto/index.ts";
import { CertificateAuthority, type CaStore, type StoredIssuer } from "../pki/ca/index.ts";
import { DirectoryCaStore, signerFromPem } from "../pki/ca/node.ts";
import type { Trace } from "../trace/index.ts";
import { type CaChipOptions, openCaChip, type OpenedChip } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { passphraseOf } from "./passphrase.ts";

/** Options of commands that issue with a CA directory. */
export type CaOptions = CaChipOptions & {
  readonly caDir: string;
  readonly ca?: string;
  readonly passphraseFile?: string;
};

/** Which issuer of a CA directory a command works with, and the authority that issues with it. */
export type ChosenCa = { readonly authority: CertificateAuthority; readonly issuer: StoredIssuer };

/**
 * Opens a CA directory, gives `work` the issuer that `--ca` names (without it the only intermediate, or the only root where there is none),
 * and closes chips that hold issuers' keys. Throws `UsageError` `bad-option` where the choice is not plain.
 */
export async function withCa<T>(
  options: CaOptions & { readonly opened?: OpenedChip },
  trace: Trace,
  work: (ca: ChosenCa) => Promise<T>,
): Promise<T> {
  return withAuthority({ options, trace, store: await DirectoryCaStore.open(options.caDir) }, async (authority) =>
    work({ authority, issuer: await chosen(options, authority) }),
  );
}

/** Gives `work` the authority of a CA directory, and closes chips that hold issuers' keys. */
export async function withAuthority<T>(
  tools: {
    readonly options: Omit<CaOptions, "ca"> & { readonly opened?: OpenedChip };
    readonly trace: Trace;
    readonly store: CaStore;
  },
  work: (authority: CertificateAuthority) => Promise<T>,
): Promise<T> {
  const { options, trace, store } = tools;
  const chips: { readonly close: () => Promise<void> }[] = [];
  const signerOf = async ({ key }: StoredIssuer): Promise<Signer> => {
    if (key.in === "store") return signerFromPem(key.pem, passphraseOf(options));
    const chip = await openCaChip(key.address, options, {
      trace,
      ...(options.opened ? { opened: options.opened } : {}),
    });
    chips.push(chip);
    return chip.element.signer(key.slot);
  };
  const ports = { store, signerOf, clock: nodeClock, entropy: nodeEntropy, verifier: nodeVerifier, trace };
  try {
    return await work(new CertificateAuthority(ports));
  } finally {
    for (const chip of chips) await chip.close();
  }
}

async function chosen({ ca, caDir }: CaOptions, authority: CertificateAuthority): Promise<StoredIssuer> {
  if (ca !== undefined) return authority.issuer(ca);
  const issuers = await authority.issuers();
  const intermediates = issuers.filter(({ parent }) => parent !== undefined);
  const candidates = intermediates.length > 0 ? intermediates : issuers;
  const [only, ...more] = candidates;
  if (!only) throw badOption(`${caDir} has no CA yet: hawser ca init makes one`);
  if (more.length > 0) throw badOption(`--ca must name one of ${candidates.map(({ label }) => label).join(", ")}`);
  return only;
}
