export { afterLong } from "./long-timer.ts";
export { Broker, type BrokerOptions, type SessionClosing, type SessionOwner } from "./broker.ts";
export type { Connection } from "./connection.ts";
export { chosenSettings } from "./chosen-settings.ts";
export { BROKER_ERRORS, type BrokerErrorCode } from "./errors.ts";
export type {
  Admission,
  AuthenticationExchange,
  AuthenticationStep,
  Authenticator,
  Authority,
  AuthorityAction,
  ConnectRequest,
  Defer,
  Gatekeeper,
  MessageProperties,
  Peer,
  Published,
  PublishListener,
  QoS,
  QueuedMessage,
  ReceivedMessage,
  RetainedMessage,
  SessionFacts,
  SessionStore,
  Sink,
  StoredMessage,
  StoredSession,
  StoredState,
  StoredSubscription,
  StoredWill,
  SystemMessage,
  Verdict,
} from "./ports.ts";
export { MemorySessionStore } from "./memory-store.ts";
export { openGatekeeper, SUITE_REFUSED_FILTERS } from "./open-gatekeeper.ts";
export { RateAccount } from "./rate-account.ts";
export { nameAndValue, numberChosen, quoted, settingRefused, type Range as SettingRange } from "./setting-text.ts";
export { REASON, type ReasonCode } from "./reason-codes.ts";
export {
  AWS_PROFILE,
  AWS_RATES,
  BASIC_INGEST,
  SPEC_PROFILE,
  type BrokerLimits,
  type BrokerSettings,
} from "./settings.ts";
