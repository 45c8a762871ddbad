import { A71CH_COMMAND_SET, type A71chCommandName, type A71chRequest } from "../../apdu/a71ch/index.ts";
import { encodeCommand } from "../../apdu/index.ts";
import type { Consequence } from "../ports.ts";
import type { A71chObjects, Slot } from "./objects.ts";

/** What commands make impossible, seen from a chip's present state. Commands without an entry can be taken back. */
type Consequences = {
  readonly [Key in A71chCommandName]?: (request: A71chRequest<Key>, objects: A71chObjects) => readonly Consequence[];
};

/** What a command would make impossible; nothing for one that can be taken back. A71CH state bytes */
export function consequencesOf(key: A71chCommandName, request: object, objects: A71chObjects): readonly Consequence[] {
  // The request was decoded by the row that the entry is typed from.
  const entry = CONSEQUENCES[key] as ((request: object, objects: A71chObjects) => readonly Consequence[]) | undefined;
  return entry?.(request, objects) ?? [];
}

const CONSEQUENCES: Consequences = {
  lockInjection: (_, objects) => [
    {
      impossible: "to set keys, secrets and configuration keys in the clear",
      undoneBy: byReset(objects),
      probe: plainSecret,
    },
    {
      impossible: "to generate, freeze and erase keys and secrets without a code",
      undoneBy: byReset(objects),
      probe: generate,
    },
  ],
  lockTransport: () => [
    {
      impossible: "to do anything but ask who the chip is",
      undoneBy: "unlocking, for which configuration key 0 is needed",
      probe: bytesOf("readCredentialMap", {}),
    },
  ],
  unlockTransport: (_, objects) => [{ impossible: "to lock the chip for transport again", undoneBy: byReset(objects) }],
  endDebugMode: () => [
    {
      impossible: "to reset the chip: every lock stays for good",
      undoneBy: "nothing",
      probe: bytesOf("debugReset", {}),
    },
    { impossible: "to set counters back", undoneBy: "nothing", probe: bytesOf("eraseCounter", { slot: 0 }) },
  ],
  debugReset: (_, objects) => losses(objects),
  freezeKeyPair: ({ slot }, objects) => [frozenKeyPair(slot, objects)],
  freezeKeyPairByCode: ({ slot }, objects) => [frozenKeyPair(slot, objects)],
  freezePublicKey: ({ slot }, objects) => [frozenPublicKey(slot, objects)],
  freezePublicKeyByCode: ({ slot }, objects) => [frozenPublicKey(slot, objects)],
  freezeSecret: ({ slot }, objects) => [frozenSecret(slot, objects)],
  freezeSecretByCode: ({ slot }, objects) => [frozenSecret(slot, objects)],
  freezeStorage: ({ offset, length }, objects) => [
    {
      impossible: `to change ${length} bytes of storage from ${offset} on`,
      undoneBy: byReset(objects),
      probe: bytesOf("writeStorage", { offset, bytes: Uint8Array.of(0) }),
    },
  ],
  setCounter: ({ slot }, objects) => counted(slot, objects),
  incrementCounter: ({ slot }, objects) => counted(slot, objects),
  signRestricted: ({ slot }, objects) => spentUse(slot, objects),
  sign: ({ slot }, objects) => spentUse(slot, objects),
  eraseKeyPair: ({ slot }, objects) => lostKeyPair(slot, objects),
  eraseKeyPairByCode: ({ slot }, objects) => lostKeyPair(slot, objects),
  generateKeyPair: ({ slot }, objects) => lostKeyPair(slot, objects),
  generateKeyPairByCode: ({ slot }, objects) => lostKeyPair(slot, objects),
  setKeyPair: ({ slot }, objects) => lostKeyPair(slot, objects),
  setWrappedKeyPair: ({ slot }, objects) => lostKeyPair(slot, objects),
  setConfigKey: ({ slot }, objects) => lostSecret("configuration key", slot, objects.configKeys),
  setWrappedConfigKey: ({ slot }, objects) => lostSecret("configuration key", slot, objects.configKeys),
  setSecret: ({ slot }, objects) => lostSecret("symmetric secret", slot, objects.secrets),
  setWrappedSecret: ({ slot }, objects) => lostSecret("symmetric secret", slot, objects.secrets),
  eraseSecret: ({ slot }, objects) => lostSecret("symmetric secret", slot, objects.secrets),
  eraseSecretByCode: ({ slot }, objects) => lostSecret("symmetric secret", slot, objects.secrets),
  putKeys: (_, objects) => lostChannelKeys(objects),
  replaceKeys: (_, objects) => lostChannelKeys(objects),
  externalAuthenticate: (_, objects) =>
    objects.channelMandatory
      ? []
      : [{ impossible: "to use the chip outside a secure channel, even after a reset", undoneBy: byReset(objects) }],
};

const generate = bytesOf("generateKeyPair", { slot: 0 });
const plainSecret = bytesOf("setSecret", { slot: 0, key: new Uint8Array(16) });

function byReset({ debugAvailable }: A71chObjects): string {
  return debugAvailable ? "a debug reset, which wipes the chip" : "nothing";
}

function frozenSecret(slot: number, objects: A71chObjects): Consequence {
  return {
    impossible: `to change or erase symmetric secret ${slot}`,
    undoneBy: byReset(objects),
    probe: bytesOf("eraseSecret", { slot }),
  };
}

function frozenKeyPair(slot: number, objects: A71chObjects): Consequence {
  const probe = bytesOf("eraseKeyPair", { slot });
  return { impossible: `to replace or erase key pair ${slot}`, undoneBy: byReset(objects), probe };
}

function frozenPublicKey(slot: number, objects: A71chObjects): Consequence {
  const probe = bytesOf("erasePublicKey", { slot });
  return { impossible: `to replace or erase public key ${slot}`, undoneBy: byReset(objects), probe };
}

function lostKeyPair(slot: number, { keyPairs }: A71chObjects): readonly Consequence[] {
  return keyPairs[slot]?.content
    ? [{ impossible: `to use the key that is in key pair ${slot} now, ever again`, undoneBy: "nothing" }]
    : [];
}

/** A restricted key pair overwrites the certificate that it signed before, and has only so many signatures. */
function spentUse(slot: number, { restriction }: A71chObjects): readonly Consequence[] {
  if (restriction?.keyPair !== slot) return [];
  const { uses, maxUses, blocks } = restriction;
  const replaced = { impossible: "to read the certificate that is in its place now", undoneBy: "nothing" };
  if (maxUses === 0) return [replaced];
  const update = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
  const isLast = uses + 1 >= maxUses;
  const impossible = isLast
    ? `to sign with key pair ${slot} ever again`
    : `to sign over ${maxUses - uses - 1} times more with key pair ${slot}`;
  const probe = isLast ? { probe: bytesOf("signRestricted", { slot, update }) } : {};
  return [replaced, { impossible, undoneBy: "nothing", ...probe }];
}

function lostSecret(what: string, slot: number, slots: readonly Slot<unknown>[]): readonly Consequence[] {
  return slots[slot]?.content === undefined
    ? []
    : [{ impossible: `to use the present ${what} ${slot}, ever again`, undoneBy: "nothing" }];
}

function lostChannelKeys({ channelKeys }: A71chObjects): readonly Consequence[] {
  return channelKeys ? [{ impossible: "to open a secure channel with the present keys", undoneBy: "nothing" }] : [];
}

function losses(objects: A71chObjects): readonly Consequence[] {
  return [
    ...objects.keyPairs.flatMap((_, slot) => lostKeyPair(slot, objects)),
    ...objects.configKeys.flatMap((_, slot) => lostSecret("configuration key", slot, objects.configKeys)),
    ...objects.secrets.flatMap((_, slot) => lostSecret("symmetric secret", slot, objects.secrets)),
    { impossible: "to read what is in the storage now", undoneBy: "nothing" },
  ];
}

function counted(slot: number, objects: A71chObjects): readonly Consequence[] {
  const value = objects.counters[slot];
  if (value === undefined) return [];
  const probe = bytesOf("setCounter", { slot, value });
  const undoneBy = objects.debugAvailable ? "setting the counter back, as long as debug mode is available" : "nothing";
  return [{ impossible: `to bring counter ${slot} back to ${value}`, undoneBy, probe }];
}

function bytesOf<Key extends A71chCommandName>(key: Key, request: A71chRequest<Key>): Uint8Array {
  return encodeCommand(A71CH_COMMAND_SET.build(key, request));
}
