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
  /** Certificates that are registered just in time. */
  readonly registrationsPerSecond: number;
  /** Requests of all operators to the control plane. */
  readonly apiRequestsPerSecond: number;
};

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
  groupDepth: 7,
  groupChildren: 100,
  groupsPerThing: 10,
  rules: 1000,
  actionsPerRule: 10,
  ruleBytes: 256 * 1024,
  httpActionMs: 3000,
  casPerSubject: 10,
  registrationsPerSecond: Infinity,
  apiRequestsPerSecond: Infinity,
};

/** The rates that AWS has. The one of the control plane is that of most of its operations. AWS IoT Core quotas */
export const AWS_ACCOUNT_RATES = {
  shadowRequestsPerSecond: 20,
  registrationsPerSecond: 15,
  apiRequestsPerSecond: 10,
} as const satisfies Partial<AccountLimits>;

/** A limit as a message names it, in the form in which it is chosen. */
export function limitNamed(limits: AccountLimits, name: keyof AccountLimits): string {
  return `limit ${name}=${limits[name]}`;
}
