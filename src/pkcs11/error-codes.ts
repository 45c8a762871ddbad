/** @table Error codes of the PKCS #11 token, each with its cause and cure; `ckr` is what a program is told. */
import type { ErrorTable } from "../codec/index.ts";
import type { CkrName } from "./cryptoki.ts";

type CkrTable = Readonly<Record<string, ErrorTable[string] & { readonly ckr: CkrName }>>;

/** What a program did that cannot be. */
export const PKCS11_CALL_ERRORS = {
  "arguments-bad": {
    ckr: "CKR_ARGUMENTS_BAD",
    cause: "A program's call has arguments that make no sense together.",
    cure: "The trace names the call; the program or its PKCS #11 library is at fault.",
  },
  "function-not-supported": {
    ckr: "CKR_FUNCTION_NOT_SUPPORTED",
    cause: "A program made a call that this token does not carry out.",
    cure: "src/pkcs11/README.md lists what works; encryption, key derivation and key wrapping do not.",
  },
  "not-initialized": {
    ckr: "CKR_CRYPTOKI_NOT_INITIALIZED",
    cause: "A program made a call before C_Initialize or after C_Finalize.",
    cure: "The program must call C_Initialize first; after a fork, once more in the child.",
  },
  "already-initialized": {
    ckr: "CKR_CRYPTOKI_ALREADY_INITIALIZED",
    cause: "A program called C_Initialize twice on one connection.",
    cure: "The program must call C_Finalize in between; most libraries take this error for success.",
  },
  "slot-id-invalid": {
    ckr: "CKR_SLOT_ID_INVALID",
    cause: "A program named a slot that does not exist; there is one, with number 1.",
    cure: "Let the program list the slots (pkcs11-tool --list-slots) or choose the token by its label.",
  },
  "session-handle-invalid": {
    ckr: "CKR_SESSION_HANDLE_INVALID",
    cause: "A program used a session that it has closed or never opened; a lost connection closes all of them.",
    cure: "Restart the program when the server was restarted; sessions do not survive it.",
  },
  "session-parallel": {
    ckr: "CKR_SESSION_PARALLEL_NOT_SUPPORTED",
    cause: "A program opened a session without CKF_SERIAL_SESSION.",
    cure: "The program is older than PKCS #11 v2; there is nothing to configure.",
  },
  "session-count": {
    ckr: "CKR_SESSION_COUNT",
    cause: "A program opened more sessions than one connection may have.",
    cure: "The program does not close its sessions; restart it, and look for the leak there.",
  },
  "session-read-only": {
    ckr: "CKR_SESSION_READ_ONLY",
    cause: "A program wanted to change the token in a read-only session.",
    cure: "The program must open the session with CKF_RW_SESSION.",
  },
  "user-type-invalid": {
    ckr: "CKR_USER_TYPE_INVALID",
    cause: "A program logged in as security officer; this token has none.",
    cure: "Log in as user: pkcs11-tool --login, without --login-type so.",
  },
  "pin-incorrect": {
    ckr: "CKR_PIN_INCORRECT",
    cause: "The PIN is not the one in the server's --pin-file.",
    cure: "Compare the PIN with that file; its last line end does not count.",
  },
  "pin-invalid": {
    ckr: "CKR_PIN_INVALID",
    cause: "A program set a new PIN that no PIN file can hold: it is not text, or has control characters in it.",
    cure: "Choose a PIN of printable characters.",
  },
  "pin-len-range": {
    ckr: "CKR_PIN_LEN_RANGE",
    cause: "A program set a new PIN that is empty or has more than 255 bytes.",
    cure: "Choose a PIN of 1 to 255 bytes.",
  },
  "pin-locked": {
    ckr: "CKR_PIN_LOCKED",
    cause: "The PIN was wrong too often in a row.",
    cure: "Restart hawser pkcs11 serve; find out first which program has the wrong PIN.",
  },
  "pin-not-initialized": {
    ckr: "CKR_USER_PIN_NOT_INITIALIZED",
    cause: "A program logged in, but this token was started without a PIN.",
    cure: "Leave out the program's --login or pin-value, or start the server with --pin-file.",
  },
  "already-logged-in": {
    ckr: "CKR_USER_ALREADY_LOGGED_IN",
    cause: "A program logged in twice.",
    cure: "None is needed: programs take this error for success.",
  },
  "not-logged-in": {
    ckr: "CKR_USER_NOT_LOGGED_IN",
    cause: "A program used or changed what only a logged-in user may.",
    cure: "Give the program the PIN: pkcs11-tool --login --pin, or pin-value in the pkcs11: URI.",
  },
  "object-handle-invalid": {
    ckr: "CKR_OBJECT_HANDLE_INVALID",
    cause: "A program used an object that does not exist, or no longer, or that it may not see before it logs in.",
    cure: "Let the program look for the object again; another program may have deleted or replaced it.",
  },
  "key-handle-invalid": {
    ckr: "CKR_KEY_HANDLE_INVALID",
    cause: "A program wanted to sign or verify with something that is not such a key, or with a key that was replaced.",
    cure: "Let the program look for the key again; pkcs11-tool --list-objects shows which keys there are.",
  },
  "key-not-permitted": {
    ckr: "CKR_KEY_FUNCTION_NOT_PERMITTED",
    cause: "The chip does not let this key be used so: its policy, a lock, or a secure channel that is not open.",
    cure: "The message ends with what the chip said; --scp03 or --session opens what the key wants.",
  },
  "key-type-inconsistent": {
    ckr: "CKR_KEY_TYPE_INCONSISTENT",
    cause: "A program wanted to sign with a public key, or to verify with a private one.",
    cure: "The program mixed up its object handles.",
  },
  "mechanism-invalid": {
    ckr: "CKR_MECHANISM_INVALID",
    cause: "A program asked for a mechanism that this token does not have.",
    cure: "pkcs11-tool --list-mechanisms shows what there is: ECDSA on P-256, and SHA-2 digests.",
  },
  "mechanism-param-invalid": {
    ckr: "CKR_MECHANISM_PARAM_INVALID",
    cause:
      "A program gave a parameter to a mechanism that has none, or agreed with a public key that is no point of P-256.",
    cure: "Check the peer's public key; nothing here is to configure.",
  },
  "operation-active": {
    ckr: "CKR_OPERATION_ACTIVE",
    cause: "A program began an operation while one of the same kind was under way in the session.",
    cure: "The program must finish the first one, or open a session for each.",
  },
  "operation-not-initialized": {
    ckr: "CKR_OPERATION_NOT_INITIALIZED",
    cause: "A program went on with an operation that it had not begun.",
    cure: "The program must call the matching C_...Init first; after any failure, once more.",
  },
  "data-len-range": {
    ckr: "CKR_DATA_LEN_RANGE",
    cause: "What is to be signed is empty or longer than a digest.",
    cure: "CKM_ECDSA signs a digest: hash first, or use CKM_ECDSA_SHA256.",
  },
  "signature-len-range": {
    ckr: "CKR_SIGNATURE_LEN_RANGE",
    cause: "A signature to verify does not have the length of r and s together.",
    cure: "Give r and s of 32 bytes each, one behind the other; a DER signature must be taken apart first.",
  },
  "signature-invalid": {
    ckr: "CKR_SIGNATURE_INVALID",
    cause: "The signature does not belong to this key and these data.",
    cure: "Check that the data are unchanged and that it is the right key.",
  },
  "template-incomplete": {
    ckr: "CKR_TEMPLATE_INCOMPLETE",
    cause: "A program left out an attribute without which an object cannot be made.",
    cure: "The trace names the attribute.",
  },
  "template-inconsistent": {
    ckr: "CKR_TEMPLATE_INCONSISTENT",
    cause: "A program asked for an object that this token cannot hold: only EC key pairs and X.509 certificates.",
    cure: "Keys are made in the chip (C_GenerateKeyPair); to inject one, use the chip's own tools.",
  },
  "attribute-value-invalid": {
    ckr: "CKR_ATTRIBUTE_VALUE_INVALID",
    cause: "An attribute has a value that cannot be, as a private key that may leave the chip.",
    cure: "The trace names the attribute.",
  },
  "attribute-read-only": {
    ckr: "CKR_ATTRIBUTE_READ_ONLY",
    cause: "A program wanted to change an attribute; only label and ID can change.",
    cure: "Delete the object and make a new one.",
  },
  "action-prohibited": {
    ckr: "CKR_ACTION_PROHIBITED",
    cause:
      "A program wanted to delete a public key, which is one with its private key, or something that the chip has frozen.",
    cure: "Delete the private key: pkcs11-tool --delete-object --type privkey. Both are gone then. What is frozen stays.",
  },
  "curve-not-supported": {
    ckr: "CKR_CURVE_NOT_SUPPORTED",
    cause: "A program asked for a key on a curve that the chip does not have.",
    cure: "Ask for P-256, which every chip has: pkcs11-tool --keypairgen --key-type EC:prime256v1.",
  },
  "random-seed-not-supported": {
    ckr: "CKR_RANDOM_SEED_NOT_SUPPORTED",
    cause: "A program wanted to stir the chip's random numbers; the chip takes nobody's.",
    cure: "None is needed: programs go on without.",
  },
  "no-event": {
    ckr: "CKR_NO_EVENT",
    cause: "A program asked whether a token came or went; nothing has happened.",
    cure: "None is needed.",
  },
} as const satisfies CkrTable;

/** What went wrong with the chip. */
export const PKCS11_TOKEN_ERRORS = {
  "token-not-present": {
    ckr: "CKR_TOKEN_NOT_PRESENT",
    cause: "The chip cannot be reached, so there is no token in the slot.",
    cure: "Start the chip or its server; programs find the token again by themselves.",
  },
  "device-removed": {
    ckr: "CKR_DEVICE_REMOVED",
    cause: "The chip cannot be reached any more.",
    cure: "Start the chip or its server again; the next call connects anew. The cause names the reason.",
  },
  "device-error": {
    ckr: "CKR_DEVICE_ERROR",
    cause: "The chip refused a command, answered something malformed, or went away in the middle.",
    cure: "The message ends with what the chip or its driver said; the next call starts afresh.",
  },
  "write-protected": {
    ckr: "CKR_TOKEN_WRITE_PROTECTED",
    cause:
      "The chip does not let this be made: the place is frozen, injection is locked, or a secure channel is wanted.",
    cure: "The message ends with what the chip said; use another slot, or open the channel with --scp03.",
  },
  "device-memory": {
    ckr: "CKR_DEVICE_MEMORY",
    cause: "The chip has no free key slot, no room for another certificate, or a place that takes no more writes.",
    cure: "Delete a key or certificate that is not needed: pkcs11-tool --delete-object.",
  },
  "pin-not-kept": {
    ckr: "CKR_GENERAL_ERROR",
    cause: "A program set a new PIN, and the server's --pin-file cannot be written.",
    cure: "Make the file and its directory writable for the server; the old PIN still holds.",
  },
  "names-not-kept": {
    ckr: "CKR_GENERAL_ERROR",
    cause: "An object was to be called otherwise, and the file of names (--names) cannot be written.",
    cure: "The message ends with the reason: make room on the disk, or let the server write into the file's directory.",
  },
} as const satisfies CkrTable;

/** What keeps the server from starting. */
export const PKCS11_SERVER_ERRORS = {
  "bad-socket": {
    cause: "The socket's path is too long, is not absolute, or names something that is not a socket.",
    cure: "Give a path such as /run/user/1000/hawser/pkcs11, of at most 100 bytes.",
  },
  "open-directory": {
    cause: "Others can enter the socket's directory; whoever reaches the socket may sign with the chip's keys.",
    cure: "chmod 700 on the directory, or name one that does not exist: it is made with mode 0700.",
  },
  "socket-in-use": {
    cause: "Another server listens on that socket already.",
    cure: "Stop the other server, or choose another path.",
  },
  "cannot-listen": {
    cause: "The system does not let this user listen at that path.",
    cure: "The message ends with the system's reason; check the directory's owner.",
  },
} as const satisfies ErrorTable;

/** A code of what a program asked wrongly. */
export type CallErrorCode = keyof typeof PKCS11_CALL_ERRORS;

/** A code of what the chip, or the way to it, could not do. */
export type TokenErrorCode = keyof typeof PKCS11_TOKEN_ERRORS;
