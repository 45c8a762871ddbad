import { Option, type Command } from "commander";

import { PROFILES, REVOCATION_REASONS } from "../pki/index.ts";
import { initCa, type InitCaOptions } from "./ca-init.ts";
import { copyToDevice, type CopyOptions } from "./ca-copy.ts";
import { issueCertificateFile, type IssueOptions } from "./ca-issue.ts";
import { issueJwtCertificate, makeJwtCa, type IssueJwtOptions, type MakeJwtCaOptions } from "./ca-jwt.ts";
import { listCa, type ListOptions } from "./ca-list.ts";
import { answerForCa, listenOption, type OcspOptions } from "./ca-ocsp.ts";
import { publishCrl, revokeCertificate, type CrlOptions, type RevokeOptions } from "./ca-revoke.ts";
import { placeOption, withAccessOptions, withCaChipOptions } from "./chip-access.ts";
import { examples, numberOption, outputOf } from "./output.ts";

/** `hawser ca init|issue|revoke|crl|ocsp|list|make-jwt-ca|issue-jwt|copy-to-device`: a certification authority in a directory. */
export function registerCaCommands(program: Command): void {
  const ca = program.command("ca").description("a certification authority of your own");
  registerInit(ca);
  registerIssue(ca);
  registerRevoke(ca);
  registerCrl(ca);
  registerOcsp(ca);
  registerList(ca);
  registerMakeJwtCa(ca);
  registerIssueJwt(ca);
  registerCopy(ca);
}

function registerInit(ca: Command): void {
  withCaChipOptions(withAccessOptions(withKeys(ca.command("init"))))
    .description("make a root CA and intermediate CAs under it; what exists already is kept")
    .option("--root-name <name>", "common name of the root", "Hawser root")
    .option("--intermediate-name <name>", "common name of an intermediate; may be repeated", repeated)
    .addOption(new Option("--curve <curve>", "curve of the new keys").choices(["P-256", "P-384"]).default("P-256"))
    .option("--chip <host:port>", "make a key in this chip, where it stays and signs")
    .option("--slot <place>", "key slot for --chip, or the identifier of an SE05x object", placeOption, 0)
    .addOption(
      new Option("--chip-for <which>", "whose key --chip holds")
        .choices(["root", "intermediate"])
        .default("intermediate"),
    )
    .option("--existing-key", "use the key pair that is in the slot already")
    .addHelpText(
      "after",
      examples(
        "hawser ca init --dir ./ca",
        'hawser ca init --dir ./ca --root-name "OEM root" --intermediate-name "Line 1" --intermediate-name "Line 2"',
        "hawser ca init --dir ./ca --chip 127.0.0.1:8050 --slot 1 --chip-for intermediate",
      ),
    )
    .action(async (options: InitCaOptions, command: Command) => initCa(options, outputOf(command)));
}

function registerIssue(ca: Command): void {
  withIssuer(ca.command("issue"))
    .description("issue a certificate for a request or a public key")
    .addOption(
      new Option("--profile <profile>", "what the certificate is for")
        .choices(Object.keys(PROFILES).filter((name) => !name.endsWith("Ca")))
        .default("device"),
    )
    .option("--csr <file>", "certificate request, PEM: its signature is checked and its subject taken")
    .option("--public-key <file>", "public key, PEM; needs --subject")
    .option("--new-key <file>", "make a key pair and write its private half here, mode 0600; needs --subject")
    .option("--subject <name>", "such as CN=device-1,O=Example; takes the place of the request's")
    .option("--dns <name>", "host name of the certificate; may be repeated", repeated)
    .option("--ip <address>", "IP address of the certificate; may be repeated", repeated)
    .option(
      "--days <number>",
      "validity; by default as long as usual and no longer than the CA's",
      numberOption(1, 36_500),
    )
    .option("--never-expires", "a device that outlives every CA: valid until 9999-12-31")
    .option("--out <file>", "write the certificate here instead of to standard output")
    .option("--chain", "let the CA certificate follow, as devices send it")
    .addHelpText(
      "after",
      examples(
        "hawser ca issue --csr device.csr --out device.pem --chain",
        "hawser ca issue --profile server --new-key server.key --subject CN=cloud --dns cloud.local --ip 192.0.2.1",
        "hawser ca issue --profile verification --subject CN=REGISTRATION_CODE --out verification.pem",
      ),
    )
    .action(async (options: IssueOptions, command: Command) => issueCertificateFile(options, outputOf(command)));
}

function registerRevoke(ca: Command): void {
  withDirectory(ca.command("revoke"))
    .description("revoke a certificate; hawser ca crl then publishes it")
    .option("--ca <label>", "which CA issued it; with --certificate it is found")
    .option("--serial <hex>", "serial number of the certificate")
    .option("--certificate <file>", "the certificate, PEM")
    .addOption(new Option("--reason <reason>", "why").choices(Object.keys(REVOCATION_REASONS)).default("unspecified"))
    .addHelpText("after", examples("hawser ca revoke --certificate device.pem --reason keyCompromise"))
    .action(async (options: RevokeOptions, command: Command) => revokeCertificate(options, outputOf(command)));
}

function registerCrl(ca: Command): void {
  withIssuer(ca.command("crl"))
    .description("sign the list of revoked certificates as of now")
    .option("--days <number>", "when the next list is due", numberOption(1, 3650), 7)
    .option("--out <file>", "write the list here instead of to standard output")
    .addHelpText("after", examples("hawser ca crl --out ca.crl"))
    .action(async (options: CrlOptions, command: Command) => publishCrl(options, outputOf(command)));
}

function registerOcsp(ca: Command): void {
  withIssuer(ca.command("ocsp"))
    .description("say which certificates of a CA are good: answer one OCSP request, or every one over HTTP")
    .option("--request <file>", "an OCSP request, DER (openssl ocsp -reqout)")
    .option("--out <file>", "write the response here, DER")
    .option("--listen <host:port>", "answer over HTTP until interrupted; port 0 takes a free one", listenOption)
    .option("--minutes <number>", "for how long an answer holds", numberOption(1, 525_600), 60)
    .addHelpText(
      "after",
      examples("hawser ca ocsp --request req.der --out resp.der", "hawser ca ocsp --listen 127.0.0.1:8889"),
    )
    .action(async (options: OcspOptions, command: Command) => answerForCa(options, outputOf(command)));
}

function registerList(ca: Command): void {
  withDirectory(ca.command("list"))
    .description("the CAs of a directory, and what they issued and revoked")
    .option("--ca <label>", "only this CA")
    .addHelpText("after", examples("hawser ca list", "hawser ca list --ca hawser-intermediate --json"))
    .action(async (options: ListOptions, command: Command) => listCa(options, outputOf(command)));
}

function registerMakeJwtCa(ca: Command): void {
  ca.command("make-jwt-ca")
    .description(
      "make the JWT_CA of a device registry, as make_ca_cert of AN-7648: the key encrypted, the certificate beside it",
    )
    .option("--dir <directory>", "where both files go", ".")
    .option("--subject <name>", "its name", "CN=JWT_CA")
    .option("--days <number>", "how long it is valid", numberOption(1, 36_500), 3650)
    .option("--passphrase-file <file>", "passphrase of the key; asked for at a terminal without it")
    .addHelpText("after", examples("make_ca_cert", "hawser ca make-jwt-ca --dir ./jwt --passphrase-file passphrase"))
    .action(async (options: MakeJwtCaOptions, command: Command) => makeJwtCa(options, outputOf(command)));
}

function registerIssueJwt(ca: Command): void {
  ca.command("issue-jwt")
    .description("issue a device's certificate (csr_cert.pem of AN-7648) under the JWT_CA of a registry")
    .option("--dir <directory>", "where make-jwt-ca put its files", ".")
    .option("--ca-key <file>", "the JWT_CA's encrypted key, if it is elsewhere")
    .option("--ca-certificate <file>", "the JWT_CA's certificate, if it is elsewhere")
    .option("--csr <file>", "the device's certificate request, PEM")
    .option("--public-key <file>", "the device's public key, PEM; needs --subject")
    .option("--subject <name>", "such as CN=EXAMPLE_DEVICE; takes the place of the request's")
    .option("--days <number>", "validity, at most the JWT_CA's", numberOption(1, 36_500), 3650)
    .option("--out <file>", "csr_cert.pem in --dir by default, which is a certificate in spite of its name")
    .option("--passphrase-file <file>", "passphrase of the key; asked for at a terminal without it")
    .addHelpText(
      "after",
      examples("hawser ca issue-jwt --csr device.csr", "hawser ca issue-jwt --csr device.csr --out csr_cert.pem"),
    )
    .action(async (options: IssueJwtOptions, command: Command) => issueJwtCertificate(options, outputOf(command)));
}

function registerCopy(ca: Command): void {
  const more = (value: string, before: readonly string[] = []) => [...before, value];
  ca.command("copy-to-device")
    .description("bring a CA's certificate to devices, by scp or into a directory (AN12131, section 8.5)")
    .requiredOption("--certificate <file>", "the CA's certificate, PEM")
    .option("--key <file>", "also its private key: a demonstration only")
    .requiredOption("--to <place>", "directory, or [user@]host:directory; may be repeated", more)
    .addOption(
      new Option("--profile <name>", "production never lets a CA's key go; demo does, and says so")
        .choices(["production", "demo"])
        .default("production"),
    )
    .addHelpText(
      "after",
      examples(
        "hawser ca copy-to-device --certificate CACertificate_ECC.crt --to root@imx6:",
        "hawser ca copy-to-device --profile demo --certificate CACertificate_ECC.crt --key CACertificate_ECC.key --to board",
      ),
    )
    .action(async (options: CopyOptions, command: Command) => copyToDevice(options, outputOf(command)));
}

function withDirectory(command: Command): Command {
  return command.option("--dir <directory>", "where the CA is kept", "ca");
}

function withKeys(command: Command): Command {
  return withDirectory(command)
    .option("--passphrase-file <file>", "passphrase of the CA's keys: the first line of this file")
    .option("--trace <file>", "append what is signed, and what is refused, as JSON Lines");
}

function withIssuer(command: Command): Command {
  return withCaChipOptions(
    withKeys(command).option("--ca <label>", "which CA signs; the only intermediate by default"),
  );
}

function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
