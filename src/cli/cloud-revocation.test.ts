import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { callOperation } from "../cloud/api/node-client.ts";
import { startCloud } from "../cloud/node.ts";
import { nodeVerifier } from "../crypto/node.ts";
import { certificateFromPem, crlFromPem, parseCrl, revocationOf } from "../pki/index.ts";

test("hawser cloud denies, lists, allows and revokes a certificate, and its issuer's list and the ledger say so", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-revocation-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const cloud = await startCloud({ directory: join(folder, "data"), ...listen });
  t.after(() => cloud.close());
  const path = (name: string) => join(folder, name);
  const { api: endpoint, account, accessKey } = cloud;
  writeFileSync(path("credentials.json"), JSON.stringify({ api: endpoint, region: account.region, ...accessKey }));
  const target = { endpoint, region: account.region, credentials: accessKey };
  const made = await callOperation(target, "CreateKeysAndCertificate", { setAsActive: true });
  writeFileSync(path("device.pem"), made.certificatePem);
  const hawser = (...words: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const argv = [join(import.meta.dirname, "main.ts"), ...words, "--credentials", path("credentials.json")];
      execFile(process.execPath, argv, (error, stdout, stderr) =>
        resolve({ status: error?.code ?? 0, stdout, stderr }),
      );
    });
  const id = made.certificateId;

  const denied = await hawser("cloud", "deny", path("device.pem"), "--reason", "reported stolen");
  assert.equal(denied.stdout, `${id} is refused: reported stolen\n`);
  assert.match((await hawser("cloud", "denied")).stdout, new RegExp(`^${id} {2}since 2.*Z {2}reported stolen\n$`));
  assert.equal((await hawser("cloud", "allow", id)).stdout, `${id} is off the deny-list\n`);
  assert.equal((await hawser("cloud", "denied")).stdout, "the deny-list is empty\n");

  const revoked = await hawser("cloud", "revoke", id, "--reason", "keyCompromise", "--json");
  assert.deepEqual(JSON.parse(revoked.stdout), { event: "revoked", certificateId: id, reason: "keyCompromise" });
  await hawser("cloud", "issuer", "--out", path("issuer.pem"), "--crl", path("issuer.crl"));
  const issuer = certificateFromPem(readFileSync(path("issuer.pem"), "utf8"));
  const list = await parseCrl(crlFromPem(readFileSync(path("issuer.crl"), "utf8")), issuer, nodeVerifier);
  assert.equal(revocationOf(list, certificateFromPem(made.certificatePem))?.reason, "keyCompromise");

  // A trace that a crash cut short in the middle still is one; a file without an event is none.
  writeFileSync(path("torn.jsonl"), '{"seq":1,"time":1,"actor":"host","ki{"seq":1}\n{"seq":2}\n');
  const torn = await hawser("timeline", "--device", id, "--trace", path("torn.jsonl"), "--json");
  assert.equal(torn.status, 2);
  assert.match(torn.stderr, /"code":"bad-option".*torn\.jsonl holds no events/);
  const message = { kind: "tls.message", direction: "sent", message: "client_hello", bytes: 98 };
  const event = JSON.stringify({ seq: 3, time: 3, actor: "host", device: "dev-1", ...message });
  writeFileSync(path("torn.jsonl"), `{"seq":1,"time":1,"act${event}\n${event}\n`);
  const drawn = await hawser("timeline", "--device", "dev-1", "--format", "mermaid", "--trace", path("torn.jsonl"));
  assert.match(drawn.stdout, /^sequenceDiagram\n[^]*client_hello/);
});
