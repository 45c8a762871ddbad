import type { RefusalCause } from "../../trace/index.ts";

/** Everything that the decision at CONNECT depends on, and every value that each fact can take. */
export const ONBOARDING_FACTS = {
  /** What the client showed. "unacceptable": unreadable, or with a key or signature algorithm that is not accepted. */
  certificate: ["presented", "unacceptable", "none"],
  /** Whether the deny-list or its CA's CRL takes its standing away. */
  withdrawal: ["none", "certificate-denied", "certificate-on-crl"],
  /** The certificate's validity period, by the server's clock. */
  validity: ["valid", "expired", "not-yet-valid"],
  /** The registry's record of exactly this certificate. */
  record: ["unknown", "PENDING_ACTIVATION", "ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "REGISTER_INACTIVE"],
  /** Where the registered CA that signed it was found: named by the chain, by its issuer name, or not at all. */
  issuer: ["sent", "looked-up", "not-found"],
  /** Whether the client was seen to send CA certificates of which none signed its own. */
  wrongIssuerSent: [false, true],
  /** How the client said which account it means: by its certificate alone, by SNI where its CA's mode wants that, or not. */
  account: ["by-certificate", "by-server-name", "not-told"],
  caStatus: ["ACTIVE", "INACTIVE"],
  caValidity: ["valid", "expired", "not-yet-valid"],
  autoRegistration: ["ENABLE", "DISABLE"],
  /** What the attached policies say to `iot:Connect` with this client id. */
  connect: ["allowed", "denied", "no-policy"],
} as const;

/** One row of the decision table. The facts about a CA mean nothing where none was found. */
export type OnboardingFacts = {
  readonly [Fact in keyof typeof ONBOARDING_FACTS]: (typeof ONBOARDING_FACTS)[Fact][number];
};

/** The causes that a CONNECT can be refused for before MQTT has a say. */
export type OnboardingCause = Extract<
  RefusalCause,
  | "no-client-certificate"
  | "certificate-unacceptable"
  | "certificate-revoked"
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-inactive"
  | "certificate-pending"
  | "certificate-unregistered"
  | "certificate-denied"
  | "certificate-on-crl"
  | "unknown-ca"
  | "wrong-issuer-sent"
  | "sni-required"
  | "ca-inactive"
  | "ca-expired"
  | "auto-registration-off"
  | "no-policy"
  | "policy-denies-connect"
>;

/** What happens to a CONNECT. */
export type OnboardingDecision =
  | { readonly outcome: "admit" }
  /** First contact: a record is made, the event published, the connection dropped. */
  | { readonly outcome: "register-and-drop"; readonly cause: "certificate-pending" }
  /** Every later contact until somebody activates the certificate: the event is published again. */
  | { readonly outcome: "republish-and-drop"; readonly cause: "certificate-pending" }
  | { readonly outcome: "refuse"; readonly cause: OnboardingCause };

/** Decides on a CONNECT with an X.509 certificate. AWS IoT Core, "Just-in-time registration" */
export function decideOnboarding(facts: OnboardingFacts): OnboardingDecision {
  if (facts.certificate === "none") return refuse("no-client-certificate");
  if (facts.certificate === "unacceptable") return refuse("certificate-unacceptable");
  if (facts.withdrawal !== "none") return refuse(facts.withdrawal);
  // Before the dates: whoever asks about a revoked certificate must not be told to wait for a clock.
  if (facts.record === "REVOKED") return refuse("certificate-revoked");
  if (facts.validity === "expired") return refuse("certificate-expired");
  if (facts.validity === "not-yet-valid") return refuse("certificate-not-yet-valid");
  switch (facts.record) {
    case "unknown":
      return decideUnknown(facts);
    case "PENDING_ACTIVATION":
      // Publishing the event leads to activation, so a CA that was withdrawn since must not cause it any more. Its
      // dates and its switch are asked once only, when a device is registered.
      return withdrawnIssuer(facts) ?? { outcome: "republish-and-drop", cause: "certificate-pending" };
    case "ACTIVE":
      // What became of the CA does not matter: registered certificates work until each is taken back.
      return decideActive(facts);
    default:
      // INACTIVE, PENDING_TRANSFER, REGISTER_INACTIVE, and whatever status may come: only ACTIVE lets anybody in.
      return refuse("certificate-inactive");
  }
}

function decideUnknown(facts: OnboardingFacts): OnboardingDecision {
  const refusal = withdrawnIssuer(facts);
  if (refusal) return refusal;
  if (facts.caValidity !== "valid") return refuse("ca-expired");
  if (facts.autoRegistration === "DISABLE") return refuse("auto-registration-off");
  return { outcome: "register-and-drop", cause: "certificate-pending" };
}

/** The refusal where no registered CA vouches for the certificate now. */
function withdrawnIssuer(facts: OnboardingFacts): OnboardingDecision | undefined {
  if (facts.issuer === "not-found") return refuse(facts.wrongIssuerSent ? "wrong-issuer-sent" : "unknown-ca");
  // Nobody else's device is told how this account's CA stands.
  if (facts.account === "not-told") return refuse("sni-required");
  return facts.caStatus === "INACTIVE" ? refuse("ca-inactive") : undefined;
}

function decideActive({ connect, account }: OnboardingFacts): OnboardingDecision {
  if (account === "not-told") return refuse("sni-required");
  if (connect === "no-policy") return refuse("no-policy");
  return connect === "denied" ? refuse("policy-denies-connect") : { outcome: "admit" };
}

function refuse(cause: OnboardingCause): OnboardingDecision {
  return { outcome: "refuse", cause };
}

/**
 * Whether a client that is not admitted is told so. MQTT 5 has a code for it. An MQTT 3.1.1 client is dropped without
 * a word on its way through registration, as AWS does; otherwise CONNACK 5 makes the refusal easier to understand.
 */
export function replyFor(decision: OnboardingDecision, protocolVersion: 4 | 5): "close" | "connack" {
  return protocolVersion === 5 || decision.outcome === "refuse" ? "connack" : "close";
}
