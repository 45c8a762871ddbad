/** The flags of BoringSSL's protocol tests that the client shim answers; any other ends it with status 89. */

/** What a test run asks of the shim. */
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
  certificateFile: string | undefined;
  keyFile: string | undefined;
  psk: string | undefined;
  pskIdentity: string;
  resumeCount: number;
  shimWritesFirst: boolean;
  shimShutsDown: boolean;
  checkCloseNotify: boolean;
  sendsKeyUpdate: boolean;
  expects: { readonly what: string; readonly value: string }[];
};

type Flag = { readonly takesValue: boolean; readonly apply: (options: ShimOptions, value: string) => void };

const value = (apply: Flag["apply"]): Flag => ({ takesValue: true, apply });
const switchOn = (apply: (options: ShimOptions) => void): Flag => ({ takesValue: false, apply });
const expectation = (what: string): Flag => value((options, text) => void options.expects.push({ what, value: text }));
/** The shim behaves so anyway. */
const natural: Flag = switchOn(() => undefined);

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
  "-no-tls13": switchOn((o) => void (o.maxVersion = 0x0303)),
  "-host-name": value((o, v) => void (o.hostName = v)),
  "-advertise-alpn": value((o, v) => void (o.alpn = protocolNames(v))),
  "-curves": value((o, v) => void o.groups.push(Number(v))),
  "-verify-prefs": value((o, v) => void o.signatureSchemes.push(Number(v))),
  "-cert-file": value((o, v) => void (o.certificateFile = v)),
  "-key-file": value((o, v) => void (o.keyFile = v)),
  "-psk": value((o, v) => void (o.psk = v)),
  "-psk-identity": value((o, v) => void (o.pskIdentity = v)),
  "-resume-count": value((o, v) => void (o.resumeCount = Number(v))),
  "-shim-writes-first": switchOn((o) => void (o.shimWritesFirst = true)),
  "-shim-shuts-down": switchOn((o) => void (o.shimShutsDown = true)),
  "-check-close-notify": switchOn((o) => void (o.checkCloseNotify = true)),
  "-key-update": switchOn((o) => void (o.sendsKeyUpdate = true)),
  "-async": natural,
  "-no-op-extra-handshake": natural,
  "-permute-extensions": natural,
  "-verify-peer": natural,
  "-use-custom-verify-callback": natural,
  "-expect-version": expectation("version"),
  "-expect-alpn": expectation("alpn"),
  "-expect-advertised-alpn": expectation("advertised-alpn"),
  "-expect-curve-id": expectation("curve"),
  "-expect-cipher-aes": expectation("cipher"),
  "-expect-cipher-no-aes": expectation("cipher"),
  "-expect-extended-master-secret": switchOn((o) => void o.expects.push({ what: "ems", value: "1" })),
  "-expect-session-miss": switchOn((o) => void o.expects.push({ what: "resumed", value: "0" })),
};

/** The parsed command line, or the name of the first flag that is not answered. */
export function parseFlags(argv: readonly string[]): ShimOptions | { readonly unimplemented: string } {
  const options = defaults();
  for (let i = 0; i < argv.length; i++) {
    const name = (argv[i] ?? "").replace(/^--/, "-");
    const flag = FLAGS[name];
    if (!flag) return { unimplemented: name };
    flag.apply(options, flag.takesValue ? (argv[++i] ?? "") : "");
  }
  return options;
}

function defaults(): ShimOptions {
  return {
    port: 0,
    shimId: 0n,
    host: "127.0.0.1",
    minVersion: 0x0303,
    maxVersion: 0x0304,
    hostName: "test.example",
    alpn: [],
    groups: [],
    signatureSchemes: [],
    certificateFile: undefined,
    keyFile: undefined,
    psk: undefined,
    pskIdentity: "",
    resumeCount: 0,
    shimWritesFirst: false,
    shimShutsDown: false,
    checkCloseNotify: false,
    sendsKeyUpdate: false,
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
