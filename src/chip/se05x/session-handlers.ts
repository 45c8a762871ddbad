import { sameBytes } from "../../apdu/index.ts";
import { toHex } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handlers.ts";
import { hexId } from "./objects.ts";
import { refuse } from "./refuse.ts";

/** A session that an authentication object vouches for, once its proof was given. */
export type AuthenticatedSession = { readonly authObjectId: number; authenticated: boolean };

/** Open sessions by their identifiers in hex; `current` is the one of the command under way. */
export type Sessions = {
  readonly open: Map<string, AuthenticatedSession>;
  current: string | undefined;
};

/** More than any host keeps open; what is forgotten goes with the next reset. */
const MAX_SESSIONS = 4;

/** Sessions by user identifier. SE05x command table, tier e */
export function sessionHandlers(
  inside: Se05xInside,
): Pick<Se05xHandlers, "createSession" | "verifySessionUserId" | "closeSession"> {
  const { store, sessions, entropy } = inside;
  return {
    createSession({ objectId }) {
      const object = store.find(objectId);
      if (object?.content.kind !== "userId") throw refuse(0x6985, `${hexId(objectId)} authenticates nobody`);
      if (sessions.open.size >= MAX_SESSIONS) throw refuse(0x6985, "no more sessions");
      const sessionId = entropy.bytes(8);
      sessions.open.set(toHex(sessionId), { authObjectId: objectId, authenticated: false });
      return { sessionId };
    },
    verifySessionUserId({ value }) {
      const session = sessions.open.get(sessions.current ?? "");
      if (!session || session.authenticated) throw refuse(0x6985, "no session waits for a user identifier");
      const object = store.find(session.authObjectId);
      if (object?.content.kind !== "userId") throw refuse(0x6985, "the session's user is gone");
      const { maxAttempts, failedAttempts } = object;
      if (maxAttempts > 0 && failedAttempts >= maxAttempts) throw refuse(0x6985, "no attempts are left");
      const right = object.content.secret.use((expected) => sameBytes(expected, value));
      if (right) {
        if (failedAttempts > 0) store.put({ ...object, failedAttempts: 0 });
        session.authenticated = true;
        return {};
      }
      if (maxAttempts > 0) store.put({ ...object, failedAttempts: failedAttempts + 1 });
      // The guess stays counted although the command is refused.
      inside.keep();
      throw refuse(0x6982, "the user identifier is wrong");
    },
    closeSession() {
      if (sessions.current === undefined) throw refuse(0x6985, "no session is open");
      sessions.open.delete(sessions.current);
      return {};
    },
  };
}
