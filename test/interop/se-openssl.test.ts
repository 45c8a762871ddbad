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
  /** Runs `hawser se`; the objects that it prints, or its failure. */
  const se = async (status: number, ...argv: readonly string[]) => {
    driver.stdin.write(`${JSON.stringify(["se", ...argv, "--chip", address, "--json"])}\n`);
    const { value: line } = await answers.next();
    const result = JSON.parse(String(line)) as { status: number; stdout: string; stderr: string };
    assert.equal(result.status, status, `${argv.join(" ")}: ${result.stderr}`);
    return `${result.stdout}${status === 0 ? "" : result.stderr}`
      .split("\n")
      .filter((each) => each.startsWith("{") && !each.startsWith('{"warning"'))
      .map((each) => JSON.parse(each) as Record<string, unknown>);
  };
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
  const other = await world(t, "a71ch");
  for (const argv of [
    ["policy", "--object", "1"],
    ["attest", "--object", "0"],
    ["generate", "--slot", "0", "--curve", "P-384"],
  ]) {
    assert.match(JSON.stringify(await other.se(2, ...argv)), /A71CH/);
  }
});
