import { SE05X_DIGEST } from "../../../apdu/se05x/index.ts";
import { begin, type Se05xCryptoObjects, type Se05xRunning } from "./crypto-objects.ts";
import { MAX_INPUT, piecesOf, type Se05xSender } from "./sender.ts";

/** Hash functions of the chip. */
export type Se05xHash = keyof typeof SE05X_DIGEST;

const NOTHING = new Uint8Array(0);

/** Hashing in the chip. SE05x command table, tier b */
export class Se05xDigests {
  readonly #sender: Se05xSender;
  readonly #places: Se05xCryptoObjects;

  constructor(sender: Se05xSender, places: Se05xCryptoObjects) {
    this.#sender = sender;
    this.#places = places;
  }

  /** The hash of a message of any length; one that a command takes needs no crypto object. */
  async of(hash: Se05xHash, message: Uint8Array): Promise<Uint8Array> {
    if (message.length <= MAX_INPUT) {
      return (await this.#sender.send("digest", { algorithm: SE05X_DIGEST[hash], input: message })).digest;
    }
    const running = await this.start(hash);
    await running.update(message);
    return running.finish();
  }

  /** A hash in pieces; its updates give nothing. */
  async start(hash: Se05xHash): Promise<Se05xRunning<Uint8Array>> {
    const place = await this.#places.borrow("digest", SE05X_DIGEST[hash]);
    const cryptoObjectId = place.id;
    return begin(place, () => this.#sender.send("digestInit", { cryptoObjectId }), {
      update: async (part) => {
        for (const input of piecesOf(part)) await this.#sender.send("digestUpdate", { cryptoObjectId, input });
        return NOTHING;
      },
      finish: async () => (await this.#sender.send("digestFinal", { cryptoObjectId, input: NOTHING })).digest,
    });
  }
}
