import type { Randoms } from "../key-schedule12.ts";
import { handshakeMessage, type HandshakeMessage, serverHello } from "../messages.ts";
import { SUITES_12 } from "../suites.ts";
import type { Negotiated } from "./negotiation.ts";

/** A negotiation with the server's half of the hellos. */
export type Hellos = Negotiated & {
  /** The server's. */
  readonly random: Uint8Array;
  /** Empty where the session cannot be resumed. */
  readonly sessionId: Uint8Array;
};

/** Both sides' randoms, as the key schedule takes them. */
export function randomsOf({ clientRandom, random }: Pick<Hellos, "clientRandom" | "random">): Randoms {
  return { client: clientRandom, server: random };
}

/** RFC 5246, section 7.4.1.3 */
export function helloMessage({ random, sessionId, suiteName, extensions }: Hellos): HandshakeMessage {
  return handshakeMessage("server_hello", serverHello, {
    legacyVersion: 0x0303,
    random,
    legacySessionId: sessionId,
    cipherSuite: SUITES_12[suiteName].code,
    compressionMethod: 0,
    extensions,
  });
}
