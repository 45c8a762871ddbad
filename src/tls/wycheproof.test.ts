/** Project Wycheproof's vectors (Apache-2.0) for AES-CBC, through the cipher that CbcProtection uses. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { concat, fromHex, toHex } from "../codec/index.ts";
import { nodeCbc } from "./node-ciphers.ts";

const PATH = join(import.meta.dirname, "../../../shared/vectors/wycheproof/aes_cbc_pkcs5_test.json");

type Case = { readonly tcId: number; readonly result: string } & Readonly<Record<"key" | "iv" | "msg" | "ct", string>>;
type Group = { readonly keySize: number; readonly tests: readonly Case[] };

/** PKCS #7 padding, with which the vectors come; TLS has its own. RFC 5652, section 6.3 */
function padded(message: Uint8Array): Uint8Array {
  const length = 16 - (message.length % 16);
  return concat(message, new Uint8Array(length).fill(length));
}

test("nodeCbc encrypts and decrypts the blocks of Wycheproof's aes_cbc_pkcs5", { skip: !existsSync(PATH) }, () => {
  const { testGroups } = JSON.parse(readFileSync(PATH, "utf8")) as { testGroups: readonly Group[] };
  const cases = testGroups.flatMap(({ keySize, tests }) => (keySize === 128 ? tests : []));
  const counts = { valid: 0, invalid: 0 };
  for (const each of cases) {
    const [key, iv, message, sealed] = [each.key, each.iv, each.msg, each.ct].map(fromHex);
    if (!key || !iv || !message || !sealed) assert.fail();
    if (each.result === "valid") {
      assert.equal(toHex(nodeCbc.encrypt(key, iv, padded(message))), each.ct, `case ${each.tcId}`);
      assert.deepEqual(nodeCbc.decrypt(key, iv, sealed), padded(message), `case ${each.tcId}`);
      counts.valid++;
    } else if (sealed.length % 16 === 0) {
      // The cipher cannot tell bad padding; that the blocks hold none is what the caller finds.
      assert.notDeepEqual(nodeCbc.decrypt(key, iv, sealed), padded(message), `case ${each.tcId}`);
      counts.invalid++;
    }
  }
  assert.ok(counts.valid >= 20 && counts.invalid >= 20, JSON.stringify(counts));
});
