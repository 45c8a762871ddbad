/** The Configure tool with files that openssl made and openssl judges. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../../src/chip/node.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import { requirePeer } from "./peers.ts";

const TOOL = join(import.meta.dirname, "../../src/cli/a71ch-config.ts");

async function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "a71ch-config-"));
  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const served = await serveChip({ chip, port: 0 });
  t.after(async () => {
    await served.close();
    rmSync(folder, { recursive: true });
  });
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "pipe" }).toString();
  const tool = (line: string) =>
    new Promise<string>((resolve, reject) => {
      const argv = [TOOL, `127.0.0.1:${served.port}`, ...line.split(" ")];
      execFile(process.execPath, argv, { cwd: folder }, (error, stdout, stderr) =>
        error ? reject(new Error(`${line}: ${stderr}`)) : resolve(stdout),
      );
    });
  return { folder, openssl, tool };
}

test("AW-80 AW-85 AW-87 AW-88 openssl makes the key, the tool injects it, and openssl reads the reference key", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { openssl, tool } = await bench(t);
  openssl("ecparam -genkey -name prime256v1 -out deviceKey.key");
  await tool("set pair -x 2 -k deviceKey.key");
  await tool("refpem -c 10 -x 2 -r deviceRefKey.ref_key");
  const text = openssl("ec -in deviceRefKey.ref_key -noout -text").replace(/[\s:]/g, "");
  assert.match(text, /priv10(00){21}a5a6b5b6a5a6b5b61002pub04/);
  assert.equal(openssl("ec -in deviceRefKey.ref_key -pubout"), openssl("ec -in deviceKey.key -pubout"));
  await tool("get pub -c 10 -x 2 -k public.pem");
  assert.equal(openssl("ec -pubin -in public.pem -pubout"), openssl("ec -in deviceKey.key -pubout"));
});

test("OE-20 OE-51 openssl's certificates go into the chip's storage as PEM and DER, and come out as they were", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { folder, openssl, tool } = await bench(t);
  openssl("ecparam -genkey -name prime256v1 -noout -out key.pem");
  openssl("req -x509 -new -key key.pem -sha256 -days 10 -subj /CN=device -out cert.pem");
  openssl("x509 -in cert.pem -outform der -out cert.der");
  const der = readFileSync(join(folder, "cert.der"));
  await tool("wcrt -x 0 -p cert.pem -n 2");
  await tool("wcrt -x 1 -c cert.der");
  for (const index of [0, 1]) {
    await tool(`rcrt -x ${index} -c out${index}.der`);
    assert.deepEqual(readFileSync(join(folder, `out${index}.der`)), der);
  }
  await tool("ucrt -x 0 -p cert.pem");
  await tool("set gp -h 0c00 -c cert.pem");
  assert.ok((await tool("info gp -h 0c00 -n 2")).includes(der.subarray(0, 32).toString("hex")));
});
