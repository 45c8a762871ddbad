/** AN12131, section 7.2, taken literally: the TLS handshake of a device that is not ACTIVE fails. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { finished, hawser, words } from "../../scripts/programs.ts";
import { apiAccess } from "../../src/cli/api-access.ts";
import { requirePeer } from "./peers.ts";

test("T-22 AW-44 in the literal mode the handshake fails until the device is ACTIVE, and registers it all the same", async (t) => {
  for (const peer of ["openssl", "mosquitto_pub"]) if (!requirePeer(t, peer)) return;
  const directory = mkdtempSync(join(tmpdir(), "hawser-literal-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const run = (argv: readonly string[]) => finished(hawser([...argv, "--json"], { cwd: directory }));
  const cloud = hawser(words`up --data cloud --api-port 0 --mqtt-port 0 --jitr note-literal --json`, {
    cwd: directory,
  });
  t.after(() => cloud.stop("SIGKILL"));
  const { mqtt, caFile } = await cloud.json<{ mqtt: string; caFile: string }>({ event: "listening" });
  await run(words`ca init --dir ca`);
  await run(words`cloud register-ca --data cloud --ca-dir ca`);
  const typed = (program: string, args: readonly string[]) =>
    new Promise<{ status: number; output: string }>((resolve) => {
      const child = execFile(program, args, { cwd: directory, timeout: 20_000 }, (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
      });
      child.stdin?.end();
    });
  await typed("openssl", words`ecparam -genkey -name prime256v1 -out device.key`);
  await typed("openssl", words`req -new -key device.key -out device.csr -subj /CN=literal`);
  await run(words`ca issue --dir ca --csr device.csr --out device.pem --chain`);

  const client = words`s_client -connect ${mqtt} -CAfile ${caFile} -cert device.pem -key device.key -msg`;
  const handshake = () => typed("openssl", client);
  const first = await handshake();
  assert.notEqual(first.status, 0, first.output);
  assert.match(first.output, /<<< TLS 1\.2.*ServerHelloDone/);
  assert.doesNotMatch(first.output, /<<< TLS 1\.\d.*Finished/, "the server's Finished stays with the server");
  const registered = JSON.parse(await cloud.line(/"step":"registered"/)) as { certificate: string };

  const { call } = apiAccess({ data: join(directory, "cloud") });
  const certificateId = registered.certificate;
  const { certificateDescription } = await call("DescribeCertificate", { certificateId });
  assert.equal(certificateDescription.status, "PENDING_ACTIVATION");
  assert.notEqual((await handshake()).status, 0, "pending devices fail alike");

  await call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" });
  const last = await handshake();
  assert.match(last.output, /<<< TLS 1\.2.*Finished/);
  const policyDocument = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`;
  await call("CreatePolicy", { policyName: "any", policyDocument });
  await call("AttachPolicy", { policyName: "any", target: certificateDescription.certificateArn });
  const port = mqtt.slice(mqtt.lastIndexOf(":") + 1);
  const credentials = words`--cafile ${caFile} --cert device.pem --key device.key -h localhost -p ${port}`;
  assert.equal((await typed("mosquitto_pub", [...credentials, ...words`-q 1 -t a/b -m x -i literal`])).status, 0);
  const events = await call("Ledger", { kinds: "refusal,onboarding" });
  const kinds = new TextDecoder()
    .decode(events.lines)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; step?: string; cause?: string })
    .map(({ step, cause }) => step ?? cause);
  // No rule is there to hear the event.
  assert.deepEqual(kinds.slice(0, 3), ["registered", "event-published", "registration-unheard"]);
  assert.equal(kinds.filter((each) => each === "event-published").length, 2, "each attempt fires the event");
  await cloud.stop();
});
