import { EC_DOMAINS, type Se05xCommandName } from "../../apdu/se05x/index.ts";
import { BORN_CURVES } from "./curves.ts";
import { PUBLISHED_KEYS, type PublishedKeys } from "./platform-keys.ts";

/** A model of the family: what it says about itself, and how much it holds. */
export type Se05xModel = {
  readonly name: string;
  /** Three bytes: major, minor, patch. */
  readonly appletVersion: number;
  /** Feature bits of what is built. */
  readonly features: number;
  readonly secureBoxVersion: number;
  /** User memory in bytes. */
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** Whether object types name their curves, as from applet 7 on. */
  readonly typesNameCurves: boolean;
  /** Whether attributes end with the object's version, and tell of those that open no sessions the least lengths of what they make, as from applet 6 on. */
  readonly attributesHaveVersions: boolean;
  /** What the platform's secure channel is opened with at first. */
  readonly platformKeys: PublishedKeys;
  /** Whether the platform's secure channel counts commands without data, as from applet 4.3 on. SE05x command table, tier e */
  readonly countsEmptyCommands: boolean;
  /** Whether a counter goes before the agreed secret of a session, as from applet 3.5 on. SE05x command table, tier e */
  readonly agreesWithCounter: boolean;
  /** Which form attested answers have, as from applet 7 on or before it. SE05x command table, tier f */
  readonly attestationForm: 3 | 7;
  /** The platform's build, 16 characters. */
  readonly platformBuild: string;
  /** Whether a register begins with the hash of its initial value, as from applet 6 on; before, with the value itself. */
  readonly hashesRegisterStart: boolean;
  /** Whether it has authenticated encryption, as from applet 4.4 on. SE05x command table, section 4.5 */
  readonly hasAead: boolean;
  /** Whether policies tell HKDF, PBKDF2 and the two uses of TLS apart, as from applet 7 on. SE05x policy table */
  readonly policiesNameUses: boolean;
  /** Whether keys sign files that their policies name. SE05x command table, section 4.5 */
  readonly signsInternally: boolean;
  /** The curves that it can have, by identifier. */
  readonly curves: ReadonlySet<number>;
  /** Commands of the family that this model's applet does not have: they answer 6D00. */
  readonly absent: ReadonlySet<Se05xCommandName>;
};

const A5000_FEATURES = 0x0492;
const SE05X_FEATURES = 0x07fe;
/** Sixteen prime curves, Ed25519, X25519 and X448; not the one for ECDAA. SE05x command table, tier b */
const SE05X_CURVES: ReadonlySet<number> = new Set([...EC_DOMAINS.keys(), 0x40, 0x41, 0x43]);

/** What came with applets 4 to 7. SE05x command table, section 4.5 */
const AFTER_APPLET_3: ReadonlySet<Se05xCommandName> = new Set([
  "readAttributes",
  "readState",
  "getExtVersion",
  "disableObjectCreation",
  "triggerSelfTest",
  "triggerSelfTestAttested",
  "sendCardManagerCommand",
  "aead",
  "aeadInit",
  "aeadUpdate",
  "aeadFinal",
  "hkdfInto",
  "hkdfExpand",
  "agreeInto",
  "multiply",
]);

const APPLET_7 = {
  appletVersion: 0x070200,
  secureBoxVersion: 0x010b,
  transientBytes: 1024,
  typesNameCurves: true,
  attributesHaveVersions: true,
  countsEmptyCommands: true,
  agreesWithCounter: true,
  attestationForm: 7,
  policiesNameUses: true,
  hasAead: true,
  hashesRegisterStart: true,
  platformBuild: "J3R351029B411100",
  absent: new Set<Se05xCommandName>(),
} as const;

/** What an authentication applet leaves out. SE05x command table, section 4.3 */
const NOT_AUTHENTICATION: ReadonlySet<Se05xCommandName> = new Set([
  "writeRsaKey",
  "rsaCipher",
  "pbkdf2",
  "writePcr",
  "createCurve",
  "setCurveParameter",
  "deleteCurve",
]);

/**
 * The models. A feature that a real part has and this simulator lacks has its bit clear, so that hosts see the truth.
 * SE05x command table, section 4.3
 */
export const SE05X_MODELS = {
  a5000: {
    ...APPLET_7,
    name: "A5000",
    features: A5000_FEATURES,
    curves: new Set(BORN_CURVES.keys()),
    absent: NOT_AUTHENTICATION,
    signsInternally: false,
    persistentBytes: 8 * 1024,
    platformKeys: PUBLISHED_KEYS.a5000,
  },
  se050: {
    name: "SE050",
    appletVersion: 0x030100,
    features: SE05X_FEATURES,
    curves: SE05X_CURVES,
    secureBoxVersion: 0x010b,
    persistentBytes: 50 * 1024,
    transientBytes: 1024,
    typesNameCurves: false,
    attributesHaveVersions: false,
    platformKeys: PUBLISHED_KEYS.se050DevelopmentKit,
    countsEmptyCommands: false,
    agreesWithCounter: false,
    attestationForm: 3,
    policiesNameUses: false,
    hasAead: false,
    hashesRegisterStart: false,
    platformBuild: "J3R351021EEE0400",
    absent: AFTER_APPLET_3,
    signsInternally: false,
  },
  se051: {
    ...APPLET_7,
    name: "SE051",
    features: SE05X_FEATURES,
    curves: SE05X_CURVES,
    signsInternally: true,
    persistentBytes: 46 * 1024,
    platformKeys: PUBLISHED_KEYS.applet72,
  },
} as const satisfies Readonly<Record<string, Se05xModel>>;

export type Se05xModelName = keyof typeof SE05X_MODELS;
