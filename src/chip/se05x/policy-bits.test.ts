/** Every bit of a policy against every command that a policy decides on, kind of object by kind. SE05x policy table */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Chance } from "../../../test/chip/differential.ts";
import { bytesOf, type Host, newSe05x } from "../../../test/chip/se05x.ts";
import { EC_DOMAINS, RIGHT, type Right } from "../../apdu/se05x/index.ts";
import { concat, fromHex, utf8Bytes, Writer } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";

const [OBJECT, OTHER, TARGET, PEER, REGISTER, LIST, USER] = [1, 2, 3, 4, 5, 6, 7].map((n) => 0x2000_0000 + n) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const G = fromHex(EC_DOMAINS.get(3)?.g ?? "");
const BLOCK = new Uint8Array(16).fill(7);
const DIGEST = new Uint8Array(32).fill(3);
const PIN = fromHex("c001020304");
const ATTESTED = { objectId: 0x7fff0206, attestationId: OBJECT, freshness: BLOCK };

type Use = readonly [string, readonly Right[], Uint8Array];
type Kind = {
  readonly make: (
    host: Host,
    policy: { readonly authObjectId: number; readonly rights: number; readonly extension: Uint8Array },
  ) => void;
  /** Commands, the rights any one of which lets them pass, and their bytes. */
  readonly uses: readonly Use[];
  readonly transient?: true;
};

const DELETE: Use = ["delete", ["delete"], bytesOf("deleteObject", { objectId: OBJECT })];
const READ: Use = ["read", ["read"], bytesOf("readObject", { objectId: OBJECT })];
const sealed = { objectId: OBJECT, family: 0x11, mode: 0xb0, direction: 0x37, input: BLOCK, iv: BLOCK.slice(4) };
const cipher = { objectId: OBJECT, mode: 0x0e, input: BLOCK };
const hkdf = { objectId: OBJECT, algorithm: 4, info: BLOCK, length: 16 };
/** Beside a random of the chip's own, which there is none of: whoever may derive is told so. */
const prf = {
  objectId: OBJECT,
  algorithm: 4,
  phase: 0x4c,
  label: utf8Bytes("x"),
  random: new Uint8Array(32),
  length: 16,
};

/** @table What each kind of object is used for, and the right that it takes. SE05x policy table; SE05x command table, section 4.5 */
const KINDS: Readonly<Record<string, Kind>> = {
  "EC pair": {
    make: (host, entry) => host.send("writeEcKey", { part: 0x60, objectId: OBJECT, policy: [entry] }),
    uses: [
      READ,
      ["sign", ["sign"], bytesOf("sign", { objectId: OBJECT, algorithm: 0x21, digest: DIGEST })],
      ["verify", ["verify"], bytesOf("verify", { objectId: OBJECT, algorithm: 0x21, digest: DIGEST, signature: PIN })],
      ["agree", ["keyAgreement"], bytesOf("agree", { objectId: OBJECT, peerPoint: G })],
      [
        "agreeInto",
        ["keyAgreement"],
        bytesOf("agreeInto", { objectId: OBJECT, peerPoint: G, direction: 0x0f, targetId: TARGET }),
      ],
      ["multiply", ["keyAgreement"], bytesOf("multiply", { objectId: OBJECT, publicKeyId: PEER, algorithm: 6 })],
      ["multiply by", ["keyAgreement"], bytesOf("multiply", { objectId: PEER, publicKeyId: OBJECT, algorithm: 6 })],
      ["premaster", ["tlsPremaster"], bytesOf("tlsPremaster", { keyPairId: OBJECT, targetId: TARGET, input: G })],
      ["attest", ["attest"], bytesOf("readAttested", { ...ATTESTED, algorithm: 0x21 })],
      ["sign listed", ["internalSign", "sign"], bytesOf("sign", { objectId: OBJECT, algorithm: 0x21 })],
      ["generate", ["generate"], bytesOf("writeEcKey", { part: 0x60, objectId: OBJECT })],
      [
        "write",
        ["write"],
        bytesOf("writeEcKey", {
          part: 0x60,
          objectId: OBJECT,
          privateKey: fromHex(`${"00".repeat(31)}01`),
          publicKey: G,
        }),
      ],
      DELETE,
    ],
  },
  "RSA pair": {
    make: (host, entry) =>
      host.send("writeRsaKey", { part: 0x60, form: 0, objectId: OBJECT, bits: 512, policy: [entry] }),
    uses: [
      ["read", ["read"], bytesOf("readObject", { objectId: OBJECT, component: 0 })],
      ["sign", ["sign"], bytesOf("sign", { objectId: OBJECT, algorithm: 0x0a, digest: DIGEST })],
      ["verify", ["verify"], bytesOf("verify", { objectId: OBJECT, algorithm: 0x0a, digest: DIGEST, signature: PIN })],
      [
        "encrypt",
        ["encrypt"],
        bytesOf("rsaCipher", { objectId: OBJECT, algorithm: 0x0a, direction: 0x37, input: BLOCK }),
      ],
      [
        "decrypt",
        ["decrypt"],
        bytesOf("rsaCipher", { objectId: OBJECT, algorithm: 0x0c, direction: 0x38, input: new Uint8Array(64) }),
      ],
      ["attest", ["attest"], bytesOf("readAttested", { ...ATTESTED, algorithm: 0x0a })],
      ["generate", ["generate"], bytesOf("writeRsaKey", { part: 0x60, form: 0, objectId: OBJECT })],
      DELETE,
    ],
  },
  "AES key": {
    make: (host, entry) => host.send("writeSymmKey", { kind: 3, objectId: OBJECT, value: BLOCK, policy: [entry] }),
    uses: [
      ["encrypt", ["encrypt"], bytesOf("cipher", { ...cipher, direction: 0x37 })],
      ["decrypt", ["decrypt"], bytesOf("cipher", { ...cipher, direction: 0x38 })],
      [
        "start encrypting",
        ["encrypt"],
        bytesOf("cipherInit", { objectId: OBJECT, cryptoObjectId: 1, direction: 0x42 }),
      ],
      [
        "start decrypting",
        ["decrypt"],
        bytesOf("cipherInit", { objectId: OBJECT, cryptoObjectId: 1, direction: 0x43 }),
      ],
      ["seal", ["encrypt"], bytesOf("aead", sealed)],
      ["open", ["decrypt"], bytesOf("aead", { ...sealed, direction: 0x38, tag: BLOCK })],
      ["mac", ["sign"], bytesOf("mac", { objectId: OBJECT, algorithm: 0x31, input: BLOCK })],
      ["check", ["verify"], bytesOf("verifyMac", { objectId: OBJECT, algorithm: 0x31, input: BLOCK, mac: BLOCK })],
      [
        "wrap",
        ["wrap"],
        bytesOf("writeSymmKey", { kind: 3, objectId: OTHER, kekId: OBJECT, value: new Uint8Array(24) }),
      ],
      ["write", ["write"], bytesOf("writeSymmKey", { kind: 3, objectId: OBJECT, value: BLOCK })],
      ["derive into", ["write", "derivedInput"], bytesOf("hkdfInto", { ...hkdf, objectId: TARGET, targetId: OBJECT })],
      DELETE,
    ],
  },
  "HMAC key": {
    make: (host, entry) => host.send("writeSymmKey", { kind: 5, objectId: OBJECT, value: DIGEST, policy: [entry] }),
    uses: [
      ["mac", ["sign"], bytesOf("mac", { objectId: OBJECT, algorithm: 0x19, input: BLOCK })],
      ["check", ["verify"], bytesOf("verifyMac", { objectId: OBJECT, algorithm: 0x19, input: BLOCK, mac: BLOCK })],
      ["start a code", ["sign"], bytesOf("macInit", { objectId: OBJECT, cryptoObjectId: 2, direction: 0x03 })],
      ["start a check", ["verify"], bytesOf("macInit", { objectId: OBJECT, cryptoObjectId: 2, direction: 0x44 })],
      ["hkdf", ["derive"], bytesOf("hkdf", hkdf)],
      ["hkdf into", ["derive"], bytesOf("hkdfInto", { ...hkdf, targetId: TARGET })],
      ["expand", ["derive"], bytesOf("hkdfExpand", hkdf)],
      ["salt", ["derive"], bytesOf("hkdf", { ...hkdf, objectId: TARGET, saltId: OBJECT })],
      ["pbkdf2", ["pbkdf"], bytesOf("pbkdf2", { objectId: OBJECT, salt: BLOCK, iterations: 1, length: 16 })],
      ["premaster", ["tlsPremaster"], bytesOf("tlsPremaster", { pskId: OBJECT, targetId: TARGET })],
      ["prf", ["tlsKdf"], bytesOf("tlsPrf", prf)],
      ["write", ["write"], bytesOf("writeSymmKey", { kind: 5, objectId: OBJECT, value: BLOCK })],
      ["premaster into", ["write", "derivedInput"], bytesOf("tlsPremaster", { pskId: TARGET, targetId: OBJECT })],
      [
        "multiply into",
        ["write", "derivedInput"],
        bytesOf("multiply", { objectId: PEER, publicKeyId: PEER, algorithm: 6, targetId: OBJECT }),
      ],
      DELETE,
    ],
  },
  "AES key that leaves": {
    transient: true,
    make: (host, entry) =>
      host.send("writeSymmKey", { kind: 3, insFlags: 0x80, objectId: OBJECT, value: BLOCK, policy: [entry] }),
    uses: [["export", ["importExport"], bytesOf("exportObject", { objectId: OBJECT })]],
  },
  file: {
    make: (host, entry) => host.send("writeBinary", { objectId: OBJECT, length: 4, policy: [entry] }),
    uses: [READ, ["write", ["write"], bytesOf("writeBinary", { objectId: OBJECT, data: PIN.slice(1) })], DELETE],
  },
  counter: {
    make: (host, entry) => host.send("writeCounter", { objectId: OBJECT, size: 4, policy: [entry] }),
    uses: [READ, ["count", ["write"], bytesOf("writeCounter", { objectId: OBJECT })], DELETE],
  },
  register: {
    make: (host, entry) => host.send("writePcr", { objectId: OBJECT, initial: DIGEST, policy: [entry] }),
    uses: [
      READ,
      ["extend", ["write"], bytesOf("writePcr", { objectId: OBJECT, data: BLOCK })],
      ["set back", ["delete"], bytesOf("writePcr", { objectId: OBJECT })],
      DELETE,
    ],
  },
  "user identifier": {
    make: (host, entry) => host.send("writeUserId", { insFlags: 0x40, objectId: OBJECT, value: PIN, policy: [entry] }),
    uses: [DELETE],
  },
};

/** All 32 in the deep run; otherwise those that something takes, and some that nothing does. */
function bitsFor(uses: readonly Use[], chance: Chance): Iterable<number> {
  const all = Array.from({ length: 32 }, (_, i) => (1 << i) >>> 0);
  if (process.env.HAWSER_DEEP === "1") return all;
  const taken = uses.flatMap(([, rights]) => rights.map((right): number => RIGHT[right]));
  return new Set([...taken, RIGHT.forbidAll, ...Array.from({ length: 3 }, () => chance.of(all))]);
}

/** What the two bits take with them. */
function extensionFor(bit: number): Uint8Array {
  if (bit === RIGHT.internalSign) return new Writer(4).u32(LIST).finish();
  if (bit !== RIGHT.requirePcr) return new Uint8Array(0);
  return concat(new Writer(4).u32(REGISTER).finish(), nodeHash.digest("sha256", new Uint8Array(32)));
}

async function world() {
  const { chip, host } = await newSe05x();
  host.send("writeUserId", { insFlags: 0x40, objectId: USER, value: PIN });
  host.send("writeSymmKey", { kind: 5, objectId: TARGET, value: DIGEST });
  host.send("writeEcKey", { part: 0x60, objectId: PEER });
  host.send("writePcr", { objectId: REGISTER, initial: new Uint8Array(32) });
  host.send("writeBinary", { objectId: OTHER, length: 4 });
  host.send("writeBinary", { objectId: LIST, length: 4, data: new Writer(4).u32(OTHER).finish() });
  host.send("deleteObject", { objectId: OTHER });
  host.send("createCryptoObject", { cryptoObjectId: 1, context: 2, subtype: 0x0e });
  host.send("createCryptoObject", { cryptoObjectId: 2, context: 3, subtype: 0x19 });
  const before = new MemoryInRam();
  chip.saveTo(before);
  return { chip, host, before };
}

test("Se05xChip lets a command pass just for the bit of its own, of all 32, for everybody, for a user, and for another", async (t) => {
  const { chip, host, before } = await world();
  const failures: string[] = [];
  const chance = new Chance("bits");
  let count = 0;
  for (const [kind, { make, uses, transient }] of Object.entries(KINDS)) {
    for (const bit of bitsFor(uses, chance)) {
      const made = new MemoryInRam();
      for (const authObjectId of [0, USER]) {
        chip.restoreFrom(before);
        make(host, { authObjectId, rights: bit, extension: extensionFor(bit) });
        chip.saveTo(made);
        for (const [use, rights, command] of uses) {
          const asUser = authObjectId === USER;
          // The crypto objects are nobody's, and so no user's either.
          if (asUser && use.startsWith("start")) continue;
          for (const proven of asUser ? [true, false] : [false]) {
            if (!transient) chip.restoreFrom(made);
            const through = proven ? inSession(host) : host;
            const sw = through.raw(command).sw;
            count++;
            const isAllowed = rights.some((right) => RIGHT[right] === bit) && asUser === proven;
            if ((sw !== 0x6986) !== isAllowed)
              failures.push(`${kind}, bit ${bit.toString(16)}, ${use}${proven ? " proven" : ""}: ${sw.toString(16)}`);
          }
        }
      }
    }
  }
  assert.deepEqual(failures, []);
  t.diagnostic(`${count} commands`);
});

function inSession(host: Host): Host {
  const session = host.inSession(host.send("createSession", { objectId: USER }).sessionId);
  session.send("verifySessionUserId", { value: PIN });
  return session;
}

test("A ban in any entry for the caller wins over all rights, and conditions hold for their own entry alone", async () => {
  const { chip, host, before } = await world();
  const all = Object.values(RIGHT).reduce((sum, bit) => sum | bit, 0);
  const plain =
    (all & ~RIGHT.forbidAll & ~RIGHT.requirePcr & ~RIGHT.requireSecureMessaging & ~RIGHT.internalSign) >>> 0;
  const entry = (authObjectId: number, rights: number, extension: Uint8Array = new Uint8Array(0)) => ({
    authObjectId,
    rights: rights >>> 0,
    extension,
  });
  const read = (policy: ReturnType<typeof entry>[], through: (host: Host) => Host = (same) => same) => {
    chip.restoreFrom(before);
    host.send("writeBinary", { objectId: OBJECT, length: 4, policy });
    return through(host)
      .raw(bytesOf("readObject", { objectId: OBJECT }))
      .sw.toString(16);
  };
  assert.equal(read([entry(0, plain)]), "9000");
  assert.equal(read([entry(0, plain), entry(0, RIGHT.forbidAll)]), "6986");
  assert.equal(read([entry(0, plain), entry(USER, RIGHT.forbidAll)]), "9000", "another's ban");
  assert.equal(read([entry(0, plain), entry(USER, RIGHT.forbidAll)], inSession), "6986");
  const held = extensionFor(RIGHT.requirePcr);
  const wrong = held.with(35, (held[35] ?? 0) ^ 1);
  assert.equal(read([entry(0, RIGHT.read | RIGHT.requirePcr, held)]), "9000");
  assert.equal(read([entry(0, RIGHT.read | RIGHT.requirePcr, wrong)]), "6986");
  assert.equal(read([entry(0, RIGHT.read | RIGHT.requirePcr, wrong), entry(USER, RIGHT.read)], inSession), "9000");
  assert.equal(
    read([entry(0, RIGHT.write | RIGHT.requirePcr, held), entry(0, RIGHT.read | RIGHT.requirePcr, wrong)]),
    "6986",
  );
  assert.equal(read([entry(0, RIGHT.read | RIGHT.requireSecureMessaging)]), "6986");
});
