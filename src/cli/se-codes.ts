import type { Command } from "commander";

import { placeOption } from "./chip-access.ts";
import { numberOption } from "./output.ts";
import { demandSe05x, type SeOptions, seCommand, type SeTools } from "./se-command.ts";
import { choiceOption, hexOption, placeText, put, readInput } from "./se-values.ts";

const HERE = "--chip 127.0.0.1:8050";
const HASHES = ["sha1", "sha224", "sha256", "sha384", "sha512"] as const;
const MACS = {
  "hmac-sha1": "hmacSha1",
  "hmac-sha256": "hmacSha256",
  "hmac-sha384": "hmacSha384",
  "hmac-sha512": "hmacSha512",
  cmac: "cmac",
  "des-cmac": "desCmac",
} as const;

type DigestOptions = SeOptions & { readonly in: string; readonly hash: (typeof HASHES)[number]; readonly out?: string };
type MacOptions = SeOptions & {
  readonly object: number;
  readonly in: string;
  readonly algorithm: keyof typeof MACS;
  readonly check?: string;
  readonly out?: string;
};
type HkdfOptions = SeOptions & {
  readonly object: number;
  readonly hash: (typeof HASHES)[number];
  readonly salt?: Uint8Array;
  readonly info?: string;
  readonly bytes: number;
  readonly into?: number;
  readonly out?: string;
};

/** `hawser se digest|mac|hkdf`. */
export function registerSeCodeCommands(se: Command): void {
  seCommand<DigestOptions>(se, "digest", {
    description: "SE05x: the hash of a file, computed in the chip",
    options: (command) =>
      command
        .requiredOption("--in <file>", "what is hashed; - for standard input")
        .option("--hash <name>", HASHES.join(", "), choiceOption(...HASHES), "sha256")
        .option("--out <file>", "write it there; in hex to standard output otherwise"),
    examples: [`hawser se digest ${HERE} --in firmware.bin`],
    work: async ({ element, options: { in: source, hash, out: file }, output }) => {
      const content = await demandSe05x(element, "digest").digests.of(hash, readInput(source));
      put(output, { event: "digest", hash, file, content, text: "hash" });
    },
  });
  seCommand<MacOptions>(se, "mac", {
    description: "SE05x: a file's authentication code with a key of the chip's, or the check of one",
    options: (command) =>
      command
        .requiredOption("--object <id>", "an HMAC key; for cmac an AES key, for des-cmac a DES key", placeOption)
        .requiredOption("--in <file>", "what is authenticated; - for standard input")
        .option(
          "--algorithm <name>",
          Object.keys(MACS).join(", "),
          choiceOption(...(Object.keys(MACS) as (keyof typeof MACS)[])),
          "hmac-sha256",
        )
        .option("--check <file>", "check this code instead")
        .option("--out <file>", "write it there; in hex to standard output otherwise"),
    examples: [
      `hawser se mac ${HERE} --object 0x20000002 --in telemetry.json --out telemetry.mac`,
      `hawser se mac ${HERE} --object 0x20000002 --in telemetry.json --check telemetry.mac`,
    ],
    work: mac,
  });
  seCommand<HkdfOptions>(se, "hkdf", {
    description: "SE05x: a key derived from one in the chip, for the host or for the chip alone",
    options: (command) =>
      command
        .requiredOption("--object <id>", "the HMAC key that is derived from", placeOption)
        .option("--hash <name>", HASHES.join(", "), choiceOption(...HASHES), "sha256")
        .option("--salt <hex>", "none by default", hexOption)
        .option("--info <text>", "what the key is for")
        .option("--bytes <number>", "how long it is", numberOption(1, 512), 32)
        .option("--into <id>", "from applet 7 on: an HMAC or AES key in the chip that takes it", placeOption)
        .option("--out <file>", "write it there; in hex to standard output otherwise"),
    examples: [
      `hawser se hkdf ${HERE} --object 0x20000002 --info 'session 1' --bytes 16 --out session.key`,
      `hawser se hkdf ${HERE} --object 0x20000002 --info 'session 1' --into 0x20000005`,
    ],
    work: hkdf,
  });
}

async function mac({ element, options, output }: SeTools<MacOptions>): Promise<void> {
  const { object, in: source, algorithm, check, out: file } = options;
  const { macs } = demandSe05x(element, "mac");
  const message = readInput(source);
  if (check === undefined) {
    const content = await macs.make(object, MACS[algorithm], message);
    return put(output, { event: "mac", object: placeText(object), algorithm, file, content, text: "code" });
  }
  const isRight = await macs.check(object, MACS[algorithm], { message, code: readInput(check) });
  const fields = { event: "mac-checked", object: placeText(object), algorithm, valid: isRight };
  output.line(fields, isRight ? "the code is right" : "the code is WRONG");
  if (!isRight) process.exitCode = 1;
}

async function hkdf({ element, options, output }: SeTools<HkdfOptions>): Promise<void> {
  const { object, hash, salt = new Uint8Array(0), info = "", bytes: length, into, out: file } = options;
  const { derivations } = demandSe05x(element, "hkdf");
  const request = { objectId: object, hash, salt, info: new TextEncoder().encode(info), length };
  if (into === undefined) {
    const content = await derivations.hkdf(request);
    const told = { event: "derived", object: placeText(object), text: `${length} bytes` };
    return put(output, { ...told, file, content, isSecret: true });
  }
  await derivations.hkdfInto(into, request);
  output.line(
    { event: "derived", object: placeText(object), into: placeText(into) },
    `derived ${length} bytes into ${placeText(into)}`,
  );
}
