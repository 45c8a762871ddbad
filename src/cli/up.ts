import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { InvalidArgumentError, Option, type Command } from "commander";

import { PROFILES, startCloud, type HttpActionOptions, type RunningCloud } from "../cloud/node.ts";
import { replaceFile } from "../codec/node.ts";
import { LOG_LEVELS, openLog, type LogLevel, type OpenLog } from "../cloud/observe/node.ts";
import { printable, type Ledger, type OnboardingStep } from "../trace/index.ts";
import { CREDENTIALS_FILE, type CredentialsFile } from "./api-access.ts";
import { badOption } from "./errors.ts";
import { aborted, interruptible } from "./interrupt.ts";
import { examples, masked, gatherLines, outputOf, portOption, type Output } from "./output.ts";
import { appendEvents } from "./trace-file.ts";

type UpOptions = {
  readonly data?: string;
  readonly host: string;
  readonly apiPort?: number;
  readonly httpsPort: readonly number[];
  readonly jitr: "aws-observed" | "note-literal";
  readonly mqttPort?: number;
  readonly tlsResumption?: boolean;
  readonly expiredCasRegister?: boolean;
  readonly plainMqtt?: number;
  readonly profile: keyof typeof PROFILES;
  readonly mqttSetting: readonly string[];
  readonly limit: readonly string[];
  readonly relaxedCertificates?: boolean;
  readonly serverName: readonly string[];
  readonly legacyDhe?: boolean;
  readonly allowPrivateDestinations?: boolean;
  readonly httpCredentials?: string;
  readonly functionLayer?: string;
  readonly revocationUrl?: string;
  readonly region?: string;
  readonly accountId?: string;
  readonly trace?: string;
  readonly log?: string;
  readonly logLevel: LogLevel;
};

const PORTS = { api: 9443, mqtt: 8883 } as const;

/** `hawser up`: the OEM cloud, until interrupted. */
export function registerUpCommand(program: Command): void {
  program
    .command("up")
    .description("run the cloud: MQTT over mutual TLS for devices, and a control plane in the words of AWS IoT")
    .option(
      "--data <directory>",
      "where everything is kept, made at the first start; without it, nothing outlives the run",
    )
    .option("--host <address>", "address to listen on; beyond loopback the control plane speaks HTTPS", "127.0.0.1")
    .option(
      "--api-port <number>",
      `port of the control plane, 0 for any free one; ${PORTS.api} where there is --data`,
      portOption,
    )
    .option(
      "--mqtt-port <number>",
      `port for devices, 0 for any free one; ${PORTS.mqtt} where there is --data`,
      portOption,
    )
    .option(
      "--https-port <number>",
      "also MQTT by ALPN, MQTT over WebSocket and publishing over HTTPS, as AWS on 443 and 8443; may be repeated",
      (port: string, ports: readonly number[]) => [...ports, portOption(port)],
      [],
    )
    .option("--plain-mqtt <number>", "also MQTT without TLS on 127.0.0.1, 0 for any free port", portOption)
    .addOption(
      new Option("--profile <name>", "how MQTT behaves: as AWS IoT Core, or as the OASIS standards")
        .choices(Object.keys(PROFILES))
        .default("aws"),
    )
    .option(
      "--mqtt-setting <name=value>",
      "a setting or limit of the profile, such as connectsPerSecond=1; may be repeated, a wrong name lists all",
      (setting: string, settings: readonly string[]) => [...settings, setting],
      [],
    )
    .option(
      "--limit <name=value>",
      "a limit of the account, such as policiesPerPrincipal=20 or rates=aws; may be repeated, a wrong name lists all",
      (limit: string, limits: readonly string[]) => [...limits, limit],
      [],
    )
    .addOption(
      new Option(
        "--jitr <mode>",
        "when a device that is not ACTIVE is dropped: at CONNECT, or within a TLS 1.2 handshake",
      )
        .choices(["aws-observed", "note-literal"])
        .default("aws-observed"),
    )
    .option("--expired-cas-register", "a CA that has expired still registers devices; they connect in either case")
    .option("--tls-resumption", "MQTT clients may resume TLS sessions, for an hour; AWS IoT Core resumes none")
    .option(
      "--relaxed-certificates",
      "for test suites: --plain-mqtt needs no certificate, test/nosubscribe is refused, texts register as certificates",
    )
    .option(
      "--server-name <name>",
      "name or address of this machine in the server certificate, besides localhost; may be repeated",
      (name: string, names: readonly string[]) => [...names, name],
      [],
    )
    .option("--legacy-dhe", "TLS also for clients without elliptic curves: DHE_RSA with AES-GCM, 2048 bits")
    .option("--account-id <digits>", "stands in every ARN; random unless chosen at the first start", accountIdOption)
    .option(
      "--allow-private-destinations",
      "rules' HTTP actions may go to loopback and private addresses, and without TLS",
    )
    .option(
      "--http-credentials <file>",
      "JSON with accessKeyId and secretAccessKey, for HTTP actions that sign their requests (auth.sigv4)",
    )
    .option(
      "--function-layer <directory>",
      "functions may import what lies in its node_modules, such as aws-sdk (version 2)",
    )
    .option(
      "--revocation-url <url>",
      "the control plane's URL as relying parties reach it: certificates that the cloud issues point to its OCSP and CRL",
      urlOption,
    )
    .option("--region <region>", "stands in every ARN; us-east-1 unless chosen at the first start")
    .option("--trace <file>", "append every event as JSON Lines")
    .option("--log <file>", "append a log as JSON Lines in pino's form, - for standard error")
    .addOption(new Option("--log-level <level>", "how much the log tells").choices(LOG_LEVELS).default("info"))
    .addHelpText(
      "after",
      `${examples(
        "hawser up --data ./cloud",
        "hawser up --data ./cloud --host 0.0.0.0 --server-name cloud.example",
        "hawser up --data ./cloud --api-port 0 --mqtt-port 0 --json",
        "hawser up --profile spec --plain-mqtt 1883 --relaxed-certificates",
      )}
The first line of --json holds api, mqtt, region, accessKeyId, secretAccessKey and caFile. The same facts are kept in
DIRECTORY/${CREDENTIALS_FILE}, mode 0600, which every other command reads through --data. The secret access key is shown
in full at the first start only; --json always holds it, so that scripts work.
The control plane's address also answers /health, /ready and, for callers on this machine, /metrics (Prometheus).
`,
    )
    .action(async (options: UpOptions, command: Command) => up(options, outputOf(command)));
}

async function up(options: UpOptions, output: Output): Promise<void> {
  const closings: (() => void)[] = [];
  let log: OpenLog | undefined;
  let begin: () => void = () => undefined;
  const { data: kept, host, profile, region, plainMqtt, relaxedCertificates = false } = options;
  const directory = kept ?? mkdtempSync(join(tmpdir(), "hawser-cloud-"));
  await interruptible(async (signal) => {
    try {
      const cloud = await startCloud({
        directory,
        host,
        apiPort: options.apiPort ?? (kept === undefined ? 0 : PORTS.api),
        mqttPort: options.mqttPort ?? (kept === undefined ? 0 : PORTS.mqtt),
        serverNames: options.serverName,
        httpsPorts: options.httpsPort,
        jitr: options.jitr,
        expiredCasRegister: options.expiredCasRegister === true,
        tlsResumption: options.tlsResumption === true,
        profile,
        mqttSettings: options.mqttSetting,
        limits: options.limit,
        relaxedCertificates,
        ...(plainMqtt === undefined ? {} : { plainMqttPort: plainMqtt }),
        ...(options.legacyDhe ? { legacyDhe: true } : {}),
        ...(region === undefined ? {} : { region }),
        ...(options.accountId === undefined ? {} : { accountId: options.accountId }),
        httpActions: httpActionsOf(options),
        ...(options.functionLayer === undefined ? {} : { functionLayer: options.functionLayer }),
        ...(options.revocationUrl === undefined ? {} : { revocationUrl: options.revocationUrl }),
        onLogLevel: (level) => log?.setLevel(level === "DISABLED" ? undefined : LEVEL_OF[level]),
        onLedger(ledger) {
          if (options.trace !== undefined) closings.push(appendEvents(ledger, options.trace));
          if (options.log !== undefined) {
            const opened = openLog({ ledger, ...logOf(options.log, options.logLevel) });
            closings.push(() => opened.close());
            log = opened;
          }
          begin = showNews(ledger, output);
        },
      });
      try {
        tell(cloud, saveCredentials(cloud, directory), output);
        begin();
        await aborted(signal);
      } finally {
        await cloud.close();
      }
      output.line({ event: "stopped" }, "stopped");
    } finally {
      for (const close of closings) close();
      if (kept === undefined) rmSync(directory, { recursive: true, force: true });
    }
  });
}

function accountIdOption(text: string): string {
  if (/^[0-9]{12}$/.test(text)) return text;
  throw new InvalidArgumentError("An account id is twelve digits.");
}

function urlOption(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ["http:", "https:"].includes(url.protocol)) return url.href;
  throw new InvalidArgumentError("It is a URL such as http://pki.example:9443.");
}

function httpActionsOf({ allowPrivateDestinations, httpCredentials }: UpOptions): HttpActionOptions {
  return {
    allowPrivate: allowPrivateDestinations === true,
    ...(httpCredentials === undefined ? {} : { signingKey: signingKeyIn(httpCredentials) }),
  };
}

/** Throws `UsageError` `bad-option`. */
function signingKeyIn(file: string): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  let found: { readonly accessKeyId?: unknown; readonly secretAccessKey?: unknown } | null;
  try {
    found = JSON.parse(readFileSync(file, "utf8")) as typeof found;
  } catch {
    throw badOption(`--http-credentials: ${file} cannot be read as JSON`);
  }
  const { accessKeyId, secretAccessKey } = found ?? {};
  if (typeof accessKeyId === "string" && typeof secretAccessKey === "string") return { accessKeyId, secretAccessKey };
  throw badOption(`--http-credentials: ${file} must hold accessKeyId and secretAccessKey`);
}
/** The log's levels by the words of the API. */
const LEVEL_OF = { DEBUG: "debug", INFO: "info", WARN: "warn", ERROR: "error" } as const;

function logOf(file: string, level: LogLevel): { readonly destination: string | number; readonly level: LogLevel } {
  return { destination: file === "-" ? process.stderr.fd : file, level };
}

/**
 * Shows what an operator watches: devices that come in, refusals, and what the cloud warns of. Devices may be back before
 * the first line says where: what they do waits for the call of what this returns.
 */
function showNews(ledger: Ledger, output: Output): () => void {
  const waiting: (() => void)[] = [];
  let hasBegun = false;
  const line: Output["line"] = (fields, text) => {
    if (hasBegun) {
      gatherLines();
      output.line(fields, text);
    } else waiting.push(() => output.line(fields, text));
  };
  ledger.subscribe((event) => {
    const { certificate = "" } = event;
    if (event.kind === "process" && event.what === "warning") output.warn(event.detail);
    if (event.kind === "onboarding") {
      const { step, clientId, detail } = event;
      const who = clientId === "" ? `certificate ${certificate.slice(0, 8)}` : printable(clientId);
      line({ event: "onboarding", step, clientId, certificate, detail }, `${who}: ${wordsOf(step)}`);
    }
    // The first contact of every device is refused so; `onboarding` tells it better.
    if (event.kind === "refusal" && event.cause !== "certificate-pending") {
      const { cause, clientId, address } = event;
      const who = clientId === "" ? address : printable(clientId);
      line({ event: "refusal", cause, clientId, address, certificate }, `${who}: refused, ${cause}`);
    }
  });
  return () => {
    hasBegun = true;
    for (const show of waiting.splice(0)) show();
  };
}

function wordsOf(step: OnboardingStep): string {
  if (step === "registered") return "registered, PENDING_ACTIVATION";
  return step === "activated" ? "ACTIVE" : step.replaceAll("-", " ");
}

function saveCredentials(cloud: RunningCloud, directory: string): CredentialsFile & { readonly file: string } {
  const { api, mqtt, account, accessKey, caFile } = cloud;
  const facts: CredentialsFile = {
    api,
    mqtt: `${hostOf(cloud)}:${mqtt.port}`,
    region: account.region,
    ...accessKey,
    caFile: resolve(caFile),
  };
  const file = join(directory, CREDENTIALS_FILE);
  replaceFile(file, `${JSON.stringify(facts, undefined, 2)}\n`, 0o600);
  return { ...facts, file };
}

/** The name under which devices reach the cloud, as a URL writes it. */
function hostOf({ mqtt: { host } }: RunningCloud): string {
  return host.includes(":") ? `[${host}]` : host;
}

function tell(cloud: RunningCloud, facts: CredentialsFile & { readonly file: string }, output: Output): void {
  const { file, ...credentials } = facts;
  const { api, mqtt, region, accessKeyId, secretAccessKey, caFile } = credentials;
  const secret = cloud.isNewKey
    ? `${secretAccessKey}   (shown this once; kept in ${file})`
    : `${masked(secretAccessKey)}   (in ${file})`;
  const https = cloud.httpsPorts.map((port) => `https://${hostOf(cloud)}:${port}`);
  const plainMqtt = cloud.plainMqtt && `${cloud.plainMqtt.host}:${cloud.plainMqtt.port}`;
  output.line(
    {
      event: "listening",
      ...credentials,
      ...(https.length === 0 ? {} : { https }),
      ...(plainMqtt === undefined ? {} : { plainMqtt }),
      accountId: cloud.account.id,
      credentials: file,
    },
    [
      `listening, account ${cloud.account.id} in ${region}`,
      `  control plane      ${api}`,
      `  MQTT over TLS      ${mqtt}`,
      ...https.map((url) => `  HTTPS, WebSocket   ${url}`),
      ...(plainMqtt === undefined ? [] : [`  MQTT without TLS   ${plainMqtt}`]),
      `  root to trust      ${caFile}`,
      `  access key id      ${accessKeyId}`,
      `  secret access key  ${secret}`,
    ].join("\n"),
  );
}
