/** Curves by their identifiers on the wire; what a chip lacks it does not list. SE05x command table, tier b */
export const SE05X_CURVE = { p256: 0x03, p384: 0x04, p521: 0x05, ed25519: 0x40, x25519: 0x41, x448: 0x43 } as const;

/** How many curves `readCurveList` tells about, from identifier 1 on. */
export const CURVE_LIST_LENGTH = 17;

/** Signature algorithms of EC keys over a digest as given; RSA keys have others, over messages. The plain one takes a digest of any length. */
export const SE05X_SIGNATURE = {
  plain: 0x09,
  sha1: 0x11,
  sha224: 0x25,
  sha256: 0x21,
  sha384: 0x22,
  sha512: 0x26,
  /** Ed25519 over the message itself. */
  ed25519: 0xa3,
} as const;

/** What is made of a private key and a point: both coordinates of their product, or the generator that PACE maps to. */
export const SE05X_MULTIPLICATION = { pace: 0x05, product: 0x06 } as const;

/** Encryption with RSA keys. */
export const SE05X_RSA = { pkcs1: 0x0a, noPadding: 0x0c, oaep: 0x0f } as const;

/** Public numbers of an RSA key that are read one by one. */
export const SE05X_RSA_COMPONENT = { modulus: 0x00, exponent: 0x01 } as const;

/** Hash functions. */
export const SE05X_DIGEST = { sha1: 0x01, sha224: 0x07, sha256: 0x04, sha384: 0x05, sha512: 0x06 } as const;

/** Message authentication codes. */
export const SE05X_MAC = {
  hmacSha1: 0x18,
  hmacSha256: 0x19,
  hmacSha384: 0x1a,
  hmacSha512: 0x1b,
  cmac: 0x31,
  desCmac: 0x7a,
} as const;

/**
 * Modes of AES and DES, by how they fill a message's last block: not at all, with zeros, with 80 and zeros, with its own
 * length. SE05x command table, tier b; ISO/IEC 9797-1, section 6.3; RFC 8018, section 6.1.1
 */
export const SE05X_CIPHER = {
  cbc: 0x0d,
  ecb: 0x0e,
  cbcZeros: 0x16,
  cbcBit: 0x17,
  cbcPkcs5: 0x18,
  ctr: 0xf0,
  /** The chip makes the initial block of what it encrypts. */
  ctrInternalIv: 0xf1,
  desCbc: 0x01,
  desCbcZeros: 0x02,
  desCbcBit: 0x03,
  desCbcPkcs5: 0x04,
  desEcb: 0x05,
  desEcbZeros: 0x06,
  desEcbBit: 0x07,
  desEcbPkcs5: 0x08,
} as const;

/** Modes of authenticated encryption; with an internal nonce the chip makes it. */
export const SE05X_AEAD = { gcm: 0xb0, gcmInternalIv: 0xf3, ccm: 0xf4, ccmInternalIv: 0xf5 } as const;

/** What crypto objects are for. */
export const SE05X_CRYPTO_CONTEXT = { digest: 0x01, cipher: 0x02, mac: 0x03, aead: 0x04 } as const;

/** Answers of yes or no. */
export const SE05X_RESULT = { yes: 0x01, no: 0x02 } as const;

/** Types of objects; curve-specific ones of applet 7 stand in `typeOnWire` of the chip. SE05x command table, tier b */
export const SE05X_TYPE = {
  ecPair: 0x01,
  ecPrivate: 0x02,
  ecPublic: 0x03,
  rsaPair: 0x04,
  rsaPrivate: 0x06,
  rsaPublic: 0x08,
  aes: 0x09,
  des: 0x0a,
  binary: 0x0b,
  userId: 0x0c,
  counter: 0x0d,
  pcr: 0x0f,
  hmac: 0x11,
} as const;

/** The name of a type that tells no curve, of RSA keys with their form. SE05x command table, tier b */
export function se05xTypeName(type: number): string | undefined {
  const named = (value: number) => Object.entries(SE05X_TYPE).find(([, each]) => each === value)?.[0];
  const isCrt = type === SE05X_TYPE.rsaPair + 1 || type === SE05X_TYPE.rsaPrivate + 1;
  return isCrt ? `${named(type - 1)}Crt` : named(type);
}

/** Bits of P1 that say which halves of a key are meant. */
export const SE05X_PART = { pair: 0x60, private: 0x40, public: 0x20, none: 0x00 } as const;

/** Flags of the instruction byte. */
export const SE05X_INS_FLAG = { transient: 0x80, authentication: 0x40 } as const;

/** Origin of an object. */
export const SE05X_ORIGIN = { external: 0x01, internal: 0x02, provisioned: 0x03 } as const;

/** Object identifiers that NXP gives parts of this family at their birth. SE05x object ids */
export const SE05X_OBJECT = {
  uniqueId: 0x7fff_0206,
  /** What sessions by key agreement, and imports, are agreed with. */
  sessionKey: 0x7fff_0201,
  importKey: 0x7fff_0202,
  connectionKey: 0xf000_0000,
  connectionCertificate: 0xf000_0001,
  connectionRsaKey: 0xf000_0004,
  connectionRsaCertificate: 0xf000_0005,
  attestationRsaKey: 0xf000_0010,
  attestationRsaCertificate: 0xf000_0011,
  attestationKey: 0xf000_0012,
  attestationCertificate: 0xf000_0013,
  /** Whose sessions a maker's service opens: the public half of its key. */
  serviceUser: 0xf000_0020,
  deviceKey: 0xf000_0100,
  deviceCertificate: 0xf000_0101,
  gatewayKey: 0xf000_0102,
  gatewayCertificate: 0xf000_0103,
  deviceRsa2048Key: 0xf000_0110,
  deviceRsa2048Certificate: 0xf000_0111,
  gatewayRsa2048Key: 0xf000_0112,
  gatewayRsa2048Certificate: 0xf000_0113,
  deviceRsa4096Key: 0xf000_0120,
  deviceRsa4096Certificate: 0xf000_0121,
  gatewayRsa4096Key: 0xf000_0122,
  gatewayRsa4096Certificate: 0xf000_0123,
} as const;

/** Authentication objects whose proof allows to change the chip itself; absent until a host makes them. SE05x object ids */
export const SE05X_CREDENTIAL = {
  transport: 0x7fff_0200,
  feature: 0x7fff_0204,
  factoryReset: 0x7fff_0205,
  platformScp: 0x7fff_0207,
  i2cMaster: 0x7fff_0208,
  restrict: 0x7fff_020a,
} as const;
