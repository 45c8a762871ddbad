/** Just-in-time registration, sentence by sentence, with openssl's certificates and TLS and bytes of MQTT on the wire. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { connectAsync } from "mqtt";

import type { OperationInput, OperationName } from "../../src/cloud/operations/index.ts";
import { callOperation } from "../../src/cloud/api/node-client.ts";
import { startCloud } from "../../src/cloud/node.ts";
import { requirePeer } from "./peers.ts";

const POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}';
const CONNECT_311 = Buffer.from("101000044d5154540402003c000464657631", "hex");
const CONNECT_5 = Buffer.from("101100044d5154540502003c00000464657631", "hex");

/** How a conversation ended: what came before the end, in hex, as far as it is MQTT. */
type Ending = { readonly handshake: boolean; readonly said: string };

async function world(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-jitr-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const ports = { apiPort: 0, mqttPort: 0, httpsPorts: [0], plainMqttPort: 0 };
  const options = { host: "127.0.0.1", serverNames: [], relaxedCertificates: true, ...ports };
  const cloud = await startCloud({ directory: join(directory, "data"), ...options });
  t.after(() => cloud.close());
  const target = { endpoint: cloud.api, region: cloud.account.region, credentials: cloud.accessKey };
  const call = <Name extends OperationName>(name: Name, input: OperationInput<Name>) =>
    callOperation(target, name, input);
  const openssl = (line: string) => execFileSync("openssl", line.split(" "), { cwd: directory, stdio: "pipe" });
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  /** A CA, or with `under` an intermediate. */
  const newCa = (name: string, under?: string) => {
    const key = `-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${name}.key -subj /CN=${name}`;
    if (under === undefined) {
      openssl(`req -x509 ${key} -days 30 -out ${name}.pem`);
      return;
    }
    openssl(`req -new ${key} -out ${name}.csr`);
    writeFileSync(join(directory, "ca.ext"), "basicConstraints=critical,CA:TRUE\n");
    openssl(`x509 -req -in ${name}.csr -CA ${under}.pem -CAkey ${under}.key -days 30 -extfile ca.ext -out ${name}.pem`);
  };
  const newDevice = (name: string, ca: string, how = "-days 30") => {
    openssl(
      `req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${name}.key -subj /CN=${name} -out ${name}.csr`,
    );
    openssl(`x509 -req -in ${name}.csr -CA ${ca}.pem -CAkey ${ca}.key ${how} -out ${name}.pem`);
  };
  const register = async (ca: string, how: { active?: boolean; auto?: boolean } = {}) => {
    const { registrationCode } = await call("GetRegistrationCode", {});
    openssl(
      `req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout v.key -subj /CN=${registrationCode} -out v.csr`,
    );
    openssl(`x509 -req -in v.csr -CA ${ca}.pem -CAkey ${ca}.key -days 2 -out v.pem`);
    const proof = { caCertificate: read(`${ca}.pem`), verificationCertificate: read("v.pem") };
    const { active: setAsActive = true, auto: allowAutoRegistration = true } = how;
    return (await call("RegisterCACertificate", { ...proof, setAsActive, allowAutoRegistration })).certificateId;
  };
  /** openssl's handshake as this device, with these certificates behind its own; then bytes, and what comes until the end. */
  const talk = (device: string, bytes: Uint8Array | undefined, chain: readonly string[] = []) =>
    new Promise<Ending>((resolve) => {
      writeFileSync(join(directory, "chain.pem"), chain.map((name) => read(`${name}.pem`)).join(""));
      const more = [...(chain.length > 0 ? ["-cert_chain", "chain.pem"] : []), ...(bytes ? [] : ["-no_ign_eof"])];
      const own = ["-cert", `${device}.pem`, "-key", `${device}.key`, "-CAfile", cloud.caFile, ...more];
      const argv = [
        "s_client",
        "-connect",
        `127.0.0.1:${cloud.mqtt.port}`,
        "-servername",
        "localhost",
        "-quiet",
        ...own,
      ];
      const client = spawn("openssl", argv, { cwd: directory });
      const said: Buffer[] = [];
      let errors = "";
      client.stderr.on("data", (data: Buffer) => void (errors += data.toString()));
      client.stdout.on("data", (data: Buffer) => {
        said.push(data);
        if (data[0] === 0x20 && data[3] === 0) client.kill();
      });
      client.on("close", () =>
        resolve({ handshake: /verify return:1/.test(errors), said: Buffer.concat(said).toString("hex") }),
      );
      client.stdin.on("error", () => undefined);
      if (bytes) client.stdin.write(bytes);
      else client.stdin.end();
    });
  const listener = await connectAsync(`mqtt://127.0.0.1:${cloud.plainMqtt?.port}`);
  t.after(() => listener.end(true));
  await listener.subscribeAsync("$aws/events/certificates/registered/+", { qos: 1 });
  const events: { topic: string; text: string }[] = [];
  listener.on("message", (topic, payload) => void events.push({ topic, text: payload.toString() }));
  /** Everything that was published before has been heard. */
  const heard = async () => {
    await listener.subscribeAsync("marker");
    const { promise, resolve } = Promise.withResolvers<void>();
    const onMarker = (topic: string) => topic === "marker" && resolve();
    listener.on("message", onMarker);
    await listener.publishAsync("marker", "x");
    await promise;
    listener.off("message", onMarker);
    return events.filter(({ topic }) => topic !== "marker");
  };
  const records = async () => (await call("ListCertificates", {})).certificates;
  const causes = () =>
    cloud.ledger.events({ kinds: ["refusal"] }).map((event) => (event.kind === "refusal" ? event.cause : ""));
  return { cloud, call, newCa, newDevice, register, talk, heard, records, causes, read };
}

test("AW-53 AW-54 AW-55 JITR 2.2: a handshake alone does nothing; each CONNECT fires the event, until the device is ACTIVE and allowed", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { call, newCa, newDevice, register, talk, heard, records, causes } = await world(t);
  newCa("maker");
  newDevice("dev1", "maker");
  const caCertificateId = await register("maker");

  assert.deepEqual(await talk("dev1", undefined), { handshake: true, said: "" });
  assert.deepEqual([await records(), await heard()], [[], []], "1: nothing without CONNECT");

  assert.deepEqual(await talk("dev1", CONNECT_311), { handshake: true, said: "" }, "4: no CONNACK in 3.1.1");
  const [record] = await records();
  assert.ok(record);
  const { certificateId, certificateArn } = record;
  const describe = async () => (await call("DescribeCertificate", { certificateId })).certificateDescription;
  const described = await describe();
  assert.deepEqual(
    [described.status, described.caCertificateId, described.certificateMode],
    ["PENDING_ACTIVATION", caCertificateId, "DEFAULT"],
  );
  const [first] = await heard();
  assert.equal(first?.topic, `$aws/events/certificates/registered/${caCertificateId}`);
  const pattern = `^\\{"certificateId":"${certificateId}","caCertificateId":"${caCertificateId}","timestamp":\\d{13},"certificateStatus":"PENDING_ACTIVATION","awsAccountId":"\\d{12}","certificateRegistrationTimestamp":null\\}$`;
  assert.match(first?.text ?? "", new RegExp(pattern), "3: members in AWS's order");

  const told = await talk("dev1", CONNECT_5, ["maker"]);
  assert.match(told.said, /^20(?:[89a-f].)?[0-9a-f]{2}0087/, "4: CONNACK 0x87 in MQTT 5");
  assert.equal((await talk("dev1", CONNECT_311)).said, "");
  const again = (await heard()).slice(1).map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  assert.equal(again.length, 2, "5: once for each CONNECT");
  const since = String(Math.round(described.creationDate * 1000));
  for (const event of again) assert.equal(event["certificateRegistrationTimestamp"], since);
  assert.equal((await describe()).status, "PENDING_ACTIVATION");
  assert.equal((await records()).length, 1);

  await call("UpdateCertificate", { certificateId, newStatus: "ACTIVE" });
  assert.equal((await talk("dev1", CONNECT_311)).said, "20020005", "7: no policy");
  assert.equal(causes().at(-1), "no-policy");
  await call("CreatePolicy", { policyName: "all", policyDocument: POLICY });
  await call("AttachPolicy", { policyName: "all", target: certificateArn });
  assert.match((await talk("dev1", CONNECT_311)).said, /^20020000/, "6: in");
  assert.equal((await heard()).length, 3, "who is ACTIVE fires nothing");

  // Deleting a registered device lets it come back; revoking or denying it does not.
  await call("UpdateCertificate", { certificateId, newStatus: "REVOKED" });
  assert.equal((await talk("dev1", CONNECT_311)).said, "20020005");
  assert.equal(causes().at(-1), "certificate-revoked");
  await call("DeleteCertificate", { certificateId, forceDelete: true });
  await call("DenyCertificate", { certificateId, reason: "test" });
  await talk("dev1", CONNECT_311);
  assert.deepEqual([await records(), causes().at(-1)], [[], "certificate-denied"]);
  await call("AllowCertificate", { certificateId });
  await talk("dev1", CONNECT_311);
  assert.equal((await records())[0]?.status, "PENDING_ACTIVATION");
  assert.match((await heard()).at(-1)?.text ?? "", /"certificateRegistrationTimestamp":null/);
});

test("JITR 2.1 and 2.9: which CA must be registered and how; renewed, expired and self-made certificates; many at once", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { call, newCa, newDevice, register, talk, heard, records, causes, read } = await world(t);
  const knock = async (device: string, chain: readonly string[] = []) => {
    const before = [(await records()).length, (await heard()).length] as const;
    await talk(device, CONNECT_311, chain);
    const news = [(await records()).length - before[0], (await heard()).length - before[1]];
    return { cause: causes().findLast((each) => each !== "registration-unheard"), news };
  };
  const NOTHING = [0, 0];
  newCa("root");
  newCa("line", "root");
  newDevice("byLine", "line");
  await register("root");
  assert.deepEqual(
    await knock("byLine", ["line", "root"]),
    { cause: "unknown-ca", news: NOTHING },
    "a parent is not enough",
  );
  await register("line", { active: false });
  assert.deepEqual(await knock("byLine"), { cause: "ca-inactive", news: NOTHING });
  const lineId = (await call("ListCACertificates", {})).certificates.find(({ status }) => status === "INACTIVE");
  const certificateId = lineId?.certificateId ?? "";
  await call("UpdateCACertificate", { certificateId, newStatus: "ACTIVE", newAutoRegistrationStatus: "DISABLE" });
  assert.deepEqual(await knock("byLine"), { cause: "auto-registration-off", news: NOTHING });
  await call("UpdateCACertificate", { certificateId, newAutoRegistrationStatus: "ENABLE" });
  newCa("stranger");
  newDevice("foreign", "stranger");
  assert.deepEqual(await knock("foreign", ["stranger"]), { cause: "unknown-ca", news: NOTHING }, "sent is not trusted");
  assert.deepEqual(await knock("foreign", ["line"]), { cause: "wrong-issuer-sent", news: NOTHING });
  newDevice("old", "line", "-days -1");
  assert.deepEqual(await knock("old"), { cause: "certificate-expired", news: NOTHING });
  assert.deepEqual(await knock("byLine", ["line", "root"]), { cause: "certificate-pending", news: [1, 1] });
  newDevice("byLine", "line");
  assert.deepEqual(
    await knock("byLine"),
    { cause: "certificate-pending", news: [1, 1] },
    "renewed: another certificate",
  );

  // Impatient devices: one record and one first event, whatever the number of connections.
  newDevice("hasty", "line");
  const before = (await heard()).length;
  await Promise.all(Array.from({ length: 6 }, () => talk("hasty", CONNECT_311)));
  const fresh = (await heard()).slice(before).map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  assert.equal(new Set(fresh.map((event) => event["certificateId"])).size, 1);
  assert.equal(fresh.filter((event) => event["certificateRegistrationTimestamp"] === null).length, 1);
  assert.equal((await records()).length, 3);

  // What is registered by hand fires nothing, and PENDING_ACTIVATION is not to be asked for.
  newDevice("byHand", "line");
  const count = (await heard()).length;
  await assert.rejects(
    call("RegisterCertificate", { certificatePem: read("byHand.pem"), status: "PENDING_ACTIVATION" }),
    { type: "CertificateStateException", wire: 406 },
  );
  await call("RegisterCertificate", { certificatePem: read("byHand.pem") });
  await call("RegisterCertificateWithoutCA", { certificatePem: read("foreign.pem") });
  await call("CreateKeysAndCertificate", {});
  assert.equal((await heard()).length, count);
});

test("F-17 JITR 2.3: publishing over HTTPS registers nobody and answers 403, with cause and cure", async (t) => {
  if (!requirePeer(t, "openssl")) return;
  const { cloud, newCa, newDevice, register, heard, records, causes, read } = await world(t);
  newCa("maker");
  newDevice("dev1", "maker");
  await register("maker");
  const [port] = cloud.httpsPorts;
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const own = { cert: read("dev1.pem"), key: read("dev1.key"), ca: readFileSync(cloud.caFile) };
    const asked = {
      host: "localhost",
      port,
      method: "POST",
      path: "/topics/a?qos=1",
      ALPNProtocols: ["x-amzn-http-ca"],
    };
    const sent = request({ ...asked, ...own, agent: false }, (response) => {
      let text = "";
      response.on("data", (data: Buffer) => void (text += data.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end("x");
  });
  const told = JSON.parse(answer.text) as { readonly cause: string; readonly cure: string };
  assert.equal(told.cause, "certificate-unregistered");
  assert.ok(told.cure.length > 20 && causes().includes("certificate-unregistered"));
  const { status } = answer;
  assert.deepEqual([status, await records(), await heard()], [403, [], []]);
});
