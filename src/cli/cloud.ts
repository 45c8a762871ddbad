import { readFileSync, writeFileSync } from "node:fs";

import { Option, type Command } from "commander";

import { OperationRefused } from "../cloud/api/index.ts";
import { openApiText } from "../cloud/operations/index.ts";
import {
  ACTIVATION_FUNCTION,
  activationFunctionZip,
  DEVICE_POLICIES,
} from "../cloud/onboarding/node-activation-function.ts";
import { nodeClock, nodeEntropy } from "../crypto/node.ts";
import { certificateFromPem, certificateToPem, nameFromAttributes } from "../pki/index.ts";
import { generateIssuingKey, keyToPem, signerFromPem } from "../pki/ca/node.ts";
import { silentTrace } from "../trace/index.ts";
import { apiAccess, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import { registerKeyCommands } from "./cloud-keys.ts";
import { withCa, type CaOptions } from "./ca-directory.ts";
import { withCaChipOptions } from "./chip-access.ts";
import { registerRegistryCommands } from "./cloud-registry.ts";
import { registerRevocationCommands } from "./cloud-revocation.ts";
import { examples, outputOf, type Output } from "./output.ts";
import { registerStatusCommand } from "./status.ts";

/** `hawser cloud register-ca|install-jitr|status|keys|registry|deny|allow|denied|crl|root|openapi`: what an operator sets up once, through the control plane. */
export function registerCloudCommands(program: Command): void {
  const cloud = program.command("cloud").description("set a cloud up, through its control plane");
  registerCaCommand(cloud);
  registerJitr(cloud);
  registerStatusCommand(cloud);
  registerKeyCommands(cloud);
  registerRegistryCommands(cloud);
  registerRevocationCommands(cloud);
  registerRoot(cloud);
  registerOpenApi(cloud);
}

function registerCaCommand(cloud: Command): void {
  withCaChipOptions(withApiOptions(cloud.command("register-ca")))
    .description("register a CA by proof of possession, activate it, and let it register devices just in time")
    .requiredOption("--ca-dir <directory>", "the CA (hawser ca init made it)")
    .option("--ca <label>", "which of its CAs; the only intermediate by default")
    .option("--passphrase-file <file>", "passphrase of the CA's key")
    .addHelpText("after", examples("hawser cloud register-ca --data ./cloud --ca-dir ./ca"))
    .action(async (options: ApiOptions & CaOptions, command: Command) =>
      registerCa(options, apiAccess(options), outputOf(command)),
    );
}

/** The workflow of AN12131, chapter 6: code, verification certificate, upload, activation, auto-registration. */
async function registerCa(options: CaOptions, { call }: ApiAccess, output: Output): Promise<void> {
  const { registrationCode } = await call("GetRegistrationCode", {});
  output.line({ event: "registration-code", registrationCode }, `the cloud's registration code is ${registrationCode}`);
  const proof = await withCa(options, silentTrace, async ({ authority, issuer }) => {
    const notBefore = nodeClock.now() - 3_600_000;
    const key = keyToPem(generateIssuingKey("P-256"), nodeEntropy);
    const certificate = await authority.issue({
      issuer: issuer.label,
      profile: "verification",
      applicant: {
        publicKey: signerFromPem(key).publicKey,
        subject: nameFromAttributes([["CN", registrationCode]]),
      },
      validity: { notBefore, notAfter: notBefore + 2 * 86_400_000 },
    });
    return { issuer, certificate };
  });
  const { certificate: ca } = proof.issuer;
  output.line(
    { event: "verification-certificate", ca: proof.issuer.label },
    `${proof.issuer.label} signed a verification certificate for it`,
  );
  const isNew = await unlessThere(
    call("RegisterCACertificate", {
      caCertificate: certificateToPem(ca),
      verificationCertificate: certificateToPem(proof.certificate),
    }),
  );
  const word = isNew ? "registered" : "was registered already";
  output.line({ event: "registered", certificateId: ca.id, isNew }, `${ca.subject.text} ${word}: ${ca.id}`);
  await call("UpdateCACertificate", { certificateId: ca.id, newStatus: "ACTIVE" });
  output.line({ event: "activated", certificateId: ca.id, status: "ACTIVE" }, "the CA is ACTIVE");
  await call("UpdateCACertificate", { certificateId: ca.id, newAutoRegistrationStatus: "ENABLE" });
  output.line(
    { event: "auto-registration", certificateId: ca.id, autoRegistrationStatus: "ENABLE" },
    "auto-registration is ENABLED: devices of this CA register themselves at their first connection",
  );
}

type JitrOptions = ApiOptions & {
  readonly policy: keyof typeof DEVICE_POLICIES;
  readonly policyName: string;
  readonly policyFile?: string;
};

function registerJitr(cloud: Command): void {
  withApiOptions(cloud.command("install-jitr"))
    .description("install the function that activates devices, the rule that runs it, and the permission between them")
    .addOption(
      new Option("--policy <name>", "what devices may do: own-name ties each to the name in its certificate")
        .choices(Object.keys(DEVICE_POLICIES))
        .default("own-name"),
    )
    .option("--policy-file <file>", "a policy document instead")
    .option("--policy-name <name>", "name of the policy that devices get", "hawser-device")
    .addHelpText(
      "after",
      examples(
        "hawser cloud install-jitr --data ./cloud",
        "hawser cloud install-jitr --data ./cloud --policy any-name",
      ),
    )
    .action(async (options: JitrOptions, command: Command) =>
      installJitr(options, apiAccess(options), outputOf(command)),
    );
}

const RULE_NAME = "hawser_activate";

async function installJitr(options: JitrOptions, { call }: ApiAccess, output: Output): Promise<void> {
  const { name: functionName, handler, sql } = ACTIVATION_FUNCTION;
  const { policyName, policyFile } = options;
  const policyDocument = policyFile === undefined ? DEVICE_POLICIES[options.policy] : readFileSync(policyFile, "utf8");
  const { accountId, region } = await call("Status", {});
  const functionArn = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`;
  const ruleArn = `arn:aws:iot:${region}:${accountId}:rule/${RULE_NAME}`;
  const hasFunction = await unlessThere(
    call("CreateFunction", {
      FunctionName: functionName,
      Runtime: "nodejs24.x",
      Role: `arn:aws:iam::${accountId}:role/hawser-functions`,
      Handler: handler,
      Code: { ZipFile: activationFunctionZip() },
      Environment: { Variables: { POLICY_NAME: policyName, POLICY_DOCUMENT: policyDocument } },
      Timeout: 10,
    }),
  );
  tell(output, "function", functionName, hasFunction);
  const hasPermission = await unlessThere(
    call("AddPermission", {
      FunctionName: functionName,
      StatementId: RULE_NAME,
      Action: "lambda:InvokeFunction",
      Principal: "iot.amazonaws.com",
      SourceArn: ruleArn,
    }),
  );
  tell(output, "permission", `${RULE_NAME} to invoke ${functionName}`, hasPermission);
  const hasRule = await unlessThere(
    call("CreateTopicRule", {
      ruleName: RULE_NAME,
      topicRulePayload: { sql, actions: [{ lambda: { functionArn } }], ruleDisabled: false },
    }),
  );
  tell(output, "rule", `${RULE_NAME}: ${sql}`, hasRule);
}

function tell(output: Output, what: string, name: string, isNew: boolean): void {
  output.line({ event: what, name, isNew }, `${what} ${name}${isNew ? "" : " was there already"}`);
}

function registerRoot(cloud: Command): void {
  withApiOptions(cloud.command("root"))
    .description("download the root certificate that devices must trust (mosquitto's --cafile)")
    .option("--out <file>", "write it there; standard output otherwise")
    .addHelpText("after", examples("hawser cloud root --data ./cloud --out root.pem"))
    .action(async (options: ApiOptions & { readonly out?: string }, command: Command) => {
      const { pem } = await apiAccess(options).call("RootCertificate", {});
      const text = new TextDecoder().decode(pem);
      const certificate = certificateFromPem(text);
      if (options.out !== undefined) writeFileSync(options.out, text);
      const written = `${certificate.subject.text} written to ${options.out}`;
      const fields = { event: "root", certificateId: certificate.id, pem: text };
      outputOf(command).line(fields, options.out === undefined ? text.trimEnd() : written);
    });
}

function registerOpenApi(cloud: Command): void {
  cloud
    .command("openapi")
    .description("print the OpenAPI document of what this cloud offers besides AWS's operations")
    .addHelpText("after", examples("hawser cloud openapi > openapi.json"))
    .action(() => void process.stdout.write(openApiText()));
}

/** Whether the call made something; false where it was there already, so that setting up twice is harmless. */
async function unlessThere(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    const isThere =
      error instanceof OperationRefused &&
      ["ResourceAlreadyExistsException", "ResourceConflictException"].includes(error.type);
    if (isThere) return false;
    throw error;
  }
}
