import { nameAndValue, numberChosen, quoted, settingRefused, type SettingRange } from "./broker/index.ts";
import { OPERATIONS } from "./operations/index.ts";
import {
  ACCOUNT_LIMITS,
  API_RATE,
  AWS_ACCOUNT_RATES,
  type AccountLimits,
  type NumberedLimit,
} from "./registry/index.ts";

const MANY = 2 ** 40;
const RATE = { min: 1, max: MANY, mayBeNone: true } as const;
const COUNT = { min: 1, max: MANY } as const;
/** Walked to their ends with each change: who nests or lists without end would stop the account. */
const WALKED = { min: 1, max: 1000 } as const;
/** The largest body of a request to the control plane. */
const BODY = 1024 * 1024;
/** All rates at once. */
const RATES = "rates";

/** What each limit may be. */
const RANGES: { readonly [Name in NumberedLimit]: SettingRange } = {
  policiesPerPrincipal: WALKED,
  // What is longer with its white space is not read at all. AWS IoT API, PolicyDocument length constraint
  policyCharacters: { min: 1, max: 404_600 },
  policyVersions: COUNT,
  shadowBytes: { min: 2, max: BODY },
  // Walked level by level: what nests without end could exhaust the stack.
  shadowDepth: { min: 1, max: 200 },
  shadowRequests: COUNT,
  shadowRequestsPerSecond: RATE,
  untypedThingAttributes: { min: 0, max: MANY },
  typedThingAttributes: { min: 0, max: MANY },
  // A type's list in the API is no longer. AWS IoT API, SearchableAttributes
  searchableAttributes: { min: 0, max: 100 },
  groupAttributes: { min: 0, max: MANY },
  groupDepth: { min: 1, max: 200 },
  groupChildren: COUNT,
  groupsPerThing: WALKED,
  rules: COUNT,
  actionsPerRule: WALKED,
  ruleBytes: { min: 1, max: BODY },
  httpActionMs: { min: 1, max: 60_000 },
  // Each of them may cost a signature check when a device comes.
  casPerSubject: WALKED,
  // All of them are one row, read whole with each change.
  templateVersions: WALKED,
  domainConfigurations: WALKED,
  activeAuthorizers: WALKED,
  registrationsPerSecond: RATE,
  apiRequestsPerSecond: RATE,
};

/**
 * An account's limits with some of them chosen anew, each written `name=value`; `none` stands for no rate, `rates=aws` for
 * all rates as AWS IoT Core has them, `apiRequestsPerSecond.CreateThing=100` for the rate of one operation. Throws `UsageError` `mqtt-setting`.
 */
export function chosenLimits(texts: readonly string[]): AccountLimits {
  let limits = ACCOUNT_LIMITS;
  for (const text of texts) {
    const [name, value] = nameAndValue(text);
    if (name === RATES) limits = { ...limits, ...ratesOf(value) };
    else if (name.startsWith(`${API_RATE}.`)) limits = withOperationRate(limits, name, value);
    else if (Object.hasOwn(RANGES, name)) {
      const known = name as NumberedLimit;
      limits = { ...limits, [known]: numberChosen(name, value, RANGES[known]) };
    } else throw settingRefused(`there is no limit ${quoted(name)}, only ${listed(limits)}`);
  }
  return limits;
}

function withOperationRate(limits: AccountLimits, name: string, value: string): AccountLimits {
  const operation = name.slice(API_RATE.length + 1);
  if (!Object.hasOwn(OPERATIONS, operation)) throw settingRefused(`there is no operation ${quoted(operation)}`);
  const perSecond = numberChosen(name, value, RATE);
  return { ...limits, operationRates: { ...limits.operationRates, [operation]: perSecond } };
}

function ratesOf(value: string): Partial<AccountLimits> {
  if (value === "aws") return AWS_ACCOUNT_RATES;
  if (value !== "none") throw settingRefused(`${RATES} is ${quoted(value)}, need aws or none`);
  const { shadowRequestsPerSecond, registrationsPerSecond, apiRequestsPerSecond, operationRates } = ACCOUNT_LIMITS;
  return { shadowRequestsPerSecond, registrationsPerSecond, apiRequestsPerSecond, operationRates };
}

function listed(limits: AccountLimits): string {
  const { operationRates, ...numbers } = limits;
  const single = Object.entries(operationRates).map(([name, value]) => [`${API_RATE}.${name}`, value] as const);
  const known = [...Object.entries(numbers), ...single].map(([name, value]) => {
    return `${name}=${value === Infinity ? "none" : value}`;
  });
  return [...known, `${API_RATE}.OPERATION=none`, `${RATES}=aws`].sort().join(", ");
}
