import assert from "node:assert/strict";
import { test } from "node:test";

import { APPLET_72_KEYS, bytesOf, newSe05x } from "../../../test/chip/se05x.ts";
import { keyCheckValue } from "../../apdu/index.ts";
import { nodeBlockCipher as aes } from "../../apdu/node.ts";
import {
  RIGHT,
  SE05X_CREDENTIAL,
  SE05X_OBJECT,
  SECURITY_DOMAIN_AID,
  type Se05xCommandName,
  type Se05xRequest,
} from "../../apdu/se05x/index.ts";
import { fromHex, toHex, UsageError } from "../../codec/index.ts";
import { SeededEntropy } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { rehearse } from "../rehearsal.ts";

const [PAIR, AES, FILE, COUNTER, PIN_ID, NEW, REGISTER] = [1, 2, 3, 4, 5, 6, 7].map((n) => 0x2000_0000 + n) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const PIN = fromHex("c001020304");
const KEY = new Uint8Array(16).fill(0x5a);
const entropy = () => new SeededEntropy(nodeHash, "rehearsal");

/** A chip with something of each kind in it, and every credential. */
async function filled() {
  const world = await newSe05x({ model: "se051" });
  const { host } = world;
  host.send("writeEcKey", { part: 0x60, objectId: PAIR, curve: 3 });
  host.send("writeSymmKey", { kind: 3, objectId: AES, value: KEY });
  host.send("writeBinary", { objectId: FILE, length: 8, data: new Uint8Array(8) });
  host.send("writeCounter", { objectId: COUNTER, size: 4 });
  host.send("writeCounter", { objectId: COUNTER, value: fromHex("0000000000000005") });
  host.send("writePcr", { objectId: REGISTER, initial: new Uint8Array(32) });
  for (const objectId of [PIN_ID, ...Object.values(SE05X_CREDENTIAL)]) {
    host.send("writeUserId", { insFlags: 0x40, objectId, value: PIN });
  }
  return world;
}

/** The bytes of a command in a session that a credential authenticates, with those that open the session. */
function asCredential<Key extends Se05xCommandName>(
  chip: Awaited<ReturnType<typeof filled>>["chip"],
  objectId: number,
  [key, request]: readonly [Key, Se05xRequest<Key>],
): readonly Uint8Array[] {
  const open = [bytesOf("createSession", { objectId })];
  const fork = chip.fork(entropy());
  const sessionId = fork.exchange(open[0] ?? assert.fail()).slice(4, 12);
  const carried = (command: Uint8Array) => bytesOf("processSession", { sessionId, command });
  return [...open, carried(bytesOf("verifySessionUserId", { value: PIN })), carried(bytesOf(key, request))];
}

const lastOf = <T>(list: readonly T[]): T => list.at(-1) ?? assert.fail();

test("consequencesOf says beforehand what each irreversible command of an SE05x makes impossible, and so it is afterwards", async () => {
  const policy = [{ authObjectId: 0, rights: RIGHT.read, extension: new Uint8Array(0) }];
  const plain: (readonly [string, Uint8Array, RegExp])[] = [
    ["delete a pair", bytesOf("deleteObject", { objectId: PAIR }), /use the key that is in object 20000001/],
    ["delete a file", bytesOf("deleteObject", { objectId: FILE }), /read what is in object 20000003/],
    ["delete a counter", bytesOf("deleteObject", { objectId: COUNTER }), /what counter 20000004 had reached/],
    ["delete a register", bytesOf("deleteObject", { objectId: REGISTER }), /what extended register 20000007/],
    ["delete a user id", bytesOf("deleteObject", { objectId: PIN_ID }), /present user identifier 20000005/],
    ["another pair", bytesOf("writeEcKey", { part: 0x60, objectId: PAIR, curve: 3 }), /key that is in object 20000001/],
    ["another key", bytesOf("writeSymmKey", { kind: 3, objectId: AES, value: KEY.with(0, 1) }), /in object 20000002/],
    ["over a file", bytesOf("writeBinary", { objectId: FILE, data: KEY.slice(0, 8) }), /in object 20000003/],
    ["count", bytesOf("writeCounter", { objectId: COUNTER }), /set counter 20000004 back to 5/],
    ["extend", bytesOf("writePcr", { objectId: REGISTER, data: KEY }), /what extended register/],
    ["for ever", bytesOf("writeBinary", { objectId: NEW, length: 1, policy }), /delete object 20000006/],
    [
      "a pair for ever",
      bytesOf("writeEcKey", { part: 0x60, objectId: NEW, curve: 3, policy }),
      /delete object 20000006/,
    ],
  ];
  const { chip } = await filled();
  const { transport, platformScp, restrict, factoryReset } = SE05X_CREDENTIAL;
  const credentialed = [
    ["lock", transport, ["setLockState", { indicator: 2, state: 1 }], /anything|do anything/],
    ["channel", platformScp, ["setPlatformScpRequest", { request: 1 }], /outside the platform's secure channel/],
    ["no new ones", restrict, ["disableObjectCreation", { indicator: 2, mode: 1 }], /make new objects/],
    ["no changes", restrict, ["disableObjectCreation", { indicator: 2, mode: 2 }], /to change any/],
    ["all", factoryReset, ["deleteAll", {}], /key that is in object 20000001/],
  ] as const;
  const cases = [
    ...plain.map(([name, command, expected]) => ({ name, commands: [command], expected })),
    ...credentialed.map(([name, id, command, expected]) => {
      return { name, commands: asCredential(chip, id, command as readonly [Se05xCommandName, never]), expected };
    }),
  ];
  for (const { name, commands, expected } of cases) {
    const fork = chip.fork(entropy());
    const before = toHex(imageOf(chip));
    const consequences = fork.consequencesOf(lastOf(commands));
    assert.match(consequences.map(({ impossible }) => impossible).join(), expected, name);
    const rehearsed = lastOf(rehearse(chip, commands, entropy()));
    assert.equal(rehearsed.statusWord, 0x9000, `${name}: ${rehearsed.statusWord.toString(16)}`);
    assert.deepEqual(
      rehearsed.impossible,
      consequences.map(({ impossible, undoneBy }) => ({ impossible, undoneBy })),
    );
    assert.equal(toHex(imageOf(chip)), before, `${name}: the chip itself never notices`);
    for (const command of commands) fork.exchange(command);
    for (const { probe, impossible } of consequences) {
      if (!probe) continue;
      if (!name.includes("for ever")) assert.equal(word(chip.fork(entropy()).exchange(probe)), "9000", impossible);
      assert.notEqual(word(fork.exchange(probe)), "9000", impossible);
    }
  }
});

function word(answer: Uint8Array): string {
  return toHex(answer.slice(-2));
}

function imageOf(chip: { saveTo(memory: MemoryInRam): void }): Uint8Array {
  const memory = new MemoryInRam();
  chip.saveTo(memory);
  return memory.load() ?? assert.fail();
}

test("consequencesOf has nothing to say of commands that can be taken back, are refused, or are none", async () => {
  const { chip } = await filled();
  for (const command of [
    bytesOf("getVersion", {}),
    bytesOf("random", { length: 8 }),
    bytesOf("deleteObject", { objectId: NEW }),
    bytesOf("writeBinary", { objectId: NEW, length: 1 }),
    bytesOf("writeEcKey", { part: 0x60, objectId: NEW, curve: 3, insFlags: 0x80, policy: [] }),
    bytesOf("setLockState", { indicator: 2, state: 2 }),
    fromHex("00"),
    fromHex("80ff000000"),
  ]) {
    assert.deepEqual(chip.consequencesOf(command), [], toHex(command));
  }
  const keys = { key: aes.encrypt(KEY, KEY), checkValue: keyCheckValue(aes, KEY) };
  const rotation = { replaced: 0x0b, version: 0x0b, enc: keys, mac: keys, dek: keys };
  assert.match(chip.consequencesOf(bytesOf("putKeys", rotation))[0]?.impossible ?? "", /present keys 11/);
  assert.deepEqual(chip.consequencesOf(bytesOf("putKeys", { ...rotation, replaced: 0 })), []);
  // What the chip refuses makes nothing impossible.
  const [refused] = rehearse(chip, [bytesOf("deleteObject", { objectId: SE05X_OBJECT.deviceKey })], entropy());
  assert.deepEqual([refused?.statusWord, refused?.impossible], [0x6986, []]);
});

test("an SE05x is set back to a snapshot, copied, and names what it holds without its secrets", async () => {
  const { chip, host } = await filled();
  const snapshot = new MemoryInRam();
  const before = chip.facts();
  assert.equal(before["object 20000004"], "counter, 4 bytes, at 5");
  assert.equal(before["transport lock"], "unlocked");
  assert.doesNotMatch(JSON.stringify(before), /5a5a5a|c001020304/);
  chip.saveTo(snapshot);
  const { bytes: point } = host.send("readObject", { objectId: PAIR });
  host.send("deleteObject", { objectId: PAIR });
  host.send("writeCounter", { objectId: COUNTER });
  const copy = chip.fork(entropy());
  assert.equal(copy.uniqueId, chip.uniqueId);
  chip.restoreFrom(snapshot);
  assert.deepEqual(chip.facts(), before);
  assert.deepEqual(host.send("readObject", { objectId: PAIR }).bytes, point);
  assert.equal(copy.facts()["object 20000004"], "counter, 4 bytes, at 6");
  assert.throws(() => chip.restoreFrom(new MemoryInRam()), UsageError);
  const other = await newSe05x({ model: "se050" });
  assert.throws(() => other.chip.restoreFrom(snapshot), UsageError);
  assert.deepEqual(chip.facts(), before);
});

test("rehearse looks into an SE05x that answers inside the platform's channel only, and at the rotation of its keys", async () => {
  const { chip, host } = await filled();
  const secured = host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b });
  const session = secured.inSession(
    secured.send("createSession", { objectId: SE05X_CREDENTIAL.platformScp }).sessionId,
  );
  session.send("verifySessionUserId", { value: PIN });
  session.send("setPlatformScpRequest", { request: 1 });
  chip.reset();
  const erase = bytesOf("deleteObject", { objectId: PAIR });
  assert.equal(word(chip.exchange(erase)), "6982", "in the clear the chip itself says no");
  const before = toHex(imageOf(chip));
  const [erased, again, version, unproven] = rehearse(
    chip,
    [
      erase,
      bytesOf("readObject", { objectId: PAIR }),
      bytesOf("getVersion", {}),
      bytesOf("setLockState", { indicator: 2, state: 1 }),
    ],
    entropy(),
  );
  assert.equal(erased?.statusWord, 0x9000);
  assert.match(erased.impossible[0]?.impossible ?? "", /key that is in object 20000001/);
  assert.ok("object 20000001" in chip.facts(), "the chip itself never noticed");
  assert.deepEqual([again?.statusWord, version?.statusWord], [0x6985, 0x9000]);
  assert.equal(unproven?.statusWord, 0x6982);
  assert.match(unproven.onceCarriedOut?.[0]?.impossible ?? "", /do anything/);
  // What a policy wants in a secure channel comes in one, too.
  const rights = (RIGHT.read | RIGHT.requireSecureMessaging) >>> 0;
  const guarded = { objectId: NEW, length: 1, policy: [{ authObjectId: 0, rights, extension: new Uint8Array(0) }] };
  const reads = rehearse(chip, [bytesOf("writeBinary", guarded), bytesOf("readObject", { objectId: NEW })], entropy());
  assert.equal(lastOf(reads).statusWord, 0x9000);
  assert.equal(toHex(imageOf(chip)), before);
  const rotate = (dek: Uint8Array) => {
    const field = { key: aes.encrypt(dek, KEY), checkValue: keyCheckValue(aes, KEY) };
    const put = bytesOf("putKeys", { replaced: 0x0b, version: 0x0b, enc: field, mac: field, dek: field });
    const domain = bytesOf("selectPlatform", { aid: SECURITY_DOMAIN_AID });
    return lastOf(rehearse(chip, [domain, put], entropy()));
  };
  const rotated = rotate(APPLET_72_KEYS.dek);
  assert.equal(rotated.statusWord, 0x9000);
  assert.match(rotated.impossible[0]?.impossible ?? "", /present keys 11/);
  assert.equal(rotate(KEY).statusWord, 0x6a80, "keys that came under another key");
  assert.equal(toHex(imageOf(chip)), before);
  host.openChannel(APPLET_72_KEYS, { keyVersion: 0x0b }).send("getVersion", {});
});
