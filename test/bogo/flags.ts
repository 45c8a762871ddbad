/** The flags of BoringSSL's protocol tests that the client shim answers; any other ends it with status 89. */

/** What a test run asks of one connection of the shim. */
export type ShimOptions = {
  port: number;
  shimId: bigint;
  host: string;
  minVersion: number;
  maxVersion: number;
  hostName: string;
  alpn: string[];
  groups: number[];
  signatureSchemes: number[];
  signingSchemes: number[];
  certificateFile: string | undefined;
  keyFile: string | undefined;
  psk: string | undefined;
  pskIdentity: string;
  resumeCount: number;
  resumptionDelaySeconds: number;
  shimWritesFirst: boolean;
  writesDifferentRecordSizes: boolean;
  shimShutsDown: boolean;
  checkCloseNotify: boolean;
  sendsKeyUpdate: boolean;
  asksStatus: boolean;
  /** The chain is refused as a verifier of the application's would. */
  verifyFails: boolean;
  exportLength: number;
  exportLabel: string;
  exportContext: string;
  usesExportContext: boolean;
  expects: { readonly what: string; readonly value: string }[];
};

type Flag = { readonly takesValue: boolean; readonly apply: (options: ShimOptions, value: string) => void };

const value = (apply: Flag["apply"]): Flag => ({ takesValue: true, apply });
const switchOn = (apply: (options: ShimOptions) => void): Flag => ({ takesValue: false, apply });
const expectation = (what: string): Flag => value((options, text) => void options.expects.push({ what, value: text }));
const expects = (what: string, text = "1"): Flag => switchOn((o) => void o.expects.push({ what, value: text }));
/** The shim behaves so anyway. */
const natural: Flag = switchOn(() => undefined);
const naturalValue: Flag = value(() => undefined);

/** Every flag, by its name. */
export const FLAGS: Readonly<Record<string, Flag>> = {
  "-port": value((o, v) => void (o.port = Number(v))),
  "-shim-id": value((o, v) => void (o.shimId = BigInt(v))),
  "-ipv6": switchOn((o) => void (o.host = "::1")),
  "-min-version": value((o, v) => void (o.minVersion = Number(v))),
  "-max-version": value((o, v) => void (o.maxVersion = Number(v))),
  "-no-tls1": natural,
  "-no-tls11": natural,
  "-no-tls12": switchOn((o) => void (o.minVersion = 0x0304)),
  "-no-tls13": switchOn((o) => void (o.maxVersion = Math.min(o.maxVersion, 0x0303))),
  "-host-name": value((o, v) => void (o.hostName = v)),
  "-advertise-alpn": value((o, v) => void (o.alpn = protocolNames(v))),
  "-curves": value((o, v) => void o.groups.push(Number(v))),
  "-verify-prefs": value((o, v) => void o.signatureSchemes.push(Number(v))),
  "-signing-prefs": value((o, v) => void o.signingSchemes.push(Number(v))),
  "-cert-file": value((o, v) => void (o.certificateFile = v)),
  "-key-file": value((o, v) => void (o.keyFile = v)),
  "-psk": value((o, v) => void (o.psk = v)),
  "-psk-identity": value((o, v) => void (o.pskIdentity = v)),
  "-resume-count": value((o, v) => void (o.resumeCount = Number(v))),
  "-resumption-delay": value((o, v) => void (o.resumptionDelaySeconds = Number(v))),
  "-shim-writes-first": switchOn((o) => void (o.shimWritesFirst = true)),
  "-write-different-record-sizes": switchOn((o) => void (o.writesDifferentRecordSizes = true)),
  "-shim-shuts-down": switchOn((o) => void (o.shimShutsDown = true)),
  "-check-close-notify": switchOn((o) => void (o.checkCloseNotify = true)),
  "-key-update": switchOn((o) => void (o.sendsKeyUpdate = true)),
  "-enable-ocsp-stapling": switchOn((o) => void (o.asksStatus = true)),
  "-verify-fail": switchOn((o) => void (o.verifyFails = true)),
  "-export-keying-material": value((o, v) => void (o.exportLength = Number(v))),
  "-export-label": value((o, v) => void (o.exportLabel = v)),
  "-export-context": value((o, v) => void (o.exportContext = v)),
  "-use-export-context": switchOn((o) => void (o.usesExportContext = true)),
  "-async": natural,
  "-implicit-handshake": natural,
  "-handshake-twice": natural,
  "-no-op-extra-handshake": natural,
  "-permute-extensions": natural,
  "-verify-peer": natural,
  "-use-custom-verify-callback": natural,
  "-use-old-client-cert-callback": natural,
  "-reverify-on-resume": natural,
  "-expect-verify-result": natural,
  "-expect-secure-renegotiation": natural,
  "-trust-cert": naturalValue,
  "-read-size": naturalValue,
  "-write-settings": naturalValue,
  "-expect-version": expectation("version"),
  "-expect-alpn": expectation("alpn"),
  "-expect-curve-id": expectation("curve"),
  "-expect-cipher": expectation("cipher"),
  "-expect-cipher-aes": expectation("cipher"),
  "-expect-peer-signature-algorithm": expectation("signature"),
  "-expect-ocsp-response": expectation("staple"),
  "-expect-peer-cert-file": expectation("certificate"),
  "-expect-extended-master-secret": expects("ems"),
  "-expect-session-miss": expects("resumed", "0"),
  "-expect-no-session": expects("session", "0"),
  "-expect-ticket-renewal": expects("session"),
  "-expect-hrr": expects("retried"),
  "-expect-no-hrr": expects("retried", "0"),
};

/** A command line's options for a first connection and for those that resume it. */
export type ShimRun = { readonly initial: ShimOptions; readonly resumed: ShimOptions };

const BOTH = (run: ShimRun): ShimOptions[] => [run.initial, run.resumed];
/** Flags for one of the connections only; what is for the runner's other programs applies to none. */
const PREFIXES: readonly (readonly [string, (run: ShimRun) => ShimOptions[]])[] = [
  ["-on-initial-", (run) => [run.initial]],
  ["-on-resume-", (run) => [run.resumed]],
  ["-on-shim-", BOTH],
  ["-on-handshaker-", () => []],
];

/** The parsed command line, or the name of the first flag that is not answered. */
export function parseFlags(argv: readonly string[]): ShimRun | { readonly unimplemented: string } {
  const run = { initial: defaults(), resumed: defaults() };
  for (let i = 0; i < argv.length; i++) {
    const name = (argv[i] ?? "").replace(/^--/, "-");
    const prefix = PREFIXES.find(([each]) => name.startsWith(each));
    const flag = FLAGS[prefix ? `-${name.slice(prefix[0].length)}` : name];
    if (!flag) return { unimplemented: name };
    const text = flag.takesValue ? (argv[++i] ?? "") : "";
    for (const options of prefix ? prefix[1](run) : BOTH(run)) flag.apply(options, text);
  }
  return run;
}

function defaults(): ShimOptions {
  return {
    port: 0,
    shimId: 0n,
    host: "127.0.0.1",
    minVersion: 0x0303,
    maxVersion: 0x0304,
    // An address, so that no server_name is sent unless a flag asks for one.
    hostName: "192.0.2.1",
    alpn: [],
    groups: [],
    signatureSchemes: [],
    signingSchemes: [],
    certificateFile: undefined,
    keyFile: undefined,
    psk: undefined,
    pskIdentity: "",
    resumeCount: 0,
    resumptionDelaySeconds: 0,
    shimWritesFirst: false,
    writesDifferentRecordSizes: false,
    shimShutsDown: false,
    checkCloseNotify: false,
    sendsKeyUpdate: false,
    asksStatus: false,
    verifyFails: false,
    exportLength: 0,
    exportLabel: "",
    exportContext: "",
    usesExportContext: false,
    expects: [],
  };
}

/** Length-prefixed names, as on the wire. */
function protocolNames(wire: string): string[] {
  const names: string[] = [];
  for (let at = 0; at < wire.length;) {
    const length = wire.charCodeAt(at);
    names.push(wire.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return names;
}
