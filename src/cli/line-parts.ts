import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { SE05X_OBJECT } from "../apdu/se05x/index.ts";
import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto, nodeSe05xCrypto, SealedFileMemory } from "../chip/node.ts";
import { Se05xChip, type Se05xModelName } from "../chip/se05x/index.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../crypto/node.ts";
import { A71ch } from "../host/a71ch/index.ts";
import { localTransport } from "../host/index.ts";
import { Se05x } from "../host/se05x/index.ts";
import type { BornIdentity, BornKeys, LineFeed, LinePlaces } from "../provisioning/line/index.ts";
import { type AccessOptions, openChipAt } from "./chip-access.ts";

export type LineChipModel = "a71ch" | Se05xModelName;

/** What parts of the SE05x family are born with, as far as it signs for devices. SE05x object ids */
const SE05X_BORN: readonly BornIdentity[] = [
  { name: "device", slot: SE05X_OBJECT.deviceKey, certificate: SE05X_OBJECT.deviceCertificate },
  { name: "gateway", slot: SE05X_OBJECT.gatewayKey, certificate: SE05X_OBJECT.gatewayCertificate },
  { name: "connection", slot: SE05X_OBJECT.connectionKey, certificate: SE05X_OBJECT.connectionCertificate },
];

/** The same of those with RSA: a line that takes these in waits while each part makes its keys. SE05x object ids */
const SE05X_BORN_RSA: readonly BornIdentity[] = [
  { name: "device-rsa2048", slot: SE05X_OBJECT.deviceRsa2048Key, certificate: SE05X_OBJECT.deviceRsa2048Certificate },
  {
    name: "gateway-rsa2048",
    slot: SE05X_OBJECT.gatewayRsa2048Key,
    certificate: SE05X_OBJECT.gatewayRsa2048Certificate,
  },
  { name: "device-rsa4096", slot: SE05X_OBJECT.deviceRsa4096Key, certificate: SE05X_OBJECT.deviceRsa4096Certificate },
  {
    name: "gateway-rsa4096",
    slot: SE05X_OBJECT.gatewayRsa4096Key,
    certificate: SE05X_OBJECT.gatewayRsa4096Certificate,
  },
  {
    name: "connection-rsa2048",
    slot: SE05X_OBJECT.connectionRsaKey,
    certificate: SE05X_OBJECT.connectionRsaCertificate,
  },
];

/** Where a line's parts come from, and where in them it works. */
export function lineParts(
  options: AccessOptions & {
    readonly chipModel: LineChipModel;
    readonly chip?: readonly string[];
    readonly out: string;
    readonly bornKeys?: BornKeys;
  },
): { readonly feed: LineFeed; readonly places: LinePlaces } {
  const { chipModel, chip, out, bornKeys } = options;
  const born = bornKeys === "ec+rsa" ? [...SE05X_BORN, ...SE05X_BORN_RSA] : SE05X_BORN;
  const places = { slot: 0, born: chipModel === "a71ch" ? [] : born };
  if (chip) return { feed: { open: async (part) => inSocket(chip[part - 1] ?? "", options) }, places };
  mkdirSync(join(out, "chips"), { recursive: true, mode: 0o700 });
  return { feed: { open: (part) => simulated(chipModel, out, part) }, places };
}

/** The state file of a simulated part, and the key that seals those of the line. */
export function stateOf(out: string, part: number): { readonly file: string; readonly keyFile: string } {
  const name = `part-${String(part).padStart(6, "0")}.chip`;
  return { file: join(out, "chips", name), keyFile: join(out, "chips", "state.key") };
}

async function inSocket(address: string, access: AccessOptions) {
  const element = await openChipAt(address, access);
  return { element, close: () => element.close() };
}

async function simulated(model: LineChipModel, out: string, part: number) {
  const ports = { memory: new SealedFileMemory(stateOf(out, part)), entropy: nodeEntropy, clock: nodeClock };
  const host = { hash: nodeHash, clock: nodeClock };
  const element =
    model === "a71ch"
      ? await A71ch.open(localTransport(new A71chChip({ crypto: nodeChipCrypto, ...ports })), host)
      : await Se05x.open(localTransport(await Se05xChip.open({ model, crypto: nodeSe05xCrypto, ...ports })), host);
  return { element, close: () => element.close() };
}
