import { InvalidArgumentError, type Command } from "commander";

import { deviceIdentity } from "../agent/index.ts";
import { CHIP_OPERATIONS, chipEarlySecrets, type ChipOperation, chipOperations } from "../agent/node.ts";
import { A71CH_VARIANTS } from "../apdu/a71ch/index.ts";
import { nodeClock } from "../crypto/node.ts";
import type { A71ch } from "../host/a71ch/index.ts";
import { Se05x, type Se05xDerivation } from "../host/se05x/index.ts";
import type { ConnectOptions } from "../tls/node.ts";
import type { Trace } from "../trace/index.ts";
import { type AccessOptions, openChipAt, placeOption, withAccessOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { numberOption } from "./output.ts";

/** What a TLS client takes from a chip, as the command line says it. */
export type TlsChipOptions = AccessOptions & {
  readonly chip?: string;
  readonly slot: number;
  readonly inChip?: ReadonlySet<ChipOperation>;
  readonly pskSlot?: number;
  readonly pskBlocks: number;
  readonly agreementSlot?: number;
  readonly serverKeySlot?: number;
  readonly derivation: Se05xDerivation;
  readonly pskIdentity: string;
  readonly tls1_3?: true;
};

/** Adds `--chip`, what opens it, and who does what. */
export function withTlsChipOptions(command: Command): Command {
  const operations = Object.entries(CHIP_OPERATIONS).map(([name, what]) => `${name} (${what})`);
  return withAccessOptions(command)
    .option("--chip <host:port>", "a chip that does a part of the handshake")
    .option("--slot <number>", "the chip's key slot, or an SE05x object such as 0xf0000100", placeOption, 0)
    .option(
      "--in-chip <list>",
      `what the chip does: ${operations.join("; ")}. By default random and sign; with --psk-slot random, key-share, premaster and master`,
      operationsOption,
    )
    .option("--psk-slot <number>", "where the chip holds a pre-shared key: a slot, or an SE05x object", placeOption)
    .option("--psk-blocks <number>", "how many slots of 16 bytes it takes in an A71CH", numberOption(1, 4), 1)
    .option(
      "--agreement-slot <number>",
      "the A71CH's slot for ephemeral keys; the last one by default",
      numberOption(0, 3),
    )
    .option("--server-key-slot <number>", "the A71CH's public key slot that keeps the server's key", numberOption(0, 2))
    .option(
      "--derivation <how>",
      "an SE05x's master secret: by HMAC codes, or by its PRF command",
      derivationOption,
      "codes",
    );
}

const BY_DEFAULT: readonly ChipOperation[] = ["random", "sign"];
const WITH_PSK_13: readonly ChipOperation[] = ["random", "key-share"];
const WITH_PSK: readonly ChipOperation[] = ["random", "key-share", "premaster", "master"];

/** Opens the chip, gives what it does for the handshake to `work`, and closes it whatever happens. */
export async function withTlsChip(
  options: TlsChipOptions & { readonly chip: string },
  trace: Trace,
  work: (parts: Partial<ConnectOptions>) => Promise<void>,
): Promise<void> {
  const element = await openChipAt(options.chip, options, trace);
  try {
    const { slot, pskSlot, pskBlocks: blocks, serverKeySlot, derivation, pskIdentity } = options;
    const withPsk = options.tls1_3 ? WITH_PSK_13 : WITH_PSK;
    const operations = options.inChip ?? new Set(pskSlot === undefined ? BY_DEFAULT : withPsk);
    const parts = chipOperations({
      element,
      operations,
      agreementSlot: agreementSlotOf(options, element),
      derivation,
      clock: nodeClock,
      only13: options.tls1_3 === true,
      ...(pskSlot === undefined ? {} : { psk: { slot: pskSlot, blocks } }),
      ...(serverKeySlot === undefined ? {} : { serverKeySlot }),
    });
    const key = pskSlot === undefined ? undefined : { slot: pskSlot, blocks };
    const early = key && options.tls1_3 ? { early: await chipEarlySecrets(element, key) } : {};
    const psk = key ? { psk: { identity: pskIdentity, ...early } } : {};
    const identity = operations.has("sign") ? await deviceIdentity(element, slot) : undefined;
    await work({
      ...parts,
      ...psk,
      ...(identity ? { certificate: identity.chain.map(({ der }) => der), signer: identity.signer } : {}),
    });
  } finally {
    await element.close();
  }
}

function agreementSlotOf({ slot, agreementSlot }: TlsChipOptions, element: A71ch | Se05x): number {
  if (element instanceof Se05x) return 0;
  const chosen = agreementSlot ?? A71CH_VARIANTS[element.variant].keyPairs - 1;
  if (chosen === slot) throw badOption(`--agreement-slot ${chosen} holds the key of --slot and would replace it`);
  return chosen;
}

function operationsOption(value: string): ReadonlySet<ChipOperation> {
  const names = value.split(",").filter((name) => name !== "");
  for (const name of names) {
    if (name === "records") throw new InvalidArgumentError("no chip here seals or opens records: the host does.");
    if (!Object.hasOwn(CHIP_OPERATIONS, name)) {
      throw new InvalidArgumentError(`'${name}' is not one of ${Object.keys(CHIP_OPERATIONS).join(", ")}.`);
    }
  }
  return new Set(names as ChipOperation[]);
}

function derivationOption(value: string): Se05xDerivation {
  if (value === "codes" || value === "prf") return value;
  throw new InvalidArgumentError("codes or prf.");
}
