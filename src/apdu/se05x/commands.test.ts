import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { decode, DecodeError, encode, fromHex, ProtocolError, toHex } from "../../codec/index.ts";
import {
  type CommandApdu,
  decodeExtendedCommand,
  decodeLongResponse,
  describeExchange,
  encodeExtendedCommand,
  verificationCounts,
} from "../index.ts";
import { policyEntries, RIGHT, SE05X_COMMAND_SET, SE05X_COMMANDS, type Se05xCommandName } from "./index.ts";

/** Where the captured exchanges of NXP's unmodified host programs lie, more of each shape than stand here. */
const CAPTURES = join(import.meta.dirname, "../../../../shared/captures/se05x.txt");

/**
 * What NXP's unmodified host programs sent to an SE051 stand-in, and the answers that they accepted. Some were captured
 * inside a session. The stand-in wrote short lengths, which a reader takes too.
 */
const VECTORS: readonly (readonly [Se05xCommandName, string, string])[] = [
  ["select", "00a4040010a000000396545300000001030000000000", "0702003fff010b9000"],
  ["exists", "800400270641047fff0206", "4101019000"],
  ["readObject", "8002000000000a41047fff0206430200120000", "411204005001a1b2c3d4e5f6071829304a5b6c7d9000"],
  ["getVersion", "8004002000", "41070702003fff010b9000"],
  ["selectCardManager", "00a4040000", "9000"],
  ["getFreeMemory", "8004002203410101", "41027fff9000"],
  [
    "readIdList",
    "80020025000007410200004201ff0000",
    "41010142287da000017da000027da000037fff02017fff02027fff0206f0000000f0000012f0000100f00001019000",
  ],
  ["writePcr", "800109002841047fffffff422012a1498232000000000000000000000000000000000000000000000000000000", "9000"],
  ["readCryptoObjectList", "8002102500", "41009000"],
  ["readCurveList", "80020b2500", "411101010202010101010101010101010101019000"],
  [
    "writeEcKey",
    "80016100744104ef000074420103432078e5206a08edd25236338a2484e42f1f7d1f6d9437a99586dafcd2236fa28735444104eda7e90bf920cffb9df6dbcef720e1238b3cee8486d250e4df3011501a1508a62ed7495278636e61e85fedb06d87920a041914fe766355dfbd686159318e687c4b0400000000",
    "9000",
  ],
  [
    "sign",
    "80030c092b4104ef000074420121432048656c6c6f20576f726c64000000000000000000000000000000000000000000",
    "414630440220587f34e8dc18b9d3eaf5af8d851593773c8616ecc2c8c0d8c609fd0d7880a1a702204f2f492fdedc69804e9294cbb17a52f26f5ef6b8c6ac67905821b2781e79e91a9000",
  ],
  [
    "verify",
    "80030c0a734104ef000094420121432048656c6c6f20576f726c64000000000000000000000000000000000000000000454630440220587f34e8dc18b9d3eaf5af8d851593773c8616ecc2c8c0d8c609fd0d7880a1a702204f2f492fdedc69804e9294cbb17a52f26f5ef6b8c6ac67905821b2781e79e91a",
    "4101019000",
  ],
  ["deleteObject", "80040028064104ef000074", "9000"],
  [
    "agree",
    "8003010f0000494104ef00004b42410416f700a68156feb4e29bc7f71003ba0fa35c40367b7bc4d2d9f9b8b45dda04f13539841274dbbd8d218c859fc1d244c8c802a9f0b70d27f41590eb574c8f87460000",
    "41200f5be20fe1df5827a816a7cc2aa1a6b1724f223769a8c6ed62b4ce513e17cfb39000",
  ],
  ["writeSymmKey", "800103001e4104ef000048431048454c4c4f48454c4c4f48454c4c4f314b0400000000", "9000"],
  [
    "cipher",
    "80030e3700002d4104ef00004842010d431048454c4c4f48454c4c4f48454c4c4f314410000000000000000000000000000000000000",
    "411032a60488c5b3ff4050af56a568aed1059000",
  ],
  [
    "mac",
    "80030d45154104ef000057420119430a48656c6c6f576f726c64",
    "4120687a269549679d6efa11195e96cbbac26b50a509108ad148b5fca0942cbd10219000",
  ],
  [
    "hkdf",
    "8003002d0000814104ef0000444201044320aa1a2ae3b276154d67f9d84cb9355456bb1b2b030405060708090a0b0c0d0e0f4450000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f450200800000",
    "4181800abba2ee5f2504cd132eaf2afc60765adc3827d4587dea6cfec9b70f427c6682928c2ca22731922b3628237dba3bfe9c1b08f0f919bd4ed051902d709af5357f21801fefb44898be8f2ec82d75a65aeb83e0c1c05befcb4773fc8127038d167510436567f69db8e783ba326ae090e7aed5858075686c5ce7384a6db74ea90ed29000",
  ],
  [
    "digest",
    "8003000e0f410104420a48656c6c6f576f726c64",
    "4120872e4e50ce9990d8b041330c47c9ddd11bec6b503ae9386a99da8584e9bb12c49000",
  ],
  ["readType", "80020026064104f0000012", "4101294201019000"],
  ["curveOfKey", "80020b36064104f0000012", "4101039000"],
  [
    "writeBinary",
    "800106003d1109080000000000340000410400f5effa430200204420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f4b0400000000",
    "9000",
  ],
  ["readSize", "8002000706410400f5effa", "410200209000"],
  ["readState", "8002005b00", "41030200019000"],
  ["getTimestamp", "8004003d00", "410c0000000000000000000004f59000"],
  ["createSession", "8004001b0641047da00001", "4108de8ebf91f42cb7f69000"],
  ["processSession", "80050000181008de8ebf91f42cb7f6410c8004002c074105c001020304", "9000"],
  ["random", "80040049000004410200100000", "41103e017254655e708bded3b6a1887956839000"],
  ["verifySessionUserId", "8004002c074105c001020304", "9000"],
  ["closeSession", "8004001c", "9000"],
  ["writeUserId", "804107000f41047fff020742074e454544534350", "9000"],
  ["setPlatformScpRequest", "8004005203410101", "9000"],
  [
    "readAttested",
    "802200000000214104ef0000a34504ef0000b44601214710010203040506070809010203040506070000",
    "4182004104eda7e90bf920cffb9df6dbcef720e1238b3cee8486d250e4df3011501a1508a62ed7495278636e61e85fedb06d87920a041914fe766355dfbd686159318e687c4282001204005001a1b2c3d4e5f6071829304a5b6c7d43820018ef0000a30101000000000000000008000000003ffc0000014482000200204f82000c0000000000000000000004ab5282004730450220666709e462fc2c13ef86ff958b4d8332d1c87a18db2dbc66fb02bf0143c93f67022100d0a5726af39074c48cde0ef45c62ec9e9f454da075fa360857c5391710028dae9000",
  ],
  [
    "internalAuthenticate",
    "84880000b1a61d4f10a00000039654530000000103000000009003ab01338001888101107f4946b041043fbcceb3fcb49d9516edf9b93315910328a8a463392a32621beb57c49cb0324b28489fd74a913a84076ef111e238662d1e04f093995bc0e1aa1766563377d30df001035f3746304402204b8cd9bae1d7f7df1093fbffad972528c646a4949295461641aca3936305457802203997f15ed72d6b5ccee2a2c25db759f1521f84276a38288c7233168cee7c6169",
    "8510338234c72c9a23ae327353beb549a9ca861021da8498c49972a589bf68fdc0d69a029000",
  ],
  // Release 03.03.00 asks so, and took this answer of this chip.
  [
    "agreementKey",
    "80cabf2106a60483020000",
    "7f4946b04104cd9063aee066da409995b7fa0dc1ddfccb901e914bab2b5cc236630e5239f0a003d9e8dc4f67403fc20a2197378946d9bb4040670167f3e2678017a466fa8417f001035f37473045022100d16e6e8a21fdf63dfb64a1614cf07c392db60ad4d3d33b5664643a89eb5d5cbe02207cf438b608137972c7a17ed43258f9ed04e48344dcd62839b3ab88e9a457b1969000",
  ],
  ["externalAuthenticate", "8482330010c2221da7d8cb82d77e12a1330756cdf3", "9000"],
  ["selectPlatform", "00a404000bd276000085304a434f900300", "9000"],
  ["initializeUpdate", "80500b0008a8ffd0bc7d1b0f8a", "000000000000000000000b03709c57e82836d54d05d7748962ea4621939000"],
  [
    "identify",
    "80ca00fe02df2800",
    "fe45df2842010c0001a8788010290ef33319c10208000000000000000003184a33523335313032394234313131303000000000000000000501000701010808524f4d5f5f5f49449000",
  ],
  ["collectGarbage", "80ca00fe04df250103", "9000"],
  [
    "productionData",
    "80ca9f7f00",
    "9f7f2a0000000000000000000000000000000000000000000000000000000000000000000000000000000000009000",
  ],
];

/**
 * What NXP's host library, unmodified, sent to this chip for each call of its interface that no captured program makes,
 * and the answers that it took.
 */
const LIBRARY_VECTORS: readonly (readonly [Se05xCommandName, string, string])[] = [
  ["createCryptoObject", "800110000a41020101420101430104", "9000"],
  ["digestInit", "8003000b0442020101", "9000"],
  ["digestUpdate", "8003000c1642020101431003000000000000000000000000000000", "9000"],
  [
    "digestFinal",
    "8003000d1642020101431003000000000000000000000000000000",
    "41820020fdf5b2b9cee72c8521855e130ebd3fb5cded0a49c2731b5cdd6ebffa46f751d19000",
  ],
  ["cipherInit", "80030e421c41042000000142020102441002000000000000000000000000000000", "9000"],
  [
    "cipherUpdate",
    "80030e0c1642020102431003000000000000000000000000000000",
    "41820010faeb01888d2e92aee70ecc1c638bf6d69000",
  ],
  [
    "cipherFinal",
    "80030e0d000016420201024310030000000000000000000000000000000000",
    "41820010a9cbbd149606624e6f92a5a3ae421f4e9000",
  ],
  ["macInit", "80030d030a41042000000242020103", "9000"],
  ["macUpdate", "80030d0c1641100300000000000000000000000000000042020103", "9000"],
  [
    "macFinal",
    "80030d0d000016411003000000000000000000000000000000420201030000",
    "41820020441b311a7c622b3da44003d13f75985aba172ce48d24264907b34e61d07dc39d9000",
  ],
  [
    "verifyMac",
    "80030d463d41042000000242011943100300000000000000000000000000000045203d397829f0c5b519eb14834349569c3c14217bee3fb00d41dba28b008fe82fc6",
    "4101019000",
  ],
  [
    "aead",
    "8003113700003b4104200000014201b0431003000000000000000000000000000000441001000000000000000000000000000000450c0200000000000000000000000000",
    "418200102325dd3913b8c986706a0d47e5c665a442820010194999919aae613a711ca82b59de19cc9000",
  ],
  ["aeadInit", "800311421841042000000142020104450c020000000000000000000000", "9000"],
  ["aeadUpdate", "8003110c1642020104441001000000000000000000000000000000", "9000"],
  ["aeadFinal", "8003110d000004420201040000", "42820010194999919aae613a711ca82b59de19cc9000"],
  [
    "hkdfExpand",
    "8003002f00001f410420000002420104441003000000000000000000000000000000450200200000",
    "41820020f66d9b939a88ec126cf48a87ad7fde6f2252f6b2a9095fa094c251fdd94d8fc69000",
  ],
  [
    "hkdfInto",
    "8003002d000037410420000002420104431001000000000000000000000000000000441003000000000000000000000000000000450200204704200000030000",
    "9000",
  ],
  [
    "agreeInto",
    "8003010f4f41042000000442410480ed3cbaae76d29faf2363fa452ae3786e07cf3986321c744e57ea3b99853add0eb3eb63f123fab1caff095ed70b65c6d550de470e5e5eda2b2caaa22e597369470420000003",
    "9000",
  ],
  [
    "multiply",
    "8003016200000f4104200000014304200000024401060000",
    "4182004104c46f82ce9b3877a257b8cdef4a10b47192cdba30f97bda5b65f982d3847fa5c5bbd0eb73e6d962285da1222c720c17e39389427453419b13b8cc65f42d26f0d89000",
  ],
  ["multiply", "800301620000154104200000014304200000024401064704200000030000", "9000"],
  ["createCurve", "80010b0403410101", "9000"],
  ["setCurveParameter", "80010b40204101014201104318fffffffffffffffffffffffffffffffeffffffffffffffff", "9000"],
  ["deleteCurve", "80040b2803410101", "9000"],
  ["writeCounter", "8001080006410420000005", "9000"],
  [
    "exportObject",
    "80020019094104200000064201ff",
    "418200404b4b412ecc27d58f00c18dfb9580ad35b210872d9386dd85e5ea9bd6234be8821f58ebbebefe2718d68ec6b63998ddb087bc4400c299f2a05e2c6e3e95ad7e189000",
  ],
  [
    "importObject",
    "800100184841042000000643404b4b412ecc27d58f00c18dfb9580ad35b210872d9386dd85e5ea9bd6234be8821f58ebbebefe2718d68ec6b63998ddb087bc4400c299f2a05e2c6e3e95ad7e18",
    "9000",
  ],
  ["readAttributes", "8002003b06410420000001", "4382001820000001090100000000000000000800000000dffc9080019000"],
  ["tlsRandom", "80030f4900", "41820020ccfba2b207a13a56dc0feb50d767fae2c5fbb92da64757932e1420714e361cd89000"],
  ["deleteCryptoObject", "800410280441020101", "9000"],
  ["writeRsaKey", "800162000a4104ef00004442020800", "9000"],
  [
    "rsaCipher",
    "8003023800010d4104ef00004442010c438201000001ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff003031300d060960864801650304020105000420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000",
    "4182010034ec76312c346fb54ad9bf5ce625830ac6933439c4e261d081226f87d0005a0c622770c5b07309973b3b9ec154a84703620ca76d69acca5f3416068a163ced8b80cc6da52fe9c3679a146b787bfb4dfa56e09db00c3e1b59fac2200e5ae4d701a617364f51b38d540a99c5e165bb6973e265870c268837988148ba589758226db928d793c3849a51e9ed1946d17050af265480dee1b0f6229a1090444ecd5af06abb2367c2ce8ece60e55cc7a7c92b12dbcdcfe6ea4e78c3ec1cdd024a99bd2806ebcba7b82118c2d529ba1448aa1d70548e5d095880bd2068b2d440bbe97b9f70bcb9dd484a4e47477d3bbe0cc3fa54109b4988e389e95f06a649d5eabb9c919000",
  ],
  [
    "pbkdf2",
    "8003002e1e41047d51f001420e736f6d652d776966692d737369644302100044020020",
    "41820020c9a669f96da274a14143a9edd18f681bb13e6b8bf016027a7d72bf0e0c53cd7c9000",
  ],
  [
    "getExtVersion",
    "8004002100",
    "4182002507020007fe010b0000000000000000000000000000000000000000000000000000000000009000",
  ],
  ["triggerSelfTest", "80040058044102fe01", "4101019000"],
  [
    "triggerSelfTestAttested",
    "802400581f4102fe014504f000001246012147100102030405060708090a0b0c0d0e0f10",
    "41010142820012040050019ae4b5e48e43d5b6fe0c2c89827c4482000200014f82000c00000000000000000000002252820047304502206cbecd5ff36ede5a24e2e165288b234d7a3ed17fab1769f3d2fa0043d573d135022100fae277ccf1198cbf009fa5234d5ce49b35b1e36785d4e240a29d72673bd0f75a9000",
  ],
  [
    "sendCardManagerCommand",
    "8004005509410780ca00fe02df28",
    "41820049fe45df2842010c0001a9219ae4b5e48e43d5b60208000000000000000003184a33523335313032394234313131303000000000000000000501000701010808524f4d5f5f5f494490009000",
  ],
  [
    "readAttributesAttested",
    "8022003b00002141047fff02064504f000001246012147100102030405060708090a0b0c0d0e0f100000",
    "42820012040050019ae4b5e48e43d5b6fe0c2c89827c438200187fff02060b010000000000000000080000000000200000034482000200124f82000c00000000000000000000001e5282004730450220560165531f0583a3f33062362654a9bd6c00fcc725546e7a2e01bb4678ddad7f022100a3dfb12483442115cf190cbd7af6675f9dcfa69b17b852ac754e658a196707949000",
  ],
  ["tlsPremaster", "80030f4a12410420000001420400000000430420000002", "9000"],
  [
    "tlsPrf",
    "80030f4b00003e410420000002420104430d6d61737465722073656372657444200700000000000000000000000000000000000000000000000000000000000000450200300000",
    "4182003060cdba4e611c4a8d2e8c04e63f3fbfbc7f56f5179cb1e8a5bce6bd9c3b5b21eb07f4bd1189ba1870394c136c7b290e059000",
  ],
  [
    "tlsPrf",
    "80030f5a00005e410420000003420104430d6b657920657870616e73696f6e444007070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707450200300000",
    "418200302b58eb65ccaca0a492b016b933f973d26ff82cc1515c9497bc1bb5f3f9928df6f3dd956bfb9f56b11b49334f8e38c0df9000",
  ],
  ["exchangeSessionData", "8004001f09410706e0000064003c", "9000"],
  ["refreshSession", "8004001e09110706e0000064003c", "9000"],
  ["refreshSession", "8004001e", "9000"],
  ["setLockState", "8004003e06410101420102", "9000"],
  ["setAppletFeatures", "8004003f0441023fff", "9000"],
  ["disableObjectCreation", "8004005706410101420101", "9000"],
  ["deleteAll", "8004002a", "9000"],
  // NXP's programs that rotate the platform's keys and that prepare an import; the first came wrapped in the channel.
  [
    "putKeys",
    "80d80b81460b8811108c64b4628c1fdcffe00ef50f79bdc59703504a778811108c64b4628c1fdcffe00ef50f79bdc59703504a778811108c64b4628c1fdcffe00ef50f79bdc59703504a77",
    "0b504a77504a77504a779000",
  ],
  [
    "importExternal",
    "80060000ea1381b2a61d4f10a00000039654530000000103000000009003ab01338001888101107f4946b04104a621fcad1c332f4b2e5d83503190bfddede2539f83059b3057082f59338695efaa55d31d3a77002ab4672a7996525f27d3faccc056a3e1871d038a5b239ebdeef001035f374730450221009499440325ec5670a853a00642a5ac36d0a68c88246ac6d7f49b62e66e3ae68102206ac40e408a579cee5dc73f8e05211ff44e0192589865af50d4862e590e83812414047da00003412d84010300284d876d8f6d46d98419daae32a5a37879e4bd7dfe0b5c8e99ec5a6c47c35be1c1a15c9ca45417ee0e",
    "9000",
  ],
];

/** The table's form of a command: requests are written as captured but for an Le that a wrapped command carries. */
function rebuilt(command: CommandApdu): Uint8Array {
  const { key, request } = SE05X_COMMAND_SET.recognise(command);
  return encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
}

test("SE05X_COMMANDS: every verified row writes and reads the bytes of NXP's host programs", () => {
  for (const [key, command, answer] of [...VECTORS, ...LIBRARY_VECTORS]) {
    const apdu = decodeExtendedCommand(fromHex(command));
    assert.equal(SE05X_COMMAND_SET.recognise(apdu).key, key);
    assert.equal(toHex(rebuilt(apdu)), command, key);
    const { data, sw } = decodeLongResponse(fromHex(answer));
    assert.equal(sw, 0x9000);
    SE05X_COMMAND_SET.readResponse(key, data);
  }
  const shown = new Set([...VECTORS, ...LIBRARY_VECTORS].map(([key]) => key));
  const rows = Object.entries(SE05X_COMMANDS);
  assert.deepEqual(
    rows
      .filter(([, row]) => !row.unverified)
      .map(([key]) => key)
      .toSorted(),
    [...shown].toSorted(),
  );
  const { unverified } = verificationCounts(SE05X_COMMANDS);
  assert.equal(unverified, rows.length - shown.size);
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  assert.ok(readme.includes(`\`unverified: true\`: ${unverified} of ${rows.length}.`), "the README counts them");
});

test("SE05X_COMMANDS: every captured request of a built command is written back as it came", (t) => {
  if (!existsSync(CAPTURES)) return t.skip("the captures are not here");
  const requests = readFileSync(CAPTURES, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("> "));
  let count = 0;
  for (const line of requests) {
    const apdu = decodeExtendedCommand(fromHex(line.slice(2)));
    // Whether a wrapped command is extended depends on what it wraps; its fields are compared above.
    if (apdu.ins === 0x05) continue;
    assert.equal(toHex(rebuilt(apdu)), line.slice(2));
    count++;
  }
  assert.equal(count, 44);
});

test("SE05X_COMMANDS keep flags of the instruction, and tags in any order", () => {
  const transient = SE05X_COMMAND_SET.recognise(
    decodeExtendedCommand(fromHex("8081610009 420103 41047da00001".replaceAll(" ", ""))),
  );
  assert.deepEqual(
    [transient.key, transient.request],
    ["writeEcKey", { insFlags: 0x80, part: 0x60, curve: 3, objectId: 0x7da00001 }],
  );
  const built = SE05X_COMMAND_SET.build("writeUserId", { insFlags: 0x40, objectId: 1, value: fromHex("31323334") });
  assert.equal(toHex(encodeExtendedCommand(built)), "8041070 00c4104000000014204 31323334".replaceAll(" ", ""));
});

test("SE05X_COMMANDS answer byte strings as silicon does, with lengths 82 hh ll, and numbers short", () => {
  const answer = (key: Se05xCommandName, fields: object) =>
    toHex(SE05X_COMMAND_SET.writeResponse(SE05X_COMMANDS[key], fields as never));
  // NXP's documentation of plug-and-trust shows a real SE050's answer to GetVersion.
  const info = { appletVersion: 0x030100, features: 0x3fff, secureBoxVersion: 0x010b };
  assert.equal(answer("getVersion", { info }), "4182000703 01003fff010b".replaceAll(" ", ""));
  assert.equal(answer("exists", { result: 1 }), "410101");
  assert.equal(answer("readSize", { size: 32 }), "41020020");
});

test("policyEntries read NXP's captured policies and refuse entries without a whole header", () => {
  const captured = "08000000001f0d90007fffffff87d3e393198f5c80e0bc9bc982001fb0ee201c270b6dc88452e413a325568175";
  // The captured entry of 44 bytes carries a register's identifier and value behind its header.
  const entries = decode(policyEntries, fromHex(`2c${captured.slice(2)}`));
  assert.deepEqual(
    entries.map(({ authObjectId, rights, extension }) => [authObjectId, rights, extension.length]),
    [[0, 0x1f0d9000, 36]],
  );
  assert.equal(((entries[0]?.rights ?? 0) & RIGHT.requirePcr) !== 0, true);
  assert.equal(toHex(encode(policyEntries, entries)), `2c${captured.slice(2)}`);
  for (const hex of ["07000000001f0d90", "0800000000", "00"]) {
    assert.throws(() => decode(policyEntries, fromHex(hex)), DecodeError, hex);
  }
});

test("describeExchange shows no key material of SE05x commands", () => {
  for (const [key, command, answer] of [...VECTORS, ...LIBRARY_VECTORS]) {
    const row = SE05X_COMMANDS[key];
    const described = describeExchange(SE05X_COMMAND_SET, fromHex(command), fromHex(answer));
    assert.equal(described.name, row.name);
    assert.equal(described.command === "redacted", row.secretRequest.length > 0, key);
    for (const name of [...row.secretRequest, ...row.secretResponse]) {
      assert.ok(!(name in described.fields) || described.fields[name] === "redacted", `${key} ${name}`);
    }
  }
});

test("SE05X_COMMAND_SET throws only ProtocolError with a status word, whatever the data is", () => {
  const rows = fc.constantFrom(...Object.values(SE05X_COMMANDS));
  fc.assert(
    fc.property(rows, fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }), (row, p1, data) => {
      try {
        SE05X_COMMAND_SET.recognise({ cla: row.cla, ins: row.ins, p1, p2: 0x00, data });
      } catch (error) {
        assert.ok(error instanceof ProtocolError && typeof error.reply === "number", String(error));
      }
    }),
  );
});
