import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";

import { nodeSe05xCrypto } from "../../chip/node.ts";
import { Se05xChip } from "../../chip/se05x/index.ts";
import { concat, fromHex, HawserError, toHex } from "../../codec/index.ts";
import {
  type EphemeralKey,
  type HashName,
  type MasterSecretSource,
  prf12,
  SeededEntropy,
  VirtualClock,
} from "../../crypto/index.ts";
import { nodeHash, nodeKeyAgreement, nodeSigner, privateKeyFromPem } from "../../crypto/node.ts";
import { Ledger } from "../../trace/index.ts";
import { localTransport } from "../index.ts";
import { secretObject, Se05x, Se05xCertificateVerifier, type Se05xDerivation, Se05xTls } from "./index.ts";

const PSK = fromHex("00112233445566778899aabbccddeeff");
const SERVER_RANDOM = fromHex("5e".repeat(32));

async function newChip() {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(nodeHash, "tls");
  const chip = await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, entropy, clock });
  const trace = new Ledger({ clock });
  const device = await Se05x.open(localTransport(chip), { hash: nodeHash, clock, trace });
  await device.send("writeSymmKey", { kind: 0x05, objectId: secretObject(0), value: PSK });
  const tls = new Se05xTls(device);
  const secrets = (derivation: Se05xDerivation, psk: number | undefined = 0) =>
    tls.secrets({ derivation, hash: nodeHash, clock, leaseMs: 5000, ...(psk === undefined ? {} : { psk }) });
  const objects = async () => toHex((await device.send("readIdList", { offset: 0, filter: 0xff })).ids);
  return { clock, device, tls, secrets, trace, objects };
}

/** RFC 4279, section 2; RFC 5489, section 2 */
function premaster(kind: MasterSecretSource["kind"], shared: Uint8Array): Uint8Array {
  if (kind === "ecdhe") return shared;
  const other = kind === "psk" ? new Uint8Array(PSK.length) : shared;
  const length = (bytes: Uint8Array) => Uint8Array.of(bytes.length >> 8, bytes.length & 0xff);
  return concat(length(other), other, length(PSK), PSK);
}

function sourceOf(kind: MasterSecretSource["kind"], ephemeral: EphemeralKey, peerKey: Uint8Array): MasterSecretSource {
  return kind === "psk" ? { kind } : { kind, ephemeral, peerKey };
}

function code(expected: string) {
  return (error: unknown) => error instanceof HawserError && error.code === expected;
}

for (const derivation of ["codes", "prf"] as const) {
  for (const kind of ["ecdhe", "psk", "ecdhe_psk"] as const) {
    for (const hash of ["sha256", "sha384"] as const satisfies readonly HashName[]) {
      test(`A5-04 A5-34 A5-35 A5-36 Se05xTls by ${derivation} derives of ${kind} with ${hash} what the server derives`, async () => {
        const { secrets, tls, objects } = await newChip();
        const keeper = secrets(derivation);
        const before = await objects();
        const ephemeral = await tls.keyAgreement.generate("secp256r1");
        const peer = await nodeKeyAgreement.generate("secp256r1");
        const random = (await keeper.clientRandom?.()) ?? fromHex("c1".repeat(32));
        assert.equal(keeper.clientRandom === undefined, derivation === "codes");
        const seed = concat(random, SERVER_RANDOM);
        const label = "master secret";
        const source = sourceOf(kind, ephemeral, peer.publicKey);
        const master = await keeper.deriveMaster({ hash, label, seed, source });
        const secret = premaster(kind, await peer.agree(ephemeral.publicKey));
        const expected = prf12(nodeHash, hash, { secret, label, seed: [seed], length: 48 });
        const wanted = { hash, label: "key expansion", seed: SERVER_RANDOM, length: 40 } as const;
        assert.equal(
          toHex(await master.expand(wanted)),
          toHex(prf12(nodeHash, hash, { ...wanted, secret: expected, seed: [SERVER_RANDOM] })),
        );
        await keeper.release();
        // Premaster secret and ephemeral key are gone from the chip, but for an ephemeral key that was not used.
        if (kind === "psk") await ephemeral.agree(peer.publicKey);
        assert.equal(await objects(), before);
      });
    }
  }
}

test("Se05xTls by codes derive the extended master secret; by the chip's command they do not", async () => {
  const { secrets, tls } = await newChip();
  const peer = await nodeKeyAgreement.generate("secp256r1");
  const ephemeral = await tls.keyAgreement.generate("secp256r1");
  const source = { kind: "ecdhe", ephemeral, peerKey: peer.publicKey } as const;
  const [label, seed] = ["extended master secret", fromHex("7a".repeat(32))];
  const byCodes = secrets("codes");
  assert.equal(byCodes.extendedMasterSecret, true);
  const master = await byCodes.deriveMaster({ hash: "sha256", label, seed, source });
  const secret = await peer.agree(ephemeral.publicKey);
  const expected = prf12(nodeHash, "sha256", { secret, label, seed: [seed], length: 48 });
  const finished = { hash: "sha256", label: "client finished", seed, length: 12 } as const;
  const verifyData = prf12(nodeHash, "sha256", { ...finished, secret: expected, seed: [seed] });
  assert.equal(toHex(await master.expand(finished)), toHex(verifyData));
  const byCommand = secrets("prf");
  assert.equal(byCommand.extendedMasterSecret, false);
  await byCommand.clientRandom?.();
  const another = { ...source, ephemeral: await tls.keyAgreement.generate("secp256r1") };
  await assert.rejects(byCommand.deriveMaster({ hash: "sha256", label, seed, source: another }), code("not-in-chip"));
});

test("A5-32 Se05xTls make the master secret of an agreement that the host made, and nothing of it stays", async () => {
  const { secrets, objects } = await newChip();
  const before = await objects();
  const [ours, peer] = [await nodeKeyAgreement.generate("secp256r1"), await nodeKeyAgreement.generate("secp256r1")];
  const source = { kind: "ecdhe", ephemeral: ours, peerKey: peer.publicKey } as const;
  const seed = fromHex("7a".repeat(32));
  const master = await secrets("codes").deriveMaster({ hash: "sha256", label: "master secret", seed, source });
  const secret = await peer.agree(ours.publicKey);
  const expected = prf12(nodeHash, "sha256", { secret, label: "master secret", seed: [seed], length: 48 });
  const wanted = { hash: "sha256", label: "client finished", seed, length: 12 } as const;
  assert.equal(
    toHex(await master.expand(wanted)),
    toHex(prf12(nodeHash, "sha256", { ...wanted, secret: expected, seed: [seed] })),
  );
  assert.equal(await objects(), before);
});

test("the premaster secret is in an object that nobody can read, and its bytes never cross the bus", async () => {
  const { secrets, tls, trace } = await newChip();
  const peer = await nodeKeyAgreement.generate("secp256r1");
  const ephemeral = await tls.keyAgreement.generate("secp256r1");
  const source = { kind: "ecdhe", ephemeral, peerKey: peer.publicKey } as const;
  await secrets("codes").deriveMaster({ hash: "sha256", label: "master secret", seed: SERVER_RANDOM, source });
  const secret = toHex(await peer.agree(ephemeral.publicKey));
  const exchanges = trace.events({ kinds: ["bus.exchange"] });
  assert.ok(exchanges.some((event) => event.kind === "bus.exchange" && event.name === "TLSCalculatePreMasterSecret"));
  assert.ok(!JSON.stringify(exchanges).includes(secret));
});

test("handshakes by the chip's command take turns, a stalled one up to its deadline; other commands go on", async () => {
  const { clock, device, secrets } = await newChip();
  const [stalled, next] = [secrets("prf"), secrets("prf")];
  const random = await stalled.clientRandom?.();
  assert.equal((await device.random.random(4)).length, 4);
  const waiting = next.clientRandom?.();
  clock.advance(5000);
  assert.equal((await waiting)?.length, 32);
  const request = { hash: "sha256", label: "master secret", source: { kind: "psk" } } as const;
  const seed = concat(random ?? new Uint8Array(0), SERVER_RANDOM);
  await assert.rejects(stalled.deriveMaster({ ...request, seed }), code("lease-expired"));
  const third = secrets("prf");
  const given = third.clientRandom?.() ?? assert.fail();
  await third.release();
  await next.release();
  await assert.rejects(given, code("lease-expired"));
});

test("Se05xTls name what they cannot do, and leave nothing behind when the chip refuses", async () => {
  const { device, secrets, tls, objects } = await newChip();
  const seed = concat(SERVER_RANDOM, SERVER_RANDOM);
  const request = { hash: "sha256", label: "master secret", seed } as const;
  const peer = await nodeKeyAgreement.generate("secp256r1");
  const onHost = await nodeKeyAgreement.generate("secp256r1");
  await assert.rejects(
    secrets("codes").deriveMaster({
      ...request,
      source: { kind: "ecdhe_psk", ephemeral: onHost, peerKey: peer.publicKey },
    }),
    code("not-in-chip"),
  );
  await assert.rejects(secrets("prf").deriveMaster({ ...request, source: { kind: "psk" } }), code("not-in-chip"));
  const without = tls.secrets({ hash: nodeHash, clock: new VirtualClock() });
  assert.deepEqual(without.sources, ["ecdhe"]);
  await assert.rejects(without.deriveMaster({ ...request, source: { kind: "psk" } }), code("not-in-chip"));
  await assert.rejects(tls.keyAgreement.generate("x25519"), code("not-in-chip"));
  const before = await objects();
  await assert.rejects(secrets("codes", 9).deriveMaster({ ...request, source: { kind: "psk" } }), code("status-word"));
  const ephemeral = await tls.keyAgreement.generate("secp256r1");
  const offCurve = concat(Uint8Array.of(4), new Uint8Array(64).fill(1));
  await assert.rejects(
    secrets("codes").deriveMaster({ ...request, source: { kind: "ecdhe", ephemeral, peerKey: offCurve } }),
    code("status-word"),
  );
  assert.equal(await objects(), before);
  await assert.rejects(ephemeral.agree(peer.publicKey), code("ephemeral-key-replaced"));
  const wrong = await tls.keyAgreement.generate("secp256r1");
  for (let i = 0; i < 4; i++) await tls.keyAgreement.generate("secp256r1");
  await assert.rejects(wrong.agree(peer.publicKey), code("ephemeral-key-replaced"));
  assert.equal((await device.random.random(4)).length, 4);
});

for (const [curve, algorithm] of [
  ["prime256v1", "ecdsa_sha256"],
  ["secp384r1", "ecdsa_sha384"],
] as const) {
  test(`Se05xCertificateVerifier keeps a key on ${curve}, verifies with it in the chip, and lets it go`, async () => {
    const { device, objects } = await newChip();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
    const signer = nodeSigner(privateKeyFromPem(privateKey.export({ format: "pem", type: "pkcs8" })));
    const content = fromHex("0102");
    const check = { algorithm, content, signature: await signer.sign(algorithm, content) };
    const verifier = new Se05xCertificateVerifier(device, nodeHash);
    const before = await objects();
    assert.equal(await verifier.verify({ ...check, publicKey: signer.publicKey }), true);
    const key = await verifier.keep(signer.publicKey);
    assert.notEqual(await objects(), before);
    assert.equal(await key.verify(check), true);
    assert.equal(await key.verify({ ...check, content: fromHex("0103") }), false);
    await assert.rejects(key.verify({ ...check, algorithm: "rsa_pss_sha256" }), code("not-in-chip"));
    await key.release();
    await key.release();
    assert.equal(await objects(), before);
    await assert.rejects(key.verify(check), code("not-in-chip"));
    await assert.rejects(verifier.keep(new Uint8Array(10)), code("not-in-chip"));
  });
}
