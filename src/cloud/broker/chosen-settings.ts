import { nameAndValue, numberChosen, quoted, settingRefused as refused, type Range } from "./setting-text.ts";
import { AWS_RATES, LONGEST_PACKET, type BrokerLimits, type BrokerSettings } from "./settings.ts";

const U16 = 65_535;
const U32 = 0xffffffff;
/** What does not fit a packet, or a timer, is no limit. */
const MANY = 2 ** 40;
const TIMER_MS = 0x7fffffff;
const RATE = { min: 1, max: MANY, mayBeNone: true } as const;
const LIFETIME = { min: 1, max: MANY, mayBeNone: true } as const;
/** All rates at once. */
const RATES = "rates";

/** What each limit may be. */
const RANGES: { readonly [Name in keyof BrokerLimits]: Range } = {
  packetBytes: { min: 128, max: LONGEST_PACKET },
  connectPacketBytes: { min: 128, max: LONGEST_PACKET },
  payloadBytes: { min: 0, max: LONGEST_PACKET },
  topicBytes: { min: 1, max: U16 },
  // A filter is walked level by level: what can be nested without end could exhaust the stack.
  topicSlashes: { min: 0, max: 200 },
  clientIdBytes: { min: 1, max: U16 },
  keepAliveMinS: { min: 0, max: U16 },
  keepAliveMaxS: { min: 1, max: U16 },
  keepAliveForZeroS: { min: 0, max: U16 },
  filtersPerSubscribe: { min: 1, max: MANY },
  subscriptionsPerSession: { min: 1, max: MANY },
  inFlight: { min: 1, max: U16 },
  topicAliases: { min: 0, max: U16 },
  outboundTopicAliases: { min: 0, max: U16 },
  shareNameLength: { min: 1, max: U16 },
  sessionExpiryDefaultS: { min: 0, max: U32 },
  sessionExpiryMaxS: { min: 0, max: U32 },
  messageExpiryMinS: { min: 0, max: U32 },
  messageExpiryMaxS: { min: 1, max: U32 },
  connections: { min: 1, max: MANY },
  connectTimeoutMs: { min: 1, max: TIMER_MS },
  queuedMessages: { min: 0, max: MANY },
  queuedBytes: { min: 0, max: MANY },
  outboundSoftBytes: { min: 1, max: MANY },
  outboundHardBytes: { min: 1, max: MANY },
  retainedMessages: { min: 0, max: MANY },
  retainedBytes: { min: 0, max: MANY },
  publishesPerSecond: RATE,
  bytesPerSecond: RATE,
  connectsPerSecond: RATE,
  accountPublishesPerSecond: RATE,
  accountConnectsPerSecond: RATE,
  deliveriesPerSecond: RATE,
  deliveredBytesPerSecond: RATE,
  accountDeliveriesPerSecond: RATE,
  accountQueuesPerSecond: RATE,
  drainsPerSecond: RATE,
  sharedDrainsPerSecond: RATE,
  accountRetainsPerSecond: RATE,
  inFlightS: LIFETIME,
  retainedS: LIFETIME,
  webSocketS: LIFETIME,
};

const isFlag = (value: unknown): boolean => typeof value === "boolean";

/** Settings that are one of few words; any other is a text, a list of texts, or `true` or `false`. */
const WORDS: { readonly [name: string]: readonly (string | number)[] } = {
  maximumQos: [1, 2],
  reasonStrings: ["by default", "where asked for"],
  unauthorizedReturnCode: [5, 7, "none"],
  beforeConnack: ["refuse", "hold"],
} satisfies { readonly [Name in keyof BrokerSettings]?: readonly BrokerSettings[Name][] };

/** What is no choice of an operator's. */
const FIXED: readonly string[] = ["profile", "limits", "tracedDataPacketsPerSecond", "questions"];

/**
 * A profile with some of its settings and limits chosen anew, each written `name=value`; `none` stands for no rate,
 * `rates=aws` for all rates as AWS IoT Core has them, and lists have commas between their entries. Throws `UsageError` `mqtt-setting`.
 */
export function chosenSettings(profile: BrokerSettings, texts: readonly string[]): BrokerSettings {
  let settings = profile;
  for (const text of texts) {
    const [name, value] = nameAndValue(text);
    if (name === RATES) settings = { ...settings, limits: { ...settings.limits, ...ratesOf(value) } };
    else if (Object.hasOwn(RANGES, name)) {
      const limits = { ...settings.limits, [name]: numberChosen(name, value, RANGES[name as keyof BrokerLimits]) };
      settings = { ...settings, limits };
    } else if (Object.hasOwn(settings, name) && !FIXED.includes(name)) {
      settings = { ...settings, [name]: valueOf(name, settings[name as keyof BrokerSettings], value) };
    } else throw refused(`there is no ${quoted(name)}, only ${settingNames(profile).join(", ")}`);
  }
  return consistent(settings);
}

/** The names of all that can be chosen. */
function settingNames(profile: BrokerSettings): string[] {
  return [RATES, ...Object.keys(profile).filter((name) => !FIXED.includes(name)), ...Object.keys(RANGES)].sort();
}

function ratesOf(value: string): Partial<BrokerLimits> {
  if (value === "aws") return AWS_RATES;
  if (value !== "none") throw refused(`${RATES} is ${quoted(value)}, need aws or none`);
  return Object.fromEntries(Object.keys(AWS_RATES).map((name) => [name, Infinity]));
}

function valueOf(name: string, known: unknown, text: string): unknown {
  const words = WORDS[name] ?? (isFlag(known) ? ["true", "false"] : undefined);
  if (words) {
    const word = words.find((each) => String(each) === text);
    if (word === undefined) throw refused(`${name} is ${quoted(text)}, need ${words.join(" or ")}`);
    return isFlag(known) ? word === "true" : word;
  }
  return Array.isArray(known) ? text.split(",").filter((each) => each !== "") : text;
}

/** Limits that only make sense together. */
function consistent(settings: BrokerSettings): BrokerSettings {
  const {
    keepAliveMinS,
    keepAliveMaxS,
    messageExpiryMinS,
    messageExpiryMaxS,
    sessionExpiryDefaultS,
    sessionExpiryMaxS,
  } = settings.limits;
  const pairs = [
    ["keepAliveMinS", keepAliveMinS, "keepAliveMaxS", keepAliveMaxS],
    ["messageExpiryMinS", messageExpiryMinS, "messageExpiryMaxS", messageExpiryMaxS],
    ["sessionExpiryDefaultS", sessionExpiryDefaultS, "sessionExpiryMaxS", sessionExpiryMaxS],
  ] as const;
  for (const [low, least, high, most] of pairs) {
    if (least > most) throw refused(`${low} is ${least}, over ${high}, which is ${most}`);
  }
  return settings;
}
