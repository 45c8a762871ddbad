import { SE05X_MAC, SE05X_RESULT } from "../../../apdu/se05x/index.ts";
import { ProtocolError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import { begin, type Se05xCryptoObjects, type Se05xRunning } from "./crypto-objects.ts";
import { MAX_INPUT, piecesOf, type Se05xSender } from "./sender.ts";

/** Message authentication codes of the chip: HMAC with HMAC keys, CMAC with AES or DES keys. */
export type Se05xMac = keyof typeof SE05X_MAC;

const DIRECTION = { make: 0x03, check: 0x44 } as const;
const NOTHING = new Uint8Array(0);

/** Message authentication codes with keys of the chip. SE05x command table, tier b */
export class Se05xMacs {
  readonly #sender: Se05xSender;
  readonly #places: Se05xCryptoObjects;

  constructor(sender: Se05xSender, places: Se05xCryptoObjects) {
    this.#sender = sender;
    this.#places = places;
  }

  /** The code of a message of any length. Throws `Refused` where the key's policy does not let it sign. */
  async make(objectId: number, mac: Se05xMac, message: Uint8Array): Promise<Uint8Array> {
    if (message.length <= MAX_INPUT) {
      return (await this.#sender.send("mac", { objectId, algorithm: SE05X_MAC[mac], input: message })).mac;
    }
    const running = await this.startMaking(objectId, mac);
    await running.update(message);
    return running.finish();
  }

  /** Whether the code of a message is this one; the chip compares. Throws `Refused` where the key's policy forbids. */
  async check(objectId: number, mac: Se05xMac, { message, code }: MacCheck): Promise<boolean> {
    if (message.length <= MAX_INPUT) {
      const request = { objectId, algorithm: SE05X_MAC[mac], input: message, mac: code };
      return (await this.#sender.send("verifyMac", request)).result === SE05X_RESULT.yes;
    }
    const running = await this.startChecking(objectId, mac, code);
    await running.update(message);
    return running.finish();
  }

  /** A code in pieces; its updates give nothing. */
  startMaking(objectId: number, mac: Se05xMac): Promise<Se05xRunning<Uint8Array>> {
    return this.#start({ objectId, mac, direction: DIRECTION.make }, async (cryptoObjectId) => {
      const { mac: made } = await this.#sender.send("macFinal", { cryptoObjectId, input: NOTHING });
      if (!made) throw new ProtocolError<HostErrorCode>("malformed-answer", "a verdict instead of a code", undefined);
      return made;
    });
  }

  /** The check of a code in pieces. */
  startChecking(objectId: number, mac: Se05xMac, code: Uint8Array): Promise<Se05xRunning<boolean>> {
    return this.#start({ objectId, mac, direction: DIRECTION.check }, async (cryptoObjectId) => {
      const request = { cryptoObjectId, input: NOTHING, mac: code };
      return (await this.#sender.send("macFinal", request)).result === SE05X_RESULT.yes;
    });
  }

  async #start<Result>(
    of: { readonly objectId: number; readonly mac: Se05xMac; readonly direction: number },
    finish: (cryptoObjectId: number) => Promise<Result>,
  ): Promise<Se05xRunning<Result>> {
    const { objectId, mac, direction } = of;
    const place = await this.#places.borrow("mac", SE05X_MAC[mac]);
    const cryptoObjectId = place.id;
    return begin(place, () => this.#sender.send("macInit", { objectId, cryptoObjectId, direction }), {
      update: async (part) => {
        for (const input of piecesOf(part)) await this.#sender.send("macUpdate", { cryptoObjectId, input });
        return NOTHING;
      },
      finish: () => finish(cryptoObjectId),
    });
  }
}

/** A message and the code that may be its own. */
export type MacCheck = { readonly message: Uint8Array; readonly code: Uint8Array };
