import { CommandSet } from "../command-set.ts";
import type { CommandTable, RequestOf, ResponseOf } from "../command.ts";
import { AEAD_ROWS } from "./aead-rows.ts";
import { ATTESTATION_ROWS } from "./attestation-rows.ts";
import { BINARY_ROWS } from "./binary-rows.ts";
import { CARD_ROWS } from "./card-rows.ts";
import { COUNTER_ROWS } from "./counter-rows.ts";
import { CRYPTO_OBJECT_ROWS } from "./crypto-object-rows.ts";
import { DIGEST_ROWS } from "./digest-rows.ts";
import { EC_ROWS } from "./ec-rows.ts";
import { KDF_ROWS } from "./kdf-rows.ts";
import { MAC_ROWS } from "./mac-rows.ts";
import { MANAGEMENT_ROWS } from "./management-rows.ts";
import { OBJECT_ROWS } from "./object-rows.ts";
import { REGISTER_ROWS } from "./register-rows.ts";
import { RSA_ROWS } from "./rsa-rows.ts";
import { SESSION_ROWS } from "./session-rows.ts";
import { SYMMETRIC_ROWS } from "./symmetric-rows.ts";
import { TLS_ROWS } from "./tls-rows.ts";
import { TRANSFER_ROWS } from "./transfer-rows.ts";
import { USER_ID_ROWS } from "./user-id-rows.ts";

/**
 * The commands of the family that are built, family by family; any other answers 6D00.
 *
 * An instruction is a kind (1 write, 2 read, 3 crypto, 4 management, 5 processing in a session) with flags (80
 * transient, 40 authentication object, 20 attested); P1 is a type of credential with flags (60 pair, 40 private, 20
 * public). SE05x command table, sections 4.1 and 4.5
 */
export const SE05X_COMMANDS = {
  ...CARD_ROWS,
  ...inTags(SESSION_ROWS),
  ...inTags(MANAGEMENT_ROWS),
  ...inTags(OBJECT_ROWS),
  ...inTags(ATTESTATION_ROWS),
  ...inTags(EC_ROWS),
  ...inTags(RSA_ROWS),
  ...inTags(SYMMETRIC_ROWS),
  ...inTags(MAC_ROWS),
  ...inTags(DIGEST_ROWS),
  ...inTags(CRYPTO_OBJECT_ROWS),
  ...inTags(AEAD_ROWS),
  ...inTags(KDF_ROWS),
  ...inTags(BINARY_ROWS),
  ...inTags(COUNTER_ROWS),
  ...inTags(REGISTER_ROWS),
  ...inTags(USER_ID_ROWS),
  ...inTags(TLS_ROWS),
  ...inTags(TRANSFER_ROWS),
} as const;

/** Fields in tags that are not right are wrong data; of what has a fixed layout it is the length. SE05x coding rules */
function inTags<Rows extends CommandTable>(rows: Rows): Rows {
  const named = Object.entries(rows).map(([key, row]) => [key, { ...row, malformed: 0x6a80 }]);
  // The same rows under the same names, but for that word.
  return Object.fromEntries(named) as Rows;
}

export type Se05xCommands = typeof SE05X_COMMANDS;
export type Se05xCommandName = keyof Se05xCommands;
export type Se05xRequest<Key extends Se05xCommandName> = RequestOf<Se05xCommands[Key]>;
export type Se05xResponse<Key extends Se05xCommandName> = ResponseOf<Se05xCommands[Key]>;

/** The table, ready to recognise and to build commands. */
export const SE05X_COMMAND_SET = new CommandSet(SE05X_COMMANDS, { extendedLengths: true });
