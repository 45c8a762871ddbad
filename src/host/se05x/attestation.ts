import { type Attestation, attestedAnswer, SE05X_COMMAND_SET, type Se05xRequest } from "../../apdu/se05x/index.ts";
import { concat, encode, Writer } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";
import type { Se05xSender } from "./families/sender.ts";

/** Commands whose answer the chip signs. */
export type AttestedCommand = "readAttested" | "readAttributesAttested";

/**
 * What a chip is asked to say of an object, signed: the whole of it, its attributes alone, a part of a file, or a public
 * number of an RSA key (00 modulus, 01 exponent).
 */
export type AttestedQuestion =
  | "object"
  | "attributes"
  | { readonly offset: number; readonly length: number }
  | { readonly component: number };

/** How a question is asked: freshness is 16 bytes of whoever asks. */
export type AttestedRequest = {
  readonly objectId: number;
  readonly attestationId: number;
  readonly algorithm: number;
  readonly freshness: Uint8Array;
};

/** Asks a question. Throws `Refused` where the chip says no. SE05x command table, tier f */
export async function askAttested(
  chip: Se05xSender,
  question: AttestedQuestion,
  request: AttestedRequest,
): Promise<Attestation> {
  if (question === "attributes") return chip.send("readAttributesAttested", request);
  return chip.send("readAttested", question === "object" ? request : { ...request, ...question });
}

/** What the signature of the answer to a question covers. */
export function questionContent(
  hash: Hash,
  question: AttestedQuestion,
  request: AttestedRequest,
  answer: Attestation,
): Uint8Array {
  if (question === "attributes") return attestationContent(hash, "readAttributesAttested", request, answer);
  const asked = question === "object" ? request : { ...request, ...question };
  return attestationContent(hash, "readAttested", asked, answer);
}

/** What the signature of an attested answer covers: from applet 7 on also the command. SE05x command table, tier f */
export function attestationContent<Key extends AttestedCommand>(
  hash: Hash,
  key: Key,
  request: Se05xRequest<Key>,
  answer: Attestation,
): Uint8Array {
  if (answer.form === 3) {
    const { data = new Uint8Array(0), attributes, timestamp, freshness, chipId } = answer;
    return concat(data, attributes, timestamp, freshness, chipId);
  }
  const { cla, ins, p1, p2, data } = SE05X_COMMAND_SET.build(key, request);
  const given = new Writer(data.length + 7).u8(cla).u8(ins).u8(p1).u8(p2).u8(0x00).u16(data.length).bytes(data);
  const { form: _form, signature: _signature, ...signed } = answer;
  return concat(hash.digest("sha256", given.finish()), encode(attestedAnswer, signed));
}
