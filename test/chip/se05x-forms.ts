/**
 * The complete command table of the SE05x family, written down a second time: what each command's header is, which tags
 * it takes, how wide they are and which may be left out, with values that a prepared chip carries out. SE05x command
 * table, section 4.5
 */
import { EC_DOMAINS, RIGHT } from "../../src/apdu/se05x/index.ts";
import { concat, encode, fromHex, toHex, Writer } from "../../src/codec/index.ts";
import { policyEntries } from "../../src/apdu/se05x/index.ts";
import type { Host } from "./se05x.ts";

/** Objects of the prepared chip. */
export const PREPARED = {
  pair: "20000001",
  peer: "20000002",
  aes: "20000003",
  hmac: "20000004",
  file: "20000005",
  counter: "20000006",
  register: "20000007",
  rsa: "20000008",
  user: "20000009",
  channelKey: "2000000a",
  ed25519: "2000000b",
  target: "2000000d",
  list: "2000000e",
  signer: "2000000f",
  passing: "20000010",
  ecUser: "20000011",
  rsaRaw: "20000012",
  edSigner: "20000013",
  rsaSigner: "20000014",
  fresh: "20000020",
} as const;

const P = PREPARED;
const ATTESTATION = "f0000012";
const NUMBER = (hex: string): number => Number.parseInt(hex, 16);
const G = EC_DOMAINS.get(3)?.g ?? "";
const SECRET = "0000000000000000000000000000000000000000000000000000000000000001";
const DIGEST = "42".repeat(32);
const PIN = "c001020304";

/** Puts the objects into a chip, by commands whose answers are not asked for. */
export function prepare(host: Host): void {
  const put = (flags: number, p1: string, p2: string, fields: string) => {
    const data = tlvs(fields);
    const head = `80${(1 | flags).toString(16).padStart(2, "0")}${p1}${p2}00`;
    host.raw(concat(fromHex(head), new Writer(2).u16(data.length).finish(), data));
  };
  put(0, "61", "00", `41=${P.pair} 42=03`);
  put(0, "21", "00", `41=${P.peer} 42=03 44=${G}`);
  put(0, "03", "00", `41=${P.aes} 43=${"01".repeat(16)}`);
  put(0, "05", "00", `41=${P.hmac} 43=${"02".repeat(48)}`);
  put(0, "06", "00", `41=${P.file} 43=0010 44=${"03".repeat(16)}`);
  put(0, "08", "00", `41=${P.counter} 42=0004`);
  put(0, "09", "00", `41=${P.register} 42=${"00".repeat(32)}`);
  put(0, "62", "00", `41=${P.rsa} 42=0400`);
  put(0, "62", "4f", `41=${P.rsaRaw} 42=0400`);
  put(0x40, "07", "00", `41=${P.user} 42=${PIN}`);
  put(0x40, "03", "00", `41=${P.channelKey} 43=${"04".repeat(16)}`);
  put(0, "61", "00", `41=${P.ed25519} 42=40`);
  put(0, "05", "00", `41=${P.target} 43=${"05".repeat(16)}`);
  put(0, "06", "00", `41=${P.list} 43=0004 44=${P.file}`);
  const listed = { authObjectId: 0, rights: RIGHT.internalSign | RIGHT.read, extension: fromHex(P.list) };
  const policy = toHex(encode(policyEntries, [listed]));
  put(0, "61", "00", `11=${policy} 41=${P.signer} 42=03`);
  put(0, "61", "00", `11=${policy} 41=${P.edSigner} 42=40`);
  put(0, "62", "00", `11=${policy} 41=${P.rsaSigner} 42=0400`);
  put(0x80, "03", "00", `41=${P.passing} 43=${"06".repeat(16)}`);
  put(0x40, "21", "00", `41=${P.ecUser} 42=03 44=${G}`);
  for (const id of ["7fff0200", "7fff0204", "7fff0205", "7fff0207", "7fff020a"])
    put(0x40, "07", "00", `41=${id} 42=${PIN}`);
  // The chip makes the keys of what leaves it when it first needs them.
  exported(host);
}

/** Tag-length-value fields from `TAG=HEX TAG=HEX`. */
export function tlvs(fields: string): Uint8Array {
  const writer = new Writer();
  for (const field of fields.split(" ").filter(Boolean)) {
    const [tag = "", hex = ""] = field.split("=");
    const value = fromHex(hex);
    writer.u8(NUMBER(tag));
    if (value.length > 0xff) writer.u8(0x82).u16(value.length);
    else if (value.length > 0x7f) writer.u8(0x81).u8(value.length);
    else writer.u8(value.length);
    writer.bytes(value);
  }
  return writer.finish();
}

export type Form = {
  readonly name: string;
  /** INS, P1 and P2 in hex. */
  readonly header: string;
  /** `TAG:WIDTH=HEX`, the width in bytes or `*`, a `?` behind it where hosts may leave the tag out. */
  readonly fields: string;
  /** What the chip answers without a tag, where that is neither 6A80 of one that must be there nor 9000 of another. */
  readonly without?: Readonly<Record<string, string>>;
  /** What the chip answers to a number that is a byte too short, where that is not 6A80. */
  readonly narrow?: Readonly<Record<string, string>>;
  /** What comes before the command, and through what it goes. */
  readonly before?: (host: Host) => Host;
};

const ALL_POLICY = "0800000000dffc9080";
const CHECK = ALL_POLICY;
const A80 = "6a80";
const A85 = "6985";

function session(id: string): (host: Host) => Host {
  return (host) => {
    const inside = host.inSession(host.send("createSession", { objectId: NUMBER(id) }).sessionId);
    inside.send("verifySessionUserId", { value: fromHex(PIN) });
    return inside;
  };
}

function withObject(context: number, subtype: number, ...begin: readonly string[]): (host: Host) => Host {
  return (host) => {
    host.send("createCryptoObject", { cryptoObjectId: 0x0101, context, subtype });
    for (const command of begin) host.raw(command);
    return host;
  };
}

const CIPHER_STARTED = `80030e421c4104${P.aes}420201014410${"00".repeat(16)}`;
const MAC_STARTED = `80030d030a4104${P.hmac}42020101`;
const GCM_STARTED = `80031142184104${P.aes}42020101450c${"00".repeat(12)}`;
const CCM_STARTED = `80031142244104${P.aes}42020101450c${"00".repeat(12)}460200004702000448020010`;
/** What is transient has lost its value by now. */
const passing = (host: Host): Host => {
  host.raw(`80810300184104${P.passing}4310${"06".repeat(16)}`);
  return host;
};
const exported = (host: Host): string => toHex(host.send("exportObject", { objectId: NUMBER(P.passing) }).serialized);

/** @table Every command that is built, in the order of the command table. SE05x command table, section 4.5 */
export const FORMS: readonly Form[] = [
  { name: "CreateSession", header: "04001b", fields: `41:4=${P.user}` },
  {
    name: "ExchangeSessionData",
    header: "04001f",
    fields: "41:*?=06e0000064003c",
    without: { 41: A80 },
    before: session(P.user),
  },
  {
    name: "RefreshSession",
    header: "04001e",
    fields: "11:*?=06e0000064003c",
    before(host) {
      const inside = session(P.user)(host);
      inside.send("exchangeSessionData", { policy: { allowRefresh: true } });
      return inside;
    },
  },
  { name: "CloseSession", header: "04001c", fields: "", before: session(P.user) },
  {
    name: "VerifySessionUserID",
    header: "04002c",
    fields: `41:*?=${PIN}`,
    without: { 41: A80 },
    before: (host) => host.inSession(host.send("createSession", { objectId: NUMBER(P.user) }).sessionId),
  },
  { name: "SetLockState", header: "04003e", fields: "41:1=01 42:1=02", before: session("7fff0200") },
  { name: "SetPlatformSCPRequest", header: "040052", fields: "41:1=02", before: session("7fff0207") },
  { name: "SetAppletFeatures", header: "04003f", fields: "41:*=07fe", before: session("7fff0204") },
  {
    name: "WriteECKey",
    header: "016100",
    fields: `11:*?=${ALL_POLICY} 12:2?=0000 41:4=${P.fresh} 42:1=03`,
    without: { 42: "9000" },
  },
  {
    name: "WriteECKey, given",
    header: "016100",
    fields: `41:4=${P.fresh} 42:1=03 43:*?=${SECRET} 44:*?=${G} 4b:4?=00000001`,
    without: { 42: "9000", 43: A80, 44: A80 },
  },
  {
    name: "UpdateECKey_Ver",
    header: "016100",
    fields: `12:2?=0000 15:*?=${CHECK} 41:4=${P.pair} 42:1=03 43:*?=${SECRET} 44:*?=${G} 4b:4?=00000002`,
    without: { 42: "9000", 43: A80, 44: A80 },
  },
  {
    name: "WriteRSAKey",
    header: "016200",
    fields: `11:*?=${ALL_POLICY} 41:4=${P.fresh} 42:2?=0200`,
    without: { 42: A80 },
  },
  {
    name: "WriteRSAKey, raw",
    header: "01624f",
    fields: `41:4=${P.fresh} 42:2?=0200 48:*?=010001 4b:4?=00000001`,
    without: { 42: A80 },
  },
  { name: "UpdateRSAKey_Ver", header: "016200", fields: `15:*?=${CHECK} 41:4=${P.rsa} 42:2?=0400 4b:4?=00000001` },
  {
    name: "WriteSymmKey",
    header: "010300",
    fields: `11:*?=${ALL_POLICY} 12:2?=0000 41:4=${P.fresh} 42:4?=00000000 43:*?=${"07".repeat(16)}`,
    without: { 43: A80 },
  },
  {
    name: "WriteSymmKey, DES",
    header: "010400",
    fields: `41:4=${P.fresh} 43:*?=${"08".repeat(16)}`,
    without: { 43: A80 },
  },
  {
    name: "WriteSymmKey_Ver_extended",
    header: "010500",
    fields: `11:*?=${ALL_POLICY} 41:4=${P.fresh} 43:*?=${"07".repeat(20)} 44:2?=0000 45:2?=0010 4b:4?=00000001`,
    without: { 43: A80 },
  },
  {
    name: "UpdateSymmKey_Ver",
    header: "010500",
    fields: `12:2?=0000 15:*?=${CHECK} 41:4=${P.hmac} 43:*?=${"09".repeat(20)} 4b:4?=00000001`,
    without: { 43: A80 },
  },
  {
    name: "WriteBinary",
    header: "010600",
    fields: `11:*?=${ALL_POLICY} 41:4=${P.fresh} 42:2?=0000 43:2?=0004 44:*?=01020304 4b:4?=00000001`,
    without: { 43: A80 },
  },
  {
    name: "UpdateBinary_Ver",
    header: "010600",
    fields: `15:*?=${CHECK} 41:4=${P.file} 42:2?=0002 43:2?=0010 44:*?=01020304 4b:4?=00000002`,
  },
  {
    name: "WriteUserID",
    header: "410700",
    fields: `11:*?=${ALL_POLICY} 12:2?=0003 41:4=${P.fresh} 42:*?=${PIN}`,
    without: { 42: A80 },
  },
  { name: "CreateCounter", header: "010800", fields: `11:*?=${ALL_POLICY} 41:4=${P.fresh} 42:2=0004` },
  { name: "SetCounterValue", header: "010800", fields: `41:4=${P.counter} 43:8?=0000000000000007` },
  { name: "IncCounter", header: "010800", fields: `41:4=${P.counter}` },
  { name: "UpdateCounter", header: "010800", fields: `15:*?=${CHECK} 41:4=${P.counter} 43:8?=0000000000000007` },
  {
    name: "WritePCR_WithType",
    header: "010900",
    fields: `11:*?=${ALL_POLICY} 41:4=${P.fresh} 42:*?=${DIGEST}`,
    without: { 42: A80 },
  },
  { name: "UpdatePCR", header: "010900", fields: `15:*?=${CHECK} 41:4=${P.register} 43:*?=0102` },
  {
    name: "ImportObject",
    header: "010018",
    before: passing,
    fields: `41:4=${P.passing} 42:1?=ff 43:*?=EXPORTED`,
    without: { 43: A80 },
  },
  { name: "ReadObject", header: "020000", fields: `41:4=${P.file} 42:2?=0004 43:2?=0004` },
  { name: "ReadRSA", header: "020000", fields: `41:4=${P.rsa} 44:1=00` },
  {
    name: "ReadObject_W_Attst_V2",
    header: "220000",
    fields: `41:4=${P.file} 42:2?=0004 43:2?=0004 45:4=${ATTESTATION} 46:1=21 47:*?=${"0a".repeat(16)}`,
    without: { 47: A80 },
  },
  {
    name: "ReadRSA_W_Attst_V2",
    header: "220000",
    fields: `41:4=${P.rsa} 44:1=00 45:4=${ATTESTATION} 46:1=21 47:*?=${"0a".repeat(16)}`,
    without: { 47: A80 },
  },
  {
    name: "ExportObject",
    header: "020019",
    before: passing,
    fields: `41:4=${P.passing} 42:1=ff`,
    without: { 42: "9000" },
  },
  { name: "ReadType", header: "020026", fields: `41:4=${P.pair}` },
  { name: "ReadSize", header: "020007", fields: `41:4=${P.file}` },
  { name: "ReadIDList", header: "020025", fields: "41:2=0000 42:1=ff" },
  { name: "CheckObjectExists", header: "040027", fields: `41:4=${P.fresh}` },
  { name: "DeleteSecureObject", header: "040028", fields: `41:4=${P.file}` },
  { name: "CreateECCurve", header: "010b04", fields: "41:1=05" },
  {
    name: "SetECCurveParam",
    header: "010b40",
    fields: `41:1=01 42:1=01 43:*?=${EC_DOMAINS.get(1)?.a}`,
    without: { 43: A80 },
    before: (host) => (host.send("createCurve", { curve: 1 }), host),
  },
  { name: "GetECCurveId", header: "020b36", fields: `41:4=${P.pair}` },
  { name: "ReadECCurveList", header: "020b25", fields: "" },
  {
    name: "DeleteECCurve",
    header: "040b28",
    fields: "41:1=05",
    before: (host) => (host.send("createCurve", { curve: 5 }), host),
  },
  { name: "CreateCryptoObject", header: "011000", fields: "41:2=0101 42:1=01 43:1=04" },
  { name: "ReadCryptoObjectList", header: "021025", fields: "" },
  { name: "DeleteCryptoObject", header: "041028", fields: "41:2=0101", before: withObject(1, 4) },
  { name: "ECDSASign", header: "030c09", fields: `41:4=${P.pair} 42:1=21 43:*?=${DIGEST}`, without: { 43: A85 } },
  { name: "EdDSASign", header: "030c09", fields: `41:4=${P.ed25519} 42:1=a3 43:*?=0102` },
  { name: "RSASign", header: "030c09", fields: `41:4=${P.rsa} 42:1=28 43:*?=0102` },
  { name: "ECDSA_Internal_Sign", header: "030c09", fields: `41:4=${P.signer} 42:1=21` },
  { name: "EdDSA_Internal_Sign", header: "030c09", fields: `41:4=${P.edSigner} 42:1=a3` },
  { name: "RSA_Internal_Sign", header: "030c09", fields: `41:4=${P.rsaSigner} 42:1=2c` },
  {
    name: "ECDSAVerify",
    header: "030c0a",
    fields: `41:4=${P.pair} 42:1=21 43:*?=${DIGEST} 45:*?=3006020101020101`,
    without: { 43: A85 },
  },
  { name: "EdDSAVerify", header: "030c0a", fields: `41:4=${P.ed25519} 42:1=a3 43:*?=01 45:*?=${"00".repeat(64)}` },
  { name: "RSAVerify", header: "030c0a", fields: `41:4=${P.rsa} 42:1=28 43:*?=01 45:*?=${"00".repeat(128)}` },
  { name: "ECDHGenerateSharedSecret", header: "03010f", fields: `41:4=${P.pair} 42:*?=${G}`, without: { 42: A80 } },
  {
    name: "ECDHGenerateSharedSecret_InObject",
    header: "030159",
    fields: `41:4=${P.pair} 42:*?=${G} 47:4=${P.target}`,
    without: { 42: A80, 47: A80 },
  },
  {
    name: "ECDHGenerateSharedSecret_InObject_extended",
    header: "03010f",
    fields: `41:4=${P.pair} 42:*?=${G} 44:1?=03 47:4=${P.target}`,
    without: { 42: A80 },
  },
  {
    name: "ECPointMultiply_InputObj",
    header: "030162",
    fields: `41:4=${P.pair} 43:4=${P.peer} 44:1=06 47:4?=${P.target}`,
  },
  { name: "RSAEncrypt", header: "030237", fields: `41:4=${P.rsa} 42:1=0a 43:*?=0102` },
  {
    name: "RSADecrypt",
    header: "030238",
    fields: `41:4=${P.rsa} 42:1=0c 43:*?=${"00".repeat(127)}02`,
    without: { 43: A80 },
  },
  {
    name: "CipherInit",
    header: "030e42",
    fields: `41:4=${P.aes} 42:2=0101 44:*?=${"00".repeat(16)}`,
    before: withObject(2, 0x0d),
  },
  {
    name: "CipherUpdate",
    header: "030e0c",
    fields: `42:2=0101 43:*?=${"00".repeat(16)}`,
    before: withObject(2, 0x0d, CIPHER_STARTED),
  },
  {
    name: "CipherFinal",
    header: "030e0d",
    fields: `42:2=0101 43:*=${"00".repeat(16)}`,
    without: { 43: "9000" },
    before: withObject(2, 0x0d, CIPHER_STARTED),
  },
  {
    name: "CipherOneShot",
    header: "030e37",
    fields: `41:4=${P.aes} 42:1=0d 43:*?=${"00".repeat(16)} 44:*?=${"00".repeat(16)}`,
  },
  { name: "MACInit", header: "030d03", fields: `41:4=${P.hmac} 42:2=0101`, before: withObject(3, 0x19) },
  { name: "MACUpdate", header: "030d0c", fields: "41:*?=0102 42:2=0101", before: withObject(3, 0x19, MAC_STARTED) },
  {
    name: "MACFinal",
    header: "030d0d",
    fields: "41:*=0102 42:2=0101",
    without: { 41: "9000" },
    before: withObject(3, 0x19, MAC_STARTED),
  },
  {
    name: "MACFinal, checking",
    header: "030d0d",
    fields: `41:*=0102 42:2=0101 43:*?=${DIGEST}`,
    without: { 41: "9000", 43: A80 },
    before: withObject(3, 0x19, MAC_STARTED.replace("0d03", "0d44")),
  },
  { name: "MACOneShot_G", header: "030d45", fields: `41:4=${P.hmac} 42:1=19 43:*?=0102` },
  { name: "MACOneShot_V", header: "030d46", fields: `41:4=${P.hmac} 42:1=19 43:*?=0102 45:*?=${DIGEST}` },
  { name: "HKDF", header: "03002d", fields: `41:4=${P.hmac} 42:1=04 43:*?=01 44:*?=02 45:2=0020` },
  {
    name: "HKDF_Extended",
    header: "03002d",
    fields: `41:4=${P.hmac} 42:1=04 44:*?=02 45:2=0020 46:4?=${P.target} 47:4?=${P.target}`,
  },
  {
    name: "HKDF, expand only",
    header: "03002f",
    fields: `41:4=${P.hmac} 42:1=04 44:*?=02 45:2=0020 47:4?=${P.target}`,
  },
  { name: "PBKDF2", header: "03002e", fields: `41:4=${P.hmac} 42:*?=01 43:2=0002 44:2=0020` },
  {
    name: "PBKDF2_extended",
    header: "03002e",
    fields: `41:4=${P.hmac} 43:2=0002 44:2=0020 45:1?=19 46:4?=${P.target} 47:4?=${P.target}`,
  },
  { name: "TLSGenerateRandom", header: "030f49", fields: "" },
  {
    name: "TLSCalculatePreMasterSecret",
    header: "030f4a",
    fields: `41:4?=${P.hmac} 42:4?=${P.pair} 43:4=${P.target} 44:*?=${G}`,
    without: { 44: A80 },
  },
  {
    name: "TLSCalculateRsaPreMasterSecret",
    header: "030f4a",
    fields: `41:4?=00000000 42:4=${P.rsa} 43:4=${P.target} 44:*?=${"00".repeat(127)}02 46:*?=0303`,
    without: { 44: A80, 46: A80 },
  },
  {
    name: "TLSPerformPRF",
    header: "030f4c",
    fields: `41:4=${P.hmac} 42:1=04 43:*?=01 44:*?=${DIGEST} 45:2=0020`,
    without: { 43: A80, 44: A80 },
    before: (host) => (host.send("tlsRandom", {}), host),
  },
  {
    name: "TLSPerformPRF, both",
    header: "030f5a",
    fields: `41:4=${P.hmac} 42:1=04 43:*?=01 44:*?=${DIGEST}${DIGEST} 45:2=0020`,
    without: { 43: A80, 44: A80 },
  },
  { name: "DigestInit", header: "03000b", fields: "42:2=0101", before: withObject(1, 4) },
  {
    name: "DigestUpdate",
    header: "03000c",
    fields: "42:2=0101 43:*=0102",
    before: withObject(1, 4, "8003000b0442020101"),
  },
  {
    name: "DigestFinal",
    header: "03000d",
    fields: "42:2=0101 43:*=0102",
    without: { 43: "9000" },
    before: withObject(1, 4, "8003000b0442020101"),
  },
  { name: "DigestOneShot", header: "03000e", fields: "41:1=04 42:*=0102" },
  { name: "GetVersion", header: "040020", fields: "" },
  { name: "GetTimestamp", header: "04003d", fields: "" },
  { name: "GetFreeMemory", header: "040022", fields: "41:1=01" },
  { name: "GetRandom", header: "040049", fields: "41:2=0010" },
  { name: "DeleteAll", header: "04002a", fields: "", before: session("7fff0205") },
  { name: "AeadOneShot", header: "031137", fields: `41:4=${P.aes} 42:1=b0 43:*?=01 44:*?=02 45:*=${"00".repeat(12)}` },
  {
    name: "AeadOneShot, the chip's nonce",
    header: "031237",
    fields: `41:4=${P.aes} 42:1=f3 43:*?=01 44:*?=02 45:2=000c`,
  },
  {
    name: "AeadInit",
    header: "031142",
    fields: `41:4=${P.aes} 42:2=0101 45:*=${"00".repeat(12)}`,
    before: withObject(4, 0xb0),
  },
  {
    name: "AeadCCMInit",
    header: "031142",
    fields: `41:4=${P.aes} 42:2=0101 45:*=${"00".repeat(12)} 46:2=0000 47:2=0004 48:2?=0010`,
    before: withObject(4, 0xf4),
  },
  {
    name: "AeadUpdate_aad",
    header: "03110c",
    fields: "42:2=0101 44:*?=01",
    without: { 44: A80 },
    before: withObject(4, 0xb0, GCM_STARTED),
  },
  {
    name: "AeadUpdate",
    header: "03110c",
    fields: "42:2=0101 43:*?=01",
    without: { 43: A80 },
    before: withObject(4, 0xb0, GCM_STARTED),
  },
  {
    name: "AeadCCMLastUpdate",
    header: "03110c",
    fields: "42:2=0101 43:*?=01020304",
    without: { 43: A80 },
    before: withObject(4, 0xf4, CCM_STARTED),
  },
  {
    name: "AeadCCMFinal",
    header: "03110d",
    fields: "42:2=0101",
    before: withObject(4, 0xf4, CCM_STARTED, "8003110c0a42020101430401020304"),
  },
  {
    name: "AeadFinal",
    header: "03110d",
    fields: `42:2=0101 46:*?=${"00".repeat(16)}`,
    without: { 46: A80 },
    before: withObject(4, 0xb0, GCM_STARTED.replace("031142", "031143")),
  },
  { name: "DisableObjCreation", header: "040057", fields: "41:1=01 42:1=01", before: session("7fff020a") },
  { name: "TriggerSelfTest", header: "040058", fields: "41:2=fe01" },
  {
    name: "TriggerSelfTest_W_Attst",
    header: "240058",
    fields: `41:2=fe01 45:4=${ATTESTATION} 46:1=21 47:*=${"0a".repeat(16)}`,
  },
  { name: "ReadObjectAttributes", header: "02003b", fields: `41:4=${P.pair}` },
  {
    name: "ReadObjectAttributes_W_Attst_V2",
    header: "22003b",
    fields: `41:4=${P.pair} 45:4=${ATTESTATION} 46:1=21 47:*?=${"0a".repeat(16)}`,
    without: { 47: A80 },
  },
  { name: "ReadState", header: "02005b", fields: "" },
  { name: "GetExtVersion", header: "040021", fields: "" },
  { name: "SendCardManagerCmd", header: "040055", fields: "41:*?=80ca00fe02df28", without: { 41: A80 } },
];

/** The fields of a form with what only the chip itself can have made. */
export function fieldsOf(form: Form, host: Host): string {
  return form.fields.includes("EXPORTED") ? form.fields.replace("EXPORTED", exported(host)) : form.fields;
}

/** @table Headers of the command table that no model answers: PAKE (but for 03120C, which AEAD has too), DESFire and the I2C controller. */
export const ABSENT = [
  "030010 030053 030054 030012 030013 030014 030015 030016 030017",
  "230030 030030",
  "031226 031236 031240 031203 03120a 021200 02125b",
]
  .join(" ")
  .split(" ");
