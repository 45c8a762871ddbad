import { concat, Writer } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";
import { SecretKey } from "../secret-key.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { checkSlot, contentOf, refuse } from "./objects.ts";
import { refuseRestricted } from "./restricted.ts";
import { secretsOf } from "./secret-handlers.ts";

type TlsCommand = "clientHelloRandom" | "setTlsLabel" | "derivePskMasterSecret" | "deriveEcdhPskMasterSecret";

/** What TLS 1.2 with pre-shared keys leaves to the chip. A71CH APDU table, instructions 16, 46, 92 05 and 95 01 */
export function tlsHandlers(inside: A71chInside): Pick<A71chHandlers, TlsCommand> {
  const { hash } = inside.crypto;
  const masterSecret = (premaster: Uint8Array, serverRandom: Uint8Array) => {
    // Whoever could choose the client random could have old handshakes computed again.
    const { clientRandom } = inside.session;
    if (!clientRandom) throw refuse(0x6985, "the command before this one did not make a client random");
    const seed = concat(inside.objects.tlsLabel, clientRandom, serverRandom);
    return { masterSecret: prf(hash, premaster, seed) };
  };
  return {
    clientHelloRandom() {
      inside.session.nextClientRandom = inside.entropy.bytes(32);
      return { random: inside.session.nextClientRandom };
    },
    setTlsLabel({ label }) {
      inside.objects.tlsLabel = label.slice();
      inside.changed("TLS label");
      return {};
    },
    derivePskMasterSecret: ({ blocks, slot, serverRandom }) =>
      SecretKey.use(secretsOf(inside, slot, blocks), (psk) =>
        // RFC 4279, section 2: zeros as long as the key in place of another secret.
        masterSecret(premaster(new Uint8Array(psk.length), psk), serverRandom),
      ),
    deriveEcdhPskMasterSecret({ keyPair, blocks, slot, peerPoint, serverRandom }) {
      checkSlot(inside.objects.keyPairs, keyPair, "key pair");
      refuseRestricted(inside, keyPair);
      const secrets = secretsOf(inside, slot, blocks);
      const shared = contentOf(inside.objects.keyPairs, keyPair, "key pair").agree(inside.crypto, peerPoint);
      // RFC 5489, section 2
      return SecretKey.use(secrets, (psk) => masterSecret(premaster(shared, psk), serverRandom));
    },
  };
}

function premaster(other: Uint8Array, psk: Uint8Array): Uint8Array {
  const writer = new Writer();
  for (const part of [other, psk]) writer.prefixed(2, (body) => body.bytes(part));
  return writer.finish();
}

/** 48 bytes of P_SHA256; `seed` begins with the label. RFC 5246, section 5 */
function prf(hash: Hash, secret: Uint8Array, seed: Uint8Array): Uint8Array {
  const a1 = hash.hmac("sha256", secret, seed);
  const a2 = hash.hmac("sha256", secret, a1);
  return concat(hash.hmac("sha256", secret, a1, seed), hash.hmac("sha256", secret, a2, seed)).slice(0, 48);
}
