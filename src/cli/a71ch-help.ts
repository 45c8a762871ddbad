import { A71CH_FORMS, type A71chFormName } from "./a71ch-grammar.ts";

/** What each command does, and a line that does it. */
const COMMANDS: Readonly<Record<A71chFormName, readonly [summary: string, example: string]>> = {
  apdu: ["sends a command as it is, and compares the status word", "apdu -cmd 8091000100 -sw 9000"],
  "connect close": ["closes the connection, in a script or an interactive session", "connect close"],
  "connect open": ["opens it again, or behind nc for the first time", "connect open"],
  "debug permanently_disable_debug": [
    "ends debug mode for good: the chip can never be reset again",
    "debug permanently_disable_debug",
  ],
  "debug reset": ["erases everything: keys, objects, locks and channel keys", "debug reset"],
  ecrt: ["takes a certificate out of the chip's storage", "ecrt -x 0"],
  "erase cnt": ["sets a counter back to 0, in debug mode", "erase cnt -x 0"],
  "erase pair": ["erases a key pair", "erase pair -x 0"],
  "erase pub": ["erases a public key", "erase pub -x 0"],
  "erase sym": ["erases a symmetric secret", "erase sym -x 0"],
  "gen pair": ["makes a key pair in the chip; the one in that slot is lost", "gen pair -x 0"],
  "get pub": [
    "writes a public key to a PEM file: -c 10 a key pair's, -c 20 a public key",
    "get pub -c 10 -x 0 -k out.pem",
  ],
  help: ["lists all commands, or tells of one", "help set pair"],
  "info all": ["shows device, keys, counters and storage", "info all"],
  "info cnt": ["shows the counters", "info cnt"],
  "info device": ["shows the chip's state, locks, size and unique id", "info device"],
  "info gp": ["shows storage: from an offset on, so many segments of 32 bytes", "info gp -h 0000 -n 4"],
  "info objects": ["lists certificates and data objects", "info objects"],
  "info pair": ["shows the public halves of the key pairs", "info pair"],
  "info pub": ["shows the public keys", "info pub"],
  "info status": ["shows what is set and what is locked, slot by slot", "info status"],
  "info sym": ["is refused: secrets never leave the chip", "info status"],
  interactive: ["reads commands from standard input over one connection", "interactive"],
  "lock gp": ["freezes storage until a debug reset: from an offset on, so many segments", "lock gp -h 0000 -n 2"],
  "lock inject_plain": ["takes keys in wrapped only, from now on", "lock inject_plain"],
  "lock pair": ["freezes a key pair until a debug reset", "lock pair -x 0"],
  "lock pub": ["freezes a public key until a debug reset", "lock pub -x 0"],
  "obj erase": ["takes a data object out of the chip's storage", "obj erase -x 0"],
  "obj get": [
    "shows a data object, or -s bytes of it from -h on, and writes them to a file",
    "obj get -x 0 -h 0000 -s 0010 -f data.txt -t hex_16",
  ],
  "obj update": ["writes into a data object, from an offset on", "obj update -x 0 -h 0000 -h 426567696E"],
  "obj write": ["makes a data object from hex, a file, or so many segments of zeros", "obj write -x 0 -n 32"],
  rcrt: ["shows a certificate, and writes it to a file as DER", "rcrt -x 0 -c device.crt"],
  refpem: [
    "writes a reference key, which stands for a key in the chip: -c 10 a key pair, -c 20 a public key",
    "refpem -c 10 -x 0 -r deviceRefKey.ref_key",
  ],
  "scp auth": ["opens a secure channel; the chip answers only inside one from then on", "scp auth -h 21 -k scp03.txt"],
  "scp clear_host": ["forgets the secure channel on this side", "scp clear_host"],
  "scp put": ["sets the keys of the secure channel: lines ENC, MAC and DEK", "scp put -h 21 -k scp03.txt"],
  script: ["carries out commands from a file, to the first that fails", "script -f commands.txt"],
  "set cfg": [
    "sets a configuration key: 0 transport lock, 1 wraps key pairs, 2 wraps public keys",
    "set cfg -x 1 -h 000102030405060708090a0b0c0d0e0f",
  ],
  "set cnt": ["sets a counter, upward only", "set cnt -x 0 -h 00000001"],
  "set gp": ["writes into storage, from an offset on", "set gp -h 0000 -h 00ff"],
  "set pair": ["injects a key pair; -w wraps it for the way", "set pair -x 0 -k deviceKey.key"],
  "set pub": ["stores a public key; -w wraps it for the way", "set pub -x 0 -k serverKey.pem"],
  "set sym": [
    "stores a symmetric secret; -w is the one that is there",
    "set sym -x 0 -h 000102030405060708090a0b0c0d0e0f",
  ],
  "transport lock": ["locks the chip for transport; needs configuration key 0", "transport lock"],
  "transport unlock": [
    "unlocks it, once and for all, with configuration key 0",
    "transport unlock -h 000102030405060708090a0b0c0d0e0f",
  ],
  ucrt: ["replaces a certificate", "ucrt -x 0 -p device.pem"],
  wcrt: ["stores a certificate, with -n segments of 32 bytes to grow", "wcrt -x 0 -p device.pem -n 2"],
};

/** The commands of AN12131, section 8.6, and two that name their chip or none. */
const FIRST_STEPS: readonly string[] = [
  "127.0.0.1:8050 info all",
  "set pair -x 0 -k deviceKey.key",
  "info pair",
  "refpem -c 10 -x 0 -r deviceRefKey.ref_key",
  "nc refpem -c 10 -x 0 -k deviceKey.key -r deviceRefKey.ref_key",
  "help set pair",
];

const NOTES: readonly string[] = [
  "",
  "  Options come in this order. Behind -x and -n stand decimal numbers, behind -h hex without 0x.",
  "  nc: do not connect. Without ip:port it is RJCT_SERVER_ADDR, or 127.0.0.1:8050. --json: one JSON object a line.",
  "  In a script or an interactive session: # begins a remark, quit ends it.",
];

/**
 * The commands with their options in order, and examples: all of them, or those that the first words given belong to, with
 * what they do. A71CH Configure tool
 */
export function a71chHelp(program: string, words: readonly string[] = []): string {
  const known = Object.keys(COMMANDS) as A71chFormName[];
  const [wanted] = [words.slice(0, 2).join(" "), words[0] ?? ""].filter((each) =>
    known.some((name) => belongs(name, each)),
  );
  const names = known.filter((name) => wanted === undefined || belongs(name, wanted));
  const lines = names.flatMap((name) => [
    `    ${[name, ...A71CH_FORMS[name].parts.map((part) => part.usage)].join(" ")}`,
    ...(wanted === undefined ? [] : [`        ${COMMANDS[name][0]}`]),
  ]);
  const examples = wanted === undefined ? FIRST_STEPS : names.map((name) => COMMANDS[name][1]);
  return [
    `Usage: ${program} [ip:port] [nc] <command>`,
    ...lines,
    ...(wanted === undefined ? NOTES : []),
    "",
    "Examples:",
    ...examples.map((line) => `  ${program} ${line}`),
  ].join("\n");
}

/** Whether a command's name begins with these words. */
function belongs(name: string, words: string): boolean {
  return words !== "" && (name === words || name.startsWith(`${words} `));
}
