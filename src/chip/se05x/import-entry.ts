import { type CommandApdu, decodeExtendedCommand, hasExtendedLengths, SECURE_CLASS } from "../../apdu/index.ts";
import { SE05X_COMMAND_SET, SE05X_OBJECT, type Se05xCommandName, signedOffer } from "../../apdu/se05x/index.ts";
import { decode, DecodeError } from "../../codec/index.ts";
import { readOffer } from "./agreement.ts";
import type { Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { holdsSignature } from "./signatures.ts";

/** What may come in an import: commands that make or change one object. SE05x command table, section 4.5 */
const IMPORTABLE: ReadonlySet<Se05xCommandName> = new Set([
  "writeEcKey",
  "writeRsaKey",
  "writeSymmKey",
  "writeBinary",
  "writeUserId",
  "writeCounter",
  "writePcr",
]);

/** The chip adds nothing to an import's keys, since it has no say before: whoever has the bytes can send them again. */
const NO_RANDOM = new Uint8Array(16);

/**
 * Takes a write command out of an import: under keys agreed with the chip's import key, by whoever signed the offer.
 * Refused with 6985 without such a key or object, 6982 where signature or protection is wrong. SE05x command table, section 4.5
 */
export function enterImport(
  inside: Se05xInside,
  request: { readonly authentication: Uint8Array; readonly authObjectId: number; readonly command: Uint8Array },
): CommandApdu {
  const { authObjectId, command } = request;
  const { offer, signature } = offered(request.authentication);
  const host = inside.store.present(authObjectId);
  if (!host.authentication || host.content.kind !== "ecPublic") throw refuse(0x6985, "no key to check the offer with");
  const agreement = readOffer(inside, offer, SE05X_OBJECT.importKey);
  if (!holdsSignature(inside, host.content, inside.hash.digest("sha256", offer), signature)) {
    throw refuse(0x6982, "the signature under the offer is wrong");
  }
  const apdu = decodeExtendedCommand(command);
  if (apdu.cla !== SECURE_CLASS) throw refuse(0x6982, "an import is protected");
  const form = hasExtendedLengths(command) ? "extended" : "short";
  const opened = agreement.agree(NO_RANDOM).openCommand(apdu, form);
  if (!IMPORTABLE.has(SE05X_COMMAND_SET.recognise(opened).key)) throw refuse(0x6985, "this is not imported");
  inside.caller = { authObjectId, secured: true };
  return opened;
}

function offered(authentication: Uint8Array) {
  try {
    return decode(signedOffer, authentication);
  } catch (error) {
    if (error instanceof DecodeError) throw refuse(0x6a80, "an import without an offer");
    throw error;
  }
}
