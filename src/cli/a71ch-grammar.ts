import { REFERENCE_KEY_CLASS } from "../host/a71ch/index.ts";
import { toolError } from "./a71ch-errors.ts";
import {
  all,
  choice,
  either,
  file,
  type GivenBy,
  hex,
  hexNumber,
  integer,
  lenient,
  maybe,
  oneByte,
  option,
  orAnotherFlag,
  type Part,
  takeAll,
  Words,
} from "./a71ch-words.ts";

/** A command of the tool: what comes behind its words, and whether that must be all. */
type Form<Given> = { readonly parts: readonly Part<unknown>[]; readonly isStrict?: boolean; readonly given?: Given };

const index = option("-x", "index", integer(0, 255));
const offset = option("-h", "offset", hexNumber("hex offset"));
const data = (most: number) => option("-h", "data", hex({ from: 1, to: most }));
const CLASSES = [REFERENCE_KEY_CLASS.keyPair, REFERENCE_KEY_CLASS.publicKey];
const keyClass = (refusesOthers: boolean) => option("-c", "keyClass", oneByte("10|20", CLASSES, refusesOthers));
const keyFile = option("-k", "keyFile", file("keyfile.pem"));
const wrappingKey = maybe(option("-w", "wrappingKey", hex({ from: 16, to: 32 })));
/** Plain, or wrapped and so eight bytes longer; of the lengths between, the chip takes none. RFC 3394, section 2.2.1 */
const secret = option("-h", "secret", hex({ from: 16, to: 24 }));
const certificate = either(
  option("-c", "certificateFile", file("certfile.crt")),
  orAnotherFlag(option("-h", "data", hex({ from: 4, to: 4096 }))),
  option("-p", "pemFile", file("certfile.pem")),
);
const padding = lenient(option("-n", "padding", integer(0, 127)), "tool-value", "tool-count");
/** Hex digits a line of a data file. */
const layout = lenient(
  option("-t", "digits", choice({ hex_16: 32, hex_32: 64, Hex_16: 32, Hex_32: 64 }, 2)),
  "tool-count",
);
const dataFile = all(option("-f", "dataFile", file("data.txt")), layout);
const segments = (most: number) => option("-n", "segments", integer(1, most));
const channelKeys = [option("-h", "keyVersion", hex(1)), option("-k", "channelKeyFile", file("keyfile"))] as const;

/**
 * The commands of the Configure tool with their options, which come in this order: command words, then flag and value in
 * turn. Numbers are decimal behind -x and -n, everything behind -h is hex without 0x. A71CH Configure tool
 */
export const A71CH_FORMS = {
  apdu: form(option("-cmd", "command", hex({ from: 4, to: 256 })), option("-sw", "expected", hexNumber("hex status"))),
  "connect close": form(),
  "connect open": form(),
  "debug permanently_disable_debug": form(),
  "debug reset": form(),
  ecrt: form(index),
  "erase cnt": form(index),
  "erase pair": form(index),
  "erase pub": form(index),
  "erase sym": form(index),
  "gen pair": form(index),
  "get pub": form(keyClass(true), index, keyFile),
  help: form(),
  "info all": form(),
  "info cnt": form(),
  "info device": form(),
  "info gp": form(offset, segments(192)),
  "info objects": form(),
  "info pair": form(),
  "info pub": form(),
  "info status": form(),
  "info sym": form(),
  interactive: form(),
  "lock gp": form(offset, segments(192)),
  "lock inject_plain": form(),
  "lock pair": form(index),
  "lock pub": form(index),
  "obj erase": form(index),
  "obj get": form(
    index,
    lenient(offset, "tool-value", "tool-count"),
    lenient(option("-s", "size", hexNumber("hex size")), "tool-value", "tool-count"),
    lenient(option("-f", "dataFile", file("data.txt")), "tool-count"),
    layout,
  ),
  "obj update": form(index, offset, either(dataFile, data(4096))),
  "obj write": form(index, either(dataFile, data(4096), option("-n", "segments", integer(0, 127)))),
  rcrt: { ...form(index, maybe(option("-c", "certificateFile", file("certfile.crt")))), isStrict: true },
  refpem: form(keyClass(false), index, maybe(keyFile), option("-r", "referenceFile", file("ref_keyfile.pem"))),
  "scp auth": form(...channelKeys),
  "scp clear_host": form(),
  "scp put": form(...channelKeys),
  script: form(option("-f", "scriptFile", file("script.txt"))),
  "set cfg": form(index, secret, wrappingKey),
  "set cnt": form(index, option("-h", "value", hex(4))),
  "set gp": form(offset, either(data(32), option("-c", "pemFile", file("certfile.pem")))),
  "set pair": form(
    index,
    either(keyFile, all(option("-h", "publicKey", hex(65)), option("-h", "privateKey", hex({ from: 32, to: 40 })))),
    wrappingKey,
  ),
  "set pub": form(index, either(keyFile, option("-h", "publicKey", hex({ from: 65, to: 72 }))), wrappingKey),
  "set sym": form(index, secret, wrappingKey),
  "transport lock": form(),
  "transport unlock": form(option("-h", "transportKey", hex(16))),
  ucrt: form(index, certificate, padding),
  wcrt: form(index, certificate, padding),
} as const;

export type A71chFormName = keyof typeof A71CH_FORMS;

/** What is given behind the words of a command. */
export type A71chGiven<Name extends A71chFormName> =
  (typeof A71CH_FORMS)[Name] extends Form<infer Given> ? Given : never;

/** A command as it was typed, and what is to be said of it beforehand: what is passed over or read otherwise than it looks. */
export type A71chCommandLine = {
  readonly name: A71chFormName;
  readonly given: Readonly<Record<string, unknown>>;
  readonly remarks: readonly string[];
};

/**
 * Reads the words of one command. Throws `UsageError` `tool-usage`, `tool-count`, `tool-option`, `tool-value` and
 * `tool-range`; any words give a command or one of these.
 */
export function parseA71chCommand(words: readonly string[]): A71chCommandLine {
  const [first, second] = words;
  if (first === undefined) throw toolError("tool-count", "a command is missing");
  for (const [name, count] of [[first, 1] as const, [`${first} ${second ?? ""}`, 2] as const]) {
    if (!isForm(name)) continue;
    const rest = new Words(words.slice(count));
    const { parts, isStrict = false }: Form<unknown> = A71CH_FORMS[name];
    takeAll(parts, rest);
    if (isStrict) rest.endHere();
    else rest.passOver();
    return { name, given: rest.given, remarks: rest.remarks };
  }
  const seconds = Object.keys(A71CH_FORMS).flatMap((name) => (name.startsWith(`${first} `) ? name.split(" ")[1] : []));
  if (seconds.length === 0) throw toolError("tool-usage", `there is no command ${visible(first)}`);
  const choices = seconds.length === 1 ? seconds.join() : `one of ${seconds.join(", ")}`;
  if (second === undefined) throw toolError("tool-count", `${first} needs ${choices} behind it`);
  throw toolError("tool-usage", `${first} knows ${seconds.join(", ")}, not ${visible(second)}`);
}

/** A word with what cannot be seen in it, and what that means. */
function visible(word: string): string {
  const shown = word.replace(/\p{Cc}/gu, (each) => JSON.stringify(each).slice(1, -1));
  if (word.includes("\t")) return `${shown}: tabs do not separate words, spaces do`;
  return word.endsWith("\r") ? `${shown}: the carriage return at the line's end belongs to the word here` : shown;
}

function form<const Parts extends readonly Part<unknown>[]>(...parts: Parts): Form<GivenBy<Parts>> {
  return { parts };
}

function isForm(name: string): name is A71chFormName {
  return Object.hasOwn(A71CH_FORMS, name);
}
