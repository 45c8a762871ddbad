import { equal, utf8Bytes } from "../codec/index.ts";
import type { ApplicationState, Handlers } from "./application-state.ts";
import { CKF, UNAVAILABLE } from "./cryptoki.ts";
import { refuse } from "./errors.ts";
import { MECHANISMS } from "./mechanism-info.ts";
import { MAX_PIN_BYTES, PIN_TRIES } from "./pin-check.ts";
import { numbersFor } from "./room.ts";
import type { Version } from "./values.ts";

/** What every client says first. p11-kit RPC, call table */
const HANDSHAKE = utf8Bytes("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1");

/** The number of the slot that the element is in. */
export const ONLY_SLOT = 1n;

const CRYPTOKI: Version = { major: 2, minor: 40 };
const LIBRARY: Version = { major: 0, minor: 1 };
const HARDWARE: Version = { major: 1, minor: 0 };
const MAKER = "Hawser";
const DONT_BLOCK = 1n;
const SHORTEST_KEY_BITS = 256n;

/** Starting, ending, slots, token and mechanisms. PKCS #11 v2.40, sections 11.4 and 11.5 */
export const generalHandlers: Handlers = {
  C_Initialize(application, handshake) {
    if ("needed" in handshake || !equal(handshake, HANDSHAKE)) {
      throw refuse("arguments-bad", "C_Initialize without p11-kit's handshake");
    }
    application.initialize();
    return [];
  },

  C_Finalize(application) {
    application.finalize();
    return [];
  },

  C_GetInfo: () => [CRYPTOKI, MAKER, 0n, "Hawser secure element token", LIBRARY],

  async C_GetSlotList(application, onlyWithToken, room) {
    const isListed = onlyWithToken === 0 || (await isPresent(application));
    return [numbersFor(room, isListed ? [ONLY_SLOT] : [])];
  },

  async C_GetSlotInfo(application, slot) {
    checkSlot(slot);
    const present = (await isPresent(application)) ? CKF.SLOT.TOKEN_PRESENT : 0n;
    const flags = CKF.SLOT.REMOVABLE_DEVICE | CKF.SLOT.HW_SLOT | present;
    return [`Hawser ${application.token.label}`, MAKER, flags, HARDWARE, LIBRARY];
  },

  async C_GetTokenInfo(application, slot) {
    checkSlot(slot);
    const { token, sessionCount, writableSessionCount } = application;
    const { model, uniqueId, firmware } = await token.identity();
    return [
      token.label,
      MAKER,
      model,
      // The last 16 digits fit, and tell chips of one model apart.
      uniqueId.slice(-16),
      tokenFlags(application),
      UNAVAILABLE,
      BigInt(sessionCount),
      UNAVAILABLE,
      BigInt(writableSessionCount),
      token.pin ? BigInt(MAX_PIN_BYTES) : 0n,
      token.pin ? 1n : 0n,
      UNAVAILABLE,
      UNAVAILABLE,
      UNAVAILABLE,
      UNAVAILABLE,
      HARDWARE,
      versionOf(firmware),
      "",
    ];
  },

  C_GetMechanismList({ clientVersion }, slot, room) {
    checkSlot(slot);
    // An old client drops what it does not know from the list, but not from the count it asked for before.
    const offered = MECHANISMS.filter(({ sinceVersion }) => sinceVersion <= clientVersion);
    const types = offered.map(({ type }) => BigInt(type));
    return [numbersFor(room, types)];
  },

  async C_GetMechanismInfo({ token }, slot, type) {
    checkSlot(slot);
    const found = MECHANISMS.find((each) => BigInt(each.type) === type);
    if (!found) throw refuse("mechanism-invalid", `there is no mechanism 0x${type.toString(16)}`);
    if (found.does === "digest") return [0n, 0n, found.flags];
    return [SHORTEST_KEY_BITS, BigInt(await token.longestKeyBits()), found.flags];
  },

  C_WaitForSlotEvent(_application, flags) {
    // Waiting would hold up every other call of the program: p11-kit has one connection for all its threads.
    if ((flags & DONT_BLOCK) === 0n) throw refuse("function-not-supported", "C_WaitForSlotEvent does not wait here");
    throw refuse("no-event", "no token came or went");
  },
};

/** Throws `slot-id-invalid`. */
export function checkSlot(slot: bigint): void {
  if (slot !== ONLY_SLOT) throw refuse("slot-id-invalid", `there is no slot ${slot}`);
}

async function isPresent({ token }: ApplicationState): Promise<boolean> {
  return token.identity().then(
    () => true,
    () => false,
  );
}

function tokenFlags({ token: { pin } }: ApplicationState): bigint {
  const { RNG, TOKEN_INITIALIZED, LOGIN_REQUIRED, USER_PIN_INITIALIZED } = CKF.TOKEN;
  if (!pin) return RNG | TOKEN_INITIALIZED;
  const { USER_PIN_COUNT_LOW, USER_PIN_FINAL_TRY, USER_PIN_LOCKED } = CKF.TOKEN;
  const low = pin.triesLeft < PIN_TRIES ? USER_PIN_COUNT_LOW : 0n;
  const last = pin.triesLeft === 1 ? USER_PIN_FINAL_TRY : 0n;
  const locked = pin.triesLeft === 0 ? USER_PIN_LOCKED : 0n;
  return RNG | TOKEN_INITIALIZED | LOGIN_REQUIRED | USER_PIN_INITIALIZED | low | last | locked;
}

/** `1.31` as CK_VERSION has it; what is not two numbers is 0.0. */
function versionOf(firmware: string): Version {
  const [, major = "0", minor = "0"] = /^(\d{1,2})\.(\d{1,2})$/.exec(firmware) ?? [];
  return { major: Number(major), minor: Number(minor) };
}
