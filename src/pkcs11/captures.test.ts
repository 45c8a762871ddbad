/**
 * Requests as the client libraries of three releases of p11-kit wrote them for the same calls of one C program, taken
 * from the socket: Debian's 0.24.1-2 (protocol version 0), 0.25.5-3 (version 1) and 0.26.5-1 (version 2), on 2026-11-21.
 * Each line was answered as PKCS #11 has it when it was recorded.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex, utf8Bytes } from "../codec/index.ts";
import type { CallName } from "./calls.ts";
import { encodeRequest, openRequest, readArguments } from "./messages.ts";

type Capture = {
  readonly name: CallName;
  /** Of the program's call, in words. */
  readonly what: string;
  readonly values: readonly unknown[];
  /** By protocol version; absent where that client refuses the call itself, or makes it in another form. */
  readonly hex: readonly (string | undefined)[];
};

const none = { kind: "none" } as const;
const label = utf8Bytes("edge");
const params = fromHex("06082a8648ce3d030107");
const value = (type: number, of: unknown) => ({ type, state: "value", value: of });
const digest = new Uint8Array(32).fill(0x61);
const point = fromHex(
  "04cd1925649cf7bada9d366cd80a63de86f5e26e8a5f363a2809590289c027232e" +
    "a388c459804a686cf88ad9b747fe3d3479ce64b9a86ec8b56fbce438dd2fd0e5",
);
const secret = [value(0x00, 4n), value(0x100, 0x10n), value(0x161, 32n), value(0x01, 0)];
const SECRET =
  "00000004 00000000 01 00000008 0000000000000004 00000100 01 00000008 0000000000000010" +
  "00000161 01 00000008 0000000000000020 00000001 01 00000001 00";
const AGREE = `00001050 %M 0000000000000001 ffffffff 00000041 ${toHex(point)} 0000000000000001 ${SECRET}`;
const GENERATE =
  "00000002 00000180 01 0000000a 0000000a 06082a8648ce3d030107 00000001 01 00000001 01" +
  "00000002 00000003 01 00000004 00000004 65646765 00000001 01 00000001 01";

const CAPTURES: readonly Capture[] = [
  {
    name: "C_Initialize",
    what: "no arguments",
    values: [utf8Bytes("PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1"), 0, Uint8Array.of(0)],
    hex: same(
      "00000001 00000005 6179796179 01 00000029 505249564154452d474e4f4d452d4b455952494e472d504b435331312d50524f544f434f4c2d562d31 00 01 00000001 00",
    ),
  },
  {
    name: "C_SignInit",
    what: "CKM_ECDSA, which has no parameter",
    values: [1n, { type: 0x1041, parameter: none }, 1n],
    hex: [
      "0000002a 00000003 754d75 0000000000000001 00001041 ffffffff 0000000000000001",
      "0000002a 00000003 754d75 0000000000000001 00001041 ffffffff 0000000000000001",
      "0000002a 00000003 754d75 0000000000000001 00001041 0000000000000001",
    ],
  },
  {
    name: "C_SignInit",
    what: "a NULL mechanism, to cancel",
    values: [1n, "null", 0n],
    hex: [undefined, ...twice("0000002a 00000003 754d75 0000000000000001 ffffffff 0000000000000000")],
  },
  {
    name: "C_SignInit",
    what: "CKM_RSA_PKCS_PSS with SHA-256, MGF1 and 32 bytes of salt",
    values: [1n, { type: 0x0d, parameter: { kind: "pss", hash: 0x250n, mgf: 2n, saltLength: 32n } }, 1n],
    hex: marked(
      "0000002a 00000003 754d75 0000000000000001 0000000d %M 0000000000000250 0000000000000002 0000000000000020 0000000000000001",
    ),
  },
  {
    name: "C_EncryptInit",
    what: "CKM_RSA_PKCS_OAEP with a label",
    values: [
      1n,
      { type: 0x09, parameter: { kind: "oaep", hash: 0x250n, mgf: 2n, source: 1n, data: utf8Bytes("lab") } },
      2n,
    ],
    hex: marked(
      "0000001d 00000003 754d75 0000000000000001 00000009 %M 0000000000000250 0000000000000002 0000000000000001 00000003 6c6162 0000000000000002",
    ),
  },
  {
    name: "C_EncryptInit",
    what: "CKM_AES_CBC with its initialisation vector",
    values: [1n, { type: 0x1082, parameter: { kind: "bytes", bytes: fromHex(`01${"00".repeat(15)}`) } }, 2n],
    hex: [
      undefined,
      ...marked(
        "0000001d 00000003 754d75 0000000000000001 00001082 %M 00000010 01000000000000000000000000000000 0000000000000002",
      ).slice(1),
    ],
  },
  {
    name: "C_DigestInit",
    what: "CKM_SHA256",
    values: [1n, { type: 0x250, parameter: none }],
    hex: [
      "00000025 00000002 754d 0000000000000001 00000250 ffffffff",
      "00000025 00000002 754d 0000000000000001 00000250 ffffffff",
      "00000025 00000002 754d 0000000000000001 00000250",
    ],
  },
  {
    name: "C_Sign",
    what: "a question for the length",
    values: [1n, digest, undefined],
    hex: same(`0000002b 00000005 7561796679 0000000000000001 01 00000020 ${toHex(digest)} 00000000`),
  },
  {
    name: "C_Sign",
    what: "a buffer of no length, which 0.24 cannot tell from a NULL pointer",
    values: [1n, digest, 0],
    hex: [undefined, ...twice(`0000002b 00000005 7561796679 0000000000000001 01 00000020 ${toHex(digest)} ffffffff`)],
  },
  {
    name: "C_Sign",
    what: "no data by a NULL pointer, as 0.24 says it",
    values: [1n, { needed: 0 }, 256],
    hex: ["0000002b 00000005 7561796679 0000000000000001 00 00000000 00000100"],
  },
  {
    name: "C_GenerateKeyPair",
    what: "a P-256 key pair with a label",
    values: [
      1n,
      { type: 0x1040, parameter: none },
      [value(0x180, params), value(0x01, 1)],
      [value(0x03, label), value(0x01, 1)],
    ],
    hex: [
      `0000003b 00000006 754d61416141 0000000000000001 00001040 ffffffff ${GENERATE}`,
      `0000003b 00000006 754d61416141 0000000000000001 00001040 ffffffff ${GENERATE}`,
      `0000003b 00000006 754d61416141 0000000000000001 00001040 ${GENERATE}`,
    ],
  },
  {
    name: "C_DeriveKey",
    what: "CKM_ECDH1_DERIVE; 0.24 refuses it itself, 0.26 makes C_DeriveKey2 of it",
    values: [
      1n,
      { type: 0x1050, parameter: { kind: "ecdh1", kdf: 1n, shared: undefined, publicData: point } },
      1n,
      secret,
    ],
    hex: [undefined, marked(`0000003e 00000005 754d756141 0000000000000001 ${AGREE}`)[1]],
  },
  {
    name: "C_DeriveKey2",
    what: "CKM_ECDH1_DERIVE",
    values: [
      1n,
      { type: 0x1050, parameter: { kind: "ecdh1", kdf: 1n, shared: undefined, publicData: point } },
      1n,
      secret,
    ],
    hex: [undefined, undefined, marked(`00000059 00000005 754d756141 0000000000000001 ${AGREE}`)[2]],
  },
  {
    name: "C_FindObjectsInit",
    what: "a template within a template",
    values: [1n, [value(0x4000_0211, [value(0x01, 1), value(0x03, utf8Bytes("x"))]), value(0x00, 4n)]],
    hex: same(
      "0000001a 00000003 756141 0000000000000001 00000002 40000211 01 00000030 00000002 00000001 01 00000001 01 00000003 01 00000001 00000001 78 00000000 01 00000008 0000000000000004",
    ),
  },
  {
    name: "C_FindObjectsInit",
    what: "a date",
    values: [1n, [value(0x110, utf8Bytes("20260101"))]],
    hex: same("0000001a 00000003 756141 0000000000000001 00000001 00000110 01 00000008 00000008 3230323630313031"),
  },
  {
    name: "C_FindObjectsInit",
    what: "a list of mechanisms",
    values: [1n, [value(0x4000_0600, [0x1041n])]],
    hex: same("0000001a 00000003 756141 0000000000000001 00000001 40000600 01 00000008 00000001 0000000000001041"),
  },
  {
    name: "C_GetAttributeValue",
    what: "how long a template within the object is",
    values: [1n, 1n, [{ type: 0x4000_0211, room: undefined }]],
    hex: [
      "00000018 00000004 75756641 0000000000000001 0000000000000001 00000001 40000211 00000000",
      "00000018 00000004 75756641 0000000000000001 0000000000000001 00000001 40000211 00000000 00000000",
      "00000018 00000004 75756641 0000000000000001 0000000000000001 00000001 40000211 00000000",
    ],
  },
];

/** What was recorded but is read in one way only: rooms within templates are read over, NULL data is no data. */
const READ_ONLY: readonly Capture[] = [
  {
    name: "C_GetAttributeValue",
    what: "a template within the object, with rooms for two attributes of it",
    values: [1n, 1n, [{ type: 0x4000_0211, room: 0x30 }]],
    hex: [
      "00000018 00000004 75756641 0000000000000001 0000000000000001 00000001 40000211 00000030",
      ...twice(
        "00000018 00000004 75756641 0000000000000001 0000000000000001 00000001 40000211 00000030 00000002 00000001 00000001 00000003 00000000",
      ),
    ],
  },
  {
    name: "C_Sign",
    what: "no data by a NULL pointer, as 0.25 and later say it",
    values: [1n, { needed: 0 }, 256],
    hex: [undefined, ...twice("0000002b 00000005 7561796679 0000000000000001 01 ffffffff 00000100")],
  },
];

const VERSIONS = ["0.24.1", "0.25.5", "0.26.5"] as const;

for (const [version, release] of VERSIONS.entries()) {
  test(`what p11-kit ${release} wrote is read as the call that was made, and written so again`, () => {
    for (const capture of CAPTURES) {
      const hex = check(capture, version);
      if (hex !== undefined) assert.equal(toHex(encodeRequest(capture.name, capture.values as never, version)), hex);
    }
    for (const capture of READ_ONLY) check(capture, version);
  });
}

test("a client of version 1 that does not nest, as 0.25.3, is understood too", () => {
  const flat =
    "00000018 00000004 75756641 0000000000000001 0000000000000001 00000002 40000211 00000000 00000003 00000009";
  const request = openRequest(fromHex(flat.replaceAll(" ", "")));
  const [, , queries] = readArguments("C_GetAttributeValue", request.body, 1);
  assert.deepEqual(queries, [
    { type: 0x4000_0211, room: undefined },
    { type: 0x03, room: 9 },
  ]);
});

function check({ name, what, values, hex }: Capture, version: number): string | undefined {
  const bytes = hex[version]?.replaceAll(" ", "");
  if (bytes === undefined) return undefined;
  const request = openRequest(fromHex(bytes));
  assert.equal(request.name, name);
  assert.deepEqual([...readArguments(name, request.body, version)], values, `${name}: ${what}, version ${version}`);
  return bytes;
}

function same(hex: string): readonly string[] {
  return [hex, hex, hex];
}

function twice(hex: string): readonly string[] {
  return [hex, hex];
}

/** One byte before a parameter says that there is one, in version 2 alone. */
function marked(hex: string): readonly string[] {
  return ["", "", "01"].map((mark) => hex.replace("%M", mark));
}
