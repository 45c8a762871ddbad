import { SE05X_AEAD, SE05X_RESULT } from "../../../apdu/se05x/index.ts";
import { concat, ProtocolError, Writer } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import { notInChip } from "../../kept-master.ts";
import type { Se05xCryptoObjects } from "./crypto-objects.ts";
import { piecesOf, MAX_INPUT, type Se05xSender } from "./sender.ts";

/** AES with authentication. */
export type Se05xAeadMode = "gcm" | "ccm";

/** An AES key of the chip, and what is authenticated beside the message. */
export type AeadRequest = {
  readonly objectId: number;
  readonly mode: Se05xAeadMode;
  readonly associated?: Uint8Array;
};

export type Sealed = { readonly output: Uint8Array; readonly tag: Uint8Array; readonly nonce: Uint8Array };

const FAMILY = { host: 0x11, chip: 0x12 } as const;
const ONE_SHOT = { seal: 0x37, open: 0x38 } as const;
const STREAMED = { seal: 0x42, open: 0x43 } as const;
const OWN_NONCE = { gcm: SE05X_AEAD.gcmInternalIv, ccm: SE05X_AEAD.ccmInternalIv } as const;
/** What the chip makes by itself. SP 800-38D, section 8.2 */
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/** Authenticated encryption with AES keys of the chip, from applet 4.4 on. SE05x command table, section 4.5 */
export class Se05xAead {
  readonly #sender: Se05xSender;
  readonly #places: Se05xCryptoObjects;

  constructor(sender: Se05xSender, places: Se05xCryptoObjects) {
    this.#sender = sender;
    this.#places = places;
  }

  /**
   * Seals a message. Without `nonce` the chip makes one of 12 bytes: a nonce that is used twice gives the key away.
   * Longer than one command takes go in pieces by GCM; by CCM they throw `not-in-chip`.
   */
  async seal(request: AeadRequest & { readonly nonce?: Uint8Array }, message: Uint8Array): Promise<Sealed> {
    const { objectId, mode, associated, nonce } = request;
    if (isLong(request, message)) return this.#sealStreamed(request, message);
    const answer = await this.#sender.send("aead", {
      family: FAMILY[nonce ? "host" : "chip"],
      direction: ONE_SHOT.seal,
      objectId,
      mode: nonce ? SE05X_AEAD[mode] : OWN_NONCE[mode],
      input: message,
      ...(associated ? { associated } : {}),
      iv: nonce ?? lengthOf(NONCE_LENGTH),
    });
    return sealedOf(answer.output ?? new Uint8Array(0), answer.tag, nonce ?? answer.iv);
  }

  /** The message, or undefined where the tag, the associated data or anything else is not what was sealed. */
  async open(request: AeadRequest, { output, tag, nonce }: Sealed): Promise<Uint8Array | undefined> {
    const { objectId, mode, associated } = request;
    if (isLong(request, output)) return this.#openStreamed(request, { output, tag, nonce });
    const answer = await this.#sender.send("aead", {
      family: FAMILY.host,
      direction: ONE_SHOT.open,
      objectId,
      mode: SE05X_AEAD[mode],
      input: output,
      ...(associated ? { associated } : {}),
      iv: nonce,
      tag,
    });
    return answer.result === SE05X_RESULT.yes ? (answer.output ?? new Uint8Array(0)) : undefined;
  }

  async #sealStreamed(request: AeadRequest & { readonly nonce?: Uint8Array }, message: Uint8Array): Promise<Sealed> {
    const { nonce } = request;
    const subtype = nonce ? SE05X_AEAD.gcm : SE05X_AEAD.gcmInternalIv;
    return this.#inPlace(subtype, async (cryptoObjectId) => {
      const family = FAMILY[nonce ? "host" : "chip"];
      const { objectId } = request;
      const iv = nonce ?? lengthOf(NONCE_LENGTH);
      const init = { family, direction: STREAMED.seal, objectId, cryptoObjectId, iv, tagLength: TAG_LENGTH };
      const { iv: made } = await this.#sender.send("aeadInit", init);
      const begun = await this.#feed(cryptoObjectId, request, message);
      const last = await this.#sender.send("aeadFinal", { family: FAMILY.host, cryptoObjectId });
      return sealedOf(concat(begun, last.output ?? new Uint8Array(0)), last.tag, nonce ?? made);
    });
  }

  async #openStreamed(request: AeadRequest, { output, tag, nonce }: Sealed): Promise<Uint8Array | undefined> {
    return this.#inPlace(SE05X_AEAD.gcm, async (cryptoObjectId) => {
      const { objectId } = request;
      const fields = { objectId, cryptoObjectId, iv: nonce, tagLength: tag.length };
      await this.#sender.send("aeadInit", { family: FAMILY.host, direction: STREAMED.open, ...fields });
      const begun = await this.#feed(cryptoObjectId, request, output);
      const last = await this.#sender.send("aeadFinal", { family: FAMILY.host, cryptoObjectId, tag });
      // What came before the verdict is worth nothing without it.
      return last.result === SE05X_RESULT.yes ? concat(begun, last.output ?? new Uint8Array(0)) : undefined;
    });
  }

  async #feed(cryptoObjectId: number, { associated }: AeadRequest, message: Uint8Array): Promise<Uint8Array> {
    const family = FAMILY.host;
    for (const part of associated?.length ? piecesOf(associated) : []) {
      await this.#sender.send("aeadUpdate", { family, cryptoObjectId, associated: part });
    }
    const outputs: Uint8Array[] = [];
    for (const input of message.length > 0 ? piecesOf(message) : []) {
      outputs.push(
        (await this.#sender.send("aeadUpdate", { family, cryptoObjectId, input })).output ?? new Uint8Array(0),
      );
    }
    return concat(...outputs);
  }

  async #inPlace<T>(subtype: number, work: (cryptoObjectId: number) => Promise<T>): Promise<T> {
    const place = await this.#places.borrow("aead", subtype);
    try {
      const result = await work(place.id);
      await place.release();
      return result;
    } catch (error) {
      await place.release().catch(() => undefined);
      throw error;
    }
  }
}

/** Whether a message takes several commands. Throws `not-in-chip` where its mode has to be told all at once. */
function isLong({ mode, associated }: AeadRequest, message: Uint8Array): boolean {
  const length = message.length + (associated?.length ?? 0);
  if (length <= MAX_INPUT) return false;
  if (mode === "ccm") throw notInChip(`an SE05x takes messages of up to ${MAX_INPUT} bytes by CCM, not ${length}`);
  return true;
}

function sealedOf(output: Uint8Array, tag: Uint8Array | undefined, nonce: Uint8Array | undefined): Sealed {
  if (tag && nonce) return { output, tag, nonce };
  throw new ProtocolError<HostErrorCode>("malformed-answer", "a sealed message without tag or nonce", undefined);
}

function lengthOf(length: number): Uint8Array {
  return new Writer(2).u16(length).finish();
}
