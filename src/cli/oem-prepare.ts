import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { equal, Refused } from "../codec/index.ts";
import type { KeySlot } from "../crypto/index.ts";
import { nodeSigner, privateKeyFromPem } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { type AccessOptions, openChipAt } from "./chip-access.ts";
import { runA71chTool } from "./a71ch-tool.ts";
import { badOption } from "./errors.ts";
import { prepareSe05x } from "./oem-prepare-se05x.ts";
import { FILES, SLOTS } from "./oem-words.ts";
import type { Output } from "./output.ts";

export type PrepareOptions = AccessOptions & { readonly ecc: string; readonly chip: string; readonly yes?: true };

/**
 * `tlsPrepareClient.sh`: resets the chip and puts the client's key pair, the certificates, a data object and the
 * pre-shared key into it, each by the Configure tool; an A5000 or SE05x gets its own, and no reset. Gives the exit
 * status of the first step that fails. AN12132, section 5.4
 */
export async function prepareClient(options: PrepareOptions, output: Output): Promise<number> {
  const { ecc, chip } = options;
  const path = (name: keyof typeof FILES) => join(ecc, FILES[name]);
  if (!existsSync(path("clientKey")))
    throw badOption(
      `${path("clientKey")} is missing: create the credentials first (tlsCreateCredentialsRunOnClientOnce.sh)`,
    );
  if (await isReady(options, path, output)) return 0;
  const psk = readFileSync(path("psk"), "utf8").trim();
  const steps = [
    ["debug", "reset"],
    ["set", "pair", "-x", "0", "-k", path("clientKey")],
    ["refpem", "-c", "10", "-x", "0", "-r", path("clientReference")],
    ["info", "pair"],
    // Room for two more segments is left behind each certificate.
    ["wcrt", "-x", "0", "-p", path("client"), "-n", "2"],
    ["wcrt", "-x", "1", "-p", path("root"), "-n", "2"],
    ["obj", "write", "-x", "0", "-n", "32"],
    ["obj", "update", "-x", "0", "-h", "0000", "-h", "426567696E206F626A30"],
    ["obj", "update", "-x", "0", "-h", "03f8", "-h", "456E64206F626A30"],
    ["set", "sym", "-x", "0", "-h", psk],
  ];
  for (const words of steps) {
    output.note(`>> a71chConfig ${chip} ${words.map((word) => (word === psk ? "********" : word)).join(" ")}`);
    const tool = { program: "a71chConfig", output, environmentAddress: undefined, input: process.stdin };
    const status = await runA71chTool({ ...tool, words: [chip, ...words] });
    if (status !== 0) return status;
  }
  return 0;
}

/** Whether the chip was none to reset, and has everything by now. A chip with keys in it is somebody's. */
async function isReady(
  options: PrepareOptions,
  path: (name: keyof typeof FILES) => string,
  output: Output,
): Promise<boolean> {
  const { chip: address, yes = false } = options;
  const element = await opened(options);
  // Whoever said yes resets a chip that does not let anybody look.
  if (!element) return false;
  try {
    if (!(element instanceof A71ch)) {
      await prepareSe05x(element, { path, yes, output });
      return true;
    }
    const full = (await element.keySlots()).filter(({ publicKey }) => publicKey !== undefined);
    if (full.length === 0 || yes || isOurs(full, path("clientKey"))) return false;
    throw badOption(
      `the chip at ${address} holds key pairs (${full.length}), which a reset destroys: add --yes to do it`,
    );
  } finally {
    await element.close();
  }
}

/** Whether a chip holds this folder's key pair and nothing else but the client's ephemeral one: a second run loses nothing. */
function isOurs(full: readonly KeySlot[], keyFile: string): boolean {
  const ours = nodeSigner(privateKeyFromPem(readFileSync(keyFile, "utf8"))).publicKey;
  const own = full.find(({ slot }) => slot === SLOTS.identity)?.publicKey;
  const others = full.filter(({ slot }) => slot !== SLOTS.identity && slot !== SLOTS.agreement);
  return own !== undefined && equal(own, ours) && others.length === 0;
}

async function opened(options: PrepareOptions) {
  const { chip, yes, scp03 } = options;
  try {
    return await openChipAt(chip, options);
  } catch (error) {
    if (!(error instanceof Refused) || error.wire !== 0x6982 || scp03 !== undefined) throw error;
    if (yes) return undefined;
    throw badOption(
      `the chip at ${chip} answers inside a secure channel only: give its keys with --scp03, or --yes to reset it unseen, channel and all`,
    );
  }
}
