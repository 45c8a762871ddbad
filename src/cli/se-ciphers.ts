import type { Command } from "commander";

import { concat, UsageError } from "../codec/index.ts";
import type { Se05x, Se05xCipherMode } from "../host/se05x/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption, type CliErrorCode } from "./errors.ts";
import { demandSe05x, type SeOptions, seCommand } from "./se-command.ts";
import { choiceOption, hexOption, placeText, put, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/** @table What encrypts, by the words of the command line. */
const AEAD = { gcm: "gcm", ccm: "ccm" } as const;
const RSA = { "rsa-oaep": "oaep", "rsa-pkcs1": "pkcs1", "rsa-raw": "noPadding" } as const;
const PLAIN: Readonly<Record<string, Se05xCipherMode>> = {
  ctr: "ctr",
  cbc: "cbcPkcs5",
  "cbc-whole": "cbc",
  "ecb-whole": "ecb",
  "des-cbc": "desCbcPkcs5",
  "des-cbc-whole": "desCbc",
};
const MODES = [...Object.keys(AEAD), ...Object.keys(PLAIN), ...Object.keys(RSA)];

type CipherOptions = SeOptions & {
  readonly object: number;
  readonly in: string;
  readonly mode: string;
  readonly iv?: Uint8Array;
  readonly associated?: string;
  readonly out?: string;
};

/** `hawser se encrypt|decrypt`. */
export function registerSeCipherCommands(se: Command): void {
  for (const [name, does] of [
    ["encrypt", encrypt],
    ["decrypt", decrypt],
  ] as const) {
    seCommand<CipherOptions>(se, name, {
      description: `SE05x: ${name} a file with a key of the chip's`,
      options: (command) => withCipher(command),
      examples: [
        `hawser se ${name} ${HERE} --object 0x20000006 --in ${name === "encrypt" ? "plain --out" : "sealed --out"} ${name === "encrypt" ? "sealed" : "plain"}`,
        `hawser se ${name} ${HERE} --object 0x20000007 --mode rsa-oaep --in key --out other`,
      ],
      work: async (tools) => {
        const { options, output } = tools;
        const chip = demandSe05x(tools.element, name);
        const content = await does(chip, options, readInput(options.in));
        const { mode, out: file } = options;
        const told = { event: `${name}ed`, object: placeText(options.object), mode, text: `${name}ed` };
        put(output, { ...told, file, content, isSecret: name === "decrypt" });
      },
    });
  }
}

function withCipher(command: Command): Command {
  return command
    .requiredOption("--object <id>", "an AES, DES or RSA key", placeOption)
    .requiredOption("--in <file>", "the message; - for standard input")
    .option("--mode <name>", `${MODES.join(", ")}; gcm and ccm alone notice changes`, choiceOption(...MODES), "gcm")
    .option("--iv <hex>", "the initial block of ctr and cbc", hexOption)
    .option("--associated <file>", "gcm, ccm: what is authenticated beside the message")
    .option("--out <file>", "write it there; in hex to standard output otherwise");
}

/** Of gcm and ccm nonce, ciphertext and tag in one; the chip makes the nonce. */
async function encrypt(chip: Se05x, options: CipherOptions, message: Uint8Array): Promise<Uint8Array> {
  const { object: objectId, mode } = options;
  demandFitting(options);
  if (isOf(AEAD, mode)) {
    const sealed = await chip.aead.seal({ objectId, mode: AEAD[mode], ...associatedOf(options) }, message);
    return concat(sealed.nonce, sealed.output, sealed.tag);
  }
  if (isOf(RSA, mode)) return chip.rsa.encrypt(objectId, RSA[mode], message);
  return (await chip.ciphers.encrypt(plainRequest(options), message)).output;
}

async function decrypt(chip: Se05x, options: CipherOptions, message: Uint8Array): Promise<Uint8Array> {
  const { object: objectId, mode, in: source } = options;
  demandFitting(options);
  if (isOf(AEAD, mode)) {
    if (message.length < NONCE_LENGTH + TAG_LENGTH) throw badOption(`--in ${source} is too short for ${mode}`);
    const [nonce, tag] = [message.subarray(0, NONCE_LENGTH), message.subarray(-TAG_LENGTH)];
    const sealed = { nonce, output: message.subarray(NONCE_LENGTH, -TAG_LENGTH), tag };
    const opened = await chip.aead.open({ objectId, mode: AEAD[mode], ...associatedOf(options) }, sealed);
    if (!opened) throw new UsageError<CliErrorCode>("not-authentic", `${source} does not open`);
    return opened;
  }
  if (isOf(RSA, mode)) return chip.rsa.decrypt(objectId, RSA[mode], message);
  return chip.ciphers.decrypt(plainRequest(options), message);
}

function plainRequest({ object: objectId, mode: name, iv }: CipherOptions) {
  const mode = PLAIN[name];
  if (!mode) throw badOption(`--mode ${name}`);
  return { objectId, mode, ...(iv ? { iv } : {}) };
}

function demandFitting({ mode, iv, associated }: CipherOptions): void {
  const takesIv = mode in PLAIN && mode !== "ecb-whole";
  if (takesIv !== (iv !== undefined)) {
    throw badOption(takesIv ? `--mode ${mode} takes an --iv` : `--mode ${mode} takes no --iv`);
  }
  if (associated !== undefined && !isOf(AEAD, mode)) throw badOption(`--mode ${mode} takes no --associated`);
}

function associatedOf({ associated }: CipherOptions) {
  return associated === undefined ? {} : { associated: readInput(associated) };
}

function isOf<Table extends object>(table: Table, name: string): name is keyof Table & string {
  return Object.hasOwn(table, name);
}
