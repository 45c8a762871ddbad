import type { Command } from "commander";

import type { PolicyEntry } from "../apdu/se05x/index.ts";
import { fromHex } from "../codec/index.ts";
import type { Se05x } from "../host/se05x/index.ts";
import { placeOption } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { numberOption } from "./output.ts";
import { demandSe05x, type SeOptions, seCommand } from "./se-command.ts";
import { choiceOption, placeText, policyOption, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";
const KINDS = ["aes", "des", "hmac", "userid", "aes-session", "ec-session"] as const;
const AUTHENTICATES: ReadonlySet<Kind> = new Set(["userid", "aes-session", "ec-session"]);

type Kind = (typeof KINDS)[number];
type SecretOptions = SeOptions & {
  readonly object: number;
  readonly kind: Kind;
  readonly value: string;
  readonly policy?: readonly PolicyEntry[];
  readonly transient?: boolean;
  readonly wrappedBy?: number;
  readonly maxAttempts?: number;
};

/** `hawser se secret`. */
export function registerSeSecretCommands(se: Command): void {
  seCommand<SecretOptions>(se, "secret", {
    description: "SE05x: put a symmetric key, or what opens sessions, into the chip; nobody reads it again",
    options: (command) =>
      command
        .requiredOption("--object <id>", "object identifier", placeOption)
        .requiredOption(
          "--kind <name>",
          `${KINDS.join(", ")}; the last three open sessions (--session)`,
          choiceOption(...KINDS),
        )
        .requiredOption(
          "--value <file>",
          "hex digits; an uncompressed point on P-256 for ec-session; - for standard input",
        )
        .option("--policy <list>", "who may do what, as in hawser se generate", policyOption)
        .option("--transient", "keep it until the chip loses power")
        .option("--wrapped-by <id>", "the AES key in the chip under which the value is wrapped (RFC 3394)", placeOption)
        .option("--max-attempts <number>", "wrong proofs that block a session's key for good", numberOption(1, 0xffff)),
    examples: [
      `hawser se secret ${HERE} --object 0x20000002 --kind hmac --value psk.hex --policy all:sign+derive+delete`,
      `hawser se secret ${HERE} --object 0x7da00001 --kind userid --value pin.hex --max-attempts 5`,
    ],
    work: async ({ element, options, output }) => {
      await putSecret(demandSe05x(element, "secret"), options);
      const { object, kind } = options;
      output.line({ event: "stored", object: placeText(object), kind }, `stored ${kind} in ${placeText(object)}`);
    },
  });
}

async function putSecret(chip: Se05x, options: SecretOptions): Promise<void> {
  const { object, kind, policy, transient: isTransient, wrappedBy, maxAttempts } = options;
  const rules = policy ? { policy } : {};
  if (AUTHENTICATES.has(kind) && (isTransient !== undefined || wrappedBy !== undefined)) {
    throw badOption(`--transient and --wrapped-by are not for ${kind}`);
  }
  if (!AUTHENTICATES.has(kind) && maxAttempts !== undefined) throw badOption(`--max-attempts is not for ${kind}`);
  const value = hexInput(options.value);
  const attempts = { ...rules, ...(maxAttempts === undefined ? {} : { maxAttempts }) };
  if (kind === "userid") return chip.secrets.putUserId(object, value, attempts);
  if (kind === "aes-session") return chip.secrets.putSessionKey(object, value, attempts);
  if (kind === "ec-session") return chip.sessions.putPublicKey(object, value, attempts);
  await chip.secrets.put(kind, object, value, {
    ...rules,
    ...(isTransient === undefined ? {} : { isTransient }),
    ...(wrappedBy === undefined ? {} : { wrappedBy }),
  });
}

/** A secret in hex digits, white space aside; what was read is not shown. Throws `bad-option`. */
function hexInput(path: string): Uint8Array {
  const text = new TextDecoder().decode(readInput(path)).replace(/\s+/g, "");
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return fromHex(text);
  throw badOption(`--value ${path} does not hold hex digits`);
}
