import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { nodeClock, nodeHash } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { connectChip } from "../host/node.ts";
import { runA71chTool } from "./a71ch-tool.ts";
import { badOption } from "./errors.ts";
import { FILES } from "./oem-words.ts";
import type { Output } from "./output.ts";

export type PrepareOptions = { readonly ecc: string; readonly chip: string; readonly yes?: true };

/**
 * `tlsPrepareClient.sh`: resets the chip and puts the client's key pair, the certificates, a data object and the
 * pre-shared key into it, each by the Configure tool. Gives the exit status of the first step that fails. AN12132, section 5.4
 */
export async function prepareClient({ ecc, chip, yes }: PrepareOptions, output: Output): Promise<number> {
  const path = (name: keyof typeof FILES) => join(ecc, FILES[name]);
  if (!existsSync(path("clientKey"))) throw badOption(`${path("clientKey")} is missing: create the credentials first`);
  if (!yes) await refuseToWipe(chip);
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

/** A chip with keys in it is somebody's: a reset would destroy them. */
async function refuseToWipe(address: string): Promise<void> {
  const element = await A71ch.open(await connectChip(address), { hash: nodeHash, clock: nodeClock });
  try {
    const full = (await element.keySlots()).filter(({ publicKey }) => publicKey !== undefined);
    if (full.length === 0) return;
    throw badOption(
      `the chip at ${address} holds key pairs (${full.length}), which a reset destroys: add --yes to do it`,
    );
  } finally {
    await element.close();
  }
}
