import { UsageError, type ErrorTable } from "../codec/index.ts";
import { A71CH_TOOL_ERRORS } from "./a71ch-errors.ts";

/** The codes of the commands themselves, and those of the operating system that people meet. */
export const CLI_ERRORS = {
  "bad-option": {
    cause: "An option is missing, contradicts another one, or has a value that it cannot take.",
    cure: "Run the same command with --help; it ends with examples.",
  },
  "unknown-command": {
    cause: "There is no such command.",
    cure: "hawser --help lists the commands, and each command's --help its sub-commands.",
  },
  "node-too-old": {
    cause: "Hawser was started with a Node that lacks what it is built on.",
    cure: "Install Node 24.12 or later and run the command with it; node --version says which one the shell finds.",
  },
  "no-credentials": {
    cause: "The file with the cloud's address and access key is missing or damaged.",
    cure: "Start the cloud, which writes it: hawser up --data DIRECTORY. For a cloud elsewhere, copy its credentials.json and give --credentials.",
  },
  "no-passphrase": {
    cause: "A private key is to be encrypted, or is encrypted, and no passphrase was given.",
    cure: "Type it where the command asks, or give --passphrase-file with a file whose first line is the passphrase.",
  },
  "ca-key-stays": {
    cause:
      "A CA's private key was to be copied to a device: whoever opens one device could then make any number of them.",
    cure: "Copy the CA's certificate alone, and have devices certified where the key is (hawser device init --csr-out, hawser ca issue). For AN12131's demonstration, and nothing else: --profile demo.",
  },
  "key-in-credentials": {
    cause: "The access key signs what these very commands ask: without it, they are locked out.",
    cure: "hawser cloud keys rotate puts another key in its place first; --force is for a copy of the credentials that you keep elsewhere.",
  },
  "chip-needs-channel": {
    cause: "The chip answers inside a secure channel only, and no keys for one were given.",
    cure: "Give a file with the lines ENC, MAC and DEK: --scp03 FILE, or --ca-scp03 FILE for the chip that holds a CA's key.",
  },
  "chip-absent": {
    cause: "The chip that this command is for does not exist in Hawser yet, neither as a simulator nor as a driver.",
    cure: "Take an A71CH for the same steps: hawser device init --generate --csr-out, hawser ca issue-jwt, hawser device init --certificate.",
  },
  "copy-failed": {
    cause: "The files did not reach the device: scp failed.",
    cure: "Its own message stands above; try scp by hand with the same address, and check the device's host key.",
  },
  "not-authentic": {
    cause: "What was to be decrypted was changed since, or sealed with another key or other associated data.",
    cure: "Compare the file, the key's object and --associated with those of the encryption; there is no plaintext otherwise.",
  },
  ...A71CH_TOOL_ERRORS,
  internal: {
    cause: "Hawser met a failure that it has no name for: a defect.",
    cure: "Please report it with the lines above and the command that you typed.",
  },
  ECONNREFUSED: {
    cause: "Nothing listens at that address and port.",
    cure: "Start the other side first (hawser chip serve, hawser up) and compare the address with its 'listening' line.",
  },
  ECONNRESET: {
    cause: "The other side closed the connection without a word.",
    cure: "Look at what the other side printed; for the cloud, hawser why names the reason.",
  },
  ETIMEDOUT: {
    cause: "The other side did not answer in time.",
    cure: "Check the address, and that no firewall drops the packets.",
  },
  ENOTFOUND: {
    cause: "The host name cannot be resolved.",
    cure: "Check the spelling of the host name, or give an IP address.",
  },
  EADDRINUSE: {
    cause: "Another program listens on that port already.",
    cure: "Choose another port; 0 takes any free one and the 'listening' line names it.",
  },
  EADDRNOTAVAIL: {
    cause: "This machine has no such network address.",
    cure: "Listen on 127.0.0.1, or on an address that this machine really has.",
  },
  ENOENT: {
    cause: "A file or directory does not exist.",
    cure: "Check the path in the message; relative paths count from the current directory.",
  },
  EACCES: {
    cause: "This user may not read, write or listen there.",
    cure: "Check the owner and the mode of the file; ports below 1024 need privileges.",
  },
  EEXIST: {
    cause: "The file exists already and is not overwritten.",
    cure: "Choose another name, or move the old file away.",
  },
  EISDIR: {
    cause: "The path names a directory where a file is needed.",
    cure: "Give the path of a file.",
  },
  ENOTDIR: {
    cause: "Part of the path is a file where a directory is needed.",
    cure: "Check the path in the message.",
  },
  EROFS: {
    cause: "Nothing can be made or changed there: the file system is read-only, or is not one for files.",
    cure: "Choose a place that this user may write to.",
  },
  "operating-system": {
    cause: "The operating system refused what the message names.",
    cure: "Look at the path or the address in the message, and at the system's own limits and logs.",
  },
  ENOSPC: {
    cause: "The disk is full.",
    cure: "Free some space and run the command again; what was acknowledged before is kept.",
  },
} as const satisfies ErrorTable;

export type CliErrorCode = keyof typeof CLI_ERRORS;

/** A usage error of the command line: `bad-option` with a message that names the option. */
export function badOption(message: string): UsageError<CliErrorCode> {
  return new UsageError<CliErrorCode>("bad-option", message);
}
