import type { Right } from "../../apdu/se05x/index.ts";
import type { RunningDigest } from "./arithmetic.ts";
import type { AeadRun } from "./aead-run.ts";
import type { Ciphering } from "./ciphering.ts";
import type { Content } from "./contents.ts";

/** The key of a streamed operation, and what allows its use. */
export type KeyInUse = { readonly objectId: number; readonly content: Content; readonly right: Right };

/** What a streamed operation goes on with, by its kind. */
export type Work =
  | { readonly kind: "digest"; readonly digest: RunningDigest }
  | { readonly kind: "cipher"; readonly cipher: Ciphering; readonly key: KeyInUse }
  | { readonly kind: "mac"; readonly code: RunningDigest; readonly checks: boolean; readonly key: KeyInUse }
  | { readonly kind: "aead"; readonly run: AeadRun; readonly key: KeyInUse };

/** A streamed operation under way: its own session alone goes on with it. */
export type Running = Work & {
  readonly session: string | undefined;
  /** The same operation at its beginning, which is where it stands again after its end. */
  readonly again: () => Work;
};
