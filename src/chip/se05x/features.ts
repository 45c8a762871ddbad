/** Feature bits of an application's configuration. SE05x command table, section 4.3 */
export const FEATURE = {
  ecdaa: 0x0001,
  ec: 0x0002,
  edDsa: 0x0004,
  montgomery: 0x0008,
  hmac: 0x0010,
  rsaPlain: 0x0020,
  rsaCrt: 0x0040,
  aes: 0x0080,
  des: 0x0100,
  pbkdf: 0x0200,
  tls: 0x0400,
} as const;
