import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import { RIGHT, SE05X_OBJECT } from "../../apdu/se05x/index.ts";
import { nodeSe05xCrypto } from "../../chip/node.ts";
import { Se05xChip, type Se05xModelName, testServiceScalar } from "../../chip/se05x/index.ts";
import { fromHex, HawserError, toHex } from "../../codec/index.ts";
import { ecPublicKeyInfo, ecPublicPoint, SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash, nodeKeyAgreement, nodeSigner, nodeVerifier } from "../../crypto/node.ts";
import { localTransport, type Transport } from "../index.ts";
import { Se05x, type Se05xAccess, type SessionProof } from "./index.ts";

/** NXP's published keys of the platform's secure channel, for applet 7.2 and the SE050 development kit (AN12436). */
const APPLET_72_KEYS = {
  enc: fromHex("d2db63e7a0a5aed72a6460c4dfdcaf64"),
  mac: fromHex("738d5b798ed241b0b24768514bfba95b"),
};
const DEVELOPMENT_KIT_KEYS = {
  enc: fromHex("35c256458958a34f6136155f8209d6cd"),
  mac: fromHex("af177d5dbdf7c0d5c10a05b9f1607f78"),
};

const [USER, AES, EC, KEY] = [0x30000001, 0x30000002, 0x30000003, 0x20000001];
const PIN = fromHex("c001020304");
const AES_KEY = fromHex("404142434445464748494a4b4c4d4e4f");
const PEM = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export({ type: "sec1", format: "pem" });
const SIGNER = nodeSigner(createPrivateKey(PEM));
const PORTS = { aes, entropy: new SeededEntropy(nodeHash, "access") };
const EC_PROOF = {
  kind: "ec",
  objectId: EC,
  signer: SIGNER,
  agreement: nodeKeyAgreement,
  verifier: nodeVerifier,
} as const;
const PROOFS: readonly SessionProof[] = [
  { kind: "userId", objectId: USER, value: PIN },
  { kind: "aes", objectId: AES, key: AES_KEY },
  EC_PROOF,
];

async function newPart(model: Se05xModelName = "se051") {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "part");
  const chip = await Se05xChip.open({ model, crypto: nodeSe05xCrypto, entropy, clock });
  const open = (access?: Se05xAccess, transport: Transport = localTransport(chip)) =>
    Se05x.open(transport, { hash: nodeHash, clock, ...(access ? { access } : {}) });
  const device = await open();
  await device.send("writeUserId", { insFlags: 0x40, objectId: USER, value: PIN });
  await device.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: AES, value: AES_KEY });
  const publicKey = ecPublicPoint(SIGNER.publicKey)?.point ?? assert.fail();
  await device.send("writeEcKey", { insFlags: 0x40, part: 0x20, objectId: EC, curve: 3, publicKey });
  return { chip, open, device };
}

function codeIs(code: string, wire?: number) {
  return (error: unknown) =>
    error instanceof HawserError && error.code === code && (error as { wire?: unknown }).wire === wire;
}

test("Se05x works in sessions of every kind, in the clear and inside the platform's channel, on every applet", async () => {
  for (const [model, keys] of [
    ["se051", APPLET_72_KEYS],
    ["se050", DEVELOPMENT_KIT_KEYS],
  ] as const) {
    const { open, device } = await newPart(model);
    const policy = [USER, AES, EC].map((authObjectId) => ({
      authObjectId,
      rights: (RIGHT.sign | RIGHT.read) >>> 0,
      extension: new Uint8Array(0),
    }));
    await device.send("writeEcKey", { part: 0x60, objectId: KEY, policy });
    for (const platform of [undefined, { keys }]) {
      for (const session of PROOFS) {
        const access = { ...PORTS, ...(platform ? { platform } : {}), session };
        const member = await open(access);
        const signer = await member.signer(KEY);
        const content = fromHex("00112233");
        const signature = await signer.sign("ecdsa_sha256", content);
        const check = { publicKey: signer.publicKey, algorithm: "ecdsa_sha256", content, signature } as const;
        assert.equal(await nodeVerifier.verify(check), true, `${model} ${session.kind}`);
        await member.writeCertificate(3, new Uint8Array(1300).fill(1));
        assert.deepEqual(await member.readCertificate(3), new Uint8Array(1300).fill(1));
        await assert.rejects(
          member.asUser(USER, PIN, async () => undefined),
          codeIs("bad-argument"),
        );
        await member.close();
      }
      const nobody = await open(platform ? { ...PORTS, platform } : undefined);
      await assert.rejects(nobody.signer(KEY), codeIs("status-word", 0x6986));
    }
  }
});

test("Se05x is refused with a wrong proof, whatever its kind, and leaves no session open behind it", async () => {
  const { open } = await newPart();
  const stranger = nodeSigner(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
  for (let i = 0; i < 3; i++) {
    const wrong = { kind: "userId", objectId: USER, value: PIN.toReversed() } as const;
    await assert.rejects(open({ ...PORTS, session: wrong }), codeIs("session-proof", 0x6985));
    await assert.rejects(
      open({ ...PORTS, session: { kind: "aes", objectId: AES, key: new Uint8Array(16) } }),
      codeIs("secure-channel"),
    );
    const strange = { ...EC_PROOF, signer: stranger };
    await assert.rejects(open({ ...PORTS, session: strange }), codeIs("session-proof", 0x6982));
  }
  for (const session of [
    { kind: "aes", objectId: AES, key: new Uint8Array(4) },
    { kind: "userId", objectId: USER, value: new Uint8Array(3) },
    { kind: "userId", objectId: USER, value: new Uint8Array(17) },
  ] as const) {
    await assert.rejects(open({ ...PORTS, session }), codeIs("bad-argument"));
  }
  await assert.rejects(open({ ...PORTS, platform: { keys: DEVELOPMENT_KIT_KEYS } }), codeIs("secure-channel"));
  for (const half of ["enc", "mac"] as const) {
    const keys = { ...APPLET_72_KEYS, [half]: new Uint8Array(16) };
    await assert.rejects(open({ ...PORTS, platform: { keys } }), codeIs("secure-channel"));
  }
  const absent = { keys: APPLET_72_KEYS, keyVersion: 0x0c };
  await assert.rejects(open({ ...PORTS, platform: absent }), codeIs("status-word", 0x6a88));
});

test("Se05x opens a session by EC key only with the chip whose attestation key it was given", async () => {
  const { open, device } = await newPart();
  const point = (await device.send("readObject", { objectId: SE05X_OBJECT.attestationKey })).bytes;
  const attestationKey = ecPublicKeyInfo(point);
  await (await open({ ...PORTS, session: { ...EC_PROOF, attestationKey } })).close();
  const other = { ...EC_PROOF, attestationKey: SIGNER.publicKey };
  await assert.rejects(open({ ...PORTS, session: other }), codeIs("secure-channel"));
});

test("A5-39 parts are born with the user of a service, whose private key everybody can compute", async () => {
  for (const model of ["a5000", "se050", "se051"] as const) {
    const { open, device } = await newPart(model);
    const scalar = testServiceScalar(nodeHash);
    const point = (await device.send("readObject", { objectId: SE05X_OBJECT.serviceUser })).bytes;
    assert.deepEqual(point, nodeSe05xCrypto.p256.publicPoint(scalar));
    const [x, y, d] = [point.slice(1, 33), point.slice(33), scalar].map((each) =>
      Buffer.from(each).toString("base64url"),
    ) as [string, string, string];
    const key = createPrivateKey({ key: { kty: "EC", crv: "P-256", x, y, d }, format: "jwk" });
    const service = { ...EC_PROOF, objectId: SE05X_OBJECT.serviceUser };
    const inside = await open({ ...PORTS, session: { ...service, signer: nodeSigner(key) } });
    // As claim codes are: everybody may write and delete one, and the service may read it.
    const all = RIGHT.read | RIGHT.write | RIGHT.delete;
    const extension = new Uint8Array(0);
    const policy = [
      { authObjectId: 0, rights: RIGHT.write | RIGHT.delete, extension },
      { authObjectId: SE05X_OBJECT.serviceUser, rights: all, extension },
    ];
    const objectId = 0xf000_00e0;
    assert.equal((await device.send("exists", { objectId })).result, 2, "no part is born with a claim code");
    await device.send("writeBinary", { objectId, length: 4, data: fromHex("63616665"), policy });
    assert.equal(toHex((await inside.send("readObject", { objectId })).bytes), "63616665");
    await inside.close();
    await assert.rejects((await open()).send("readObject", { objectId }), codeIs("status-word", 0x6986));
    for (const forged of [SIGNER, nodeSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey)]) {
      const session = { ...service, signer: forged };
      await assert.rejects(open({ ...PORTS, session }), codeIs("session-proof", 0x6982));
    }
    await assert.rejects(
      device.send("deleteObject", { objectId: SE05X_OBJECT.serviceUser }),
      codeIs("status-word", 0x6986),
    );
  }
});

test("Se05x sends nothing more once its channel broke, and says so each time", async () => {
  const { chip, open } = await newPart();
  for (const access of [
    { ...PORTS, platform: { keys: APPLET_72_KEYS } },
    { ...PORTS, session: PROOFS[1] ?? assert.fail() },
  ]) {
    let spoils = false;
    let exchanges = 0;
    const transport: Transport = {
      async exchange(command) {
        exchanges++;
        const answer = chip.exchange(command);
        return spoils ? answer.with(0, (answer[0] ?? 0) ^ 1) : answer;
      },
      close: async () => undefined,
    };
    const device = await open(access, transport);
    spoils = true;
    await assert.rejects(device.random.random(8), codeIs("secure-channel"));
    spoils = false;
    const before = exchanges;
    await assert.rejects(device.random.random(8), codeIs("secure-channel"));
    assert.equal(exchanges, before);
  }
});
