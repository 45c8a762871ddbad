import { toHex } from "../../codec/index.ts";
import type { Clock } from "../../crypto/index.ts";
import type { ServerSuite } from "./server-suites.ts";

/** What a server keeps of a handshake to shorten a later one. It holds a secret. RFC 5246, section 7.3; RFC 7627, section 5.3 */
export type ServerSession = {
  readonly id: Uint8Array;
  readonly suite: ServerSuite;
  readonly masterSecret: Uint8Array;
  /** The name that the client asked for; a session is for no other. RFC 6066, section 3 */
  readonly servername: string;
  /** The client's certificates, which are verified again; empty where it had none. */
  readonly clientChain: readonly Uint8Array[];
};

/** Where sessions are kept. */
export interface ServerSessions {
  find(id: Uint8Array): ServerSession | undefined;
  keep(session: ServerSession): void;
  /** Overwrites the secret of the session, if there is one. */
  forget(id: Uint8Array): void;
}

/** Sessions in memory: bounded, and none is older than a day. RFC 5246, appendix F.1.4 */
export class SessionCache implements ServerSessions {
  readonly #clock: Clock;
  readonly #maxSessions: number;
  readonly #lifetimeMs: number;
  readonly #kept = new Map<string, { readonly session: ServerSession; readonly until: number }>();

  constructor(clock: Clock, { maxSessions = 1000, lifetimeMs = 86_400_000 } = {}) {
    this.#clock = clock;
    this.#maxSessions = maxSessions;
    this.#lifetimeMs = lifetimeMs;
  }

  find(id: Uint8Array): ServerSession | undefined {
    const found = this.#kept.get(toHex(id));
    if (found && found.until <= this.#clock.now()) this.forget(id);
    return this.#kept.get(toHex(id))?.session;
  }

  keep(session: ServerSession): void {
    const [oldest] = this.#kept.values();
    if (oldest && this.#kept.size >= this.#maxSessions) this.forget(oldest.session.id);
    this.#kept.set(toHex(session.id), { session, until: this.#clock.now() + this.#lifetimeMs });
  }

  forget(id: Uint8Array): void {
    const key = toHex(id);
    this.#kept.get(key)?.session.masterSecret.fill(0);
    this.#kept.delete(key);
  }
}

/** The same store for one connection, which remembers the session that it used. */
export function rememberingId(sessions: ServerSessions): ServerSessions & { readonly forgetUsed: () => void } {
  let used: Uint8Array | undefined;
  return {
    find(id) {
      const session = sessions.find(id);
      if (session) used = id;
      return session;
    },
    keep(session) {
      used = session.id;
      sessions.keep(session);
    },
    forget: (id) => sessions.forget(id),
    forgetUsed: () => used && sessions.forget(used),
  };
}
