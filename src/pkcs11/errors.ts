import { DecodeError, HawserError, ProtocolError, type ErrorTable } from "../codec/index.ts";
import { chipAnswer, type Purpose } from "./chip-errors.ts";
import { CKR, type CkrName } from "./cryptoki.ts";
import {
  type CallErrorCode,
  PKCS11_CALL_ERRORS,
  PKCS11_SERVER_ERRORS,
  PKCS11_TOKEN_ERRORS,
  type TokenErrorCode,
} from "./error-codes.ts";

/** The codes of `pkcs11`; where a program is told, `ckr` is the return value that it gets. */
export const PKCS11_ERRORS = {
  ...PKCS11_CALL_ERRORS,
  ...PKCS11_TOKEN_ERRORS,
  ...PKCS11_SERVER_ERRORS,
} as const satisfies ErrorTable;

export type Pkcs11ErrorCode = keyof typeof PKCS11_ERRORS;

/** A program asked for something that the token does not do, or not now; `reply` is the CKR value that it is told. */
export class CryptokiError extends ProtocolError<CallErrorCode, number> {}

/** The chip failed or is not there. The program is told `ckr`; the cause is what the chip's driver threw. */
export class TokenFailure extends HawserError<TokenErrorCode> {
  get ckr(): number {
    return CKR[PKCS11_TOKEN_ERRORS[this.code].ckr];
  }
}

/** The error that answers a call with the return value of its code. */
export function refuse(code: CallErrorCode, message: string): CryptokiError {
  return new CryptokiError(code, message, CKR[PKCS11_CALL_ERRORS[code].ckr satisfies CkrName]);
}

/** The return value for any error. What nobody has foreseen is a general error; the caller tells the trace. */
export function ckrFor(error: unknown): number {
  if (error instanceof CryptokiError) return error.reply;
  if (error instanceof TokenFailure) return error.ckr;
  if (error instanceof DecodeError) return CKR.CKR_ARGUMENTS_BAD;
  return CKR.CKR_GENERAL_ERROR;
}

/** What a chip's driver threw, as a program is told. */
export function chipFailure(
  error: unknown,
  { doing, purpose }: { readonly doing: string; readonly purpose: Purpose },
): CryptokiError | TokenFailure {
  const { code } = chipAnswer(error, purpose);
  const message = `${doing}: ${error instanceof Error ? error.message : "unknown reason"}`;
  if (code in PKCS11_TOKEN_ERRORS) return new TokenFailure(code as TokenErrorCode, message, { cause: error });
  const { ckr } = PKCS11_CALL_ERRORS[code as CallErrorCode];
  return new CryptokiError(code as CallErrorCode, message, CKR[ckr satisfies CkrName], { cause: error });
}
