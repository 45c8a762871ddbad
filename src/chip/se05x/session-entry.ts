import {
  type CommandApdu,
  decodeExtendedCommand,
  hasExtendedLengths,
  type Scp03Session,
  SECURE_CLASS,
} from "../../apdu/index.ts";
import { SE05X_COMMAND_SET, type Se05xCommandName } from "../../apdu/se05x/index.ts";
import { demandOneChannel } from "./admission.ts";
import type { Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { hasRunOut, type Session } from "./sessions.ts";

/**
 * Takes a command into its session: without the session's protection, its caller known from then on. Refused with 6985
 * where there is no such session, or it has run out, and 6982 before its proof or outside its channel.
 */
export function enterSession(
  inside: Se05xInside,
  carried: { readonly sessionId: string; readonly command: Uint8Array; readonly channels: Scp03Session[] },
): CommandApdu {
  const { sessions, clock } = inside;
  const { sessionId, command, channels } = carried;
  const session = sessions.open.get(sessionId);
  if (!session) throw refuse(0x6985, "there is no such session");
  if (session.authenticated && hasRunOut(session, clock.now())) {
    sessions.open.delete(sessionId);
    throw refuse(0x6985, "the session has run out");
  }
  const opened = openInSession(inside, session, command);
  demandOneChannel(opened);
  const { key } = SE05X_COMMAND_SET.recognise(opened);
  if (NOT_IN_SESSION.has(key)) throw refuse(0x6985, `${key} goes into no session`);
  if (!session.authenticated && !BEFORE_PROOF.has(key)) throw refuse(0x6982, "the session is not authenticated");
  if (session.authenticated && ONLY_BEFORE_PROOF.has(key)) throw refuse(0x6985, "the session is authenticated already");
  if (session.channel) channels.push(session.channel);
  session.commands++;
  sessions.current = session;
  if (session.authenticated) {
    const secured = session.channel?.isFull === true || inside.caller.secured;
    inside.caller = { authObjectId: session.authObjectId, secured };
  }
  return opened;
}

function openInSession({ sessions }: Se05xInside, session: Session, command: Uint8Array): CommandApdu {
  const apdu = decodeExtendedCommand(command);
  if (!session.channel) return apdu;
  if (apdu.cla !== SECURE_CLASS) throw refuse(0x6982, "the session answers only inside its secure channel");
  const { channel } = session;
  // Closed unless the command proves to belong to it: out of step once is out of step for good.
  sessions.open.delete(session.id);
  const opened = channel.openCommand(apdu, hasExtendedLengths(command) ? "extended" : "short");
  sessions.open.set(session.id, session);
  return opened;
}

const NOT_IN_SESSION: ReadonlySet<Se05xCommandName> = new Set([
  "select",
  "selectCardManager",
  "selectPlatform",
  "processSession",
  "createSession",
  "putKeys",
  "importExternal",
]);

/** What proves who a session is for. SE05x command table, tier e */
const ONLY_BEFORE_PROOF: ReadonlySet<Se05xCommandName> = new Set([
  "verifySessionUserId",
  "initializeUpdate",
  "externalAuthenticate",
  "internalAuthenticate",
]);

/** What a session takes before its user has proven who it is. */
const BEFORE_PROOF: ReadonlySet<Se05xCommandName> = new Set([...ONLY_BEFORE_PROOF, "agreementKey", "closeSession"]);
