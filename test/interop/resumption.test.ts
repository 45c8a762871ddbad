/** TLS resumption of the cloud's MQTT listener: who may come in is decided anew, whatever the session was made for. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connect, type TLSSocket } from "node:tls";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { peerOfSession } from "../../src/cloud/broker/node-resumption.ts";
import { startCloud, type CloudOptions } from "../../src/cloud/node.ts";

const CONNECT = Buffer.from("101000044d5154540402003c000464657631", "hex");
const POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}';

async function world(t: TestContext, more: Partial<CloudOptions>) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-resumption-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: [] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen, tlsResumption: true, ...more });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  const created = await call("CreateKeysAndCertificate", { setAsActive: true });
  await call("CreatePolicy", { policyName: "all", policyDocument: POLICY });
  await call("AttachPolicy", { policyName: "all", target: created.certificateArn });
  const credentials = { cert: created.certificatePem, key: created.keyPair.PrivateKey };
  /** Connects, says CONNECT of dev1; gives CONNACK's code or how it ended, and the session for the next time. */
  const knock = (session?: Buffer, version?: "TLSv1.2" | "TLSv1.3", own: object = credentials) =>
    new Promise<{ result: string; reused: boolean; session: Buffer | undefined }>((resolve) => {
      let kept: Buffer | undefined;
      let result = "closed";
      let reused = false;
      const socket: TLSSocket = connect({
        host: "127.0.0.1",
        port: cloud.mqtt.port,
        servername: "localhost",
        ca: readFileSync(cloud.caFile),
        ...own,
        ...(session && { session }),
        ...(version && { minVersion: version, maxVersion: version }),
      });
      socket.on("secureConnect", () => {
        reused = socket.isSessionReused();
        socket.write(CONNECT);
      });
      socket.on("session", (each: Buffer) => void (kept = each));
      socket.on("data", (data: Buffer) => {
        result = data.subarray(0, 4).toString("hex");
        socket.end();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => void (result = error.code ?? "error"));
      socket.on("close", () => resolve({ result, reused, session: kept ?? session }));
    });
  return { call, knock, certificateId: created.certificateId, pem: created.certificatePem };
}

const ADMITTED = "20020000";
const REFUSED = "20020005";

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a session of ${version} is resumed where that is allowed, and lets in nobody whose certificate was withdrawn`, async (t) => {
    const { call, knock, certificateId } = await world(t, {});
    const first = await knock(undefined, version);
    assert.deepEqual([first.result, first.reused], [ADMITTED, false]);
    const second = await knock(first.session, version);
    assert.deepEqual([second.result, second.reused], [ADMITTED, true]);
    await call("UpdateCertificate", { certificateId, newStatus: "INACTIVE" });
    const third = await knock(second.session, version);
    assert.deepEqual([third.result, third.reused], [REFUSED, true]);
  });
}

test("T-22 in the literal mode with resumption the handshake of a device that left ACTIVE fails as a full one does", async (t) => {
  const { call, knock, certificateId, pem } = await world(t, { jitr: "note-literal" });
  const first = await knock();
  assert.deepEqual([first.result, first.reused], [ADMITTED, false]);
  const second = await knock(first.session);
  assert.deepEqual([second.result, second.reused], [ADMITTED, true]);
  assert.ok(second.session && pem.length > 0);
  await call("UpdateCertificate", { certificateId, newStatus: "INACTIVE" });
  const full = await knock();
  const resumed = await knock(second.session);
  assert.deepEqual([full.result, resumed.result], ["ECONNRESET", "ECONNRESET"]);
  assert.equal(resumed.reused, false);
  await call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" });
  assert.equal((await knock(second.session)).result, ADMITTED);
});

test("without the option no session is resumed", async (t) => {
  const { knock } = await world(t, { tlsResumption: false });
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const first = await knock(undefined, version);
    const second = await knock(first.session, version);
    assert.deepEqual([second.result, second.reused], [ADMITTED, false]);
  }
});

test("peerOfSession takes any bytes", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (const bytes of [new Uint8Array(0), Uint8Array.of(0x30, 0), privateKey.export({ format: "der", type: "pkcs8" })])
    assert.equal(peerOfSession(bytes), undefined);
});
