import { sameBytes, toHex, utf8Bytes } from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import { LATEST, type FunctionRef } from "./function-name.ts";

/** As long as AWS's links to code are good. AWS Lambda API, GetFunction */
export const LINK_MS = 10 * 60_000;

const LINK = /^([\w-]{1,64})\.(\d{1,9}|latest)\.(\d{1,16})\.([0-9a-f]{64})\.zip$/;

/** What a link gives: a function or version, and the code that it was made for. */
export type CodeOf = FunctionRef & { readonly codeSha256: string };

/**
 * Links to the zips of functions: whoever holds one may read that zip without an access key, until it expires, the
 * code is replaced or the server ends.
 */
export class CodeLinks {
  readonly #clock: Clock;
  readonly #hash: Hash;
  readonly #key: Uint8Array;

  constructor({ clock, hash, entropy }: { readonly clock: Clock; readonly hash: Hash; readonly entropy: Entropy }) {
    this.#clock = clock;
    this.#hash = hash;
    this.#key = entropy.bytes(32);
  }

  /** The last segment of a link's path. */
  linkFor(code: CodeOf): string {
    const expires = Math.floor(this.#clock.now()) + LINK_MS;
    return `${code.name}.${code.qualifier === LATEST ? "latest" : code.qualifier}.${expires}.${this.#proof(code, expires)}.zip`;
  }

  /** What a link is for, where it is one of ours, in time, and for the code that is there; else undefined. */
  read(link: string, codeNow: (ref: FunctionRef) => string | undefined): FunctionRef | undefined {
    const [, name = "", version = "", expires = "", proof = ""] = LINK.exec(link) ?? [];
    if (name === "" || Number(expires) <= this.#clock.now()) return undefined;
    const ref = { name, qualifier: version === "latest" ? LATEST : version };
    const codeSha256 = codeNow(ref);
    if (codeSha256 === undefined) return undefined;
    return sameBytes(utf8Bytes(proof), utf8Bytes(this.#proof({ ...ref, codeSha256 }, Number(expires))))
      ? ref
      : undefined;
  }

  #proof({ name, qualifier, codeSha256 }: CodeOf, expires: number): string {
    const text = [name, qualifier, codeSha256, expires].join("\n");
    return toHex(this.#hash.hmac("sha256", this.#key, utf8Bytes(text)));
  }
}
