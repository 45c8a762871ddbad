import { type CommandApdu, type Scp03Session, SECURE_CLASS } from "../../apdu/index.ts";
import { SE05X_CREDENTIAL, type Se05xCommandName } from "../../apdu/se05x/index.ts";
import type { Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";

/**
 * Refuses what the chip does not answer in its present state: 6D00 what its model or the selected application does not
 * have, 6982 what must come in the platform's secure channel, 6985 what does not go under transport lock.
 */
export function demandAdmitted(inside: Se05xInside, key: Se05xCommandName, channel: Scp03Session | undefined): void {
  const { model, platform, store } = inside;
  if (model.absent.has(key)) throw refuse(0x6d00, `${key} is not in this applet`);
  if (platform.selected === "platform" ? !IN_PLATFORM.has(key) : ONLY_IN_PLATFORM.has(key)) {
    throw refuse(0x6d00, `the selected application does not answer ${key}`);
  }
  const isOutside = OUTSIDE_CHANNEL.has(key);
  // An open channel that a command goes round is as bad as one that is missing.
  if (!channel?.isFull && store.settings.platformScpRequired && !isOutside) {
    throw refuse(0x6982, "the chip answers only inside the platform's secure channel");
  }
  if (!channel && platform.channel && !isOutside) throw refuse(0x6982, "a command outside the open secure channel");
  if (isLocked(inside) && !isAdmittedLocked(inside, key)) {
    throw refuse(0x6985, "the chip is locked for transport");
  }
}

/**
 * Refuses with 6884 a part of a chained command, since commands are long enough in one piece, and with 6881 one for
 * another logical channel than the basic one. ISO/IEC 7816-4, section 5.1
 */
export function demandOneChannel({ cla }: CommandApdu): void {
  const base = cla & ~(CHAINING | CHANNELS);
  if (base !== 0x00 && base !== 0x80 && base !== SECURE_CLASS) return;
  if ((cla & CHAINING) !== 0) throw refuse(0x6884, "commands are not chained here");
  if ((cla & CHANNELS) !== 0) throw refuse(0x6881, "there is one logical channel");
}

const CHAINING = 0x10;
const CHANNELS = 0x03;

/** Whether the chip is locked for transport: for good, and not lifted until the next selection. SE05x command table, tier e */
export function isLocked({ store, passing }: Se05xInside): boolean {
  return store.settings.isLocked && !passing.isUnlocked;
}

/** Selection, and setting up the platform's channel. SE05x command table, tier e */
const OUTSIDE_CHANNEL: ReadonlySet<Se05xCommandName> = new Set([
  "select",
  "selectCardManager",
  "selectPlatform",
  "initializeUpdate",
  "externalAuthenticate",
  "identify",
  "collectGarbage",
  "productionData",
]);

/** What the platform answers itself; only the last two not while the application is selected. SE05x command table, tier a */
const IN_PLATFORM: ReadonlySet<Se05xCommandName> = new Set([...OUTSIDE_CHANNEL, "putKeys"]);
const ONLY_IN_PLATFORM: ReadonlySet<Se05xCommandName> = new Set([
  "identify",
  "collectGarbage",
  "productionData",
  "putKeys",
]);

/** What tells who the chip is, and leads to unlocking it. SE05x command table, tier e */
const WHILE_LOCKED: ReadonlySet<Se05xCommandName> = new Set([
  ...IN_PLATFORM,
  "processSession",
  "createSession",
  "verifySessionUserId",
  "internalAuthenticate",
  "agreementKey",
  "exchangeSessionData",
  "closeSession",
  "getVersion",
  "getExtVersion",
  "readState",
  "random",
  "exists",
]);

function isAdmittedLocked({ caller }: Se05xInside, key: Se05xCommandName): boolean {
  return WHILE_LOCKED.has(key) || caller.authObjectId === SE05X_CREDENTIAL.transport;
}
