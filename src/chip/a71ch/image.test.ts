/** Images of chips that former code wrote. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateSync } from "node:zlib";

import { fromHex, toHex } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { MemoryInRam } from "../index.ts";
import { nodeChipCrypto } from "../node.ts";
import { A71chChip } from "./index.ts";

/**
 * Each compressed, as the code of a commit wrote it: by commands key pair 0 with the scalar 1, frozen, and 01020304 at
 * the storage's beginning; of the last two also a secret of sixteen 0b and counter 0 at 5.
 */
const IMAGES = {
  f932172:
    "eNpzNDd09mB0cp8QmOE+UUhg9cOC248aLLs8hJgZ8ANGlmzxi58e6ji5/9jz7GnyEodP5cy1jbqvjRd8WWjpemPGoWn+j50e/ZOq" +
    "n933/LVXDf88Me1zxuHZhnHnTm9zyDDfH/gVag4TM8v/UTAKRsEoGAWjYBSMglEwCkbBKBgFo2AUDGvAMMAAADkzGFA=",
  "0623b37":
    "eNpzNDd09mB0cp8QmOE+UUhg9cOC248aLLs8hJgZ8ANGlmzxi58e6ji5/9jz7GnyEodP5cy1jbqvjRd8WWjpemPGoWn+j50e/ZOq" +
    "n933/LVXDf88Me1zxuHZhnHnTm9zyDDfH/gVag4TMwvDKBgFo2AUjIJRMApGwSgYBaNgFIyCUTAKRgFtASM3GkBIsYII3tzE4pLU" +
    "IoXi1OSi1BIGZkYGAF3yMVU=",
  "0266eb0":
    "eNpzNDd09mBycp8QmOE+UUhg9cOC248aLLs8hJgZ8ANGlmzxi58e6ji5/9jz7GnyEodP5cy1jbqvjRd8WWjpemPGoWn+j50e/ZOq" +
    "n933/LVXDf88Me1zxuHZhnHnTm9zyDDfH/gVag4TMwvDKBgFo2AUjIJRMApGwSgYBaNgFIyCUTAKRgFtASM3GkBIsYII3tzE4pLU" +
    "IoXi1OSi1BIGZkYGBhau7NRKhYLEzCIFA6AKJsHikvyixPRUoJr03NS8ErAoo1BxZW5uaklRZjJUL0SYMzm/NA9kIJgHAC0QRXU=",
};
/** The generator of P-256: the point of the scalar 1. */
const GENERATOR =
  "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

function open(image: Uint8Array): A71chChip {
  const memory = new MemoryInRam();
  memory.store(image);
  const clock = new VirtualClock();
  return new A71chChip({ crypto: nodeChipCrypto, entropy: new SeededEntropy(nodeHash, "former"), clock, memory });
}

const imageOf = (name: keyof typeof IMAGES) => new Uint8Array(inflateSync(Buffer.from(IMAGES[name], "base64")));
const ask = (chip: A71chChip, hex: string) => toHex(chip.exchange(fromHex(hex)));

for (const [name, version] of [
  ["0623b37", 1],
  ["0266eb0", 2],
] as const) {
  test(`A71chChip takes up a state that version ${version} wrote: keys, locks, values`, () => {
    const image = imageOf(name);
    assert.equal(image[5], version);
    const chip = open(image);
    assert.equal(ask(chip, "8011000000"), `${GENERATOR}9000`);
    assert.equal(ask(chip, "8012000000"), "6986", "frozen");
    assert.equal(ask(chip, "8071000002000400"), "010203049000");
    assert.equal(ask(chip, "8061000000"), "000000059000");
    // RFC 4231 has no key of sixteen 0b; node:crypto made this code of "Hi".
    assert.equal(ask(chip, "8047100002486900"), "3090cd8036631738482919e83879ae69661e16fc1fee22822ff96c69f8adcd729000");
    assert.equal(ask(chip, "8062000000"), "9000", "and goes on, in the present format");
  });
}

test("A71chChip refuses the first layout of version 1, before there were secrets, by its layout", () => {
  const image = imageOf("f932172");
  assert.equal(image[5], 1);
  assert.throws(() => open(image), {
    name: "UsageError",
    code: "state-version",
    message: "the state has another layout",
  });
});
