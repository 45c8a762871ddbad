export {
  type BlockCipher,
  cbcDecrypt,
  cbcEncrypt,
  cmac,
  cmacSubkeys,
  padded,
  unpadded,
  unwrapKey,
  wrapKey,
} from "./aes.ts";
export {
  decodeCommand,
  decodeResponse,
  encodeCommand,
  encodeResponse,
  MAX_SHORT_COMMAND,
  MAX_SHORT_RESPONSE,
  type CommandApdu,
  type ResponseApdu,
} from "./apdu.ts";
export { CommandSet, type CommandRecogniser, type RecognisedCommand } from "./command-set.ts";
export {
  command,
  flagged,
  verificationCounts,
  type Command,
  type CommandTable,
  type RequestOf,
  type ResponseOf,
} from "./command.ts";
export { describeExchange, REDACTED, type ExchangeDescription } from "./describe.ts";
export { APDU_ERRORS, type ApduErrorCode } from "./errors.ts";
export {
  decodeExtendedCommand,
  decodeLongResponse,
  encodeExtendedCommand,
  hasExtendedLengths,
  MAX_EXTENDED_LE,
} from "./extended-apdu.ts";
export type { Fields, NoFields } from "./fields.ts";
export {
  encodeJrcp1,
  encodeJrcp1Into,
  JRCP1_RESET_REQUEST,
  JRCP1_TYPE,
  Jrcp1Parser,
  readJrcp1,
  type Jrcp1Frame,
} from "./jrcp1.ts";
export {
  decodeReaders,
  encodeJrcp2,
  encodeJrcp2Into,
  encodeReaders,
  JRCP2_GREETING,
  JRCP2_LIST_READERS,
  JRCP2_START,
  JRCP2_TYPE,
  readJrcp2,
  type Jrcp2Frame,
  type Jrcp2Reader,
} from "./jrcp2.ts";
export {
  keyCheckValue,
  SECURE_CLASS,
  SECURITY_LEVEL,
  SECURITY_LEVELS,
  Scp03Session,
  type LengthForm,
  type Scp03Challenges,
  type Scp03Keys,
  type Scp03Options,
} from "./scp03.ts";
export { scp03KeyField, type Scp03KeyField } from "./scp03-key-field.ts";
export { describeStatusWord, STATUS_WORDS, SW_OK, type StatusWord, type StatusWordEntry } from "./status-word.ts";
export {
  type Bit,
  crc16,
  decodeT1,
  decodeT1AnswerToReset,
  decodeT1Parameters,
  encodeT1,
  other,
  supervisory,
  T1_ADDRESS,
  T1_HEADER_LENGTH,
  T1_MAX_INFORMATION,
  T1_RECEIVE_ERROR,
  T1_SUPERVISION,
  t1BytesAfter,
  type T1AnswerToReset,
  type T1Block,
  type T1Form,
  type T1ReceiveError,
  type T1Supervision,
} from "./t1.ts";
