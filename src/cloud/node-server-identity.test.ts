import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { VirtualClock } from "../crypto/index.ts";
import { nodeEntropy, nodeVerifier } from "../crypto/node.ts";
import { certificateFromPem, checkServerIdentity, validatePath } from "../pki/index.ts";
import { Ledger, silentTrace } from "../trace/index.ts";
import { serverIdentity } from "./node-server-identity.ts";

const DAY_MS = 86_400_000;

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "hawser-identity-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "tls");
}

function identityIn(directory: string, clock: VirtualClock, names: readonly string[] = []) {
  return serverIdentity({ directory, names, clock, entropy: nodeEntropy, trace: silentTrace });
}

test("OE-21 a first start makes a root and a P-256 server certificate for localhost, loopback and the given names", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const { certificate, root, rootFile, isNew } = await identityIn(directory, clock, ["cloud.example", "10.0.0.7"]);
  assert.equal(isNew, true);
  assert.equal(readFileSync(rootFile, "utf8"), root);
  const { leaf } = await validatePath({
    chain: [certificateFromPem(certificate).der],
    anchors: [certificateFromPem(root)],
    time: clock.now(),
    purpose: "serverAuth",
    verifier: nodeVerifier,
  });
  for (const name of ["localhost", "127.0.0.1", "::1", "cloud.example", "10.0.0.7"]) checkServerIdentity(leaf, name);
  assert.throws(() => checkServerIdentity(leaf, "other.example"));
  for (const file of ["root.key", "server.key"]) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
});

test("a second start keeps root and server certificate; a new name gives a new certificate under the same root", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const first = await identityIn(directory, clock);
  const second = await identityIn(directory, clock);
  assert.deepEqual(second, { ...first, isNew: false, isFor: second.isFor });
  for (const each of [first, second])
    assert.deepEqual(["localhost", "LOCALHOST.", "cloud.example", "", "127.0.0.1"].map(each.isFor), [
      true,
      true,
      false,
      false,
      true,
    ]);
  const named = await identityIn(directory, clock, ["cloud.example"]);
  assert.deepEqual([named.isNew, named.root], [true, first.root]);
  assert.notEqual(named.certificate, first.certificate);
});

test("a certificate for an RSA key is made where one is asked for, kept, renewed with the other, and not shown unasked", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const options = { directory, names: ["cloud.example"], clock, entropy: nodeEntropy, trace: silentTrace };
  const plain = await serverIdentity(options);
  assert.equal(plain.rsa, undefined);
  const both = await serverIdentity({ ...options, rsa: true });
  assert.equal(both.certificate, plain.certificate);
  const { rsa } = both;
  assert.ok(rsa);
  const anchors = [certificateFromPem(both.root)];
  const chain = [certificateFromPem(rsa.certificate).der];
  const { leaf } = await validatePath({
    chain,
    anchors,
    time: clock.now(),
    purpose: "serverAuth",
    verifier: nodeVerifier,
  });
  for (const name of ["localhost", "127.0.0.1", "cloud.example"]) checkServerIdentity(leaf, name);
  assert.equal(statSync(join(directory, "server-rsa.key")).mode & 0o777, 0o600);
  assert.deepEqual((await serverIdentity({ ...options, rsa: true })).rsa, rsa);
  clock.advance(340 * DAY_MS);
  assert.notDeepEqual((await serverIdentity({ ...options, rsa: true })).rsa, rsa);
  assert.equal((await serverIdentity(options)).rsa, undefined);
});

test("a server certificate is renewed 60 days before its end, not earlier", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  const first = await identityIn(directory, clock);
  clock.advance(336 * DAY_MS);
  assert.equal((await identityIn(directory, clock)).isNew, false);
  clock.advance(DAY_MS);
  const renewed = await identityIn(directory, clock);
  assert.deepEqual([renewed.isNew, renewed.root], [true, first.root]);
});

test("a key that does not belong to the certificate beside it is replaced with both", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  await identityIn(directory, clock);
  writeFileSync(join(directory, "server.key"), readFileSync(join(directory, "root.key")));
  assert.equal((await identityIn(directory, clock)).isNew, true);
  assert.equal((await identityIn(directory, clock)).isNew, false);
});

test("a root key that is not the root's is refused: a new root would lock every device out", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  await identityIn(directory, clock);
  writeFileSync(join(directory, "root.key"), readFileSync(join(directory, "server.key")));
  await assert.rejects(identityIn(directory, clock), { code: "signer-mismatch" });
});

test("stored-key-unreadable names the file that is not what was written, and a key that others may read is narrowed, with a warning", async (t) => {
  const directory = directoryOf(t);
  const clock = new VirtualClock();
  await identityIn(directory, clock);
  const key = join(directory, "root.key");
  const whole = readFileSync(key, "utf8");
  chmodSync(key, 0o644);
  const ledger = new Ledger({ clock });
  await serverIdentity({ directory, names: [], clock, entropy: nodeEntropy, trace: ledger });
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const warnings = ledger.events({ kinds: ["process"] }).map((event) => (event.kind === "process" ? event.detail : ""));
  assert.match(warnings.join(), /root\.key could be read by others/);
  for (const [file, text] of [
    ["root.key", "junk"],
    ["root.pem", ""],
  ] as const) {
    const before = readFileSync(join(directory, file), "utf8");
    writeFileSync(join(directory, file), text);
    await assert.rejects(identityIn(directory, clock), { code: "stored-key-unreadable", message: new RegExp(file) });
    writeFileSync(join(directory, file), before);
  }
  assert.equal(readFileSync(key, "utf8"), whole);
});
