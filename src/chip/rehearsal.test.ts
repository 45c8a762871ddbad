import assert from "node:assert/strict";
import { test } from "node:test";

import { A71CH_COMMAND_SET, type A71chCommandName } from "../apdu/a71ch/index.ts";
import { encodeCommand, keyCheckValue, Scp03Session } from "../apdu/index.ts";
import { nodeBlockCipher } from "../apdu/node.ts";
import { concat, fromHex, toHex } from "../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../crypto/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { A71chChip, bearRestricted } from "./a71ch/index.ts";
import { MemoryInRam } from "./index.ts";
import { nodeChipCrypto } from "./node.ts";
import { rehearse } from "./rehearsal.ts";

const entropy = () => new SeededEntropy(nodeHash, "rehearsal");

function newChip(): A71chChip {
  return new A71chChip({ crypto: nodeChipCrypto, entropy: entropy(), clock: new VirtualClock() });
}

const KEY = "5a".repeat(16);

/** A chip with something of each kind in it. */
function filledChip(): A71chChip {
  const chip = newChip();
  const commands = [
    "8012000000",
    `80320001 10${KEY}00`,
    `80420001 10${KEY}00`,
    `80320101 10${KEY}00`,
    "80620000040000000500",
  ];
  for (const command of commands) run(chip, command);
  return chip;
}

function run(chip: A71chChip, command: string): string {
  return toHex(chip.exchange(fromHex(command.replaceAll(" ", "")))).slice(-4);
}

/** Every irreversible command of the table that needs no session before it. */
const IRREVERSIBLE: Record<string, string> = {
  LockInjection: "8092000100",
  LockTransport: "8092000200",
  EndDebugMode: "809300dd00",
  DebugReset: "809400ea00",
  FreezeKeyPair: "8013000000",
  FreezePublicKey: "8023010000",
  FreezeSecret: "8043000000",
  FreezeStorage: "80730040 02 0020 00",
  SetCounter: "80620000 04 00000007 00",
  IncrementCounter: "8062000000",
  EraseKeyPair: "8014000000",
  GenerateKeyPair: "8012000000",
  SetConfigKey: `80320001 10${KEY}00`,
  SetSecret: `80420001 10${KEY}00`,
  EraseSecret: "8044000000",
};

test("consequencesOf says beforehand what each irreversible command makes impossible, and so it is afterwards", () => {
  for (const [name, command] of Object.entries(IRREVERSIBLE)) {
    const bytes = fromHex(command.replaceAll(" ", ""));
    const consequences = filledChip().consequencesOf(bytes);
    assert.ok(consequences.length > 0, name);
    for (const { impossible, undoneBy, probe } of consequences) {
      assert.match(impossible, /^to /, name);
      assert.ok(undoneBy.length > 0, name);
      if (!probe) continue;
      const chip = filledChip();
      assert.equal(toHex(chip.fork(entropy()).exchange(probe)).slice(-4), "9000", `${name}: ${impossible}, before`);
      assert.equal(run(chip, command), "9000", name);
      assert.notEqual(toHex(chip.exchange(probe)).slice(-4), "9000", `${name}: ${impossible}, after`);
    }
  }
});

test("a command with an empty data field, as NXP's host library writes it, is rehearsed as the chip takes it", () => {
  const [plain, empty] = [fromHex("8092000100"), fromHex("809200010000")] as const;
  const chip = filledChip();
  assert.deepEqual(chip.consequencesOf(empty), chip.consequencesOf(plain));
  const [rehearsed] = rehearse(chip, [empty], entropy());
  assert.deepEqual(rehearsed, rehearse(chip, [plain], entropy())[0]);
  assert.equal(rehearsed?.statusWord, 0x9000);
  assert.equal(toHex(chip.exchange(empty)), "9000");
});

test("consequencesOf names what undoes a lock: a debug reset as long as there is debug mode, then nothing", () => {
  const chip = newChip();
  const freeze = fromHex("8013000000");
  assert.match(chip.consequencesOf(freeze)[0]?.undoneBy ?? "", /debug reset/);
  run(chip, "809300dd00");
  assert.equal(chip.consequencesOf(freeze)[0]?.undoneBy, "nothing");
  for (const harmless of ["8091000300", "8095000800", "8072000001aa00", "00", "8077000000"]) {
    assert.deepEqual(chip.consequencesOf(fromHex(harmless)), [], harmless);
  }
});

test("rehearse runs commands on a copy: the chip itself does not change and its random bytes do not move", () => {
  const chip = filledChip();
  const before = chip.facts();
  const commands = ["8013000000", "8014000000", "809300dd00", "809400ea00"].map(fromHex);
  const [frozen, refused, ended, tooLate] = rehearse(chip, commands, entropy());
  assert.equal(frozen?.statusWord, 0x9000);
  assert.deepEqual(frozen.changes, { "key pair 0": { before: "present, open", after: "present, frozen" } });
  assert.deepEqual([refused?.statusWord, refused?.impossible, refused?.changes], [0x6986, [], {}]);
  assert.deepEqual(ended?.changes, { "debug mode": { before: "available", after: "ended for good" } });
  assert.equal(tooLate?.statusWord, 0x6985);
  assert.deepEqual(chip.facts(), before);
  const untouched = filledChip();
  assert.deepEqual(chip.exchange(fromHex("8095001000")), untouched.exchange(fromHex("8095001000")));
});

test("fork and restoreFrom carry keys over: a copy signs for the same public key, and a rewound chip has it back", () => {
  const chip = filledChip();
  const point = toHex(chip.exchange(fromHex("8011000000")));
  const saved = new MemoryInRam();
  chip.saveTo(saved);
  assert.equal(run(chip, "8092000100"), "9000");
  assert.equal(run(chip, "8092000200"), "9000");
  assert.equal(
    toHex(chip.fork(entropy()).exchange(fromHex("8011000000"))),
    "6985",
    "locked for transport, as the chip is",
  );
  chip.restoreFrom(saved);
  assert.equal(chip.facts()["transport lock"], "not yet set");
  assert.equal(toHex(chip.exchange(fromHex("8011000000"))), point);
  const verify = concat(fromHex("80150000"), fromHex(`20${"11".repeat(32)}00`));
  assert.equal(toHex(chip.fork(entropy()).exchange(verify)).slice(-4), "9000");
  assert.throws(() => chip.restoreFrom(new MemoryInRam()), { name: "UsageError", code: "state-version" });
  const other = new A71chChip({ crypto: nodeChipCrypto, entropy: entropy(), clock: new VirtualClock(), variant: "A" });
  assert.throws(() => other.restoreFrom(saved), { code: "state-version" });
});

test("facts and rehearsals hold no key", () => {
  const chip = filledChip();
  const told = JSON.stringify([chip.facts(), rehearse(chip, [fromHex(`8042010110${KEY}00`)], entropy())]);
  assert.ok(!told.includes("5a5a"));
});

/** What leaves nothing impossible behind: questions, what can be set back, and what only a session remembers. */
const HARMLESS: ReadonlySet<A71chCommandName> = new Set([
  ...(["selectCardManager", "select", "readKeyPairPoint", "readKeyPairUsage", "agree", "readPublicKey"] as const),
  // Public keys, storage and label can be read or are known, and so be put back.
  ...(["setPublicKey", "setWrappedPublicKey", "erasePublicKey", "erasePublicKeyByCode", "writeStorage"] as const),
  ...(["setTlsLabel", "verify", "verifyWithKey", "deriveEcdhPskMasterSecret", "derivePskMasterSecret"] as const),
  ...(["expand", "extractAndExpand", "hmac", "hmacStart", "hmacUpdate", "hmacFinish", "readCounter"] as const),
  // A counter that is back at zero can be brought up again.
  ...([
    "eraseCounter",
    "readStorage",
    "readUniqueId",
    "readFreeMemory",
    "readModuleInfo",
    "readCredentialMap",
  ] as const),
  ...(["readChallenge", "readRestriction", "random", "clientHelloRandom", "sha256", "sha256Start"] as const),
  ...(["sha256Update", "sha256Finish", "initializeUpdate", "reflect"] as const),
]);

test("consequencesOf knows every command of the table that cannot be taken back", async () => {
  const memory = new MemoryInRam();
  await bearRestricted({ crypto: nodeChipCrypto, entropy: entropy(), variant: "B", memory, slot: 1, maxUses: 2 });
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: entropy(), clock: new VirtualClock(), memory });
  const scpKey = { key: new Uint8Array(16), checkValue: keyCheckValue(nodeBlockCipher, new Uint8Array(16)) };
  const put = encodeCommand(
    A71CH_COMMAND_SET.build("putKeys", { version: 0x21, enc: scpKey, mac: scpKey, dek: scpKey }),
  );
  for (const filled of ["8012000000", `8032000110${KEY}00`, `8042000110${KEY}00`]) run(chip, filled);
  assert.equal(toHex(chip.exchange(put)), "9000");
  for (const key of Object.keys(A71CH_COMMAND_SET.table) as A71chCommandName[]) {
    const zeros = (n: number) => new Uint8Array(n);
    const slot = { slot: key === "sign" || key === "signRestricted" ? 1 : 0, blocks: 1, keyPair: 0, kind: 0 };
    const numbers = {
      offset: 1024,
      length: 32,
      value: 1,
      keyVersion: 0x21,
      replacedVersion: 0x21,
      version: 0x21,
      aid: zeros(5),
      label: zeros(4),
    };
    const points = { scalar: zeros(32), point: zeros(65), peerPoint: zeros(65), wrappedPoint: zeros(72) };
    const secrets = {
      key: zeros(16),
      wrappedKey: zeros(24),
      wrappedScalar: zeros(40),
      code: zeros(16),
      salt: zeros(2),
    };
    const texts = { digest: zeros(32), signature: zeros(8), bytes: zeros(4), update: zeros(9), info: zeros(1) };
    const channel = { enc: scpKey, dek: scpKey, mac: key.endsWith("Keys") ? scpKey : zeros(8) };
    const proof = { serverRandom: zeros(32), hostChallenge: zeros(8), hostCryptogram: zeros(8) };
    const fields = { ...slot, ...numbers, ...points, ...secrets, ...texts, ...channel, ...proof };
    const told = chip.consequencesOf(encodeCommand(A71CH_COMMAND_SET.build(key, fields)));
    assert.equal(told.length === 0, HARMLESS.has(key), key);
  }
});

test("rehearse looks into a chip that answers inside a secure channel only, and says what codes and proofs would lead to", () => {
  const chip = filledChip();
  const key = { key: new Uint8Array(16), checkValue: keyCheckValue(nodeBlockCipher, new Uint8Array(16)) };
  const put = A71CH_COMMAND_SET.build("putKeys", { version: 0x21, enc: key, mac: key, dek: key });
  assert.equal(toHex(chip.exchange(encodeCommand(put))), "9000");
  const proof = `8482330010${"00".repeat(16)}`;
  const [offered] = rehearse(chip, [fromHex(proof)], entropy());
  assert.deepEqual([offered?.statusWord === 0x9000, offered?.impossible], [false, []]);
  assert.match(offered?.onceCarriedOut?.[0]?.impossible ?? "", /outside a secure channel/);

  const challenge = fromHex("8050210008000000000000000000");
  const answer = chip.exchange(challenge);
  const zero = new Uint8Array(16);
  const session = new Scp03Session(
    nodeBlockCipher,
    { enc: zero, mac: zero },
    { host: new Uint8Array(8), card: answer.slice(13, 21) },
  );
  const { hostCryptogram } = session;
  const mac = session.authenticationMac(hostCryptogram);
  const authenticate = A71CH_COMMAND_SET.build("externalAuthenticate", { hostCryptogram, mac });
  assert.equal(toHex(chip.exchange(encodeCommand(authenticate))), "9000");
  assert.equal(run(chip, "8092000100"), "6982", "in the clear the chip itself says no");
  const [locked, byCode] = rehearse(chip, ["8092000100", `8013001010${KEY}00`].map(fromHex), entropy());
  assert.equal(locked?.statusWord, 0x9000);
  assert.equal(locked.impossible.length, 2);
  assert.equal(byCode?.statusWord, 0x6985);
  assert.match(byCode.onceCarriedOut?.[0]?.impossible ?? "", /replace or erase key pair 0/);
  assert.equal(chip.facts()["inject lock"], "unlocked", "the chip itself never noticed");
  assert.equal(run(chip, "8092000100"), "6982");
});
