/** Our own extensions as strangers use them: curl signs calls, openssl and GnuTLS ask and check what was revoked. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { startCloud } from "../../src/cloud/node.ts";
import { callOperation, fetchPage } from "../../src/cloud/api/node-client.ts";
import { requirePeer } from "./peers.ts";

async function world(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-own-api-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [] };
  const revocationUrl = "http://pki.example";
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen, revocationUrl });
  t.after(() => cloud.close());
  const { api: endpoint, account, accessKey } = cloud;
  const target = { endpoint, region: account.region, credentials: accessKey };
  const run = (program: string, ...argv: string[]) =>
    new Promise<{ ok: boolean; text: string }>((resolve) => {
      execFile(program, argv, { cwd: directory, encoding: "utf8" }, (error, stdout, stderr) =>
        resolve({ ok: !error, text: stderr + stdout }),
      );
    });
  const issue = async (name: string) => {
    const created = await callOperation(target, "CreateKeysAndCertificate", { setAsActive: true });
    writeFileSync(join(directory, name), created.certificatePem);
    return created.certificateId;
  };
  const { accessKeyId, secretAccessKey } = accessKey;
  const signature = ["--aws-sigv4", `aws:amz:${account.region}:hawser`, "--user", `${accessKeyId}:${secretAccessKey}`];
  const curl = (...argv: string[]) => run("curl", "-s", ...signature, ...argv);
  return { directory, cloud, target, run, curl, issue };
}

test("curl calls our own operations as their OpenAPI document describes them, and gets it without a signature", async (t) => {
  if (!requirePeer(t, "curl")) return;
  const { cloud, run, curl } = await world(t);
  const plain = await run("curl", "-s", `${cloud.api}/hawser/v1/openapi.json`);
  const document = JSON.parse(plain.text) as {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  };
  assert.equal(document.openapi, "3.1.0");
  const pathOf = (id: string) => {
    const found = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, each]) => ({ path, method, id: each.operationId })),
    );
    const row = found.find((each) => each.id === id);
    assert.ok(row, id);
    return { url: cloud.api + row.path, method: row.method.toUpperCase() };
  };
  const deny = pathOf("DenyCertificate");
  const id = "ab".repeat(32);
  const url = deny.url.replace("{certificateId}", id);
  const denied = await curl("-X", deny.method, url, "-d", '{"reason":"stolen"}');
  assert.deepEqual(Object.keys(JSON.parse(denied.text) as object), ["certificateId", "reason", "since"]);
  const list = JSON.parse((await curl(pathOf("ListDeniedCertificates").url)).text) as { denied: unknown[] };
  assert.deepEqual(list.denied, [JSON.parse(denied.text)]);
  const unsigned = await run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", pathOf("Status").url);
  assert.equal(unsigned.text, "403");
  const wrong = JSON.parse((await curl("-X", deny.method, url, "-d", '{"why":"stolen"}')).text) as { message: string };
  assert.match(wrong.message, /unknown body member "why"; known here: reason/);
});

test("openssl and GnuTLS ask the cloud's OCSP responder and check its list: good, revoked with its reason, unknown", async (t) => {
  if (!requirePeer(t, "openssl") || !requirePeer(t, "ocsptool")) return;
  const { directory, cloud, target, run, issue } = await world(t);
  const url = `${cloud.api}/hawser/v1/ocsp`;
  const ids = {
    good: await issue("good.pem"),
    revoked: await issue("revoked.pem"),
    deleted: await issue("deleted.pem"),
  };
  const issuer = await fetchPage(target, "/hawser/v1/issuer.crt");
  writeFileSync(join(directory, "issuer.crt"), issuer);
  await run("openssl", "x509", "-inform", "DER", "-in", "issuer.crt", "-out", "issuer.pem");
  const openssl = (...certificates: string[]) => {
    const asked = certificates.flatMap((name) => ["-cert", name]);
    return run("openssl", "ocsp", "-issuer", "issuer.pem", ...asked, "-url", url, "-CAfile", "issuer.pem");
  };
  const before = await openssl("good.pem", "revoked.pem");
  assert.match(before.text, /Response verify OK\n[^]*good\.pem: good\n[^]*revoked\.pem: good\n/);
  await callOperation(target, "RevokeCertificate", { certificateId: ids.revoked, reason: "keyCompromise" });
  await callOperation(target, "UpdateCertificate", { certificateId: ids.deleted, newStatus: "INACTIVE" });
  await callOperation(target, "DeleteCertificate", { certificateId: ids.deleted });
  const after = await openssl("good.pem", "revoked.pem", "deleted.pem");
  assert.match(after.text, /Response verify OK\n[^]*good\.pem: good\n/);
  assert.match(after.text, /revoked\.pem: revoked\n[^]*Reason: keyCompromise\n\tRevocation Time: /);
  assert.match(after.text, /deleted\.pem: revoked\n[^]*Reason: cessationOfOperation/);
  const serial = ["-serial", "0x1234567890", "-url", url, "-CAfile", "issuer.pem"];
  assert.match((await run("openssl", "ocsp", "-issuer", "issuer.pem", ...serial)).text, /0x1234567890: unknown/);
  // A root of another CA: nothing that this responder could sign would be believed.
  await run("openssl", ..."req -x509 -newkey rsa:2048 -nodes -keyout o.key -subj /CN=Other -out other.pem".split(" "));
  const foreign = await run("openssl", "ocsp", "-issuer", "other.pem", "-serial", "1", "-url", url, "-noverify");
  assert.match(foreign.text, /Responder Error: unauthorized \(6\)/);

  for (const [name, status] of [
    ["good.pem", "good"],
    ["revoked.pem", "revoked"],
  ] as const) {
    const gnutls = ["--load-issuer", "issuer.pem", "--load-cert", name, "--load-signer", "issuer.pem", "--nonce"];
    const { text } = await run("ocsptool", `--ask=${url}`, ...gnutls);
    assert.match(text, new RegExp(`Certificate Status: ${status}\n[^]*Verifying OCSP Response: Success`));
  }

  const listing = await run("openssl", "x509", "-in", "good.pem", "-noout", "-text");
  const pointer = /URI:http:\/\/pki\.example(\/hawser\/v1\/crl\/[0-9a-f]{64}\.crl)\n/.exec(listing.text)?.[1] ?? "";
  assert.match(listing.text, /OCSP - URI:http:\/\/pki\.example\/hawser\/v1\/ocsp\n/);
  writeFileSync(join(directory, "list.crl"), await fetchPage(target, pointer));
  const readList = (...more: string[]) => run("openssl", "crl", "-inform", "DER", "-in", "list.crl", ...more);
  const list = await readList("-CAfile", "issuer.pem", "-noout", "-text");
  assert.match(list.text, /^verify OK/);
  assert.match(list.text, /Revoked Certificates:[^]*Key Compromise/);
  await readList("-out", "list.pem");
  const verify = (name: string) =>
    run("openssl", "verify", "-crl_check", "-CAfile", "issuer.pem", "-CRLfile", "list.pem", name);
  assert.match((await verify("good.pem")).text, /good\.pem: OK/);
  for (const name of ["revoked.pem", "deleted.pem"])
    assert.match((await verify(name)).text, /error 23 at 0 depth lookup: certificate revoked/);
  await assert.rejects(fetchPage(target, "/hawser/v1/crl/none.crl"), { code: "not-our-api", reply: 404 });
});
