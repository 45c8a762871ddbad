import type { ErrorTable } from "../../codec/index.ts";

/** The codes of `provisioning/line`. */
export const LINE_ERRORS = {
  "part-not-blank": {
    cause: "The part holds a key or a certificate that this line did not put there.",
    cure: "Put a new part into the socket. Nothing was changed in this one; hawser chip info shows what it holds.",
  },
  "part-twice": {
    cause: "The part in the socket is one that this line has provisioned before, under another number.",
    cure: "Take it out and put the next one in; its first record stands.",
  },
  "part-swapped": {
    cause: "The line was interrupted at one part and now finds another one in its place.",
    cure: "Put the part back whose identifier the message names, and resume: it may hold a key and a certificate already.",
  },
  "part-changed": {
    cause: "The key in the part is not the one that the line's certificate was issued for.",
    cure: "Somebody worked on the part between the line's runs. Revoke the certificate (hawser ca revoke) and scrap the part.",
  },
  "part-memory": {
    cause: "The part gave back another certificate than the one that was just written.",
    cure: "Its memory, or the way to it, is broken: put another part into the socket.",
  },
  "part-not-born": {
    cause: "The part lacks a key or a certificate that parts of its kind are delivered with.",
    cure: "An A71CH is delivered blank: choose --model vendor, distributor or oem. Any other part did not come from its maker as it should.",
  },
  "birth-untrusted": {
    cause:
      "A birth record does not hold: its certificate is not under the trusted root, is for another key, or occurs twice.",
    cure: "Do not trust the part, nor, before you know the reason, its batch. Check first that the right root was given.",
  },
  "births-malformed": {
    cause: "The file holds no birth records as hawser line births writes them.",
    cure: "Export them again: hawser line births --dir DIRECTORY --out FILE.",
  },
  "issuer-failed": {
    cause: "The CA that issues for the line could not, so that no part after this one would get a certificate either.",
    cure: "The message names the reason. Cure it, and resume the line: what was done stays done.",
  },
  "line-differs": {
    cause: "The directory belongs to a line with another model, number of parts or issuer.",
    cure: "Give the same options as the first time, or another --out.",
  },
  "line-unfinished": {
    cause: "The directory holds a line that was interrupted, or whose parts were refused in part.",
    cure: "Run the same command with --resume: it goes on where it stopped.",
  },
  "journal-damaged": {
    cause: "The line's journal holds something that this program did not write.",
    cure: "Put the file back from a copy. Without it nobody can tell which parts hold which certificates.",
  },
} as const satisfies ErrorTable;

export type LineErrorCode = keyof typeof LINE_ERRORS;
