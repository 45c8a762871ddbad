import { DecodeError, type Reader, type Writer } from "../../codec/index.ts";
import { BORN_CURVES, curveFootprint } from "./curves.ts";
import { Secret } from "./secrets.ts";
import type { Se05xModel } from "./variants.ts";

/** A key set of the platform's secure channel. */
export type ChannelKeys = { readonly enc: Secret; readonly mac: Secret; readonly dek: Secret };

/** What a chip holds besides its objects: immutable, replaced as a whole. */
export type Settings = {
  /** Feature bits that are turned on, of those that the part has. */
  readonly features: number;
  /** Extended feature bits, 30 bytes. */
  readonly extendedFeatures: Uint8Array;
  readonly isLocked: boolean;
  /** What is forbidden: nothing, new objects, or making and changing any. */
  readonly restriction: Restriction;
  readonly platformScpRequired: boolean;
  /** Key sets of the platform's secure channel, by version. */
  readonly keySets: ReadonlyMap<number, ChannelKeys>;
  /** Crypto objects by identifier. */
  readonly cryptoObjects: ReadonlyMap<number, CryptoObject>;
  /** Made curves by identifier, with a bit for each parameter that was set. */
  readonly curves: ReadonlyMap<number, number>;
  /** What exported objects are sealed with, once there was one. */
  readonly transferKeys: Secret | undefined;
  /** How often the settings were written. */
  readonly writes: number;
};

/** What a streamed operation is to be; the operation itself does not outlive power. SE05x command table, tier b */
export type CryptoObject = {
  readonly context: number;
  readonly subtype: number;
  /** What the session that made it was authenticated with, whose users alone use it; 0 for nobody's. */
  readonly madeBy: number;
};

/** Which objects hosts may no longer make. SE05x command table, tier e */
export const RESTRICTION = { none: 0x00, newObjects: 0x01, all: 0x02 } as const;

export type Restriction = (typeof RESTRICTION)[keyof typeof RESTRICTION];

/** Bytes of extended feature bits. */
export const EXTENDED_FEATURES_LENGTH = 30;

/** The settings of a part that nobody has changed. */
export function freshSettings({ features, platformKeys }: Se05xModel): Settings {
  const [enc, mac, dek] = [platformKeys.enc, platformKeys.mac, platformKeys.dek].map((key) => new Secret(key)) as [
    Secret,
    Secret,
    Secret,
  ];
  return {
    features,
    extendedFeatures: new Uint8Array(EXTENDED_FEATURES_LENGTH),
    isLocked: false,
    restriction: RESTRICTION.none,
    platformScpRequired: false,
    keySets: new Map([[platformKeys.version, { enc, mac, dek }]]),
    cryptoObjects: new Map(),
    curves: BORN_CURVES,
    transferKeys: undefined,
    writes: 0,
  };
}

/** Bytes of user memory that hosts can take by way of settings. */
export function settingsFootprint({ cryptoObjects, curves }: Settings): number {
  return PER_CRYPTO_OBJECT * cryptoObjects.size + [...curves.keys()].reduce((sum, id) => sum + curveFootprint(id), 0);
}

const PER_CRYPTO_OBJECT = 24;

/** Whether a number is one of the restrictions. */
export function isRestriction(value: number): value is Restriction {
  return value === RESTRICTION.none || value === RESTRICTION.newObjects || value === RESTRICTION.all;
}

/** Appends the settings to the chip's own state image. */
export function writeSettings(image: Writer, settings: Settings): void {
  image.u16(settings.features).bytes(settings.extendedFeatures);
  image.u8(settings.isLocked ? 1 : 0).u8(settings.restriction);
  image.u8(settings.platformScpRequired ? 1 : 0).u8(settings.keySets.size);
  for (const [version, { enc, mac, dek }] of settings.keySets) {
    image.u8(version);
    for (const key of [enc, mac, dek]) key.save(image);
  }
  image.u16(settings.cryptoObjects.size);
  for (const [id, { context, subtype, madeBy }] of settings.cryptoObjects)
    image.u16(id).u8(context).u8(subtype).u32(madeBy);
  image.u8(settings.curves.size);
  for (const [id, parameters] of settings.curves) image.u8(id).u8(parameters);
  image.u8(settings.transferKeys ? 1 : 0);
  settings.transferKeys?.save(image);
  image.u32(settings.writes);
}

/** What images of former versions do not have. */
export type ImageParts = { readonly owners: boolean; readonly writes: boolean };

/** The settings in a chip's own state image. */
export function readSettings(image: Reader, has: ImageParts): Settings {
  const features = { features: image.u16(), extendedFeatures: image.bytes(EXTENDED_FEATURES_LENGTH).slice() };
  const isLocked = image.u8() === 1;
  const at = image.at;
  const restriction = image.u8();
  if (!isRestriction(restriction)) throw new DecodeError("value", "restriction", at);
  const platformScpRequired = image.u8() === 1;
  const keySets = new Map<number, ChannelKeys>();
  for (let left = image.u8(); left > 0; left--) {
    const version = image.u8();
    keySets.set(version, { enc: Secret.load(image), mac: Secret.load(image), dek: Secret.load(image) });
  }
  const cryptoObjects = new Map<number, CryptoObject>();
  for (let left = image.u16(); left > 0; left--) {
    cryptoObjects.set(image.u16(), { context: image.u8(), subtype: image.u8(), madeBy: has.owners ? image.u32() : 0 });
  }
  const curves = new Map<number, number>();
  for (let left = image.u8(); left > 0; left--) curves.set(image.u8(), image.u8());
  const transferKeys = image.u8() === 1 ? Secret.load(image) : undefined;
  const writes = has.writes ? image.u32() : 0;
  return {
    ...features,
    isLocked,
    restriction,
    platformScpRequired,
    keySets,
    cryptoObjects,
    curves,
    transferKeys,
    writes,
  };
}
