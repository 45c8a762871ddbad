import { type Attestation, attestedAnswer, SE05X_COMMAND_SET, type Se05xRequest } from "../../apdu/se05x/index.ts";
import { concat, encode, Writer } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";

type AttestedCommand = "readAttested" | "readAttributesAttested";

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
