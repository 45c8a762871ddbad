import type { Server } from "node:tls";

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
const SEQUENCE = 0x30;

/** DER of the client's certificate in a session as OpenSSL writes it, a view of it; undefined where there is none. */
export function peerOfSession(session: Uint8Array): Uint8Array | undefined {
  const whole = elementAt(session, 0);
  if (whole?.tag !== SEQUENCE || whole.end !== session.length) return undefined;
  for (let at = whole.start; at < whole.end;) {
    const field = elementAt(session, at);
    if (!field) return undefined;
    if (field.tag === PEER) return session.subarray(field.start, field.end);
    at = field.end;
  }
  return undefined;
}

/** Where the contents of a DER element lie; nothing inside them is read. */
function elementAt(
  bytes: Uint8Array,
  at: number,
): { readonly tag: number; readonly start: number; readonly end: number } | undefined {
  const [tag, first = 0xff] = bytes.subarray(at, at + 2);
  if (tag === undefined || first === 0x80 || first > 0x83) return undefined;
  const count = first < 0x80 ? 0 : first & 0x0f;
  const start = at + 2 + count;
  const length = count === 0 ? first : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return start + length <= bytes.length ? { tag, start, end: start + length } : undefined;
}
