/** What a chip or its driver says is a return value of PKCS #11, whatever it is: every row of both tables is gone through. */
import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { test } from "node:test";

import { STATUS_WORDS, SW_OK } from "../../src/apdu/index.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto } from "../../src/chip/node.ts";
import { Se05xChip } from "../../src/chip/se05x/index.ts";
import { ProtocolError, Refused, UsageError } from "../../src/codec/index.ts";
import { type SecureElement, SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeHash } from "../../src/crypto/node.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { HOST_ERRORS, localTransport } from "../../src/host/index.ts";
import { Se05x } from "../../src/host/se05x/index.ts";
import {
  chipAnswer,
  CKR,
  ckrFor,
  DRIVER_ANSWERS,
  PKCS11_ERRORS,
  type Purpose,
  STATUS_WORD_ANSWERS,
  Token,
} from "../../src/pkcs11/index.ts";

const PURPOSES: readonly Purpose[] = ["read", "use", "agree", "make", "erase"];

test("every status word of the chips and every error of their drivers has its row, and there are no others", () => {
  const words = Object.keys(STATUS_WORDS).filter((sw) => Number(sw) !== SW_OK);
  assert.deepEqual(Object.keys(STATUS_WORD_ANSWERS).sort(), words.sort());
  assert.deepEqual(Object.keys(DRIVER_ANSWERS).sort(), Object.keys(HOST_ERRORS).sort());
});

test("every one of them, and anything else, gives a program a return value that is neither CKR_OK nor general", () => {
  const words = [...Object.keys(STATUS_WORD_ANSWERS).map(Number), 0x63c0, 0xffff];
  const errors: readonly unknown[] = [
    ...words.map((sw) => new Refused("status-word", "no", sw)),
    ...Object.keys(DRIVER_ANSWERS).map((code) => new ProtocolError(code, "no", undefined)),
    new UsageError("unheard-of", "no"),
    new TypeError("a defect"),
    "text",
  ];
  for (const purpose of PURPOSES) {
    for (const error of errors) {
      const { code } = chipAnswer(error, purpose);
      const row = PKCS11_ERRORS[code];
      assert.ok("ckr" in row && CKR[row.ckr] > CKR.CKR_GENERAL_ERROR, `${String(error)} ${purpose}`);
    }
  }
  assert.deepEqual(chipAnswer(new TypeError("a defect"), "use"), { code: "device-error", isLinkGood: false });
});

test("looking only gives no verdict on a key or a place", () => {
  for (const sw of Object.keys(STATUS_WORD_ANSWERS)) {
    assert.equal(chipAnswer(new Refused("status-word", "no", Number(sw)), "read").code, "device-error");
  }
});

const parts = () => ({ entropy: new SeededEntropy(nodeHash, "chip errors"), clock: nodeClock });
const ports = { hash: nodeHash, clock: nodeClock };

const CHIPS: readonly { readonly model: string; readonly open: () => Promise<SecureElement> }[] = [
  {
    model: "A71CH",
    open: () => A71ch.open(localTransport(new A71chChip({ crypto: nodeChipCrypto, ...parts() })), ports),
  },
  {
    model: "A5000",
    open: async () =>
      Se05x.open(localTransport(await Se05xChip.open({ model: "a5000", crypto: nodeSe05xCrypto, ...parts() })), ports),
  },
];

for (const { model, open } of CHIPS) {
  test(`a peer's key that is no point, and a key that is gone, are told as such by an ${model}`, async () => {
    const element = await open();
    const token = new Token({
      open: async () => ({ element, close: async () => undefined }),
      hash: nodeHash,
      label: "SE",
    });
    const [secret] = await token.generateKeyPair({ curve: "P-256", name: { label: undefined, id: undefined } });
    const peer = createECDH("prime256v1");
    const point = new Uint8Array(peer.generateKeys());
    assert.equal((await token.sharedSecret(secret, point)).length, 32);
    const ckrOf = async (work: Promise<unknown>) =>
      ckrFor(
        await work.then(
          () => assert.fail("it succeeded"),
          (e: unknown) => e,
        ),
      );
    const off = point.with(64, (point[64] ?? 0) ^ 1);
    assert.equal(await ckrOf(token.sharedSecret(secret, off)), CKR.CKR_MECHANISM_PARAM_INVALID);
    assert.equal((await token.signDigest(secret, new Uint8Array(32).fill(1)))[0], 0x30, "the key still signs");
    await element.eraseKeyPair(secret.place);
    assert.equal(await ckrOf(token.signDigest(secret, new Uint8Array(32).fill(1))), CKR.CKR_KEY_HANDLE_INVALID);
    assert.equal(await ckrOf(token.sharedSecret(secret, point)), CKR.CKR_KEY_HANDLE_INVALID);
  });
}
