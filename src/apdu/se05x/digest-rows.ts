/** @table Hashing. SE05x command table, tier b */
import { rest, tagged, tlvStruct, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { BYTES_ANSWER, NO_LE } from "./fields.ts";

/** Hashing. SE05x command table, tier b */
export const DIGEST_ROWS = {
  digest: command({
    name: "DigestOneShot",
    ins: 0x03,
    p1: 0x00,
    p2: 0x0e,
    request: tlvStruct({ algorithm: tagged(0x41, u8), input: tagged(0x42, rest) }),
    response: tlvStruct({ digest: BYTES_ANSWER }),
    ...NO_LE,
  }),
} as const;
