import type { ErrorTable } from "../codec/index.ts";

/** The codes of `apdu`. */
export const APDU_ERRORS = {
  "unknown-command": {
    cause: "No row of the chip's command table has this class and instruction.",
    cure: "Check the chip's model; a command that is not built yet answers 6D00.",
  },
  "wrong-parameters": {
    cause: "The instruction exists, but P1 or P2 fits none of its rows.",
    cure: "Compare P1 and P2 with the command's rows in the table.",
  },
  "wrong-request": {
    cause: "The command exists, but its data has a form that none of its rows takes.",
    cure: "Compare the data's length and layout with the command's rows in the table.",
  },
  "out-of-step": {
    cause: "A message of a secure channel has a wrong MAC or padding: it was changed, or one before it was lost.",
    cure: "Open a new secure channel; if that fails too, the two ends hold different keys.",
  },
} as const satisfies ErrorTable;

export type ApduErrorCode = keyof typeof APDU_ERRORS;
