/** @table The chip as a whole. SE05x command table, tier a */
import { fixed, longLength, struct, tagged, tlvStruct, u16, u8 } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { BYTES_ANSWER, EXTENDED, NO_LE, RESULT, VERSION_FIELDS, VERSION_INFO } from "./fields.ts";

/** The chip as a whole. SE05x command table, tier a */
export const MANAGEMENT_ROWS = {
  readState: command({
    name: "ReadState",
    ins: 0x02,
    p1: 0x00,
    p2: 0x5b,
    response: tlvStruct({ state: BYTES_ANSWER }),
  }),
  getVersion: command({
    name: "GetVersion",
    ins: 0x04,
    p1: 0x00,
    p2: 0x20,
    response: tlvStruct({ info: longLength(tagged(0x41, VERSION_INFO)) }),
  }),
  getTimestamp: command({
    name: "GetTimestamp",
    ins: 0x04,
    p1: 0x00,
    p2: 0x3d,
    response: tlvStruct({ timestamp: longLength(tagged(0x41, fixed(12))) }),
  }),
  /** `memory` 1 persistent, 2 transient until reset, 3 transient until deselection. */
  getFreeMemory: command({
    name: "GetFreeMemory",
    ins: 0x04,
    p1: 0x00,
    p2: 0x22,
    request: tlvStruct({ memory: tagged(0x41, u8) }),
    response: tlvStruct({ bytes: tagged(0x41, u16) }),
    ...NO_LE,
  }),
  random: command({
    name: "GetRandom",
    ins: 0x04,
    p1: 0x00,
    p2: 0x49,
    request: tlvStruct({ length: tagged(0x41, u16) }),
    response: tlvStruct({ bytes: BYTES_ANSWER }),
    ...EXTENDED,
  }),
  /** The version with the extended feature bits. */
  getExtVersion: command({
    name: "GetExtVersion",
    ins: 0x04,
    p1: 0x00,
    p2: 0x21,
    response: tlvStruct({ info: longLength(tagged(0x41, struct({ ...VERSION_FIELDS, extended: fixed(30) }))) }),
  }),
  /** Deletes every object that hosts made; needs the factory reset credential. */
  deleteAll: command({ name: "DeleteAll", ins: 0x04, p1: 0x00, p2: 0x2a, ...NO_LE }),
  /** `indicator` 2 for good; 1 lifts that, or no longer, until the next selection; `state` 1 locks, any other unlocks. */
  setLockState: command({
    name: "SetLockState",
    ins: 0x04,
    p1: 0x00,
    p2: 0x3e,
    request: tlvStruct({ indicator: tagged(0x41, u8), state: tagged(0x42, u8) }),
    ...NO_LE,
  }),
  /** 1 demands the platform's secure channel, 2 does not. */
  setPlatformScpRequest: command({
    name: "SetPlatformSCPRequest",
    ins: 0x04,
    p1: 0x00,
    p2: 0x52,
    request: tlvStruct({ request: RESULT }),
    ...NO_LE,
  }),
  /** Turns features off and on, as far as the part has them: the 2 bytes of the version, then up to 30 extended ones. */
  setAppletFeatures: command({
    name: "SetAppletFeatures",
    ins: 0x04,
    p1: 0x00,
    p2: 0x3f,
    request: tlvStruct({ features: tagged(0x41, bounded({ min: 2, max: 32 })) }),
    ...NO_LE,
  }),
  /** `mode` 1 forbids new objects, 2 forbids making and changing any. */
  disableObjectCreation: command({
    name: "DisableObjCreation",
    ins: 0x04,
    p1: 0x00,
    p2: 0x57,
    request: tlvStruct({ indicator: tagged(0x41, u8), mode: tagged(0x42, u8) }),
    ...NO_LE,
  }),
  triggerSelfTest: command({
    name: "TriggerSelfTest",
    ins: 0x04,
    p1: 0x00,
    p2: 0x58,
    request: tlvStruct({ mode: tagged(0x41, u16) }),
    response: tlvStruct({ result: RESULT }),
    ...NO_LE,
  }),
  /** Passes a command on to the card manager; its whole answer, status word included, comes back. */
  sendCardManagerCommand: command({
    name: "SendCardManagerCmd",
    ins: 0x04,
    p1: 0x00,
    p2: 0x55,
    request: tlvStruct({ command: tagged(0x41, bounded({ min: 4, max: 0x3ff })) }),
    response: tlvStruct({ answer: BYTES_ANSWER }),
    secretRequest: ["command"],
    secretResponse: ["answer"],
    ...NO_LE,
  }),
} as const;
