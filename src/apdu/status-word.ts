/** What a status word means, and what to do about it. */
export type StatusWordEntry = { readonly name: string; readonly meaning: string; readonly cure: string };

/** The status words that the chips of this project answer. ISO/IEC 7816-4, section 5.6; A71CH APDU specification */
export const STATUS_WORDS = {
  0x9000: { name: "ok", meaning: "done", cure: "nothing to do" },
  0x6581: {
    name: "memory-failure",
    meaning: "the chip's memory takes no more writes at this place",
    cure: "use another slot or segment; a worn-out place does not recover",
  },
  0x6700: {
    name: "wrong-length",
    meaning: "the command's data has the wrong length",
    cure: "compare the data with the command's row in the table",
  },
  0x6882: {
    name: "secure-messaging-not-supported",
    meaning: "secure messaging is not possible here",
    cure: "open a secure channel first, or send the command in the clear",
  },
  0x6982: {
    name: "security-status-not-satisfied",
    meaning: "the chip wants a secure channel, an unlock or an authorisation first",
    cure: "unlock the module, or open the secure channel, then repeat the command",
  },
  0x6985: {
    name: "conditions-not-satisfied",
    meaning: "the slot is empty, or the chip's state does not allow this",
    cure: "fill the slot first, or look at the chip's locks and debug mode",
  },
  0x6986: {
    name: "not-allowed",
    meaning: "the object is frozen, or plain injection is locked",
    cure: "use another slot; a frozen object is only released by a debug reset",
  },
  0x6a80: {
    name: "bad-data",
    meaning: "the command's data is not acceptable",
    cure: "check that keys are points of P-256 and that lengths are right",
  },
  0x6a82: {
    name: "not-found",
    meaning: "no such application or object",
    cure: "check that this is the chip you think",
  },
  0x6a84: {
    name: "no-room",
    meaning: "there is no room for another one",
    cure: "replace one that is there",
  },
  0x6a86: {
    name: "wrong-parameters",
    meaning: "P1 or P2 names a slot or an option that this chip does not have",
    cure: "use a slot within the chip's capacity",
  },
  0x6a88: {
    name: "no-such-key",
    meaning: "there is no key set of this version",
    cure: "name the version that the chip holds, 0B for a new SE05x",
  },
  0x6d00: {
    name: "unknown-instruction",
    meaning: "the chip does not know this command",
    cure: "check the chip's model and firmware",
  },
  0x6e00: { name: "unknown-class", meaning: "the chip does not know this class byte", cure: "check the chip's model" },
  0x6f00: { name: "internal", meaning: "the chip failed inside", cure: "look at the chip's own log" },
} as const satisfies Readonly<Record<number, StatusWordEntry>>;

/** A status word that is in the table. */
export type StatusWord = keyof typeof STATUS_WORDS;

/** The command was carried out. ISO/IEC 7816-4, section 5.6 */
export const SW_OK = 0x9000;

/** What is known about a status word; an unlisted one is described as such. */
export function describeStatusWord(sw: number): StatusWordEntry {
  const known: Readonly<Record<number, StatusWordEntry>> = STATUS_WORDS;
  return (
    known[sw] ?? { name: "unlisted", meaning: "a status word that is not listed", cure: "look into the chip's manual" }
  );
}
