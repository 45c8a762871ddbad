import { fromHex } from "../../codec/index.ts";

/** A key set that a part is born with: everybody knows it, so a part in use gets another one. */
export type PublishedKeys = {
  readonly version: number;
  /** Which product the set belongs to, as the part's configuration names it. */
  readonly oefId: number;
  readonly enc: Uint8Array;
  readonly mac: Uint8Array;
  readonly dek: Uint8Array;
};

/** The version of the key set that every part is born with. SE05x command table, tier e */
const FIRST_VERSION = 0x0b;

function published(oefId: number, enc: string, mac: string, dek: string): PublishedKeys {
  return { version: FIRST_VERSION, oefId, enc: fromHex(enc), mac: fromHex(mac), dek: fromHex(dek) };
}

/**
 * NXP's published default keys of the platform's secure channel, by product (AN12436). Those of applet 7.2 are what
 * NXP's host programs take unless they are told otherwise.
 */
export const PUBLISHED_KEYS = {
  a5000: published(
    0xa736,
    "c9118500b5ffa1433a50226f489a0aa5",
    "29d2fe28f7feeb153068be381f61bc01",
    "6124d38402118060ed910360fc5a4278",
  ),
  se050DevelopmentKit: published(
    0xa1f4,
    "35c256458958a34f6136155f8209d6cd",
    "af177d5dbdf7c0d5c10a05b9f1607f78",
    "a1bc8438bf77935b361a4425fe79fa29",
  ),
  applet72: published(
    0xa921,
    "d2db63e7a0a5aed72a6460c4dfdcaf64",
    "738d5b798ed241b0b24768514bfba95b",
    "6702dac30942b2c85e7f47b42ced4e7f",
  ),
} as const satisfies Readonly<Record<string, PublishedKeys>>;
