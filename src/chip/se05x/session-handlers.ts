import { fromHex, sameBytes, toHex } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { hexId, type SecureObject } from "./objects.ts";
import { refuse } from "./refuse.ts";
import type { Session } from "./sessions.ts";

type SessionCommand =
  | "createSession"
  | "verifySessionUserId"
  | "exchangeSessionData"
  | "refreshSession"
  | "closeSession";

/** More than any host keeps open; what is forgotten goes with the next reset. */
const MAX_SESSIONS = 4;

const PROOFS = { userId: "userId", aes: "aes", ecPublic: "ec" } as const;

/** Opening, bounding and closing sessions. SE05x command table, tier e */
export function sessionHandlers(inside: Se05xInside): Pick<Se05xHandlers, SessionCommand> {
  const { store, sessions, entropy, clock } = inside;
  return {
    createSession({ objectId }) {
      const object = store.find(objectId);
      const { content } = object ?? {};
      if (!object?.authentication || !content || !(content.kind in PROOFS)) {
        throw refuse(0x6985, `${hexId(objectId)} authenticates nobody`);
      }
      if (sessions.open.size >= MAX_SESSIONS) throw refuse(0x6985, "no more sessions");
      const id = toHex(entropy.bytes(8));
      sessions.open.set(id, {
        id,
        authObjectId: objectId,
        proof: PROOFS[content.kind as keyof typeof PROOFS],
        authenticated: false,
        proposed: undefined,
        channel: undefined,
        policy: undefined,
        startedAt: clock.now(),
        commands: 0,
      });
      return { sessionId: fromHex(id) };
    },
    verifySessionUserId({ value }) {
      const session = awaitingProof(inside, "userId");
      const { content } = proofObject(inside, session);
      const isRight = content.kind === "userId" && content.secret.use((expected) => sameBytes(expected, value));
      settleProof(inside, session, isRight);
      return {};
    },
    exchangeSessionData({ policy }) {
      const session = currentSession(inside);
      if (session.policy || session.commands > 1) throw refuse(0x6985, "a session is bounded once, before all else");
      session.policy = policy;
      return {};
    },
    refreshSession({ policy }) {
      const session = currentSession(inside);
      if (!session.policy?.allowRefresh) throw refuse(0x6985, "the session's policy allows no refresh");
      Object.assign(session, { policy: policy ?? session.policy, startedAt: clock.now(), commands: 0 });
      return {};
    },
    closeSession() {
      const { id } = currentSession(inside);
      sessions.open.delete(id);
      return {};
    },
  };
}

/** The session of the command under way, which waits for this kind of proof. Refused with 6985 where it does not. */
export function awaitingProof(inside: Se05xInside, proof: Session["proof"]): Session {
  const session = inside.sessions.current;
  if (session?.proof !== proof || session.authenticated) throw refuse(0x6985, `no session waits for a ${proof} proof`);
  return session;
}

/** What a session is to be proven with. Refused with 6985 where it is gone, or has no attempts left. */
export function proofObject({ store }: Se05xInside, { authObjectId }: Session): SecureObject {
  const object = store.find(authObjectId);
  if (!object?.authentication) throw refuse(0x6985, "what the session was to be proven with is gone");
  const { maxAttempts, failedAttempts } = object;
  if (maxAttempts > 0 && failedAttempts >= maxAttempts) throw refuse(0x6985, "no attempts are left");
  return object;
}

/** Counts an attempt, and authenticates the session where the proof was right. Refused with 6982 where it was wrong, 6985 where it is a user identifier. */
export function settleProof(inside: Se05xInside, session: Session, isRight: boolean): void {
  const object = proofObject(inside, session);
  const { maxAttempts, failedAttempts } = object;
  if (isRight) {
    if (failedAttempts > 0) inside.store.put({ ...object, failedAttempts: 0 });
    session.authenticated = true;
    session.commands = 0;
    session.startedAt = inside.clock.now();
    return;
  }
  if (maxAttempts > 0) {
    inside.store.put({ ...object, failedAttempts: failedAttempts + 1 });
    // The guess stays counted although the command is refused.
    inside.keep();
  }
  // A wrong user identifier is told as data that is wrong, a wrong cryptogram or signature as what it is.
  throw refuse(session.proof === "userId" ? 0x6985 : 0x6982, "the proof is wrong");
}

function currentSession({ sessions }: Se05xInside): Session {
  if (!sessions.current) throw refuse(0x6985, "no session is open");
  return sessions.current;
}
