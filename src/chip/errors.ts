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
  "control-socket": {
    cause: "The control socket of a simulated chip cannot be made.",
    cure: "Give a path of at most 100 bytes in a folder of your own; end the other simulator, or take another path.",
  },
  "control-absent": {
    cause:
      "No simulated chip listens at this path. Real chips have no control socket: they cannot be copied or set back.",
    cure: "Start the simulator with one: hawser chip serve --control PATH",
  },
  "control-request": {
    cause: "A simulated chip was asked something over its control socket that it does not understand.",
    cure: "Use hawser chip snapshot, fork, rewind and what-if of the same version as the simulator.",
  },
  "snapshot-name": {
    cause: "A snapshot's name has up to 41 letters, digits and hyphens, and begins with a letter or digit.",
    cure: "Choose such a name, for example before-lock.",
  },
  "snapshot-exists": {
    cause: "There is a snapshot, or a chip's state, under this name already, and it is not overwritten.",
    cure: "Choose another name.",
  },
  "snapshot-missing": {
    cause: "There is no snapshot of this name. Those of a chip without --state end with its process.",
    cure: "Check the spelling; make snapshots with hawser chip snapshot NAME.",
  },
  "restricted-pair": {
    cause: "A simulated part cannot be born with this restricted key pair, or is there already and was born otherwise.",
    cure: "Give a key pair that the part has, and 0 to 255 uses; for another birth give another --state file, or leave the option out.",
  },
  "state-disk": {
    cause: "The chip's state could not be read or written; a command that wanted to change it was not carried out.",
    cure: "Check the folder's permissions and the free space of the disk.",
  },
} as const satisfies ErrorTable;

export type ChipErrorCode = keyof typeof CHIP_ERRORS;
