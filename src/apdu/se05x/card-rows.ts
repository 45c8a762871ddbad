/** @table Selection: what answers on the bus. */
import { fromHex, struct } from "../../codec/index.ts";
import { command } from "../command.ts";
import { bounded } from "../fields.ts";
import { VERSION_INFO } from "./fields.ts";

/** The application identifier of the family. SE05x command table */
export const SE05X_AID = fromHex("a0000003965453000000010300000000");

/** Selection: what answers on the bus. */
export const CARD_ROWS = {
  /** Leaves the application: the card manager answers from then on. */
  selectCardManager: command({ name: "SelectCardManager", cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x00 }),
  select: command({
    name: "Select",
    cla: 0x00,
    ins: 0xa4,
    p1: 0x04,
    p2: 0x00,
    request: struct({ aid: bounded({ min: 1, max: 16 }) }),
    response: VERSION_INFO,
  }),
} as const;
