import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { connect as connectTls, type SecureContext, createSecureContext } from "node:tls";

import { generate } from "mqtt-packet";

import { withCa } from "../../src/cli/ca-directory.ts";
import { nodeSigner } from "../../src/crypto/node.ts";
import { certificateToPem, nameFromText } from "../../src/pki/index.ts";
import { silentTrace } from "../../src/trace/index.ts";
import { type BenchOptions, type BenchRow, median } from "./bench-row.ts";
import { cpuMs } from "./process-cpu.ts";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const CONCURRENCY = 8;
/** Devices wait between attempts, so more of them are on their way at once. */
const ONBOARDING_CONCURRENCY = 64;
/** Devices that come in before those that are counted, so that the function's processes run already. */
const WARM_UP = 256;
const DAY_MS = 86_400_000;

/** A certificate with its key, ready to connect with. */
export type Device = { readonly clientId: string; readonly context: SecureContext };

/** What was measured of one kind of work: wall time by round, and the server's own CPU time of all rounds. */
type Measured = { readonly rates: number[]; devices: number; cpuMs: number; functionMs: number };

/**
 * Devices that register just in time, and full mutual TLS 1.2 connects: our cloud against mosquitto's connects, with the
 * same certificates and the same client, in turns. A device's just-in-time registration is two full connects, of which the
 * first registers and activates it: both are counted as one, and each of them apart as well.
 */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const rounds = long ? 8 : 4;
  const each = long ? 250 : 80;
  const folder = mkdtempSync(join(tmpdir(), "onboarding-bench-"));
  const cloud = await startCloud(folder);
  const mosquitto = await startMosquitto(folder);
  try {
    progress(`  issuing ${WARM_UP + 2 * rounds * each} certificates`);
    const devices = await issue(join(folder, "ca"), WARM_UP + 2 * rounds * each);
    const onboarding = (device: Device) => onboard(cloud.port, device);
    const plain = (target: Target) => (device: Device) => connected(target.port, device);
    const warm = devices.splice(0, WARM_UP);
    await perSecond(warm, onboarding, ONBOARDING_CONCURRENCY);
    await perSecond(warm, plain(cloud));
    const [both, first, second, ours, theirs] = [none(), none(), none(), none(), none()];
    for (let round = 0; round < rounds; round++) {
      progress(`  round ${round + 1} of ${rounds}`);
      const whole = devices.splice(0, each);
      const apart = devices.splice(0, each);
      await measure(both, cloud, whole, onboarding, ONBOARDING_CONCURRENCY);
      await measure(first, cloud, apart, (device) => turnedAway(cloud.port, device), ONBOARDING_CONCURRENCY);
      await measure(second, cloud, apart, onboarding, ONBOARDING_CONCURRENCY);
      await measure(ours, cloud, apart, plain(cloud));
      if (mosquitto) await measure(theirs, mosquitto, apart, plain(mosquitto));
    }
    const peer = mosquitto && theirs;
    return [...rateRows({ both, first, second, ours }, peer), ...cpuRows({ first, second, ours }, peer)];
  } finally {
    cloud.stop();
    mosquitto?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function none(): Measured {
  return { rates: [], devices: 0, cpuMs: 0, functionMs: 0 };
}

async function measure(
  into: Measured,
  { pid }: Target,
  devices: readonly Device[],
  work: (device: Device) => Promise<void>,
  concurrency = CONCURRENCY,
): Promise<void> {
  const before = [cpuMs(pid), cpuMs(pid, "children")] as const;
  into.rates.push(await perSecond(devices, work, concurrency));
  // What the last device has set in motion ends before it is counted.
  await setTimeout(100);
  into.devices += devices.length;
  into.cpuMs += cpuMs(pid) - before[0];
  into.functionMs += cpuMs(pid, "children") - before[1];
}

type OursMeasured = Readonly<Record<"both" | "first" | "second" | "ours", Measured>>;

function rateRows({ both, first, second, ours }: OursMeasured, theirs: Measured | undefined): BenchRow[] {
  const peer = theirs && median(theirs.rates);
  const own = median(ours.rates);
  const row = (name: string, { rates }: Measured, unit: string, what: string): BenchRow => {
    const rate = median(rates);
    const ofOwn = rates === ours.rates ? "" : `; ${(rate / own).toFixed(2)} of our own plain connects`;
    const note = `${what}${ofOwn}; peer: mosquitto's plain connects in turns, same client, on this machine too`;
    return { name, ours: rate, peer, ratio: peer && rate / peer, unit, note };
  };
  return [
    row("JITR, both connects of a device", both, "devices/s", "two full mutual TLS 1.2 connects and what lies between"),
    row(
      "JITR, first contacts alone",
      first,
      "devices/s",
      "connect, registration, event, rule, function, activation, drop",
    ),
    row("second connects, until CONNACK 0", second, "devices/s", `${ONBOARDING_CONCURRENCY} at a time`),
    row("plain mutual TLS connects", ours, "connects/s", `TLS 1.2, P-256, ${CONCURRENCY} at a time`),
  ];
}

/** The servers' own CPU time, which knows nothing of the load generator's. */
function cpuRows(all: Omit<OursMeasured, "both">, theirs: Measured | undefined): BenchRow[] {
  if (Number.isNaN(all.ours.cpuMs)) return [];
  const perDevice = ({ cpuMs: ms, devices }: Measured) => ms / devices;
  const peer = theirs && perDevice(theirs);
  const functions = (all.first.functionMs / all.first.devices).toFixed(2);
  const row = (name: string, measured: Measured, more: string): BenchRow => {
    const mine = perDevice(measured);
    const note = `less is better${more}; peer: mosquitto's for a plain connect`;
    return { name: `server CPU, ${name}`, ours: mine, peer, ratio: peer && mine / peer, unit: "ms", note };
  };
  return [
    row("first contact", all.first, `, all threads; and ${functions} ms in the function's processes`),
    row("second connect", all.second, ", all threads"),
    row("plain connect", all.ours, ", all threads"),
  ];
}

type Target = { readonly port: number; readonly pid: number; readonly stop: () => void };

async function startCloud(folder: string): Promise<Target> {
  const hawser = (...args: string[]) =>
    execFileSync(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  hawser("ca", "init", "--dir", "ca");
  const up = spawn(process.execPath, [MAIN, "up", "--data", "cloud", "--api-port", "0", "--mqtt-port", "0", "--json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(up.stdout), "line")) as [string];
  const { mqtt } = JSON.parse(line) as { mqtt: string };
  hawser("cloud", "register-ca", "--ca-dir", "ca", "--data", "cloud");
  hawser("cloud", "install-jitr", "--data", "cloud");
  return { port: Number(mqtt.split(":").at(-1)), pid: up.pid ?? 0, stop: () => void up.kill("SIGKILL") };
}

async function startMosquitto(folder: string): Promise<Target | undefined> {
  if (spawnSync("mosquitto", ["-h"]).error) return undefined;
  const port = await freePort();
  const [key, cert] = ["cloud/tls/server.key", "cloud/tls/server.pem"].map((name) => join(folder, name));
  const ca = ["hawser-intermediate", "hawser-root"].map((label) =>
    readFileSync(join(folder, "ca/issuers", label, "certificate.pem"), "utf8"),
  );
  writeFileSync(join(folder, "devices.pem"), ca.join(""));
  const config = [
    `listener ${port} 127.0.0.1`,
    `cafile ${join(folder, "devices.pem")}`,
    `certfile ${cert}`,
    `keyfile ${key}`,
    "require_certificate true",
    "use_identity_as_username true",
    "tls_version tlsv1.2",
    "user root",
  ];
  writeFileSync(join(folder, "mosquitto.conf"), `${config.join("\n")}\n`);
  const child: ChildProcess = spawn("mosquitto", ["-c", join(folder, "mosquitto.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await once(child.stderr ?? child, "data");
  return { port, pid: child.pid ?? 0, stop: () => void child.kill("SIGKILL") };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function issue(caDir: string, count: number): Promise<Device[]> {
  return withCa({ caDir }, silentTrace, async ({ authority, issuer }) => {
    const devices: Device[] = [];
    const now = Date.now();
    for (let i = 0; i < count; i++) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
      const clientId = `bench-${i}`;
      const applicant = { publicKey: nodeSigner(privateKey).publicKey, subject: nameFromText(`CN=${clientId}`) };
      const validity = { notBefore: now, notAfter: now + 30 * DAY_MS };
      const certificate = await authority.issue({ issuer: issuer.label, profile: "device", applicant, validity });
      const cert = certificateToPem(certificate) + certificateToPem(issuer.certificate);
      const key = privateKey.export({ format: "pem", type: "pkcs8" });
      devices.push({ clientId, context: createSecureContext({ key, cert, maxVersion: "TLSv1.2" }) });
    }
    return devices;
  });
}

async function perSecond(
  devices: readonly Device[],
  work: (device: Device) => Promise<void>,
  concurrency = CONCURRENCY,
): Promise<number> {
  const waiting = [...devices];
  const start = performance.now();
  const worker = async () => {
    for (let device = waiting.pop(); device; device = waiting.pop()) await work(device);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return (devices.length * 1000) / (performance.now() - start);
}

/** Connects until the cloud lets the device in: dropped first, activated by the function, then accepted. */
async function onboard(port: number, device: Device): Promise<void> {
  // A device backs off; one that hammers would make the cloud publish its event again and again.
  for (let delayMs = 50; !(await attempt(port, device)); delayMs *= 2) await setTimeout(delayMs);
}

/** The first contact of a device, which no cloud may let in. */
async function turnedAway(port: number, device: Device): Promise<void> {
  if (await attempt(port, device)) throw new Error(`${device.clientId} was let in at its first contact`);
}

/** A connect of a device that the cloud knows. Throws where it is not let in. */
export async function connected(port: number, device: Device): Promise<void> {
  if (!(await attempt(port, device))) throw new Error(`${device.clientId} was not accepted`);
}

/** One full handshake and CONNECT; whether CONNACK 0 came. */
function attempt(port: number, { clientId, context }: Device): Promise<boolean> {
  return new Promise((resolve) => {
    let accepted = false;
    // The server's certificate is not what is measured here; every client of the bench skips it alike.
    const socket = connectTls({ host: "127.0.0.1", port, secureContext: context, rejectUnauthorized: false });
    socket.setNoDelay(true);
    socket.once("secureConnect", () =>
      socket.write(
        generate({ cmd: "connect", clientId, clean: true, keepalive: 60, protocolId: "MQTT", protocolVersion: 4 }),
      ),
    );
    socket.on("data", (bytes: Uint8Array) => {
      accepted = bytes[0] === 0x20 && bytes[3] === 0;
      socket.end(generate({ cmd: "disconnect" }));
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => resolve(accepted));
  });
}
