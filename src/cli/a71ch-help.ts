import { A71CH_FORMS } from "./a71ch-grammar.ts";

/** What a person types first, by the command's first words. */
const EXAMPLES: readonly (readonly [command: string, line: string])[] = [
  ["apdu", "apdu -cmd 8091000100 -sw 9000"],
  ["connect", "connect close"],
  ["debug", "debug reset"],
  ["ecrt", "ecrt -x 0"],
  ["erase", "erase pair -x 0"],
  ["gen", "gen pair -x 0"],
  ["get", "get pub -c 10 -x 0 -k devicePublicKey.pem"],
  ["info", "info all"],
  ["info gp", "info gp -h 0000 -n 4"],
  ["interactive", "interactive"],
  ["lock", "lock pair -x 0"],
  ["lock gp", "lock gp -h 0000 -n 2"],
  ["obj erase", "obj erase -x 0"],
  ["obj get", "obj get -x 0 -h 0000 -s 0010 -f data.txt -t hex_16"],
  ["obj update", "obj update -x 0 -h 0000 -h 426567696E"],
  ["obj write", "obj write -x 0 -n 32"],
  ["rcrt", "rcrt -x 0 -c device.crt"],
  ["refpem", "refpem -c 10 -x 0 -r deviceRefKey.ref_key"],
  ["refpem", "nc refpem -c 10 -x 0 -k deviceKey.key -r deviceRefKey.ref_key"],
  ["scp", "scp put -h 21 -k scp03KeyFile.txt"],
  ["script", "script -f commands.txt"],
  ["set cfg", "set cfg -x 1 -h 000102030405060708090a0b0c0d0e0f"],
  ["set cnt", "set cnt -x 0 -h 00000001"],
  ["set gp", "set gp -h 0000 -h 00ff"],
  ["set pair", "set pair -x 0 -k deviceKey.key"],
  ["set pub", "set pub -x 0 -k serverPublicKey.pem"],
  ["set sym", "set sym -x 0 -h 000102030405060708090a0b0c0d0e0f"],
  ["transport", "transport unlock -h 000102030405060708090a0b0c0d0e0f"],
  ["ucrt", "ucrt -x 0 -p device.pem"],
  ["wcrt", "wcrt -x 0 -p device.pem -n 2"],
];

/** The commands of AN12131, section 8.6, and one that names its chip. */
const FIRST_STEPS: readonly string[] = [
  "127.0.0.1:8050 info all",
  "set pair -x 0 -k deviceKey.key",
  "info pair",
  "refpem -c 10 -x 0 -r deviceRefKey.ref_key",
  "set help",
];

/**
 * The commands with their options in order, and examples: all of them, or those that the first words given belong to.
 * A71CH Configure tool
 */
export function a71chHelp(program: string, words: readonly string[] = []): string {
  const usage = `Usage: ${program} [ip:port] [nc] <command>`;
  const known = Object.keys(A71CH_FORMS);
  const two = words.slice(0, 2).join(" ");
  const [wanted] = [two, words[0] ?? ""].filter((each) => known.some((name) => belongs(name, each)));
  const names = known.filter((name) => wanted === undefined || belongs(name, wanted));
  const lines = names.map((name) => ["   ", name, ...usageOf(name)].join(" "));
  const examples = wanted === undefined ? FIRST_STEPS : examplesOf(wanted);
  return [
    usage,
    ...lines,
    ...(wanted === undefined ? NOTES : []),
    "",
    "Examples:",
    ...examples.map((line) => `  ${program} ${line}`),
  ].join("\n");
}

const NOTES: readonly string[] = [
  "",
  "  Options come in this order. Behind -x and -n stand decimal numbers, behind -h hex without 0x.",
  "  nc: do not connect. Without ip:port it is RJCT_SERVER_ADDR, or 127.0.0.1:8050. --json: one JSON object a line.",
  "  In a script or an interactive session: # begins a remark, quit ends it, <command> help tells of one command.",
];

function examplesOf(wanted: string): readonly string[] {
  const exact = EXAMPLES.filter(([command]) => command === wanted);
  const near = exact.length > 0 ? exact : EXAMPLES.filter(([each]) => belongs(each, wanted) || belongs(wanted, each));
  return near.map(([, line]) => line);
}

/** Whether a command's name begins with these words. */
function belongs(name: string, words: string): boolean {
  return words !== "" && (name === words || name.startsWith(`${words} `));
}

function usageOf(name: string): readonly string[] {
  const { parts } = A71CH_FORMS[name as keyof typeof A71CH_FORMS];
  return parts.map((part) => part.usage);
}
