import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";

import { requirePeer } from "./peers.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");

/** A folder, a served chip, and the two programs that work on both. */
async function world(t: TestContext, ...model: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "se-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const child = spawn(process.execPath, [MAIN, "chip", "serve", "--port", "0", "--json", "--model", ...model], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  t.after(async () => {
    child.kill();
    await ended;
  });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const { address, uniqueId } = JSON.parse(String(value)) as { address: string; uniqueId: string };
  const driver = spawn(process.execPath, [join(import.meta.dirname, "command-driver.ts")], {
    cwd: folder,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => driver.stdin.end());
  const answers = createInterface({ input: driver.stdout })[Symbol.asyncIterator]();
  /** Runs `hawser se` without a chip; the objects that it prints, or its failure. */
  const alone = async (status: number, ...argv: readonly string[]) => {
    driver.stdin.write(`${JSON.stringify(["se", ...argv, "--json"])}\n`);
    const { value: line } = await answers.next();
    const result = JSON.parse(String(line)) as { status: number; stdout: string; stderr: string };
    assert.equal(result.status, status, `${argv.join(" ")}: ${result.stderr}`);
    return `${result.stdout}${status === 0 ? "" : result.stderr}`
      .split("\n")
      .filter((each) => each.startsWith("{") && !each.startsWith('{"warning"'))
      .map((each) => JSON.parse(each) as Record<string, unknown>);
  };
  const se = Object.assign((status: number, ...argv: readonly string[]) => alone(status, ...argv, "--chip", address), {
    alone,
  });
  const openssl = (...argv: readonly string[]) => {
    const result = spawnSync("openssl", argv, { cwd: folder, encoding: "utf8", timeout: 60_000 });
    return { ok: result.status === 0, text: `${result.stdout}${result.stderr}` };
  };
  return { folder, uniqueId, se, openssl };
}

for (const model of ["a71ch", "a5000", "se051"]) {
  test(`hawser se works on an ${model}: requests and signatures that openssl accepts, keys that stay inside`, async (t) => {
    requirePeer(t, "openssl");
    const { folder, uniqueId, se, openssl } = await world(t, model);
    assert.equal((await se(0, "info"))[0]?.uniqueId, uniqueId);
    const [{ publicKey } = {}] = await se(0, "generate", "--slot", "1", "--out", "device.pub");
    assert.match(String(publicKey), /^3059/);
    assert.equal(
      ((await se(1, "generate", "--slot", "1"))[0]?.error as { code: string } | undefined)?.code,
      "slot-in-use",
    );
    await se(0, "csr", "--slot", "1", "--subject", "CN=device-1,O=Example", "--out", "device.csr");
    const request = openssl("req", "-in", "device.csr", "-verify", "-noout", "-subject", "-pubkey");
    assert.match(request.text, /verify OK/);
    assert.ok(request.text.includes(readFileSync(join(folder, "device.pub"), "utf8").trim()));
    writeFileSync(join(folder, "message"), "what is signed");
    await se(0, "sign", "--slot", "1", "--in", "message", "--out", "message.sig");
    const check = ["dgst", "-sha256", "-verify", "device.pub", "-signature", "message.sig", "message"];
    assert.equal(openssl(...check).ok, true);
    assert.deepEqual(
      (await se(0, "verify", "--slot", "1", "--in", "message", "--signature", "message.sig"))[0]?.valid,
      true,
    );
    writeFileSync(join(folder, "message"), "what is not");
    assert.equal(
      (await se(1, "verify", "--slot", "1", "--in", "message", "--signature", "message.sig"))[0]?.valid,
      false,
    );
    // A key of openssl's own: injected, its signatures are checked on either side.
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "own.key");
    openssl("ec", "-in", "own.key", "-pubout", "-out", "own.pub");
    await se(0, "inject", "--slot", "0", "--key", "own.key");
    openssl("dgst", "-sha256", "-sign", "own.key", "-out", "own.sig", "message");
    assert.equal(
      (await se(0, "verify", "--key", "own.pub", "--in", "message", "--signature", "own.sig"))[0]?.valid,
      true,
    );
    await se(0, "refkey", "--slot", "0", "--out", "reference.pem");
    const reference = openssl("ec", "-in", "reference.pem", "-pubout").text;
    assert.ok(reference.includes(readFileSync(join(folder, "own.pub"), "utf8").trim()));
    openssl("req", "-new", "-x509", "-key", "own.key", "-subj", "/CN=own", "-out", "own.pem");
    await se(0, "cert", "--index", "3", "--in", "own.pem");
    assert.equal(
      String((await se(0, "cert", "--index", "3"))[0]?.content),
      readFileSync(join(folder, "own.pem"), "utf8").trim(),
    );
    await se(0, "delete", "--certificate", "3");
    await se(2, "cert", "--index", "3");
    assert.equal(String((await se(0, "random", "--bytes", "40"))[0]?.content).length, 80);
    const kinds = (await se(0, "list")).map(({ kind }) => kind);
    assert.ok(kinds.includes(model === "a71ch" ? "key-pair" : "ecPair"));
    await se(0, "delete", "--slot", "0");
    await se(2, "delete");
  });
}

test("hawser se: an SE05x's policies and attestation, and what an A71CH has none of", async (t) => {
  requirePeer(t, "openssl");
  const { folder, uniqueId, se, openssl } = await world(t, "a5000");
  const policy = "all:sign+read+delete";
  const place = ["--slot", "0x20000001", "--curve", "P-384"];
  await se(0, "generate", ...place, "--policy", policy, "--out", "p384.pub");
  await se(2, "generate", ...place, "--policy", policy);
  const [told] = await se(0, "policy", "--object", "0x20000001");
  assert.deepEqual([told?.policy, told?.origin, told?.type], [policy, "internal", "ecPair"]);
  writeFileSync(join(folder, "message"), "what is signed");
  await se(0, "sign", "--slot", "0x20000001", "--hash", "sha384", "--in", "message", "--out", "message.sig");
  assert.equal(openssl("dgst", "-sha384", "-verify", "p384.pub", "-signature", "message.sig", "message").ok, true);
  const [attested] = await se(0, "attest", "--object", "0x20000001", "--policy", policy);
  assert.deepEqual([attested?.chipId, attested?.origin, attested?.policy], [uniqueId, "internal", policy]);
  assert.equal((await se(0, "attest", "--object", "0xf0000100", "--origin", "provisioned"))[0]?.origin, "provisioned");
  const refused = async (...argv: string[]) => ((await se(1, ...argv))[0]?.error as { code: string } | undefined)?.code;
  openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    "k",
    "-subj",
    "/CN=maker",
    "-out",
    "maker.pem",
  );
  assert.equal(await refused("attest", "--object", "0x20000001", "--cafile", "maker.pem"), "not-attested");
  assert.equal(await refused("attest", "--object", "0x20000001", "--policy", "all:read"), "not-attested");
  assert.equal(await refused("policy", "--object", "0x20000009"), "status-word");
  await se(2, "generate", ...place, "--policy", "all:fly");
  assert.match(JSON.stringify(await se(2, "generate", "--slot", "2", "--curve", "ed25519")), /no Ed25519/);
  assert.match(JSON.stringify(await se(2, "generate", "--slot", "0x20000002", "--rsa", "2048")), /no RSA keys/);
  const other = await world(t, "a71ch");
  for (const argv of [
    ["policy", "--object", "1"],
    ["attest", "--object", "0"],
    ["generate", "--slot", "0", "--curve", "P-384"],
  ]) {
    assert.match(JSON.stringify(await other.se(2, ...argv)), /A71CH/);
  }
});

test("hawser se attest: evidence is kept, openssl checks what was signed, and --verify takes no other", async (t) => {
  requirePeer(t, "openssl");
  const { folder, uniqueId, se, openssl } = await world(t, "se051");
  const nonce = "000102030405060708090a0b0c0d0e0f";
  const object = ["--object", "0x20000001"];
  await se(0, "generate", "--slot", "0x20000001");
  const [told] = await se(0, "attest", ...object, "--nonce", nonce, "--evidence", "evidence");
  assert.equal(told?.chipId, uniqueId);
  openssl("x509", "-in", "evidence/attestation.pem", "-pubkey", "-noout", "-out", "attestation.pub");
  const dgst = ["dgst", "-sha256", "-verify", "attestation.pub", "-signature", "evidence/signature.bin"];
  assert.match(openssl(...dgst, "evidence/signed.bin").text, /Verified OK/);
  // The driver adds --chip to every command: here there must be none.
  await se(2, "attest", "--verify", "evidence", ...object, "--nonce", nonce);
  const alone = async (status: number, ...argv: string[]) => (await se.alone(status, "attest", ...argv))[0];
  assert.equal(
    (await alone(0, "--verify", "evidence", ...object, "--nonce", nonce, "--chip-id", uniqueId))?.chipId,
    uniqueId,
  );
  const refused = async (...argv: string[]) => ((await alone(1, ...argv))?.error as { code: string } | undefined)?.code;
  const kept = ["--verify", "evidence"];
  assert.equal(await refused(...kept, ...object, "--nonce", `ff${nonce.slice(2)}`), "not-attested");
  assert.equal(await refused(...kept, "--object", "0x20000002", "--nonce", nonce), "not-attested");
  assert.equal(await refused(...kept, ...object, "--nonce", nonce, "--attributes"), "not-attested");
  assert.equal(await refused(...kept, ...object, "--nonce", nonce, "--origin", "external"), "not-attested");
  assert.equal(await refused(...kept, ...object, "--nonce", nonce, "--chip-id", "00".repeat(18)), "not-attested");
  await alone(2, ...kept, ...object);
  await alone(2, "--verify", "nothing", ...object, "--nonce", nonce);
  await alone(2, ...object);
  const answer = join(folder, "evidence/answer.json");
  writeFileSync(
    answer,
    readFileSync(answer, "utf8").replace(
      /(.)(..."\n})/,
      (_, digit: string, rest: string) => (digit === "0" ? "1" : "0") + rest,
    ),
  );
  assert.equal(await refused(...kept, ...object, "--nonce", nonce), "not-attested");
  await se(0, "attest", ...object, "--attributes", "--nonce", nonce, "--evidence", "attributes");
  assert.equal((await alone(0, "--verify", "attributes", ...object, "--nonce", nonce, "--attributes"))?.data, null);
  // An RSA key, number by number; a key of the user's own that attests, under a root of the user's.
  await se(0, "generate", "--slot", "0x20000003", "--rsa", "2048", "--policy", "all:attest+sign+read+delete");
  const [modulus] = await se(0, "attest", "--object", "0x20000003", "--component", "modulus");
  assert.equal(String(modulus?.data).length, 512);
  await se(0, "csr", "--slot", "0x20000003", "--subject", "CN=own attestation", "--out", "own.csr");
  openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    "root.key",
    "-subj",
    "/CN=own root",
    "-out",
    "root.pem",
  );
  writeFileSync(join(folder, "leaf.ext"), "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n");
  const signing = ["x509", "-req", "-in", "own.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"];
  openssl(...signing, "-extfile", "leaf.ext", "-out", "own.pem");
  await se(0, "cert", "--index", "9", "--in", "own.pem");
  const own = ["--key", "0x20000003", "--certificate", "9", "--cafile", "root.pem"];
  assert.equal((await se(0, "attest", ...object, ...own))[0]?.origin, "internal");
});

test("hawser se: secrets, codes, derived keys, ciphers, counters and registers, as openssl computes them", async (t) => {
  requirePeer(t, "openssl");
  for (const model of ["a5000", "se050"]) {
    const { folder, se, openssl } = await world(t, model);
    const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);
    const code = async (...argv: string[]) => ((await se(1, ...argv))[0]?.error as { code: string } | undefined)?.code;
    const key = "000102030405060708090a0b0c0d0e0f";
    write("key.hex", `${key}\n`);
    write("message", "telemetry ".repeat(100));
    await se(0, "secret", "--object", "0x20000001", "--kind", "hmac", "--value", "key.hex");
    await se(0, "secret", "--object", "0x20000002", "--kind", "aes", "--value", "key.hex");

    assert.equal((await se(0, "digest", "--in", "message"))[0]?.content, hexOf(openssl("dgst", "-r", "message").text));
    await se(0, "mac", "--object", "0x20000001", "--in", "message", "--out", "mac");
    const mac = openssl("dgst", "-sha256", "-mac", "HMAC", "-macopt", `hexkey:${key}`, "-r", "message").text;
    assert.equal(readFileSync(join(folder, "mac")).toString("hex"), hexOf(mac));
    assert.equal((await se(0, "mac", "--object", "0x20000001", "--in", "message", "--check", "mac"))[0]?.valid, true);
    assert.equal((await se(1, "mac", "--object", "0x20000001", "--in", "key.hex", "--check", "mac"))[0]?.valid, false);
    const [derived] = await se(0, "hkdf", "--object", "0x20000001", "--info", "session 1", "--bytes", "42");
    const kdf = ["kdf", "-keylen", "42", "-kdfopt", "digest:SHA256", "-kdfopt", `hexkey:${key}`];
    const expected = openssl(...kdf, "-kdfopt", "info:session 1", "HKDF").text;
    assert.equal(derived?.content, expected.trim().replaceAll(":", "").toLowerCase());

    const cbc = ["--object", "0x20000002", "--mode", "cbc", "--iv", "0f".repeat(16)];
    await se(0, "encrypt", ...cbc, "--in", "message", "--out", "sealed");
    const enc = ["enc", "-d", "-aes-128-cbc", "-K", key, "-iv", "0f".repeat(16), "-in", "sealed"];
    assert.equal(openssl(...enc).text, "telemetry ".repeat(100));
    await se(0, "decrypt", ...cbc, "--in", "sealed", "--out", "opened");
    assert.equal(readFileSync(join(folder, "opened"), "utf8"), "telemetry ".repeat(100));
    await se(2, "encrypt", "--object", "0x20000002", "--mode", "ctr", "--in", "message");

    const [made] = await se(0, "counter", "--object", "0x20000003", "--create", "4");
    assert.equal(made?.value, "0");
    assert.equal((await se(0, "counter", "--object", "0x20000003", "--increment"))[0]?.value, "1");
    assert.equal((await se(0, "counter", "--object", "0x20000003", "--set", "70000"))[0]?.value, "70000");
    assert.equal(await code("counter", "--object", "0x20000003", "--set", "5"), "status-word");
    await se(2, "counter", "--object", "0x20000003", "--set", "70001", "--increment");

    write("pin.hex", "31323334");
    await se(0, "secret", "--object", "0x7da00001", "--kind", "userid", "--value", "pin.hex", "--max-attempts", "3");
    const guarded = ["--object", "0x20000004", "--kind", "hmac", "--value", "key.hex", "--policy", "7da00001:sign"];
    await se(0, "secret", ...guarded);
    assert.equal(await code("mac", "--object", "0x20000004", "--in", "message"), "status-word");
    await se(0, "mac", "--object", "0x20000004", "--in", "message", "--session", "userid:7da00001:pin.hex");
    await se(2, "secret", "--object", "1", "--kind", "hmac", "--value", "message");
    assert.ok((await se(0, "list")).some(({ object }) => object === "0x20000004"));

    const sealing = ["--object", "0x20000002", "--associated", "key.hex"];
    if (model === "se050") {
      assert.equal(await code("encrypt", ...sealing, "--in", "message"), "status-word");
      assert.equal(
        (await se(0, "pcr", "--object", "0x20000005", "--create", "00".repeat(32)))[0]?.value,
        "00".repeat(32),
      );
      const [register] = await se(0, "pcr", "--object", "0x20000005", "--extend", "message");
      write("extended", Buffer.concat([Buffer.alloc(32), readFileSync(join(folder, "message"))]));
      assert.equal(register?.value, hexOf(openssl("dgst", "-sha256", "-r", "extended").text));
      assert.equal((await se(0, "pcr", "--object", "0x20000005", "--reset"))[0]?.value, "00".repeat(32));
      continue;
    }
    await se(0, "encrypt", ...sealing, "--in", "message", "--out", "sealed");
    await se(0, "decrypt", ...sealing, "--in", "sealed", "--out", "opened");
    assert.equal(readFileSync(join(folder, "opened"), "utf8"), "telemetry ".repeat(100));
    assert.equal(await code("decrypt", "--object", "0x20000002", "--in", "sealed"), "not-authentic");
    assert.equal(await code("pcr", "--object", "0x20000005", "--create", "00".repeat(32)), "status-word");
  }
});

test("hawser se: Ed25519 and RSA keys of an SE051, whose requests and signatures openssl accepts", async (t) => {
  requirePeer(t, "openssl");
  const { folder, se, openssl } = await world(t, "se051");
  writeFileSync(join(folder, "message"), "telemetry");
  for (const [name, place, kind] of [
    ["ed25519", "0", ["--curve", "ed25519"]],
    ["p521", "1", ["--curve", "P-521"]],
    ["rsa", "0x20000001", ["--rsa", "2048"]],
  ] as const) {
    await se(0, "generate", "--slot", place, ...kind, "--out", `${name}.pub`);
    await se(0, "sign", "--slot", place, "--in", "message", "--out", "signature");
    const raw =
      name === "ed25519" ? ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"] : ["dgst", "-sha256", "-verify"];
    const files =
      name === "ed25519" ? ["-in", "message", "-sigfile", "signature"] : ["-signature", "signature", "message"];
    const checked = openssl(...raw, `${name}.pub`, ...files);
    assert.equal(checked.ok, true, checked.text);
    if (name === "p521") continue;
    await se(0, "csr", "--slot", place, "--subject", "CN=device-1", "--out", "device.csr");
    assert.match(openssl("req", "-in", "device.csr", "-verify", "-noout").text, /verify OK/);
  }
  const check = ["verify", "--slot", "0", "--in", "message", "--signature"];
  await se(0, "sign", "--slot", "0", "--in", "message", "--out", "signature");
  assert.equal((await se(0, ...check, "signature"))[0]?.valid, true);
  writeFileSync(join(folder, "wrong"), readFileSync(join(folder, "signature")).reverse());
  assert.equal((await se(1, ...check, "wrong"))[0]?.valid, false);
  await se(0, "sign", "--slot", "0x20000001", "--pss", "--in", "message", "--out", "signature");
  const pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
  assert.equal(openssl("dgst", "-sha256", "-verify", "rsa.pub", ...pss, "-signature", "signature", "message").ok, true);
  await se(2, "sign", "--slot", "0", "--pss", "--in", "message");
  await se(0, "refkey", "--slot", "0x20000001", "--out", "rsa.ref");
  const numbers = openssl("asn1parse", "-in", "rsa.ref").text;
  assert.match(numbers, /:20000001\n[^]*:A5A6B5B6/);
  await se(2, "generate", "--slot", "2", "--rsa", "2048");
  // With openssl's own encryption, and the key's other half in the chip.
  openssl(
    "pkeyutl",
    "-encrypt",
    "-pubin",
    "-inkey",
    "rsa.pub",
    "-in",
    "message",
    "-out",
    "sealed",
    "-pkeyopt",
    "rsa_padding_mode:oaep",
  );
  await se(0, "decrypt", "--object", "0x20000001", "--mode", "rsa-oaep", "--in", "sealed", "--out", "opened");
  assert.equal(readFileSync(join(folder, "opened"), "utf8"), "telemetry");
});

/** The digits at the beginning of what `openssl dgst -r` prints. */
function hexOf(text: string): string {
  return /^[0-9a-f]+/.exec(text)?.[0] ?? "";
}

test("hawser se agree and sign-listed: secrets as openssl derives them, and signatures over files in the chip", async (t) => {
  requirePeer(t, "openssl");
  const { folder, se, openssl } = await world(t, "se051");
  const bytes = (file: string) => readFileSync(join(folder, file)).toString("hex");
  for (const [curve, id, ...algorithm] of [
    ["P-256", "0x20000001", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ["P-384", "0x20000002", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  ] as const) {
    await se(0, "generate", "--slot", id, "--curve", curve, "--out", "mine.pub");
    openssl("genpkey", "-algorithm", ...algorithm, "-out", "own.key");
    openssl("pkey", "-in", "own.key", "-pubout", "-out", "own.pub");
    await se(0, "agree", "--object", id, "--peer", "own.pub", "--out", "chip.secret");
    openssl("pkeyutl", "-derive", "-inkey", "own.key", "-peerkey", "mine.pub", "-out", "own.secret");
    assert.equal(bytes("chip.secret"), bytes("own.secret"), curve);
  }
  // The product of a pair with its own public half begins with the X coordinate that openssl derives.
  const [told] = await se(0, "agree", "--object", "0x20000002", "--with", "0x20000002");
  assert.match(String(told?.content), /^04[0-9a-f]{192}$/);
  const [mapped] = await se(0, "agree", "--object", "0x20000002", "--with", "0x20000002", "--pace");
  assert.notEqual(mapped?.content, told?.content);
  writeFileSync(join(folder, "key.hex"), "00".repeat(32));
  await se(0, "secret", "--object", "0x20000003", "--kind", "hmac", "--value", "key.hex");
  await se(0, "agree", "--object", "0x20000002", "--peer", "own.pub", "--into", "0x20000003", "--reversed");
  await se(0, "agree", "--object", "0x20000002", "--with", "0x20000002", "--into", "0x20000003");
  await se(2, "agree", "--object", "0x20000002");
  await se(2, "agree", "--object", "0x20000002", "--with", "0x20000002", "--reversed");
  await se(2, "agree", "--object", "0x20000002", "--peer", "own.pub", "--pace");
  await se(2, "agree", "--object", "0x20000002", "--peer", "own.pub", "--into", "0x20000003", "--out", "x");
  await se(2, "agree", "--object", "0x20000002", "--peer", "mine");
  const policy = "all:read+internal-sign=20000004";
  await se(0, "generate", "--slot", "0x20000005", "--policy", policy, "--out", "listed.pub");
  assert.equal((await se(0, "policy", "--object", "0x20000005"))[0]?.policy, policy);
  assert.equal(
    ((await se(1, "sign-listed", "--object", "0x20000005"))[0]?.error as { code: string } | undefined)?.code,
    "status-word",
  );
  await se(2, "generate", "--slot", "0x20000006", "--policy", "all:internal-sign");
  await se(2, "generate", "--slot", "0x20000006", "--policy", "all:sign=20000004");
});
