import type { Server } from "node:tls";

import { HawserError } from "../../codec/index.ts";
import { parseDer, type DerElement } from "../../pki/index.ts";

/** For how long a session can be resumed, and how many are remembered. */
const LIFETIME_S = 3600;
const REMEMBERED = 20_000;

/** Options of a TLS server that resumes sessions by tickets, which hold the client's own certificate and no other. */
export const RESUMING = { sessionTimeout: LIFETIME_S, sessionIdContext: "hawser-mqtt" } as const;

/**
 * Has a server of TLS 1.2 resume sessions by their id, from memory. A resumed handshake lets the server's Finished leave
 * before anybody is asked, so `mayResume` is asked before that, with the certificate that the session holds: where it says
 * no, the handshake is a full one. RFC 5246, section 7.3
 */
export function resumeBySessionId(server: Server, mayResume: (certificate: Uint8Array) => boolean): void {
  const sessions = new Map<string, Buffer>();
  server.on("newSession", (id: Buffer, session: Buffer, done: () => void) => {
    if (sessions.size >= REMEMBERED) sessions.delete(sessions.keys().next().value ?? "");
    sessions.set(id.toString("hex"), session);
    done();
  });
  server.on("resumeSession", (id: Buffer, done: (error: null, session: Buffer | null) => void) => {
    const name = id.toString("hex");
    const session = sessions.get(name);
    const certificate = session && peerOfSession(session);
    // A client without a certificate is asked for one each time: it may have one by now.
    if (session && certificate && mayResume(certificate)) return done(null, session);
    sessions.delete(name);
    return done(null, null);
  });
}

/** The [3] of OpenSSL's SSL_SESSION: the certificate that the client showed when the session was made. */
const PEER = 0xa3;

/** DER of the client's certificate in a session as OpenSSL writes it; undefined where there is none. */
export function peerOfSession(session: Uint8Array): Uint8Array | undefined {
  try {
    const { children } = parseDer(new Uint8Array(session));
    return children.find(({ tag }: DerElement) => tag === PEER)?.children[0]?.raw;
  } catch (error) {
    if (error instanceof HawserError) return undefined;
    throw error;
  }
}
