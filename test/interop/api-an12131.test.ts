/**
 * AN12131 chapters 6 and 8 (8.2 to 8.4): the commands as the note types them, run by the AWS CLI and by OpenSSL. The
 * note's typographic dashes, its missing dash before `out` and its unbalanced quote are set right; what it spells wrongly
 * to the server (ENABLED) is tried as it stands.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { awsPrograms, REGION, startCloud, type CloudUnderTest, type Outcome } from "./api-server.ts";
import { requirePeer } from "./peers.ts";

function succeeded({ status, stdout, stderr }: Outcome): string {
  assert.equal(status, 0, stderr);
  return stdout;
}

async function shell(cloud: CloudUnderTest, line: string): Promise<string> {
  return succeeded(await cloud.run("sh", ["-c", line]));
}

function needPeers(t: TestContext): boolean {
  return requirePeer(t, "openssl") && requirePeer(t, "aws");
}

/** `aws configure` as section 8.2 types it, answers included. */
async function configure(cloud: CloudUnderTest, program: string, output: "text" | "json"): Promise<void> {
  const { accessKeyId, secretAccessKey } = cloud.registry.accessKeys.primary;
  const input = `${accessKeyId}\n${secretAccessKey}\n${REGION}\n${output}\n`;
  const shown = succeeded(await cloud.run(program, ["configure"], { input }));
  assert.match(
    shown,
    /AWS Access Key ID \[None\]: AWS Secret Access Key \[None\]: Default region name \[None\]: Default output format/,
  );
}

test("AW-22 AW-26 AW-28 AW-29 AW-30 AW-31 AW-34 AW-36 AW-37 AW-69 AW-70 AW-71 AW-73 AW-74 AW-75 AW-76 AW-78 the AWS CLI registers, activates and enables a demo CA as AN12131 8.2 to 8.4 types it", async (t) => {
  if (!needPeers(t)) return;
  const [first, second = first] = await awsPrograms();
  for (const [cli, output] of [
    [first, "text"],
    [second, "json"],
  ] as const) {
    const { program, version } = cli ?? assert.fail("no aws program");
    await t.test(`aws-cli ${version}, output ${output}`, async (t) => {
      const cloud = await startCloud(t);
      await configure(cloud, program, output);
      const answer = succeeded(await cloud.aws(program, "iot", "get-registration-code")).trim();
      const code = output === "text" ? answer : (JSON.parse(answer) as { registrationCode: string }).registrationCode;
      assert.match(code, /^[0-9a-f]{64}$/);
      await makeCa(cloud, code);
      const id = await register(cloud, program, output);
      await checkDescribed(cloud, { program, id, output, status: "INACTIVE", autoRegistration: "DISABLE" });
      const update = ["iot", "update-ca-certificate", "--certificate-id", id];
      assert.equal(succeeded(await cloud.aws(program, ...update, "--new-status", "ACTIVE")), "");
      await checkEnabledRefused(cloud, program, update);
      succeeded(await cloud.aws(program, ...update, "--new-auto-registration-status", "ENABLE"));
      await checkDescribed(cloud, { program, id, output, status: "ACTIVE", autoRegistration: "ENABLE" });
    });
  }
});

/** Section 8.3. */
async function makeCa(cloud: CloudUnderTest, code: string): Promise<void> {
  await shell(cloud, "openssl ecparam -genkey -name prime256v1 -out CACertificate_ECC.key");
  await shell(
    cloud,
    'openssl req -x509 -new -nodes -key CACertificate_ECC.key -sha256 -days 3650 -out CACertificate_ECC.crt -subj "/CN=Demo CA NXP"',
  );
  await shell(cloud, "openssl ecparam -genkey -name prime256v1 -out VerificationKeys.key");
  await shell(cloud, `openssl req -new -key VerificationKeys.key -subj "/CN=${code}" -out VerificationCSR.pem`);
  await shell(
    cloud,
    "openssl x509 -req -in VerificationCSR.pem -CA CACertificate_ECC.crt -CAkey CACertificate_ECC.key -CAcreateserial -out Verificationcertificate.crt -days 3650 -sha256",
  );
}

async function register(cloud: CloudUnderTest, program: string, output: "text" | "json"): Promise<string> {
  const registered = succeeded(
    await cloud.aws(
      program,
      "iot",
      "register-ca-certificate",
      "--ca-certificate",
      "file://CACertificate_ECC.crt",
      "--verification-certificate",
      "file://Verificationcertificate.crt",
    ),
  );
  const id = /[0-9a-f]{64}(?=\s*$|"\s*\}\s*$)/.exec(registered)?.[0] ?? assert.fail(registered);
  const arn = `arn:aws:iot:${REGION}:${cloud.registry.account.id}:cacert/${id}`;
  if (output === "text") assert.equal(registered.trim(), `${arn}\t${id}`);
  else assert.deepEqual(JSON.parse(registered), { certificateArn: arn, certificateId: id });
  return id;
}

type Described = {
  readonly program: string;
  readonly id: string;
  readonly output: "text" | "json";
  readonly status: string;
  readonly autoRegistration: string;
};

async function checkDescribed(cloud: CloudUnderTest, expected: Described): Promise<void> {
  const { program, id, output, status, autoRegistration } = expected;
  const text = succeeded(await cloud.aws(program, "iot", "describe-ca-certificate", "--certificate-id", id));
  if (output === "text") {
    assert.match(text, new RegExp(`CERTIFICATEDESCRIPTION\\t${autoRegistration}\\t`));
    assert.match(text, new RegExp(`\\t${status}\n`));
    return;
  }
  const { certificateDescription: found } = JSON.parse(text) as { certificateDescription: Record<string, unknown> };
  assert.equal(found["status"], status);
  assert.equal(found["autoRegistrationStatus"], autoRegistration);
  assert.equal(found["certificatePem"], readFileSync(join(cloud.directory, "CACertificate_ECC.crt"), "utf8"));
}

/** Section 6.4 spells it so; both CLIs send it on, and the server names what it takes. */
async function checkEnabledRefused(cloud: CloudUnderTest, program: string, update: readonly string[]): Promise<void> {
  const { status, stderr } = await cloud.aws(program, ...update, "--new-auto-registration-status", "ENABLED");
  assert.notEqual(status, 0);
  assert.match(stderr, /An error occurred \(InvalidRequestException\) when calling the UpdateCACertificate operation/);
  assert.match(stderr, /newAutoRegistrationStatus must be ENABLE or DISABLE, not "ENABLED"/);
}

test("AW-18 AW-25 AW-32 AW-33 AW-35 an intermediate CA of AN12131 6.3 registers with --verification-cert, and a stranger's proof does not", async (t) => {
  if (!needPeers(t)) return;
  const cloud = await startCloud(t);
  const { program = "aws" } = (await awsPrograms())[0] ?? {};
  await configure(cloud, program, "json");
  const code = succeeded(await cloud.aws(program, "iot", "get-registration-code", "--output", "text")).trim();
  await makeIntermediate(cloud, code);
  const register = (proof: string) =>
    cloud.aws(
      program,
      "iot",
      "register-ca-certificate",
      "--ca-certificate",
      "file://intCACertificate.pem",
      "--verification-cert",
      `file://${proof}`,
    );
  await shell(
    cloud,
    "openssl x509 -req -in VerificationCSR.pem -CA rootCA.pem -CAkey rootKey.pem -CAcreateserial -out byRoot.pem -days 2",
  );
  const byRoot = await register("byRoot.pem");
  assert.match(
    byRoot.stderr,
    /CertificateValidationException.*its issuer is CN=OEM root, the CA's subject is CN=OEM intermediate/,
  );
  await shell(cloud, 'openssl req -new -key VerificationKeys.pem -subj "/CN=registration code" -out literal.csr');
  await shell(
    cloud,
    "openssl x509 -req -in literal.csr -CA intCACertificate.pem -CAkey intCAkey.pem -CAcreateserial -out literal.pem -days 2",
  );
  const literal = await register("literal.pem");
  assert.match(literal.stderr, /RegistrationCodeValidationException/);
  assert.match(literal.stderr, new RegExp(`common name is "registration code", the registration code is ${code}`));
  const { certificateId } = JSON.parse(succeeded(await register("Verificationcertificate.pem"))) as {
    certificateId: string;
  };
  const der = await shell(cloud, "openssl x509 -in intCACertificate.pem -outform DER | openssl dgst -sha256 -r");
  assert.equal(certificateId, der.slice(0, 64));
  const statusNow = async () => {
    const query = ["--certificate-id", certificateId, "--query", "certificateDescription.status", "--output", "text"];
    return succeeded(await cloud.aws(program, "iot", "describe-ca-certificate", ...query)).trim();
  };
  assert.equal(await statusNow(), "INACTIVE");
  succeeded(
    await cloud.aws(
      program,
      "iot",
      "update-ca-certificate",
      "--certificate-id",
      certificateId,
      "--new-status",
      "ACTIVE",
    ),
  );
  assert.equal(await statusNow(), "ACTIVE");
  const again = await register("Verificationcertificate.pem");
  assert.match(again.stderr, /\(ResourceAlreadyExistsException\).*already provisioned or registered/);
});

/** Section 6.3, with a root over the intermediate. The verification certificate is version 1, as OpenSSL 1.x made it. */
async function makeIntermediate(cloud: CloudUnderTest, code: string): Promise<void> {
  const extensions =
    "printf 'basicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage=critical,keyCertSign,cRLSign\\n' > ca.ext";
  for (const line of [
    extensions,
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout rootKey.pem -out rootCA.pem -days 30 -subj "/CN=OEM root"',
    'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout intCAkey.pem -out int.csr -subj "/CN=OEM intermediate"',
    "openssl x509 -req -in int.csr -CA rootCA.pem -CAkey rootKey.pem -CAcreateserial -out intCACertificate.pem -days 30 -extfile ca.ext",
    "openssl ecparam -genkey -name prime256v1 -out VerificationKeys.pem",
    `openssl req -new -key VerificationKeys.pem -subj "/CN=${code}" -out VerificationCSR.pem`,
    "openssl x509 -req -in VerificationCSR.pem -CA intCACertificate.pem -CAkey intCAkey.pem -CAcreateserial -out Verificationcertificate.pem -days 365 -sha256",
  ]) {
    await shell(cloud, line);
  }
  assert.match(await shell(cloud, "openssl x509 -in Verificationcertificate.pem -noout -text"), /Version: 1 \(0x0\)/);
}
