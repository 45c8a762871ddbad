import { DecodeError, type Codec } from "../../codec/index.ts";

/** How many objects of each kind a chip holds, and how much general purpose storage. */
export type A71chCapacity = {
  readonly keyPairs: number;
  readonly publicKeys: number;
  readonly configKeys: number;
  readonly symmetricSecrets: number;
  readonly counters: number;
  readonly storageBytes: number;
};

/** The two capacity variants; a host tells them apart by `storageBytes`. A71CH object table */
export const A71CH_VARIANTS = {
  A: { keyPairs: 2, publicKeys: 2, configKeys: 3, symmetricSecrets: 4, counters: 2, storageBytes: 1024 },
  B: { keyPairs: 4, publicKeys: 3, configKeys: 3, symmetricSecrets: 8, counters: 2, storageBytes: 4096 },
} as const satisfies Readonly<Record<string, A71chCapacity>>;

export type A71chVariant = keyof typeof A71CH_VARIANTS;

/** The unit in which general purpose storage is frozen, in bytes. A71CH object table */
export const STORAGE_SEGMENT = 32;

/** The most storage bytes that one command moves; what fits a frame of the secure channel too. A71CH object table */
export const STORAGE_CHUNK = 239;

/** The most random bytes that one command gives, within and without the secure channel. A71CH APDU table */
export const RANDOM_CHUNK = 239;

/** Answers of the verify commands. A71CH APDU table */
export const VERIFY_RESULT = { right: 0x01, wrong: 0x02 } as const;

/** Transport lock states in the module info. A71CH state bytes */
export const TRANSPORT_LOCK = { locked: 1, unlockedForGood: 2, notYetSet: 3 } as const;

/** Secure channel states in the module info and at the head of the credential map. A71CH state bytes */
export const SECURE_CHANNEL = { mandatory: 1, keysNotSet: 2, keysSet: 3 } as const;

/** Inject lock states in the module info. A71CH state bytes */
export const INJECT_LOCK = { locked: 1, unlocked: 2 } as const;

/** Where the module info names the restricted key pair: there is none. A71CH state bytes */
export const NO_RESTRICTED_KEY_PAIR = 0x0f;

/** The bit of `selectResponse` that says that debug mode is still available. A71CH state bytes */
export const DEBUG_AVAILABLE = 0x0001;

/** Whether an object is there, and whether it can still change. */
export type ObjectState = { readonly present: boolean; readonly frozen: boolean };

/** The states of all objects of a chip. */
export type CredentialMap = {
  readonly secureChannel: number;
  readonly keyPairs: readonly ObjectState[];
  readonly publicKeys: readonly ObjectState[];
  readonly configKeys: readonly ObjectState[];
  readonly symmetricSecrets: readonly ObjectState[];
  readonly counters: readonly ObjectState[];
  /** One a segment of 32 bytes. */
  readonly storage: readonly ObjectState[];
};

/**
 * The credential map of a chip with this capacity: a secure channel state, then one byte an object.
 * High nibble A absent or 5 present, low nibble 5 open or F frozen. A71CH state bytes
 */
export function credentialMap(capacity: A71chCapacity): Codec<CredentialMap> {
  const sections = [
    ["keyPairs", capacity.keyPairs],
    ["publicKeys", capacity.publicKeys],
    ["configKeys", capacity.configKeys],
    ["symmetricSecrets", capacity.symmetricSecrets],
    ["counters", capacity.counters],
    ["storage", capacity.storageBytes / STORAGE_SEGMENT],
  ] as const;
  return {
    write(w, value) {
      w.u8(value.secureChannel);
      for (const [name, count] of sections) {
        if (value[name].length !== count) throw new DecodeError("length", `${name} is not ${count} objects`, w.length);
        value[name].forEach((state) => objectState.write(w, state));
      }
    },
    read(r) {
      const secureChannel = r.u8();
      const lists = sections.map(([name, count]) => [name, Array.from({ length: count }, () => objectState.read(r))]);
      return { secureChannel, ...(Object.fromEntries(lists) as Omit<CredentialMap, "secureChannel">) };
    },
  };
}

const objectState: Codec<ObjectState> = {
  write: (w, { present, frozen }) => void w.u8((present ? 0x50 : 0xa0) | (frozen ? 0x0f : 0x05)),
  read(r) {
    const at = r.at;
    const byte = r.u8();
    const [high, low] = [byte >> 4, byte & 0x0f];
    if ((high !== 0x5 && high !== 0xa) || (low !== 0x5 && low !== 0xf)) {
      throw new DecodeError("value", `object state 0x${byte.toString(16)}`, at);
    }
    return { present: high === 0x5, frozen: low === 0xf };
  },
};
