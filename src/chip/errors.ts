import type { ErrorTable } from "../codec/index.ts";

/** The codes of `chip`. */
export const CHIP_ERRORS = {
  "status-word": {
    cause: "The chip refuses a command; the status word says why.",
    cure: "The message names the command and the reason; a host sees the same status word.",
  },
  "cannot-listen": {
    cause: "The chip cannot be served at the given address.",
    cure: "Choose another port, or end the program that uses this one.",
  },
  "state-damaged": {
    cause: "The chip's state file is damaged, was changed, or was sealed under another key.",
    cure: "Restore the state file and its key file together from one backup, or delete both to start with a new chip.",
  },
  "state-version": {
    cause: "The chip's state was written by another version of this program, or for another chip model.",
    cure: "Use the version and the model that wrote it.",
  },
  "state-key": {
    cause: "The key for the chip's state file is missing, has the wrong length, or can be read by other users.",
    cure: "Restore the key file next to the state file, 32 bytes with mode 0600, or give the right key.",
  },
  "state-shared": {
    cause: "Another process changed the chip's state file while this one was using it.",
    cure: "Let one process serve a state file; clients of the chip connect to that process.",
  },
  "state-disk": {
    cause: "The chip's state could not be read or written; a command that wanted to change it was not carried out.",
    cure: "Check the folder's permissions and the free space of the disk.",
  },
} as const satisfies ErrorTable;

export type ChipErrorCode = keyof typeof CHIP_ERRORS;
