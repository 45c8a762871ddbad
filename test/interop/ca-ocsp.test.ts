/** `hawser ca ocsp` and openssl: the OCSP responder of a CA of one's own, by file and over HTTP. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser } from "../../scripts/programs.ts";
import { requirePeer } from "./peers.ts";

test("hawser ca ocsp answers openssl by file and over HTTP, and hears at once of what is revoked meanwhile", async (t) => {
  if (!requirePeer(t, "openssl") || !requirePeer(t, "curl")) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-ca-ocsp-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const run = (line: string) =>
    new Promise<string>((resolve) => {
      const [program = "", ...argv] = line.split(" ");
      execFile(program, argv, { cwd: directory, encoding: "utf8" }, (_, out, err) => resolve(err + out));
    });
  const ca = (line: string) => finished(hawser(["ca", ...line.split(" ")], { cwd: directory }));
  await ca("init");
  for (const name of ["one", "two"]) await ca(`issue --new-key ${name}.key --subject CN=${name} --out ${name}.pem`);
  const [issuer, root] = ["intermediate", "root"].map((name) => `ca/issuers/hawser-${name}/certificate.pem`);
  const trust = [issuer, root].map((file) => readFileSync(join(directory, file ?? ""), "utf8"));
  writeFileSync(join(directory, "chain.pem"), trust.join(""));
  const ids = `-no_nonce -issuer ${issuer} -cert one.pem -cert two.pem`;

  await run(`openssl ocsp ${ids} -reqout req.der`);
  await ca("ocsp --request req.der --out resp.der --minutes 5");
  const byFile = await run(`openssl ocsp ${ids} -respin resp.der -CAfile chain.pem`);
  assert.match(byFile, /Response verify OK\n[^]*one\.pem: good\n[^]*two\.pem: good\n/);

  const served = hawser(["ca", "ocsp", "--listen", "127.0.0.1:0", "--json"], { cwd: directory });
  t.after(() => served.stop("SIGKILL"));
  const { url } = await served.json<{ url: string }>();
  await ca("revoke --certificate two.pem --reason keyCompromise");
  const asked = await run(`openssl ocsp ${ids} -nonce -url ${url} -CAfile chain.pem`);
  assert.match(asked, /Response verify OK\n[^]*one\.pem: good\n[^]*two\.pem: revoked\n[^]*Reason: keyCompromise\n/);
  const inPath = encodeURIComponent(readFileSync(join(directory, "req.der")).toString("base64"));
  await run(`curl -s -o get.der ${url}/${inPath}`);
  assert.match(await run(`openssl ocsp ${ids} -respin get.der -CAfile chain.pem`), /two\.pem: revoked/);
  const foreign = await run(`openssl ocsp -issuer ${root} -cert ${issuer} -url ${url} -noverify`);
  assert.match(foreign, /unauthorized \(6\)/);
  await run(`curl -s -o bad.der -d nonsense ${url}`);
  assert.match(await run("openssl ocsp -respin bad.der -noverify -text"), /malformedrequest \(1\)/);
  assert.deepEqual(await served.stop("SIGINT"), { status: 0, signal: null });

  const confused = hawser(["ca", "ocsp", "--request", "req.der"], { cwd: directory });
  assert.notEqual((await confused.ended).status, 0);
  assert.match(confused.complaints.join("\n"), /either --request with --out, or --listen is needed/);
});
