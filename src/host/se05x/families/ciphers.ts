import { SE05X_CIPHER } from "../../../apdu/se05x/index.ts";
import { concat } from "../../../codec/index.ts";
import { begin, type Se05xCryptoObjects, type Se05xRunning } from "./crypto-objects.ts";
import { MAX_INPUT, piecesOf, type Se05xSender } from "./sender.ts";

/** Modes of AES and DES, without authentication. */
export type Se05xCipherMode = keyof typeof SE05X_CIPHER;

/** What was encrypted, and the initial block where the chip made it. */
export type Encrypted = { readonly output: Uint8Array; readonly iv?: Uint8Array };

const ONE_SHOT = { encrypt: 0x37, decrypt: 0x38 } as const;
const STREAMED = { encrypt: 0x42, decrypt: 0x43 } as const;

type Direction = keyof typeof ONE_SHOT;

/** What a cipher works with: an AES or DES key of the chip, the mode, and the initial block where the mode has one. */
export type CipherRequest = { readonly objectId: number; readonly mode: Se05xCipherMode; readonly iv?: Uint8Array };

/** AES and DES with keys of the chip. What they give is not authenticated: `aead` does that. SE05x command table, tier b */
export class Se05xCiphers {
  readonly #sender: Se05xSender;
  readonly #places: Se05xCryptoObjects;

  constructor(sender: Se05xSender, places: Se05xCryptoObjects) {
    this.#sender = sender;
    this.#places = places;
  }

  /** A message of any length encrypted. Throws `Refused` where the mode wants whole blocks and these are not. */
  encrypt(request: CipherRequest, message: Uint8Array): Promise<Encrypted> {
    return this.#whole("encrypt", request, message);
  }

  /** The plaintext. Throws `Refused` where its padding is not whole. */
  async decrypt(request: CipherRequest, message: Uint8Array): Promise<Uint8Array> {
    return (await this.#whole("decrypt", request, message)).output;
  }

  /** Encryption in pieces; `iv` is the initial block that the chip made. */
  startEncrypting(request: CipherRequest): Promise<StartedCipher> {
    return this.#start("encrypt", request);
  }

  async startDecrypting(request: CipherRequest): Promise<Se05xRunning<Uint8Array>> {
    return (await this.#start("decrypt", request)).running;
  }

  async #whole(direction: Direction, request: CipherRequest, message: Uint8Array): Promise<Encrypted> {
    const { objectId, mode, iv } = request;
    if (message.length <= MAX_INPUT) {
      const fields = { objectId, mode: SE05X_CIPHER[mode], input: message, ...(iv ? { iv } : {}) };
      const answer = await this.#sender.send("cipher", { direction: ONE_SHOT[direction], ...fields });
      return { output: answer.output, ...(answer.iv ? { iv: answer.iv } : {}) };
    }
    const started = await this.#start(direction, request);
    const begun = await started.running.update(message);
    const output = concat(begun, await started.running.finish());
    return { output, ...(started.iv ? { iv: started.iv } : {}) };
  }

  async #start(direction: Direction, { objectId, mode, iv }: CipherRequest): Promise<StartedCipher> {
    const place = await this.#places.borrow("cipher", SE05X_CIPHER[mode]);
    const cryptoObjectId = place.id;
    let made: Uint8Array | undefined;
    const init = async () => {
      const fields = { objectId, cryptoObjectId, direction: STREAMED[direction], ...(iv ? { iv } : {}) };
      made = (await this.#sender.send("cipherInit", fields)).iv;
    };
    const running = await begin(place, init, {
      update: async (part) => {
        const outputs: Uint8Array[] = [];
        for (const input of piecesOf(part)) {
          const { output } = await this.#sender.send("cipherUpdate", { cryptoObjectId, input });
          if (output) outputs.push(output);
        }
        return concat(...outputs);
      },
      finish: async () => (await this.#sender.send("cipherFinal", { cryptoObjectId, input: new Uint8Array(0) })).output,
    });
    return { running, ...(made ? { iv: made } : {}) };
  }
}

/** A cipher under way, and the initial block where the chip made it. */
export type StartedCipher = { readonly running: Se05xRunning<Uint8Array>; readonly iv?: Uint8Array };
