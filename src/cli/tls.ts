import { readFileSync } from "node:fs";

import { InvalidArgumentError, Option, type Command } from "commander";

import { fromHex, UsageError } from "../codec/index.ts";
import type { NamedGroup } from "../crypto/index.ts";
import { nodeClock, nodeSigner, privateKeyFromPem } from "../crypto/node.ts";
import { parseCertificate } from "../pki/index.ts";
import { opensslSuiteName, type SuiteName, SUITES } from "../tls/index.ts";
import { connect, type ConnectOptions, type TlsDuplex } from "../tls/node.ts";
import { correlated, Ledger, printable, renderTimeline, type Trace } from "../trace/index.ts";
import { badOption } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { examples, numberOption, outputOf, type Output } from "./output.ts";
import { type TlsChipOptions, withTlsChip, withTlsChipOptions } from "./tls-chip.ts";
import { registerTlsExplain } from "./tls-explain.ts";
import { appendEvents } from "./trace-file.ts";

/** `hawser tls connect|explain`: a TLS client to look at servers with, named as openssl s_client names its options. */
export function registerTlsCommands(program: Command): void {
  const tls = program.command("tls").description("a TLS client whose key may live in a chip");
  registerConnect(tls);
  registerTlsExplain(tls);
}

type TlsConnectOptions = TlsChipOptions & {
  readonly cafile?: string;
  readonly servername?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly tls1_2?: true;
  readonly cipher?: SuiteName[];
  readonly groups?: NamedGroup[];
  readonly alpn?: string[];
  readonly psk?: Uint8Array;
  readonly legacy?: true;
  readonly trace?: string;
  readonly timeout: number;
};

function registerConnect(tls: Command): void {
  const connectCommand = tls
    .command("connect")
    .description("connect, verify, and pass standard input to the server and its answer to standard output")
    .argument("<host:port>", "the server", addressOption)
    .option("--cafile <file>", "PEM of the roots to trust")
    .option("--servername <name>", "the name that the certificate must bear; the host by default")
    .option("--cert <file>", "PEM of our certificate and those above it")
    .option("--key <file>", "PEM of its private key");
  withTlsChipOptions(connectCommand)
    .addOption(new Option("--tls1_2", "TLS 1.2 only").conflicts("tls1_3"))
    .option("--tls1_3", "TLS 1.3 only")
    .option("--cipher <list>", "suites by their RFC or OpenSSL names, separated by colons", suitesOption)
    .option("--groups <list>", "groups, separated by colons: P-256:X25519", groupsOption)
    .option("--alpn <list>", "application protocols, separated by commas", (value) => value.split(","))
    .option("--psk <hex>", "a pre-shared key", hexOption)
    .option("--psk-identity <id>", "its name", "Client_identity")
    .option("--legacy", "allow suites without forward secrecy, or with CBC")
    .option("--trace <file>", "append what happens as JSON Lines, for hawser tls explain")
    .option("--timeout <ms>", "for the handshake", numberOption(1), 30_000)
    .addHelpText(
      "after",
      examples(
        "hawser tls connect localhost:8883 --cafile cloud/tls/root.pem --cert chain.pem --key key.pem </dev/null",
        "hawser tls connect localhost:8883 --cafile cloud/tls/root.pem --chip 127.0.0.1:8050 --tls1_2 </dev/null",
        "hawser tls connect HOST:PORT --cafile CA --chip CHIP --in-chip random,key-share,premaster,master,sign,verify,chain",
        "hawser tls connect HOST:PORT --chip CHIP --psk-slot 0 --psk-identity device-1",
      ),
    )
    .action(async (address: Address, options: TlsConnectOptions, command: Command) => {
      const output = outputOf(command);
      await interruptible(async (signal) => run({ address, options, output, signal }));
    });
}

type Run = {
  readonly address: Address;
  readonly options: TlsConnectOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
};

async function run({ address, options, output, signal }: Run): Promise<void> {
  const ledger = new Ledger({ clock: nodeClock });
  const closeTrace = options.trace === undefined ? () => undefined : appendEvents(ledger, options.trace);
  const connection = `${address.host}:${address.port}`;
  const trace = correlated(ledger, { connection });
  try {
    await withIdentity(options, trace, async (identity) => {
      const stream = await connect({ ...address, ...connectOptions(options), ...identity, trace, signal });
      signal.addEventListener("abort", () => stream.destroy());
      report(stream, output, renderTimeline(ledger.events(), { connection }));
      await exchange(stream, output);
    });
  } finally {
    closeTrace();
  }
}

function connectOptions(options: TlsConnectOptions): ConnectOptions {
  const { cafile, servername, cipher, groups, alpn, psk, pskIdentity, legacy, timeout } = options;
  if (cafile === undefined && !psk && options.pskSlot === undefined) {
    throw badOption("--cafile, --psk or --psk-slot is needed: nobody is trusted without");
  }
  if (psk && options.pskSlot !== undefined) throw badOption("--psk and --psk-slot exclude each other");
  if (options.chip === undefined && (options.inChip || options.pskSlot !== undefined)) {
    throw badOption("--in-chip and --psk-slot need --chip");
  }
  return {
    timeoutMs: timeout,
    ...(cafile === undefined ? {} : { ca: readFileSync(cafile, "utf8") }),
    ...(servername === undefined ? {} : { servername }),
    ...(cipher ? { suites: cipher } : {}),
    ...(groups ? { groups } : {}),
    ...(alpn ? { alpn } : {}),
    ...(psk ? { psk: { identity: pskIdentity, key: psk } } : {}),
    ...(legacy ? { legacy } : {}),
    ...(options.tls1_2 ? { maxVersion: "TLSv1.2" } : {}),
    ...(options.tls1_3 ? { minVersion: "TLSv1.3" } : {}),
  };
}

/** Our certificate and who signs with its key: files, a chip, or nobody. */
async function withIdentity(
  options: TlsConnectOptions,
  trace: Trace,
  work: (identity: Partial<ConnectOptions>) => Promise<void>,
): Promise<void> {
  const { cert, key, chip } = options;
  const ofFiles = fileIdentity(options);
  if (chip === undefined) return work(ofFiles);
  const hasFiles = cert !== undefined || key !== undefined;
  if (hasFiles && (options.inChip === undefined || options.inChip.has("sign"))) {
    throw badOption("--chip excludes --cert and --key, unless --in-chip leaves sign to the host");
  }
  return withTlsChip({ ...options, chip }, trace, (parts) => work({ ...ofFiles, ...parts }));
}

function fileIdentity({ cert, key }: TlsConnectOptions): Partial<ConnectOptions> {
  if ((cert === undefined) !== (key === undefined)) throw badOption("--cert and --key are needed together");
  if (cert === undefined || key === undefined) return {};
  const signer = nodeSigner(privateKeyFromPem(readFileSync(key, "utf8")));
  return { certificate: readFileSync(cert, "utf8"), signer };
}

/** What was agreed, for a person on standard error, so that standard output is the server's alone. */
function report({ facts }: TlsDuplex, output: Output, timeline: string): void {
  const chain = facts.peerChain.map((der) => parseCertificate(der).subject.text);
  const { protocol, suite, group, alpn, servername, clientCertificate, resumed, extendedMasterSecret } = facts;
  if (output.json) {
    output.line(
      {
        event: "connected",
        protocol,
        suite,
        group,
        alpn,
        servername,
        clientCertificate,
        resumed,
        extendedMasterSecret,
        chain,
        timeline,
      },
      "",
    );
    return;
  }
  const lines = [
    `verified   ${servername}, ${protocol}, ${suite}${group ? `, ${group}` : ""}${alpn ? `, ${alpn}` : ""}`,
    ...chain.map((subject, i) => `${i === 0 ? "chain     " : "          "} ${i} ${printable(subject)}`),
    `our side   certificate ${clientCertificate}`,
    ...(extendedMasterSecret ? [] : ["keys       bound to the randoms alone: no extended master secret"]),
    timeline.trimEnd(),
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
}

/** Both directions until both sides have said goodbye. */
async function exchange(stream: TlsDuplex, output: Output): Promise<void> {
  process.stdin.pipe(stream);
  for await (const data of stream as AsyncIterable<Uint8Array>) {
    if (output.json) output.line({ event: "received", base64: Buffer.from(data).toString("base64") }, "");
    else process.stdout.write(data);
  }
  process.stdin.unpipe(stream);
  process.stdin.destroy();
  if (output.json) output.line({ event: "closed" }, "");
}

type Address = { readonly host: string; readonly port: number };

function addressOption(value: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(value);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (!host || port < 1 || port > 65_535) throw new InvalidArgumentError("HOST:PORT is needed.");
  return { host, port };
}

function suitesOption(value: string): SuiteName[] {
  const names = Object.keys(SUITES) as SuiteName[];
  return value.split(":").map((wanted) => {
    const found = names.find((name) => name === wanted || opensslSuiteName(name) === wanted);
    if (!found)
      throw new InvalidArgumentError(`${wanted} is no suite of ours: ${names.map(opensslSuiteName).join(", ")}.`);
    return found;
  });
}

const GROUPS: Readonly<Record<string, NamedGroup>> = {
  "P-256": "secp256r1",
  prime256v1: "secp256r1",
  secp256r1: "secp256r1",
  "P-384": "secp384r1",
  secp384r1: "secp384r1",
  "P-521": "secp521r1",
  secp521r1: "secp521r1",
  X25519: "x25519",
  x25519: "x25519",
  X448: "x448",
  x448: "x448",
  ffdhe2048: "ffdhe2048",
  ffdhe3072: "ffdhe3072",
  X25519MLKEM768: "X25519MLKEM768",
};

function groupsOption(value: string): NamedGroup[] {
  return value.split(":").map((name) => {
    const group = GROUPS[name];
    if (!group) throw new InvalidArgumentError(`${name} is no group of ours: ${Object.keys(GROUPS).join(", ")}.`);
    return group;
  });
}

function hexOption(value: string): Uint8Array {
  try {
    return fromHex(value);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new InvalidArgumentError("hex digits are needed.");
  }
}
