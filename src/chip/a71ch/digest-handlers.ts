import type { RunningHash } from "../../crypto/index.ts";
import { SecretKey } from "../secret-key.ts";
import type { A71chHandlers, A71chInside } from "./handler.ts";
import { refuse } from "./objects.ts";
import { checkGroup, secretsOf } from "./secret-handlers.ts";

type DigestCommand = "sha256" | "sha256Start" | "sha256Update" | "sha256Finish";
type HmacCommand = "hmac" | "hmacStart" | "hmacUpdate" | "hmacFinish";

const SHA256_BLOCK = 64;

/** SHA-256 and HMAC-SHA256, at once and piece by piece. A71CH APDU table, instructions 47 and 96 */
export function digestHandlers(inside: A71chInside): Pick<A71chHandlers, DigestCommand | HmacCommand> {
  return { ...sha256Handlers(inside), ...hmacHandlers(inside) };
}

function sha256Handlers(inside: A71chInside): Pick<A71chHandlers, DigestCommand> {
  const { hash } = inside.crypto;
  const update = (bytes: Uint8Array): RunningHash => {
    const running = inside.session.runningDigest;
    if (!running) throw refuse(0x6985, "no digest was started");
    running.update(bytes);
    return running;
  };
  return {
    sha256: ({ bytes }) => ({ digest: hash.digest("sha256", bytes) }),
    sha256Start({ bytes }) {
      inside.session.runningDigest = hash.start("sha256");
      update(bytes);
      return {};
    },
    sha256Update: ({ bytes }) => (update(bytes), {}),
    sha256Finish({ bytes }) {
      const digest = update(bytes).digest();
      inside.session.runningDigest = undefined;
      return { digest };
    },
  };
}

function hmacHandlers(inside: A71chInside): Pick<A71chHandlers, HmacCommand> {
  const { hash } = inside.crypto;
  const update = (slot: number, blocks: number, bytes: Uint8Array) => {
    checkGroup(inside, slot, blocks);
    const running = inside.session.runningHmac;
    if (running?.of !== `${slot} ${blocks}`) throw refuse(0x6985, "no HMAC was started with these secrets");
    running.inner.update(bytes);
    return running;
  };
  return {
    hmac: ({ slot, blocks, bytes }) =>
      SecretKey.use(secretsOf(inside, slot, blocks), (key) => ({ mac: hash.hmac("sha256", key, bytes) })),
    hmacStart({ slot, blocks, bytes }) {
      SecretKey.use(secretsOf(inside, slot, blocks), (key) => {
        const started = (pad: number) => {
          // RFC 2104, section 2: four secrets are one block, so no key needs hashing first.
          const block = Uint8Array.from({ length: SHA256_BLOCK }, (_, i) => (key[i] ?? 0) ^ pad);
          const running = hash.start("sha256");
          running.update(block);
          return running;
        };
        inside.session.runningHmac = { inner: started(0x36), outer: started(0x5c), of: `${slot} ${blocks}` };
      });
      update(slot, blocks, bytes);
      return {};
    },
    hmacUpdate: ({ slot, blocks, bytes }) => (update(slot, blocks, bytes), {}),
    hmacFinish({ slot, blocks, bytes }) {
      const { inner, outer } = update(slot, blocks, bytes);
      outer.update(inner.digest());
      inside.session.runningHmac = undefined;
      return { mac: outer.digest() };
    },
  };
}
