/**
 * The numbers of PKCS #11 that this token uses. What crosses the wire as CK_ULONG is a bigint; attribute and mechanism
 * types, which cross as 32 bits, and return values are numbers. PKCS #11 v2.40 header
 */

/** Return values. PKCS #11 v2.40, section 11.1 */
export const CKR = {
  CKR_OK: 0x00,
  CKR_SLOT_ID_INVALID: 0x03,
  CKR_GENERAL_ERROR: 0x05,
  CKR_ARGUMENTS_BAD: 0x07,
  CKR_NO_EVENT: 0x08,
  CKR_ATTRIBUTE_READ_ONLY: 0x10,
  CKR_ATTRIBUTE_SENSITIVE: 0x11,
  CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
  CKR_ATTRIBUTE_VALUE_INVALID: 0x13,
  CKR_ACTION_PROHIBITED: 0x1b,
  CKR_DATA_LEN_RANGE: 0x21,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_MEMORY: 0x31,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_FUNCTION_NOT_SUPPORTED: 0x54,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_KEY_TYPE_INCONSISTENT: 0x63,
  CKR_KEY_FUNCTION_NOT_PERMITTED: 0x68,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_MECHANISM_PARAM_INVALID: 0x71,
  CKR_OBJECT_HANDLE_INVALID: 0x82,
  CKR_OPERATION_ACTIVE: 0x90,
  CKR_OPERATION_NOT_INITIALIZED: 0x91,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_COUNT: 0xb1,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_SESSION_PARALLEL_NOT_SUPPORTED: 0xb4,
  CKR_SESSION_READ_ONLY: 0xb5,
  CKR_SIGNATURE_INVALID: 0xc0,
  CKR_SIGNATURE_LEN_RANGE: 0xc1,
  CKR_TEMPLATE_INCOMPLETE: 0xd0,
  CKR_TEMPLATE_INCONSISTENT: 0xd1,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_TOKEN_WRITE_PROTECTED: 0xe2,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_USER_PIN_NOT_INITIALIZED: 0x102,
  CKR_USER_TYPE_INVALID: 0x103,
  CKR_RANDOM_SEED_NOT_SUPPORTED: 0x120,
  CKR_CURVE_NOT_SUPPORTED: 0x140,
  CKR_BUFFER_TOO_SMALL: 0x150,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

export type CkrName = keyof typeof CKR;

const NAME_OF: ReadonlyMap<number, string> = new Map(Object.entries(CKR).map(([name, value]) => [value, name]));

/** The name of a return value, or its number where this token never gives it. */
export function ckrName(value: number): string {
  return NAME_OF.get(value) ?? `0x${value.toString(16)}`;
}

/** Attribute types. PKCS #11 v2.40, section 10 */
export const CKA = {
  CLASS: 0x00,
  TOKEN: 0x01,
  PRIVATE: 0x02,
  LABEL: 0x03,
  UNIQUE_ID: 0x04,
  APPLICATION: 0x10,
  VALUE: 0x11,
  OBJECT_ID: 0x12,
  CERTIFICATE_TYPE: 0x80,
  ISSUER: 0x81,
  SERIAL_NUMBER: 0x82,
  TRUSTED: 0x86,
  CERTIFICATE_CATEGORY: 0x87,
  KEY_TYPE: 0x100,
  SUBJECT: 0x101,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  SIGN_RECOVER: 0x109,
  VERIFY: 0x10a,
  VERIFY_RECOVER: 0x10b,
  DERIVE: 0x10c,
  START_DATE: 0x110,
  END_DATE: 0x111,
  PUBLIC_KEY_INFO: 0x129,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  LOCAL: 0x163,
  NEVER_EXTRACTABLE: 0x164,
  ALWAYS_SENSITIVE: 0x165,
  KEY_GEN_MECHANISM: 0x166,
  MODIFIABLE: 0x170,
  COPYABLE: 0x171,
  DESTROYABLE: 0x172,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
  ALWAYS_AUTHENTICATE: 0x202,
  WRAP_WITH_TRUSTED: 0x210,
  ALLOWED_MECHANISMS: 0x4000_0600,
} as const;

/** Object classes. PKCS #11 v2.40, section 10.3 */
export const CKO = { DATA: 0n, CERTIFICATE: 1n, PUBLIC_KEY: 2n, PRIVATE_KEY: 3n, SECRET_KEY: 4n } as const;

/** CK_KEY_TYPE and CK_CERTIFICATE_TYPE values of this token's objects. */
export const CKK_EC = 3n;
export const CKK_GENERIC_SECRET = 0x10n;
export const CKC_X_509 = 0n;

/** Mechanisms that this token carries out. PKCS #11 mechanisms v2.40, sections 2.3 and 2.18 */
export const CKM = {
  SHA_1: 0x220,
  SHA256: 0x250,
  SHA224: 0x255,
  SHA384: 0x260,
  SHA512: 0x270,
  EC_KEY_PAIR_GEN: 0x1040,
  ECDSA: 0x1041,
  ECDSA_SHA1: 0x1042,
  ECDSA_SHA224: 0x1043,
  ECDSA_SHA256: 0x1044,
  ECDSA_SHA384: 0x1045,
  ECDSA_SHA512: 0x1046,
  ECDH1_DERIVE: 0x1050,
} as const;

/** Users. PKCS #11 v2.40, section 9.2 */
export const CKU = { SO: 0n, USER: 1n, CONTEXT_SPECIFIC: 2n } as const;

/** Session states. PKCS #11 v2.40, section 9.2 */
export const CKS = { RO_PUBLIC: 0n, RO_USER: 1n, RW_PUBLIC: 2n, RW_USER: 3n } as const;

/** Flags of slots, tokens, sessions and mechanisms; which one a bit means depends on the field. PKCS #11 v2.40, section 9 */
export const CKF = {
  SLOT: { TOKEN_PRESENT: 0x01n, REMOVABLE_DEVICE: 0x02n, HW_SLOT: 0x04n },
  TOKEN: {
    RNG: 0x01n,
    LOGIN_REQUIRED: 0x04n,
    USER_PIN_INITIALIZED: 0x08n,
    TOKEN_INITIALIZED: 0x400n,
    USER_PIN_COUNT_LOW: 0x10000n,
    USER_PIN_FINAL_TRY: 0x20000n,
    USER_PIN_LOCKED: 0x40000n,
  },
  SESSION: { RW: 0x02n, SERIAL: 0x04n },
  FIND_OBJECTS: 0x40n,
  MECHANISM: {
    HW: 0x01n,
    DIGEST: 0x400n,
    SIGN: 0x800n,
    VERIFY: 0x2000n,
    GENERATE_KEY_PAIR: 0x10000n,
    DERIVE: 0x80000n,
    EC_F_P: 0x100000n,
    EC_NAMEDCURVE: 0x800000n,
    EC_UNCOMPRESS: 0x1000000n,
  },
} as const;

/** What a CK_ULONG holds where there is nothing to tell. PKCS #11 v2.40, section 9.1 */
export const UNAVAILABLE = 0xffff_ffff_ffff_ffffn;
