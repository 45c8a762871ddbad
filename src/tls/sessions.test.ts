import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, fromHex, utf8Bytes } from "../codec/index.ts";
import { nodeAead, nodeHash } from "../crypto/node.ts";
import { ClientRun, type RunOptions } from "../../test/tls/run-client.ts";
import { ScriptedServer, type ScriptedServerOptions } from "../../test/tls/scripted-server.ts";
import { ScriptedServer13, type ScriptedServer13Options } from "../../test/tls/scripted-server-13.ts";
import { decodeExtensions } from "./extensions.ts";
import { clientConfig, type Session, type Session12, type Session13, type TlsErrorCode } from "./index.ts";

const common = { servername: "device.example", peerChain: [fromHex("3000")], lifetimeSeconds: 3600 };
const session12: Session12 = {
  ...common,
  version: "TLSv1.2",
  suite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  masterSecret: new Uint8Array(48).fill(7),
  sessionId: new Uint8Array(32).fill(9),
  ticket: undefined,
};
const session13: Session13 = {
  ...common,
  version: "TLSv1.3",
  suite: "TLS_AES_128_GCM_SHA256",
  psk: new Uint8Array(32).fill(5),
  ticket: utf8Bytes("ticket"),
  ageAdd: 0xfffffff0,
};
const RSA = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
const offering = (session: Session): RunOptions => ({ session: { session, ageMs: 100 } });

const REFUSED_12: readonly { what: string; code: TlsErrorCode; alert: string; server: ScriptedServerOptions }[] = [
  {
    what: "another suite",
    code: "changed-session",
    alert: "illegal_parameter",
    server: { suite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", echoesSessionId: true },
  },
  {
    what: "no extended master secret",
    code: "changed-session",
    alert: "handshake_failure",
    server: { extendedMasterSecret: false, echoesSessionId: true },
  },
  {
    what: "a full handshake after all",
    code: "unexpected-message",
    alert: "unexpected_message",
    server: { echoesSessionId: true },
  },
];
for (const { what, code, alert, server } of REFUSED_12) {
  test(`a TLS 1.2 session that is resumed with ${what}: ${code}`, async () => {
    const peer = new ScriptedServer(server);
    const run = await new ClientRun(peer, offering(session12)).start();
    assert.equal(run.error?.code, code, String(run.error));
    assert.deepEqual(peer.alerts, [alert]);
  });
}

test("a TLS 1.2 session that the server does not take up gives a full handshake", async () => {
  const server = new ScriptedServer();
  const run = await new ClientRun(server, offering(session12)).start();
  assert.equal(run.facts?.resumed, false);
  assert.deepEqual(server.hello?.legacySessionId, session12.sessionId);
});

const REFUSED_13: readonly { what: string; code: TlsErrorCode; server: ScriptedServer13Options }[] = [
  { what: "a key that was not offered", code: "bad-selected-psk", server: { selectsPsk: 1 } },
  {
    what: "a key for another hash",
    code: "bad-selected-psk",
    server: { selectsPsk: 0, suite: "TLS_AES_256_GCM_SHA384" },
  },
  { what: "a certificate all the same", code: "unexpected-message", server: { selectsPsk: 0, psk: session13.psk } },
];
for (const { what, code, server } of REFUSED_13) {
  test(`a TLS 1.3 server that chooses ${what}: ${code}`, async () => {
    const run = await new ClientRun(new ScriptedServer13(server), offering(session13)).start();
    assert.equal(run.error?.code, code, String(run.error));
  });
}

test("a TLS 1.3 session is resumed without certificate or signature, and its chain verified again", async () => {
  const server = new ScriptedServer13({ selectsPsk: 0, psk: session13.psk, withoutCertificate: true });
  const run = await new ClientRun(server, offering(session13)).start();
  assert.equal(run.error, undefined);
  assert.equal(run.facts?.resumed, true);
  const effects = run.outputs.map((output) => output.do).filter((what) => what.startsWith("verify"));
  assert.deepEqual(effects, ["verify-chain"]);
  const psk = decodeExtensions("client_hello", server.hellos[0]?.extensions ?? []).pre_shared_key;
  // 100 ms of age and ageAdd, modulo 2^32. RFC 8446, section 4.2.11.1
  assert.deepEqual(psk?.identities, [{ identity: session13.ticket, obfuscatedAge: 84 }]);
});

test("a session whose chain is trusted no more is not resumed", async () => {
  for (const session of [session12, session13]) {
    const server =
      session.version === "TLSv1.2"
        ? new ScriptedServer({ echoesSessionId: true })
        : new ScriptedServer13({ selectsPsk: 0, psk: session13.psk, withoutCertificate: true });
    const answer: RunOptions["answer"] = ({ do: what }) =>
      what === "verify-chain" ? { on: "failed", error: new Error("expired") } : undefined;
    const run = await new ClientRun(server, { ...offering(session), answer }).start();
    assert.equal(run.error?.code, "operation-failed");
    assert.equal(run.facts, undefined);
  }
});

test("a server that does not hold the session's key cannot resume it", async () => {
  const server = new ScriptedServer13({ selectsPsk: 0, psk: new Uint8Array(32), withoutCertificate: true });
  // It cannot read our alert either.
  const deaf = {
    receive(bytes: Uint8Array) {
      try {
        return server.receive(bytes);
      } catch {
        return new Uint8Array(0);
      }
    },
  };
  const run = await new ClientRun(deaf, offering(session13)).start();
  assert.equal(run.error?.code, "bad-record-mac");
});

test("a session for another name is refused before anything is sent", () => {
  const options = { servername: "other.example", hash: nodeHash, aead: nodeAead };
  assert.throws(() => clientConfig({ ...options, session: { session: session13, ageMs: 0 } }), { code: "bad-option" });
});

test("TLS 1.3: a ticket lives no longer than seven days, whatever its server says", async () => {
  const server = new ScriptedServer13();
  const run = await new ClientRun(server, { wantsSessions: true }).start();
  // lifetime 2^32 - 1, age_add 1, an empty nonce, a ticket of one byte, no extensions
  const body = fromHex("ffffffff00000001000001010000");
  await run.bytes(server.record("handshake", concat(fromHex("0400000e"), body)));
  const sessions = run.outputs.filter((output) => output.do === "session");
  assert.deepEqual(
    sessions.map(({ session: { lifetimeSeconds } }) => lifetimeSeconds),
    [7 * 24 * 3600],
  );
});

test("TLS 1.2: a session that is not bound to its handshake is not kept", async () => {
  for (const extendedMasterSecret of [true, false]) {
    const editHello: ScriptedServerOptions["editHello"] = (hello) => ({
      ...hello,
      legacySessionId: new Uint8Array(32).fill(1),
    });
    const server = new ScriptedServer({ suite: RSA, editHello, extendedMasterSecret });
    const run = await new ClientRun(server, { serverKey: "rsa", wantsSessions: true, suites: [RSA] }).start();
    assert.ok(run.facts, String(run.error));
    assert.equal(run.outputs.filter((output) => output.do === "session").length, extendedMasterSecret ? 1 : 0);
  }
});
