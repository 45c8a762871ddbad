/** A control plane on a real socket over a temporary store, and the AWS CLI pointed at it. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { AWS_PROFILE } from "../../src/cloud/broker/index.ts";
import { deviceIssuing } from "../../src/cloud/node-device-issuer.ts";
import { ControlPlane, type ControlPlaneServices, createHandlers } from "../../src/cloud/api/index.ts";
import { queryOperations } from "../../src/cloud/operations/index.ts";
import { serveApi } from "../../src/cloud/api/node.ts";
import { Revocations } from "../../src/cloud/revocation/index.ts";
import { DeviceRegistries } from "../../src/cloud/jwt/index.ts";
import { openRegistry, type Registry } from "../../src/cloud/registry/index.ts";
import { Domains } from "../../src/cloud/domains/index.ts";
import { LoggingOptions } from "../../src/cloud/logging/index.ts";
import { CertificateProviders } from "../../src/cloud/providers/index.ts";
import { EventSwitches } from "../../src/cloud/registry-events/index.ts";
import { FleetIndex } from "../../src/cloud/search/index.ts";
import { RegistrationTasks } from "../../src/cloud/templates/index.ts";
import { fileObjectStore } from "../../src/cloud/templates/node-object-store.ts";
import { Jobs } from "../../src/cloud/jobs/index.ts";
import { Shadows } from "../../src/cloud/shadows/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy, nodeHash, nodeVerifier } from "../../src/crypto/node.ts";
import { Ledger } from "../../src/trace/index.ts";

export type Outcome = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type CloudUnderTest = {
  readonly registry: Registry;
  readonly url: string;
  /** A folder for the files that the notes' commands make. */
  readonly directory: string;
  readonly calls: { readonly name: string; readonly input: unknown }[];
  /** Runs a program in that folder. */
  run(program: string, args: readonly string[], options?: { readonly input?: string }): Promise<Outcome>;
  /** Runs an `aws` program against the server, as it was configured. */
  aws(program: string, ...args: readonly string[]): Promise<Outcome>;
};

export const REGION = "eu-central-1";

/** AWS CLI version 2 as Debian packages it, and version 1 where the first `aws` of the path is one. */
export async function awsPrograms(): Promise<{ readonly program: string; readonly version: string }[]> {
  const found: { program: string; version: string }[] = [];
  for (const program of ["/usr/bin/aws", "aws"]) {
    if (program.startsWith("/") && !existsSync(program)) continue;
    const { stdout, stderr, status } = await execute(program, ["--version"], {});
    const version = /aws-cli\/(\S+)/.exec(`${stdout}${stderr}`)?.[1];
    if (status === 0 && version !== undefined && !found.some((each) => each.version === version)) {
      found.push({ program, version });
    }
  }
  return found;
}

export async function startCloud(
  t: TestContext,
  services: Partial<ControlPlaneServices> = {},
): Promise<CloudUnderTest> {
  const directory = mkdtempSync(join(tmpdir(), "hawser-api-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const store = await openStore({ directory: join(directory, "data") });
  t.after(() => store.close());
  const trace = new Ledger({ clock: nodeClock });
  const ports = { store, clock: nodeClock, entropy: nodeEntropy, verifier: nodeVerifier, trace };
  const registry = await openRegistry(ports, { region: REGION });
  const calls: CloudUnderTest["calls"] = [];
  const issuing = await deviceIssuing({ directory: join(directory, "issuing"), ...ports });
  const shop = { registry, issuing, hash: nodeHash };
  const tasks = await RegistrationTasks.open(shop, fileObjectStore(join(directory, "objects")));
  const providers = new CertificateProviders(registry, services.ask ?? (async () => ({})));
  const handlers = createHandlers({
    settings: {
      domains: await Domains.open(registry),
      providers,
      switches: await EventSwitches.open(registry),
      logging: await LoggingOptions.open(registry, () => undefined),
    },
    deviceRegistries: await DeviceRegistries.open(registry),
    revocations: await Revocations.open(registry),
    registry,
    shop,
    tasks,
    jobs: await Jobs.open({ registry, publish: () => undefined, isOn: () => true, readObject: async () => undefined }),
    shadows: new Shadows({ ...ports, publish: (topic) => void calls.push({ name: "shadow", input: topic }) }),
    index: new FleetIndex(registry, { connected: () => new Map() }),
    ...standIns(trace, calls),
    ...services,
  });
  const plane = {
    handlers,
    queries: queryOperations(registry),
    accessKeys: registry.accessKeys,
    rates: registry.limits,
    region: REGION,
    hash: nodeHash,
    ...ports,
  };
  const tls = await serverCertificate(directory);
  const server = await serveApi({ controlPlane: new ControlPlane(plane), ...(tls && { tls }) });
  t.after(() => server.close(0));
  const url = server.url.replace("127.0.0.1", "localhost");
  const environment = {
    PATH: process.env["PATH"] ?? "",
    HOME: directory,
    AWS_CONFIG_FILE: join(directory, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, "credentials"),
    AWS_CA_BUNDLE: join(directory, "server-ca.pem"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
    LC_ALL: "C.UTF-8",
  };
  return {
    registry,
    url,
    directory,
    calls,
    run: (program, args, options) => execute(program, args, { cwd: directory, env: environment, ...options }),
    aws: (program, ...args) => execute(program, [...args, "--endpoint-url", url], { cwd: directory, env: environment }),
  };
}

function standIns(
  trace: Ledger,
  calls: CloudUnderTest["calls"],
): Omit<
  ControlPlaneServices,
  "registry" | "settings" | "shop" | "tasks" | "index" | "shadows" | "jobs" | "deviceRegistries" | "revocations"
> {
  const absent = async (): Promise<never> => {
    throw new Error("not part of this test");
  };
  return {
    ask: absent,
    functions: { createFunction: absent, addPermission: absent, invoke: absent },
    rules: {
      async createTopicRule(input) {
        calls.push({ name: "createTopicRule", input });
      },
    },
    messages: {
      limits: AWS_PROFILE.limits,
      retainedMessage: () => undefined,
      retainedTopics: () => [],
      disconnect: async (clientId) => clientId !== "nobody",
      publish: (message, origin) => void calls.push({ name: "publish", input: { ...message, origin } }),
    },
    why: { explain: async () => ({ verdict: "unknown" as const, note: "", findings: [] }) },
    ledger: { events: async (filter, limit) => trace.events(filter).slice(-limit) },
    dataEndpoint: "localhost",
    rootCertificate: "",
    traffic: () => ({ sessions: { connected: 0, away: 0 }, listeners: [] }),
  };
}

/** A certificate for localhost that OpenSSL made; the AWS CLI is told to trust it. */
async function serverCertificate(directory: string): Promise<{ cert: string; key: string } | undefined> {
  const args =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout - -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
  const { status, stdout } = await execute("openssl", args.split(" "), { cwd: directory });
  if (status !== 0) return undefined;
  const [key = "", cert = ""] = stdout.match(/-----BEGIN [^-]+-----[^]*?-----END [^-]+-----\n/g) ?? [];
  writeFileSync(join(directory, "server-ca.pem"), cert);
  return { cert, key };
}

type ExecuteOptions = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string };

function execute(program: string, args: readonly string[], { input, ...options }: ExecuteOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { ...options, timeout: 60_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, stdout, stderr });
    });
    // A program that ended already reads nothing; its status tells.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
