import assert from "node:assert/strict";
import { test } from "node:test";

import { nodeKeyAgreement } from "../crypto/node.ts";
import { fromHex } from "../codec/index.ts";
import { CertificateError, type PkiErrorCode } from "../pki/index.ts";
import { ClientRun } from "../../test/tls/run-client.ts";
import { ScriptedServer } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13 } from "../../test/tls/scripted-server-13.ts";
import type { Effect } from "./effects.ts";
import type { Session } from "./index.ts";
import { engineConfig } from "./node-options.ts";

/** What a server is told about its certificate. RFC 8446, section 6.2; RFC 6066, section 8 */
const ALERTS: readonly (readonly [PkiErrorCode, string])[] = [
  ["unknown-issuer", "unknown_ca"],
  ["expired", "certificate_expired"],
  ["not-yet-valid", "certificate_expired"],
  ["revoked", "certificate_revoked"],
  ["revocation-unknown", "certificate_unknown"],
  ["stapled-response", "bad_certificate_status_response"],
  ["weak-key", "unsupported_certificate"],
  ["weak-algorithm", "unsupported_certificate"],
  ["key-usage", "unsupported_certificate"],
  ["extended-key-usage", "unsupported_certificate"],
  ["unknown-critical-extension", "unsupported_certificate"],
  ["bad-signature", "bad_certificate"],
  ["name-mismatch", "bad_certificate"],
];
for (const [code, alert] of ALERTS) {
  test(`a certificate refused as ${code} is answered with ${alert}, in either version`, async () => {
    const fault = { index: 0, subject: "", field: "x", rule: "y" };
    const answer = (effect: Effect) =>
      effect.do === "verify-chain"
        ? ({ on: "failed", error: new CertificateError(code, "no", fault) } as const)
        : undefined;
    for (const server of [new ScriptedServer(), new ScriptedServer13()]) {
      const run = await new ClientRun(server, { answer }).start();
      assert.equal(run.error?.code, "certificate-refused");
      assert.deepEqual(server.alerts, [alert]);
    }
  });
}

test("whoever checks the chain hears whether a stapled response was asked for, though none came", async () => {
  for (const asksStatus of [true, false]) {
    for (const server of [new ScriptedServer(), new ScriptedServer13()]) {
      const run = await new ClientRun(server, { asksStatus }).start();
      const [effect] = run.outputs.filter((output) => output.do === "verify-chain");
      assert.deepEqual(effect?.staples, asksStatus ? [undefined] : undefined);
    }
  }
});

test("no session is offered where revocation is required and only a stapled response could show it", () => {
  const session: Session = {
    version: "TLSv1.3",
    suite: "TLS_AES_128_GCM_SHA256",
    servername: "device.example",
    peerChain: [fromHex("3000")],
    lifetimeSeconds: 3600,
    psk: new Uint8Array(32),
    ticket: new Uint8Array(8),
    ageAdd: 0,
  };
  const config = (options: Parameters<typeof engineConfig>[0]) =>
    engineConfig({ ...options, session: { session, receivedAt: 1000 } }, "device.example", nodeKeyAgreement, 2000);
  assert.equal(config({ revocation: "required" }).session, undefined);
  assert.equal(config({ revocation: "if-present" }).session?.ageMs, 1000);
  assert.equal(config({ revocation: "required", crls: [] }).session?.ageMs, 1000);
});
