import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { APPLET_72_KEYS, bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { type PolicyEntry, RIGHT, type Right } from "../../apdu/se05x/index.ts";
import { concat, equal, fromHex } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { nodeSe05xCrypto } from "../node.ts";
import { demandRight } from "./access.ts";

const [OBJECT, USER, AES, OTHER] = [0x20000001, 0x30000001, 0x30000002, 0x30000003];
const PIN = fromHex("c001020304");
const AES_KEY = fromHex("404142434445464748494a4b4c4d4e4f");
const DIGEST = new Uint8Array(32).fill(3);
const NONE = new Uint8Array(0);

/** Every command of the table that a policy of a P-256 pair decides on, and the right that it takes. */
const USES = {
  sign: bytesOf("sign", { objectId: OBJECT, algorithm: 0x21, digest: DIGEST }),
  verify: bytesOf("verify", { objectId: OBJECT, algorithm: 0x21, digest: DIGEST, signature: DIGEST }),
  keyAgreement: bytesOf("agree", { objectId: OBJECT, peerPoint: nodeSe05xCrypto.p256.publicPoint(DIGEST) }),
  read: bytesOf("readObject", { objectId: OBJECT }),
  generate: bytesOf("writeEcKey", { part: 0x60, objectId: OBJECT }),
  write: bytesOf("writeEcKey", {
    part: 0x60,
    objectId: OBJECT,
    privateKey: DIGEST,
    publicKey: nodeSe05xCrypto.p256.publicPoint(DIGEST),
  }),
  attest: bytesOf("readAttested", {
    objectId: 0x7fff0206,
    attestationId: OBJECT,
    algorithm: 0x21,
    freshness: DIGEST.slice(16),
  }),
  delete: bytesOf("deleteObject", { objectId: OBJECT }),
  tlsPremaster: bytesOf("tlsPremaster", {
    keyPairId: OBJECT,
    targetId: OTHER,
    input: nodeSe05xCrypto.p256.publicPoint(DIGEST),
  }),
} as const satisfies Partial<Record<Right, Uint8Array>>;
type Use = keyof typeof USES;

type Kind = { readonly authObjectId: number; readonly secured: boolean };
/** Sessions to try: none, the platform's channel, one by user identifier in either, one by AES key. */
const SESSIONS: readonly (Kind & { open(host: Host): Host })[] = [
  { authObjectId: 0, secured: false, open: (host) => host },
  { authObjectId: 0, secured: true, open: platform },
  { authObjectId: USER, secured: false, open: byUser },
  { authObjectId: USER, secured: true, open: (host) => byUser(platform(host)) },
  {
    authObjectId: AES,
    secured: true,
    open: (host) =>
      host
        .inSession(host.send("createSession", { objectId: AES }).sessionId)
        .openChannel({ enc: AES_KEY, mac: AES_KEY }, { keyVersion: 0 }),
  },
];

function platform(host: Host): Host {
  return host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b });
}

function byUser(host: Host): Host {
  const session = host.inSession(host.send("createSession", { objectId: USER }).sessionId);
  session.send("verifySessionUserId", { value: PIN });
  return session;
}

/** The reference: a right is granted by an entry that is mine, says so, and whose condition holds; a ban of mine wins. */
function isAllowed(policy: readonly PolicyEntry[], { authObjectId, secured }: Kind, use: Use): boolean {
  let allowed = false;
  for (const entry of policy) {
    if (entry.authObjectId !== 0 && entry.authObjectId !== authObjectId) continue;
    if (entry.rights & 0x2000_0000) return false;
    const isSecured = !(entry.rights & 0x0002_0000) || secured;
    const isHeld = !(entry.rights & 0x0001_0000) || equal(entry.extension, conditionOn(HELD));
    if (isSecured && isHeld && entry.rights & RIGHT[use]) allowed = true;
  }
  return allowed;
}

/** A register, what it holds, and how an entry says that it must hold a value. */
const REGISTER = fromHex("20000009");
const HELD = nodeHash.digest("sha256", new Uint8Array(32));

function conditionOn(value: Uint8Array): Uint8Array {
  return concat(REGISTER, value);
}

/** What an entry demands or forbids besides its rights. */
const EXTRAS = [
  { bits: 0, extension: NONE },
  { bits: 0, extension: NONE },
  { bits: 0x0002_0000, extension: NONE },
  { bits: 0x2000_0000, extension: NONE },
  { bits: 0x0001_0000, extension: conditionOn(HELD) },
  { bits: 0x0001_0000, extension: conditionOn(HELD.with(0, 1 ^ (HELD[0] ?? 0))) },
  { bits: 0x0003_0000, extension: conditionOn(HELD) },
] as const;

const entry: fc.Arbitrary<PolicyEntry> = fc
  .tuple(fc.constantFrom(0, USER, AES, OTHER), fc.subarray(Object.keys(USES) as Use[]), fc.constantFrom(...EXTRAS))
  .map(([authObjectId, uses, { bits, extension }]) => ({
    authObjectId,
    rights: uses.reduce<number>((sum, use) => (sum | RIGHT[use]) >>> 0, bits),
    extension,
  }));

test("Se05xChip allows exactly what the reference allows, over policies, sessions and commands", async () => {
  const { chip, host } = await newSe05x();
  host.send("writeUserId", { insFlags: 0x40, objectId: USER, value: PIN });
  host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: AES, value: AES_KEY });
  host.send("writeSymmKey", { kind: 5, objectId: OTHER, value: DIGEST });
  host.send("writePcr", { objectId: 0x20000009, initial: new Uint8Array(32) });
  assert.deepEqual(host.send("readObject", { objectId: 0x20000009 }).bytes, HELD);
  const before = new MemoryInRam();
  chip.saveTo(before);
  const outcomes = { allowed: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), fc.constantFrom(...SESSIONS), (policy, session) => {
      for (const use of Object.keys(USES) as Use[]) {
        chip.restoreFrom(before);
        host.send("writeEcKey", { part: 0x60, objectId: OBJECT, policy });
        const { sw } = session.open(host).raw(USES[use]);
        const expected = isAllowed(policy, session, use);
        assert.equal(sw !== 0x6986, expected, `${use} answers ${sw.toString(16)}`);
        assert.ok(!expected || sw === 0x9000, `${use} answers ${sw.toString(16)}`);
        outcomes[expected ? "allowed" : "refused"]++;
      }
    }),
    { numRuns: process.env.HAWSER_DEEP === "1" ? 400 : 40 },
  );
  assert.ok(outcomes.allowed > 20 && outcomes.refused > 20, JSON.stringify(outcomes));
});

test("demandRight grants what depends on a register only while it holds the value that the entry names", () => {
  const [register, value] = [fromHex("20000009"), new Uint8Array(32).fill(7)];
  const rights = (RIGHT.sign | RIGHT.requirePcr) >>> 0;
  const policy = [{ authObjectId: 0, rights, extension: concat(register, value) }];
  const object = {
    id: OBJECT,
    content: { kind: "binary", bytes: NONE } as const,
    policy,
    origin: 1,
    transient: false,
    authentication: false,
    maxAttempts: 0,
    failedAttempts: 0,
    madeBy: 0,
    version: 0,
    writes: 1,
  };
  const caller = { authObjectId: 0, secured: false };
  const holding = (held: Uint8Array | undefined) => (id: number) =>
    equal(register, Uint8Array.of(id >> 24, id >> 16, id >> 8, id)) ? held : undefined;
  demandRight(object, caller, "sign", holding(value));
  const refused = { code: "status-word", wire: 0x6986 };
  assert.throws(() => demandRight(object, caller, "sign", holding(value.with(0, 8))), refused);
  assert.throws(() => demandRight(object, caller, "sign", holding(undefined)), refused);
  assert.throws(() => demandRight(object, caller, "verify", holding(value)), refused);
});

test("Se05xChip refuses policies whose conditions are not whole, and serves authentication objects for nothing else", async () => {
  const { host } = await newSe05x();
  const write = (rights: number, extension: Uint8Array) =>
    host.sw("writeBinary", { objectId: OBJECT, length: 4, policy: [{ authObjectId: 0, rights, extension }] });
  assert.equal(write(RIGHT.requirePcr, NONE), "6a80");
  assert.equal(write(RIGHT.read, fromHex("00")), "6a80");
  host.send("writeSymmKey", { insFlags: 0x40, kind: 3, objectId: AES, value: AES_KEY });
  assert.equal(host.sw("cipher", { direction: 0x37, objectId: AES, mode: 0x0e, input: AES_KEY }), "6986");
  assert.equal(host.sw("mac", { objectId: AES, algorithm: 0x31, input: PIN }), "6986");
  const publicKey = nodeSe05xCrypto.p256.publicPoint(DIGEST);
  host.send("writeEcKey", { insFlags: 0x40, part: 0x20, objectId: OTHER, curve: 3, publicKey });
  assert.equal(
    host.raw(bytesOf("verify", { objectId: OTHER, algorithm: 0x21, digest: DIGEST, signature: PIN })).sw,
    0x6986,
  );
  host.send("deleteObject", { objectId: OTHER });
});
