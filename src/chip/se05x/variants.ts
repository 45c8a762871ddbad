/** A model of the family: what it says about itself, and how much it holds. */
export type Se05xModel = {
  readonly name: string;
  /** Three bytes: major, minor, patch. */
  readonly appletVersion: number;
  /** Feature bits of what is built: 0002 ECDSA and ECDH, 0010 HMAC, 0080 AES, 0400 TLS. */
  readonly features: number;
  readonly secureBoxVersion: number;
  /** User memory in bytes. */
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** Whether object types name their curves, as from applet 7 on. */
  readonly typesNameCurves: boolean;
};

const BUILT_FEATURES = 0x0492;

/**
 * The models. A feature that a real part has and this simulator lacks has its bit clear, so that hosts see the truth.
 * SE05x command table, section 4.3
 */
export const SE05X_MODELS = {
  a5000: {
    name: "A5000",
    appletVersion: 0x070200,
    features: BUILT_FEATURES,
    secureBoxVersion: 0x010b,
    persistentBytes: 8 * 1024,
    transientBytes: 1024,
    typesNameCurves: true,
  },
  se050: {
    name: "SE050",
    appletVersion: 0x030100,
    features: BUILT_FEATURES,
    secureBoxVersion: 0x010b,
    persistentBytes: 50 * 1024,
    transientBytes: 1024,
    typesNameCurves: false,
  },
  se051: {
    name: "SE051",
    appletVersion: 0x070200,
    features: BUILT_FEATURES,
    secureBoxVersion: 0x010b,
    persistentBytes: 46 * 1024,
    transientBytes: 1024,
    typesNameCurves: true,
  },
} as const satisfies Readonly<Record<string, Se05xModel>>;

export type Se05xModelName = keyof typeof SE05X_MODELS;
