import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, toBase64 } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { TemporaryKeySeal } from "./index.ts";

const ID = "5a".repeat(32);
const entropy = new SeededEntropy(nodeHash, "temporary keys");

function newSeal(key = entropy.bytes(32)): { seal: TemporaryKeySeal; clock: VirtualClock; key: Uint8Array } {
  const clock = new VirtualClock();
  return { seal: new TemporaryKeySeal(key, { clock, entropy, hash: nodeHash }), clock, key };
}

test("a token gives back its certificate, secret and end, also under a seal opened anew with the same key", () => {
  const { seal, clock, key } = newSeal();
  const made = seal.issue(ID, 900);
  assert.match(made.accessKeyId, /^HWST[A-Z2-7]{16}$/);
  assert.equal(made.secretAccessKey.length, 40);
  assert.equal(made.sessionToken.length, 120);
  assert.equal(made.expiresAt, clock.now() + 900_000);
  const { secretAccessKey, expiresAt } = made;
  const again = newSeal(key).seal;
  for (const each of [seal, again]) {
    const opened = each.open(made.accessKeyId, made.sessionToken);
    assert.deepEqual(opened, { certificateId: ID, secretAccessKey, expiresAt });
  }
  assert.ok(!made.sessionToken.includes(secretAccessKey.slice(0, 20)));
  const second = seal.issue(ID, 900);
  assert.notEqual(second.accessKeyId, made.accessKeyId);
  assert.notEqual(second.secretAccessKey, secretAccessKey);
});

test("session-token: missing, of another key, of another cloud, cut, longer, not base64, and with any one bit flipped", () => {
  const { seal } = newSeal();
  const made = seal.issue(ID, 900);
  const refused = { code: "session-token" };
  const other = seal.issue(ID, 900);
  const foreign = newSeal().seal.issue(ID, 900);
  const tokens = [
    undefined,
    "",
    "x".repeat(120),
    `${made.sessionToken}AAAA`,
    made.sessionToken.slice(4),
    "*".repeat(120),
  ];
  for (const token of [...tokens, other.sessionToken, foreign.sessionToken]) {
    assert.throws(() => seal.open(made.accessKeyId, token), refused);
  }
  assert.throws(() => seal.open(foreign.accessKeyId, foreign.sessionToken), refused);
  const bytes = fromBase64(made.sessionToken);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => seal.open(made.accessKeyId, toBase64(changed)), refused, `bit ${bit}`);
  }
});

test("session-expired: to the second, and a clock that is set back brings nothing but what was sealed", () => {
  const { seal, clock } = newSeal();
  const { accessKeyId, sessionToken, expiresAt } = seal.issue(ID, 900);
  clock.advance(expiresAt - clock.now() - 1);
  seal.open(accessKeyId, sessionToken);
  clock.advance(1);
  assert.throws(() => seal.open(accessKeyId, sessionToken), {
    code: "session-expired",
    message: /since 2026-01-01T00:15:00Z$/,
  });
});
