import { NO_RESTRICTED_KEY_PAIR } from "../../apdu/a71ch/index.ts";
import { DecodeError, ProtocolError, Reader, UsageError } from "../../codec/index.ts";
import type { HostErrorCode } from "../errors.ts";
import type { A71chSession } from "./session.ts";

/** A key pair that signs one certificate in the chip's storage and nothing else. A71CH APDU table */
export type RestrictedKeyPair = {
  readonly slot: number;
  readonly uses: number;
  /** 0 for no limit. */
  readonly maxUses: number;
  /** The places in storage that an update fills, one behind the other. */
  readonly blocks: readonly { readonly offset: number; readonly length: number }[];
};

/** The restricted key pair, or undefined where there is none. Throws `malformed-answer`. A71CH APDU table */
export async function readRestrictedKeyPair(session: A71chSession): Promise<RestrictedKeyPair | undefined> {
  const { restriction } = await session.send("readRestriction", {});
  // A chip without one answers nothing, or FF 00.
  if (restriction.length === 0 || (restriction.length === 2 && restriction[0] === 0xff)) return undefined;
  const { slot, blocks } = decoded(restriction, readBlocks);
  const { usage } = await session.send("readKeyPairUsage", { slot });
  return { slot, blocks, ...decoded(usage, (reader) => ({ uses: reader.u8(), maxUses: reader.u8() })) };
}

/**
 * Has the restricted key pair sign its certificate with these bytes in its blocks; gives its uses so far. Throws
 * `UsageError` `bad-argument`, and `Refused` where the pair has no use left. A71CH APDU table
 */
export async function signRestricted(session: A71chSession, update: Uint8Array): Promise<number> {
  const restricted = await readRestrictedKeyPair(session);
  if (!restricted) throw badArgument("no key pair of this chip is restricted");
  const expected = restricted.blocks.reduce((sum, { length }) => sum + length, 0);
  // Another length would ask an unrestricted pair for something else, and this one for nothing.
  if (update.length !== expected) throw badArgument(`an update has ${expected} bytes, not ${update.length}`);
  const { slot } = restricted;
  // An update of 32 bytes has the form of a digest; the answer is the count all the same.
  if (update.length !== 32) return (await session.send("signRestricted", { slot, update })).uses;
  const { signature } = await session.send("sign", { slot, digest: update });
  return decoded(signature, (reader) => reader.u8());
}

function readBlocks(reader: Reader): Pick<RestrictedKeyPair, "slot" | "blocks"> {
  const slot = reader.u8();
  if (slot >= NO_RESTRICTED_KEY_PAIR) throw new DecodeError("value", `key pair ${slot}`, 0);
  const blocks = Array.from({ length: reader.u8() }, () => ({ offset: reader.u16(), length: reader.u16() }));
  return { slot, blocks };
}

function decoded<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  try {
    const reader = new Reader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const message = "what the chip says about its restricted key pair has another form";
    throw new ProtocolError<HostErrorCode>("malformed-answer", message, undefined, { cause });
  }
}

function badArgument(message: string): UsageError<HostErrorCode> {
  return new UsageError<HostErrorCode>("bad-argument", message);
}
