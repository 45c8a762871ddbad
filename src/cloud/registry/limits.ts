/** What an account may have, and how fast. Rates are `Infinity` where nothing is counted. */
export type AccountLimits = {
  /** Policies attached to one certificate or thing group. */
  readonly policiesPerPrincipal: number;
  /** Characters of a policy document besides white space. */
  readonly policyCharacters: number;
  readonly policyVersions: number;
  /** Bytes of a request to a shadow, and of the state that a shadow holds. */
  readonly shadowBytes: number;
  /** How deep the halves of a shadow's state nest. */
  readonly shadowDepth: number;
  /** Requests to the shadows of one thing that are on their way at once by one connection. */
  readonly shadowRequests: number;
  /** Requests to the shadows of one thing. */
  readonly shadowRequestsPerSecond: number;
  /** Attributes of a thing without a type. */
  readonly untypedThingAttributes: number;
  /** Attributes of a thing with a type. */
  readonly typedThingAttributes: number;
  readonly searchableAttributes: number;
  /** Attributes of a thing group. */
  readonly groupAttributes: number;
  /** Levels of a hierarchy of thing groups, the root's included. */
  readonly groupDepth: number;
  /** Direct children of one thing group. */
  readonly groupChildren: number;
  /** Static groups that one thing is in. */
  readonly groupsPerThing: number;
  readonly rules: number;
  readonly actionsPerRule: number;
  /** A rule with its SQL, as JSON. */
  readonly ruleBytes: number;
  /** Time for all attempts of an HTTP action together. */
  readonly httpActionMs: number;
  /** Registered CAs of one subject. */
  readonly casPerSubject: number;
  /** Versions of one provisioning template. */
  readonly templateVersions: number;
  readonly domainConfigurations: number;
  /** Custom authorizers that are ACTIVE. */
  readonly activeAuthorizers: number;
  /** Certificates that are registered just in time. */
  readonly registrationsPerSecond: number;
  /** Requests of all operators to one operation of AWS IoT's control plane, each counted by itself. */
  readonly apiRequestsPerSecond: number;
  /** The same for single operations of any service, in place of that. */
  readonly operationRates: Readonly<Record<string, number>>;
};

/** The limits that are one number. */
export type NumberedLimit = Exclude<keyof AccountLimits, "operationRates">;

/** What the rates of single operations are chosen by: `apiRequestsPerSecond.DescribeThing=350`. */
export const API_RATE = "apiRequestsPerSecond";

/**
 * AWS's limits without its rates: a cloud of one's own has no neighbours to share with. AWS IoT Core, AWS IoT Device
 * Management and Device Shadow quotas
 */
export const ACCOUNT_LIMITS: AccountLimits = {
  policiesPerPrincipal: 10,
  policyCharacters: 2048,
  policyVersions: 5,
  shadowBytes: 8192,
  shadowDepth: 8,
  shadowRequests: 10,
  shadowRequestsPerSecond: Infinity,
  untypedThingAttributes: 3,
  typedThingAttributes: 50,
  searchableAttributes: 3,
  groupAttributes: 50,
  groupDepth: 7,
  groupChildren: 100,
  groupsPerThing: 10,
  rules: 1000,
  actionsPerRule: 10,
  ruleBytes: 256 * 1024,
  httpActionMs: 3000,
  casPerSubject: 10,
  templateVersions: 5,
  domainConfigurations: 10,
  activeAuthorizers: 10,
  registrationsPerSecond: Infinity,
  apiRequestsPerSecond: Infinity,
  operationRates: {},
};

/** The rates that AWS has, in the control plane for most operations, and for those that differ. AWS IoT Core quotas */
export const AWS_ACCOUNT_RATES = {
  shadowRequestsPerSecond: 20,
  registrationsPerSecond: 15,
  apiRequestsPerSecond: 10,
  operationRates: { DescribeThing: 350 },
} as const satisfies Partial<AccountLimits>;

/** A limit as a message names it, in the form in which it is chosen. */
export function limitNamed(limits: AccountLimits, name: NumberedLimit): string {
  return `limit ${name}=${limits[name]}`;
}
