/** @table The calls of the RPC: number, what a request carries, what its answer carries. p11-kit RPC, call table */
import type { ValuesOf } from "./signatures.ts";

/** One call: `widths` are the sizes of its space-padded strings, in order. */
export type Call = {
  readonly id: number;
  readonly request: string;
  readonly response: string;
  readonly widths: readonly number[];
};

function call<const Request extends string, const Response extends string>(
  id: number,
  request: Request,
  response: Response,
  widths: readonly number[] = [],
): Call & { readonly request: Request; readonly response: Response } {
  return { id, request, response, widths };
}

/** Every call that p11-kit 0.24 to 0.26 can make, by its PKCS #11 name. */
export const CALLS = {
  C_Initialize: call(1, "ayyay", ""),
  C_Finalize: call(2, "", ""),
  C_GetInfo: call(3, "", "vsusv", [32, 32]),
  C_GetSlotList: call(4, "yfu", "au"),
  C_GetSlotInfo: call(5, "u", "ssuvv", [64, 32]),
  C_GetTokenInfo: call(6, "u", "ssssuuuuuuuuuuuvvs", [32, 32, 16, 16, 16]),
  C_GetMechanismList: call(7, "ufu", "au"),
  C_GetMechanismInfo: call(8, "uu", "uuu"),
  C_InitToken: call(9, "uayz", ""),
  C_OpenSession: call(10, "uu", "u"),
  C_CloseSession: call(11, "u", ""),
  C_CloseAllSessions: call(12, "u", ""),
  C_GetSessionInfo: call(13, "u", "uuuu"),
  C_InitPIN: call(14, "uay", ""),
  C_SetPIN: call(15, "uayay", ""),
  C_GetOperationState: call(16, "ufy", "ay"),
  C_SetOperationState: call(17, "uayuu", ""),
  C_Login: call(18, "uuay", ""),
  C_Logout: call(19, "u", ""),
  C_CreateObject: call(20, "uaA", "u"),
  C_CopyObject: call(21, "uuaA", "u"),
  C_DestroyObject: call(22, "uu", ""),
  C_GetObjectSize: call(23, "uu", "u"),
  C_GetAttributeValue: call(24, "uufA", "aAu"),
  C_SetAttributeValue: call(25, "uuaA", ""),
  C_FindObjectsInit: call(26, "uaA", ""),
  C_FindObjects: call(27, "ufu", "au"),
  C_FindObjectsFinal: call(28, "u", ""),
  C_EncryptInit: call(29, "uMu", ""),
  C_Encrypt: call(30, "uayfy", "ay"),
  C_EncryptUpdate: call(31, "uayfy", "ay"),
  C_EncryptFinal: call(32, "ufy", "ay"),
  C_DecryptInit: call(33, "uMu", ""),
  C_Decrypt: call(34, "uayfy", "ay"),
  C_DecryptUpdate: call(35, "uayfy", "ay"),
  C_DecryptFinal: call(36, "ufy", "ay"),
  C_DigestInit: call(37, "uM", ""),
  C_Digest: call(38, "uayfy", "ay"),
  C_DigestUpdate: call(39, "uay", ""),
  C_DigestKey: call(40, "uu", ""),
  C_DigestFinal: call(41, "ufy", "ay"),
  C_SignInit: call(42, "uMu", ""),
  C_Sign: call(43, "uayfy", "ay"),
  C_SignUpdate: call(44, "uay", ""),
  C_SignFinal: call(45, "ufy", "ay"),
  C_SignRecoverInit: call(46, "uMu", ""),
  C_SignRecover: call(47, "uayfy", "ay"),
  C_VerifyInit: call(48, "uMu", ""),
  C_Verify: call(49, "uayay", ""),
  C_VerifyUpdate: call(50, "uay", ""),
  C_VerifyFinal: call(51, "uay", ""),
  C_VerifyRecoverInit: call(52, "uMu", ""),
  C_VerifyRecover: call(53, "uayfy", "ay"),
  C_DigestEncryptUpdate: call(54, "uayfy", "ay"),
  C_DecryptDigestUpdate: call(55, "uayfy", "ay"),
  C_SignEncryptUpdate: call(56, "uayfy", "ay"),
  C_DecryptVerifyUpdate: call(57, "uayfy", "ay"),
  C_GenerateKey: call(58, "uMaA", "u"),
  C_GenerateKeyPair: call(59, "uMaAaA", "uu"),
  C_WrapKey: call(60, "uMuufy", "ay"),
  C_UnwrapKey: call(61, "uMuayaA", "u"),
  C_DeriveKey: call(62, "uMuaA", "u"),
  C_SeedRandom: call(63, "uay", ""),
  C_GenerateRandom: call(64, "ufy", "ay"),
  C_WaitForSlotEvent: call(65, "u", "u"),
  // Version 1: PKCS #11 3.0
  C_LoginUser: call(66, "uuayay", ""),
  C_SessionCancel: call(67, "uu", ""),
  C_MessageEncryptInit: call(68, "uMu", ""),
  C_EncryptMessage: call(69, "uayayayfy", "ay"),
  C_EncryptMessageBegin: call(70, "uayay", ""),
  C_EncryptMessageNext: call(71, "uayayfyu", "ay"),
  C_MessageEncryptFinal: call(72, "u", ""),
  C_MessageDecryptInit: call(73, "uMu", ""),
  C_DecryptMessage: call(74, "uayayayfy", "ay"),
  C_DecryptMessageBegin: call(75, "uayay", ""),
  C_DecryptMessageNext: call(76, "uayayfyu", "ay"),
  C_MessageDecryptFinal: call(77, "u", ""),
  C_MessageSignInit: call(78, "uMu", ""),
  C_SignMessage: call(79, "uayayfy", "ay"),
  C_SignMessageBegin: call(80, "uay", ""),
  C_SignMessageNext: call(81, "uayayyfy", "ay"),
  C_MessageSignFinal: call(82, "u", ""),
  C_MessageVerifyInit: call(83, "uMu", ""),
  C_VerifyMessage: call(84, "uayayay", ""),
  C_VerifyMessageBegin: call(85, "uay", ""),
  C_VerifyMessageNext: call(86, "uayayay", ""),
  C_MessageVerifyFinal: call(87, "u", ""),
  C_InitToken2: call(88, "uays", "", [32]),
  // Version 2
  C_DeriveKey2: call(89, "uMuaA", "uPu"),
} as const;

export type CallName = keyof typeof CALLS;

/** What a call's request carries. */
export type RequestOf<Name extends CallName> = ValuesOf<(typeof CALLS)[Name]["request"]>;

/** What a call's answer carries. */
export type ResponseOf<Name extends CallName> = ValuesOf<(typeof CALLS)[Name]["response"]>;

const NAME_OF: ReadonlyMap<number, CallName> = new Map(
  Object.entries(CALLS).map(([name, { id }]) => [id, name as CallName] as const),
);

/** The call with this number, or undefined where no client has it. */
export function callName(id: number): CallName | undefined {
  return NAME_OF.get(id);
}
