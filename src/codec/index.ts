export { fromBase64, toBase64 } from "./base64.ts";
export { concat, equal, sameBytes, utf8Bytes } from "./bytes.ts";
export * from "./errors.ts";
export { fromHex, toHex } from "./hex.ts";
export type { Json } from "./json.ts";
export { parsePem, toPem, type PemBlock } from "./pem.ts";
export { Reader } from "./reader.ts";
export {
  decode,
  empty,
  encode,
  fixed,
  literal,
  opaque,
  rest,
  struct,
  u16,
  u24,
  u32,
  u64,
  u8,
  vector,
  type Codec,
  type ValueOf,
} from "./struct.ts";
export { longLength, optionalTag, readTlvLength, tagged, tlvStruct, type TlvField, type TlvRecord } from "./tlv.ts";
export { Writer } from "./writer.ts";
