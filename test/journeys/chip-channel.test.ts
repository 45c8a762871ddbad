/** Commands that work with an A71CH which answers inside a secure channel only: each by its keys, and each says so without. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser } from "../../scripts/programs.ts";
import { nodeBlockCipher } from "../../src/apdu/node.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { toHex } from "../../src/codec/index.ts";
import { SeededEntropy } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { A71ch, putChannelKeys } from "../../src/host/a71ch/index.ts";
import { connectChip } from "../../src/host/node.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";

const entropy = new SeededEntropy(nodeHash, "chip channel");
const keys = { enc: entropy.bytes(16), mac: entropy.bytes(16), dek: entropy.bytes(16) };
const channel = { keys, aes: nodeBlockCipher, entropy: nodeEntropy };

test("ca, device, oem and line commands open the secure channel of a chip that demands one, and say so without its keys", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "hawser-channel-"));
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy, clock: nodeClock });
  const served = await serveChip({ chip, port: 0 });
  t.after(async () => {
    await served.close();
    rmSync(cwd, { recursive: true });
  });
  const address = `127.0.0.1:${served.port}`;
  const element = await A71ch.open(await connectChip(address), { hash: nodeHash, clock: nodeClock });
  await element.exclusive((session) => putChannelKeys(session, channel));
  await element.openSecureChannel(channel);
  await element.close();
  const lines = Object.entries(keys).map(([name, key]) => `${name.toUpperCase()} ${toHex(key)}\n`);
  writeFileSync(join(cwd, "keys"), lines.join(""), { mode: 0o600 });

  const run = (...argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd }));
  const refused = async (...argv: readonly string[]) => {
    const program = hawser([...argv, "--json"], { cwd });
    assert.equal((await program.ended).status, 1, argv.join(" "));
    assert.match(program.complaints.join("\n"), /"code":"chip-needs-channel".*--scp03/, argv.join(" "));
  };
  const at = ["--chip", address];
  await refused("ca", "init", "--dir", "ca", ...at, "--slot", "1");
  assert.equal(existsSync(join(cwd, "ca/issuers/hawser-intermediate")), false);
  // The root's key goes into the chip, and signs the intermediate in the same run.
  await run("ca", "init", "--dir", "rooted", ...at, "--slot", "2", "--chip-for", "root", "--scp03", "keys");
  await refused("ca", "init", "--dir", "rooted", "--intermediate-name", "second");
  await run("ca", "init", "--dir", "rooted", "--intermediate-name", "second", "--ca-scp03", "keys");

  await run("ca", "init", "--dir", "ca", ...at, "--slot", "1", "--scp03", "keys");
  const order = ["ca", "issue", "--dir", "ca", "--new-key", "x.key", "--subject", "CN=x", "--out", "x.pem"];
  await refused(...order);
  assert.equal(existsSync(join(cwd, "x.key")), false, "no key without its certificate");
  await run(...order, "--ca-scp03", "keys");

  // The device's key and the CA's are in one chip, which has one channel only.
  const init = ["device", "init", ...at, "--slot", "0", "--generate", "--ca-dir", "ca", "--certificate-out", "d.pem"];
  await run(...init, "--scp03", "keys", "--ca-scp03", "keys");
  assert.equal(certificatesFromPem(readFileSync(join(cwd, "d.pem"), "utf8")).length, 2);

  await run("oem", "credentials", ...at, "--scp03", "keys");
  const wary = hawser(["oem", "prepare", address], { cwd });
  assert.equal((await wary.ended).status, 2);
  assert.match(wary.complaints.join("\n"), /--scp03, or --yes to reset it unseen/);
  const full = hawser(["oem", "prepare", address, "--scp03", "keys"], { cwd });
  assert.equal((await full.ended).status, 2);
  assert.match(full.complaints.join("\n"), /holds key pairs \(3\)/);

  const line = ["line", "run", "--model", "oem", "--chip-model", "a71ch", ...at, "--out", "line"];
  const parts = hawser([...line, "--ca-dir", "rooted", "--ca", "second", "--scp03", "keys"], { cwd });
  assert.equal((await parts.ended).status, 1);
  assert.match(parts.lines.join("\n"), /holds a key pair already/, "it got as far as the keys in the part");
  assert.equal((await hawser(["oem", "prepare", address, "--yes"], { cwd }).ended).status, 0);
});
