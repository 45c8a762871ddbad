/** @table Selection, and what the platform under the application answers. */
import { type Codec, DecodeError, equal, fixed, fromHex, literal, rest, struct, u16, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { scp03KeyField } from "../scp03-key-field.ts";
import { SECURE_CLASS } from "../scp03.ts";
import { NO_LE, VERSION_INFO } from "./fields.ts";

/** The application identifier of the family. SE05x command table */
export const SE05X_AID = fromHex("a0000003965453000000010300000000");

/** The card manager, and the security domain that the application's channel keys belong to. JRCP table, section 2.3 */
export const CARD_MANAGER_AID = fromHex("a000000151000000");
export const SECURITY_DOMAIN_AID = fromHex("d276000085304a434f9003");

/** What the card manager is asked for by `identify`. SE05x command table, tier a */
export const IDENTIFY_TAG = 0xdf28;
const COLLECT_GARBAGE_TAG = 0xdf25;

/** Selection, the platform's secure channel and its identity data. GPC SCP03, section 7; SE05x command table, tier a */
export const CARD_ROWS = {
  /** Leaves the application: the card manager answers from then on. */
  selectCardManager: command({ name: "SelectCardManager", cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x00 }),
  /** Leaves the application for one that the platform itself has; what is answered there is the same for both. */
  selectPlatform: command({
    name: "SelectPlatform",
    cla: 0x00,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    request: struct({ aid: oneAidOf(CARD_MANAGER_AID, SECURITY_DOMAIN_AID) }),
  }),
  select: command({
    name: "Select",
    cla: 0x00,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    request: struct({ aid: bounded({ min: 1, max: 16 }) }),
    response: VERSION_INFO,
  }),
  /** Opens a secure channel, the platform's or, inside a session, the session's own. */
  initializeUpdate: command({
    name: "InitializeUpdate",
    ins: 0x50,
    p1: struct({ keyVersion: u8 }),
    p2: 0x00,
    request: struct({ hostChallenge: fixed(8) }),
    response: struct({
      diversification: fixed(10),
      keyInformation: fixed(3),
      cardChallenge: fixed(8),
      cardCryptogram: fixed(8),
    }),
    ...NO_LE,
  }),
  externalAuthenticate: command({
    name: "ExternalAuthenticate",
    cla: SECURE_CLASS,
    ins: 0x82,
    p1: struct({ level: u8 }),
    p2: 0x00,
    request: struct({ hostCryptogram: fixed(8), mac: fixed(8) }),
    ...NO_LE,
  }),
  /** Replaces the key set `replaced`, or adds one where that is 0; the keys come encrypted under the present one. */
  putKeys: command({
    name: "PutKeys",
    malformed: 0x6a80,
    ins: 0xd8,
    p1: struct({ replaced: u8 }),
    p2: 0x81,
    request: struct({ version: u8, enc: scp03KeyField, mac: scp03KeyField, dek: scp03KeyField }),
    response: struct({ version: u8, checkValues: fixed(9) }),
    secretRequest: ["enc", "mac", "dek"],
    ...NO_LE,
  }),
  /** Who made the part, in which configuration. */
  identify: command({
    name: "Identify",
    malformed: 0x6a80,
    ins: 0xca,
    p1: 0x00,
    p2: 0xfe,
    request: struct({ tag: literal(u16, IDENTIFY_TAG) }),
    response: struct({ data: rest }),
  }),
  /** Has the platform give back memory that nothing refers to any more. */
  collectGarbage: command({
    name: "CollectGarbage",
    malformed: 0x6a80,
    ins: 0xca,
    p1: 0x00,
    p2: 0xfe,
    request: struct({ tag: literal(u16, COLLECT_GARBAGE_TAG), length: literal(u8, 1), mode: literal(u8, 0x03) }),
    response: struct({}),
    ...NO_LE,
  }),
  /** Card production life cycle data. */
  productionData: command({ name: "ReadCPLC", ins: 0xca, p1: 0x9f, p2: 0x7f, response: struct({ data: rest }) }),
} as const;

/** An application identifier that must be one of these. */
function oneAidOf(...allowed: readonly Uint8Array[]): Codec<Uint8Array> {
  return {
    write: (w, aid) => void w.bytes(aid),
    read(r) {
      const at = r.at;
      const aid = r.rest();
      if (!allowed.some((each) => equal(each, aid))) throw new DecodeError("value", "application identifier", at);
      return aid;
    },
  };
}
