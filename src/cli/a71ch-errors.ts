import { HawserError, Refused, UsageError, type ErrorTable } from "../codec/index.ts";

/** The codes of the Configure tool; each has an exit status that scripts written for the original tool know. */
export const A71CH_TOOL_ERRORS = {
  "tool-failed": {
    cause: "The chip answered otherwise than the command asked for.",
    cure: "Compare the status word in the message with the one that was expected.",
  },
  "tool-unreachable": {
    cause: "No A71CH could be reached, or what answered has no A71CH application.",
    cure: "Start the chip (hawser chip serve), give its ip:port first, or set RJCT_SERVER_ADDR. For an A5000, SE050 or SE051 there is hawser se.",
  },
  "tool-not-connected": {
    cause: "The command needs the chip, and there is no connection to it.",
    cure: "Leave 'nc' out, or give 'connect open' first.",
  },
  "tool-connected": {
    cause: "The connection that 'connect open' asks for is open.",
    cure: "Go on without it; it is for sessions that begin with 'nc'.",
  },
  "tool-no-reopen": {
    cause: "As in the original tool, 'connect open' opens only what began with 'nc', and nothing over JRCP v2.",
    cure: "Begin with 'nc interactive' or 'nc script -f FILE' and an address without jrcp2:, or start the tool anew.",
  },
  "tool-not-opened": {
    cause: "No A71CH could be reached by 'connect open'.",
    cure: "Start the chip (hawser chip serve), and compare its address with the one in the message.",
  },
  "tool-needs-channel": {
    cause: "The chip answers this only inside a secure channel, and none is open.",
    cure: "Put 'scp auth -h 21 -k KEYFILE' before the command in one script or interactive session.",
  },
  "tool-channel-forgotten": {
    cause: "The chip has forgotten the secure channel, and this tool, like the original, has not.",
    cure: "Give 'scp clear_host', and go on in the clear.",
  },
  "tool-put-in-channel": {
    cause:
      "In a secure channel the chip takes new channel keys only under its present DEK, and 'scp put' has no way to say it.",
    cure: "Set channel keys before the first 'scp auth', or behind 'debug reset'; programs change them with putChannelKeys.",
  },
  "tool-absent": {
    cause: "This way to a chip is not built: the tool reaches chips over TCP only.",
    cure: "Put a JRCP server in front of the chip's bus and give its ip:port.",
  },
  "tool-secret": {
    cause: "Symmetric secrets never leave the chip, and there is no command that reads one.",
    cure: "'info status' tells which slots hold one.",
  },
  "tool-usage": {
    cause: "There is no such command, or it does not go here.",
    cure: "a71chConfig help lists the commands with their options in order.",
  },
  "tool-file": { cause: "A file cannot be opened.", cure: "Check the path in the message, and who may read it." },
  "tool-key-file": {
    cause: "A file holds no key or certificate that the command can use.",
    cure: "Give PEM with a P-256 key (EC PRIVATE KEY or PUBLIC KEY), or with a certificate.",
  },
  "tool-pkcs8": {
    cause: "The key file says PRIVATE KEY (PKCS #8); this tool, like the original, reads EC PRIVATE KEY.",
    cure: "Convert it with openssl ec -in FILE -out NEWFILE (or openssl pkey -traditional), and give the new file.",
  },
  "tool-no-private-key": {
    cause: "The file holds a public key, and the command injects a private one.",
    cure: "Give the file with the key pair (EC PRIVATE KEY); 'set pub' stores a public key.",
  },
  "tool-file-write": {
    cause: "A key file cannot be written.",
    cure: "Check the folder in the message, and who may write there.",
  },
  "tool-data-write": {
    cause: "The key or data was read from the chip, but the file cannot be written.",
    cure: "Check the folder in the message, and who may write there.",
  },
  "tool-curve": {
    cause: "The key in the file is not on NIST P-256, the only curve that the chip has.",
    cure: "Make one with: openssl ecparam -genkey -name prime256v1 -out deviceKey.key",
  },
  "tool-file-format": {
    cause: "A file of hex digits or of channel keys has another layout.",
    cure: "Channel keys: the lines ENC, MAC and DEK, each with 32 hex digits. Data: lines of 32 or 64 hex digits.",
  },
  "tool-range": {
    cause: "A number is outside its bounds.",
    cure: "The message names the bounds.",
  },
  "tool-option": {
    cause: "Another option was expected here: options have a fixed order.",
    cure: "a71chConfig help gives the order.",
  },
  "tool-count": {
    cause: "An argument is missing, or there is one too many.",
    cure: "a71chConfig help gives what belongs to the command.",
  },
  "tool-empty-line": {
    cause: "A line holds no command, which ends a script as in the original tool.",
    cure: "Take the line out, or begin it with #.",
  },
  "tool-value": {
    cause: "An argument has a form or a length that the option does not take.",
    cure: "Hex digits come without 0x, two a byte; the message names the lengths.",
  },
  "tool-size": {
    cause: "What is to be read or written reaches beyond the end of the chip's storage.",
    cure: "Check offset and length against gpStorageSize of 'info device'.",
  },
  "tool-too-long": {
    cause: "The certificate does not fit into the chip's storage behind this offset.",
    cure: "Take a lower offset; certificates that are to be found again are stored with 'wcrt'.",
  },
  "tool-key-length": {
    cause: "The chip takes keys of one length, or wrapped and so eight bytes longer, and this is neither.",
    cure: "Private keys have 32 or 40 bytes, public keys 65 or 72, symmetric secrets and configuration keys 16 or 24.",
  },
  "tool-no-data": {
    cause: "An object of no bytes cannot be stored.",
    cure: "Give at least one byte, or -n 1 for a segment of zeros.",
  },
  "tool-frozen-object": {
    cause: "The object lies in frozen storage: it stays what it is and where it is.",
    cure: "Use another index; only a debug reset releases frozen segments.",
  },
  "tool-frozen-table": {
    cause: "The list of objects at the end of storage is frozen, so that nothing can be added to it.",
    cure: "'set gp' still writes where nothing is frozen; only a debug reset releases frozen segments.",
  },
  "tool-place": {
    cause:
      "The storage before the first object is large enough but frozen in part, and the tool, like the original, looks no further.",
    cure: "'hawser se cert' stores a certificate behind it, 'set gp' bytes; only a debug reset releases frozen segments.",
  },
  "tool-many-certificates": {
    cause:
      "There are more than five certificates in the chip, and 'ucrt', like the original, finds none among so many.",
    cure: "Take the old one out with 'ecrt', and store the new one with 'wcrt'.",
  },
  "tool-nothing-to-update": {
    cause: "There is no certificate with this index that another could replace.",
    cure: "Store it with 'wcrt'; 'info objects' lists what is there.",
  },
  "tool-no-reference": {
    cause: "A reference key was asked for a place in the chip that holds no key.",
    cure: "See what the chip holds: 'info pair' and 'info pub'; 'gen pair' makes a key.",
  },
  "tool-wrap": {
    cause: "The key cannot be wrapped: the wrapping key is no AES key, or the key is wrapped already.",
    cure: "Give -w with 16, 24 or 32 bytes, and the key itself in the clear.",
  },
  "tool-objects": {
    cause: "The chip's object table cannot be read.",
    cure: "Look at it with 'info gp'; a debug reset makes a new one.",
  },
  "tool-many-objects": {
    cause: "There are more objects of this kind in the chip than the tool, like the original, looks among.",
    cure: "'info objects' and 'info gp' still show them; a debug reset empties the storage.",
  },
  "tool-listing": {
    cause:
      "The chip did not give what its objects are listed from; the exit status is the low byte of its status word, or 17.",
    cure: "The message says what the status word means; in a chip of 1024 bytes of storage it is so always.",
  },
  "tool-unlisted": {
    cause: "The connection to the chip broke before its objects could be listed.",
    cure: "See whether the chip and its server are still there, and list again.",
  },
  "tool-object": {
    cause: "There is no such object in the chip's storage.",
    cure: "List them with 'info objects'.",
  },
  "tool-index": {
    cause: "As in the original tool, objects are found by the low four bits of their index, so by no number over 15.",
    cure: "Give the remainder: 'obj get -x 0' gives object 16, unless one with the same remainder lies before it.",
  },
  "tool-certificate-write": {
    cause: "The certificate was read from the chip, but the file cannot be written.",
    cure: "Check the folder in the message, and who may write there.",
  },
  "tool-depth": {
    cause: "Scripts call one another deeper than any that ends.",
    cure: "See whether a script calls itself.",
  },
  "tool-interrupted": {
    cause: "The tool was interrupted between two commands.",
    cure: "What came before is done and stays; 'info status' shows what the chip holds.",
  },
  "tool-certificate-erase": {
    cause: "The chip refused to take the certificate out of its table.",
    cure: "See whether the table's segments are frozen: 'info status'.",
  },
} as const satisfies ErrorTable;

export type A71chToolErrorCode = keyof typeof A71CH_TOOL_ERRORS;

/** Exit statuses, as the original tool has them. A71CH Configure tool */
export const A71CH_EXIT_STATUS: Readonly<Record<A71chToolErrorCode, number>> = {
  "tool-failed": 1,
  "tool-not-connected": 1,
  "tool-connected": 1,
  "tool-not-opened": 1,
  "tool-no-reopen": 1,
  "tool-channel-forgotten": 1,
  "tool-put-in-channel": 1,
  "tool-needs-channel": 1,
  "tool-size": 1,
  "tool-data-write": 1,
  "tool-key-length": 1,
  "tool-no-data": 1,
  "tool-frozen-object": 1,
  "tool-frozen-table": 1,
  "tool-place": 1,
  "tool-many-certificates": 1,
  "tool-nothing-to-update": 1,
  "tool-unreachable": 12,
  "tool-absent": 20,
  "tool-secret": 20,
  "tool-usage": 21,
  "tool-no-private-key": 22,
  "tool-file": 23,
  "tool-depth": 23,
  "tool-key-file": 24,
  "tool-pkcs8": 24,
  "tool-file-write": 25,
  "tool-no-reference": 25,
  "tool-curve": 26,
  "tool-file-format": 29,
  "tool-range": 30,
  "tool-option": 32,
  "tool-count": 33,
  "tool-empty-line": 33,
  "tool-value": 34,
  "tool-too-long": 35,
  "tool-wrap": 36,
  "tool-objects": 37,
  "tool-many-objects": 37,
  "tool-object": 38,
  "tool-index": 38,
  "tool-certificate-write": 39,
  "tool-certificate-erase": 40,
  "tool-interrupted": 130,
  // The low bytes of what the original tool's library says where the connection breaks; see below for status words.
  "tool-unlisted": 0x10,
  "tool-listing": 0x11,
};

/** An error of the tool itself. */
export function toolError(
  code: A71chToolErrorCode,
  message: string,
  details: { readonly cause?: unknown } = {},
): UsageError<A71chToolErrorCode> {
  return new UsageError<A71chToolErrorCode>(code, message, details);
}

/** The exit status of a failure; 1 for whatever chip or transport refused, its status word's low byte where objects are listed. */
export function exitStatusOf(error: unknown): number {
  if (!(error instanceof HawserError)) return 1;
  // No failure is told as 0, whatever the status word ends with.
  if (error.code === "tool-listing" && error.cause instanceof Refused) return Number(error.cause.wire) & 0xff || 1;
  return Object.hasOwn(A71CH_EXIT_STATUS, error.code) ? A71CH_EXIT_STATUS[error.code as A71chToolErrorCode] : 1;
}
