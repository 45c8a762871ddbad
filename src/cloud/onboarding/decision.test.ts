import assert from "node:assert/strict";
import { test } from "node:test";

import { decideOnboarding, ONBOARDING_FACTS, replyFor, type OnboardingFacts } from "./decision.ts";

/** Every combination of every value of every fact. */
function* table(): Generator<OnboardingFacts> {
  const names = Object.keys(ONBOARDING_FACTS) as (keyof OnboardingFacts)[];
  const size = names.reduce((product, name) => product * ONBOARDING_FACTS[name].length, 1);
  for (let row = 0; row < size; row++) {
    let rest = row;
    const facts: Record<string, unknown> = {};
    for (const name of names) {
      const values = ONBOARDING_FACTS[name];
      facts[name] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    yield facts as OnboardingFacts;
  }
}

/** The rules once more, in another form: each result with the exact condition under which it must come out. */
type Rule = (f: OnboardingFacts) => boolean;
const shown: Rule = (f) => f.certificate === "presented";
const readable: Rule = (f) => shown(f) && f.withdrawal === "none";
const inDate: Rule = (f) => readable(f) && f.record !== "REVOKED" && f.validity === "valid";
const issuerAsked: Rule = (f) => inDate(f) && (f.record === "unknown" || f.record === "PENDING_ACTIVATION");
const told: Rule = (f) => f.account !== "not-told";
const found: Rule = (f) => issuerAsked(f) && f.issuer !== "not-found";
const vouchedFor: Rule = (f) => found(f) && told(f) && f.caStatus === "ACTIVE";
const active: Rule = (f) => inDate(f) && f.record === "ACTIVE" && told(f);
const registrable: Rule = (f) => vouchedFor(f) && f.record === "unknown";
const RULES: Record<string, Rule> = {
  admit: (f) => active(f) && f.connect === "allowed",
  "register-and-drop certificate-pending": (f) =>
    registrable(f) && f.caValidity === "valid" && f.autoRegistration === "ENABLE",
  "republish-and-drop certificate-pending": (f) => vouchedFor(f) && f.record === "PENDING_ACTIVATION",
  "refuse no-client-certificate": (f) => f.certificate === "none",
  "refuse certificate-unacceptable": (f) => f.certificate === "unacceptable",
  "refuse certificate-denied": (f) => shown(f) && f.withdrawal === "certificate-denied",
  "refuse certificate-on-crl": (f) => shown(f) && f.withdrawal === "certificate-on-crl",
  "refuse certificate-revoked": (f) => readable(f) && f.record === "REVOKED",
  "refuse certificate-expired": (f) => readable(f) && f.record !== "REVOKED" && f.validity === "expired",
  "refuse certificate-not-yet-valid": (f) => readable(f) && f.record !== "REVOKED" && f.validity === "not-yet-valid",
  "refuse certificate-inactive": (f) =>
    inDate(f) && ["INACTIVE", "PENDING_TRANSFER", "REGISTER_INACTIVE"].includes(f.record),
  "refuse unknown-ca": (f) => issuerAsked(f) && f.issuer === "not-found" && !f.wrongIssuerSent,
  "refuse wrong-issuer-sent": (f) => issuerAsked(f) && f.issuer === "not-found" && f.wrongIssuerSent,
  "refuse sni-required": (f) => !told(f) && (found(f) || (inDate(f) && f.record === "ACTIVE")),
  "refuse ca-inactive": (f) => found(f) && told(f) && f.caStatus === "INACTIVE",
  "refuse ca-expired": (f) => registrable(f) && f.caValidity !== "valid",
  "refuse auto-registration-off": (f) => registrable(f) && f.caValidity === "valid" && f.autoRegistration === "DISABLE",
  "refuse no-policy": (f) => active(f) && f.connect === "no-policy",
  "refuse policy-denies-connect": (f) => active(f) && f.connect === "denied",
};

const resultOf = (facts: OnboardingFacts) => {
  const decision = decideOnboarding(facts);
  return "cause" in decision ? `${decision.outcome} ${decision.cause}` : decision.outcome;
};

test("AW-52 AW-53 AW-55 F-19 T-23 decideOnboarding follows the rules in every row of the full table", (t) => {
  const counts = new Map<string, number>();
  for (const facts of table()) {
    const result = resultOf(facts);
    const expected = Object.keys(RULES).filter((name) => RULES[name]?.(facts));
    assert.deepEqual([result], expected, JSON.stringify(facts));
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  const rows = [...counts.values()].reduce((sum, count) => sum + count, 0);
  t.diagnostic(`${rows} rows, ${counts.size} results: ${JSON.stringify(Object.fromEntries(counts))}`);
  assert.equal(rows, 122_472);
  assert.equal(counts.size, Object.keys(RULES).length, "every rule has rows");
});

test("decideOnboarding ignores facts that must not matter", () => {
  const withFact = (facts: OnboardingFacts, change: Partial<OnboardingFacts>) => resultOf({ ...facts, ...change });
  for (const facts of table()) {
    const result = resultOf(facts);
    // A chain is a hint: whether the issuer was sent or looked up changes nothing.
    if (facts.issuer === "sent") assert.equal(withFact(facts, { issuer: "looked-up" }), result);
    if (facts.issuer !== "not-found") assert.equal(withFact(facts, { wrongIssuerSent: true }), result);
    if (facts.issuer === "not-found")
      assert.equal(withFact(facts, { caStatus: "ACTIVE", caValidity: "valid", autoRegistration: "ENABLE" }), result);
    // A registered, active certificate does not depend on its CA any more.
    if (facts.record === "ACTIVE")
      assert.equal(withFact(facts, { issuer: "not-found", caStatus: "INACTIVE", autoRegistration: "DISABLE" }), result);
    // Who told the account by name is no better off than who told it by certificate; who did not tell it never gets in.
    if (facts.account === "by-certificate") assert.equal(withFact(facts, { account: "by-server-name" }), result);
    if (facts.account === "not-told") assert.match(result, /^refuse/);
    // Policies are asked for active certificates only.
    if (facts.record !== "ACTIVE") assert.equal(withFact(facts, { connect: "no-policy" }), result);
    // No single fact lets a revoked certificate in or registers an out-of-date one.
    if (facts.record === "REVOKED" || facts.validity !== "valid" || facts.withdrawal !== "none")
      assert.match(result, /^refuse/);
  }
});

test("AW-52 replyFor drops an MQTT 3.1.1 client silently only on its way through registration", () => {
  const pending = { outcome: "register-and-drop", cause: "certificate-pending" } as const;
  assert.equal(replyFor(pending, 4), "close");
  assert.equal(replyFor({ ...pending, outcome: "republish-and-drop" }, 4), "close");
  assert.equal(replyFor(pending, 5), "connack");
  assert.equal(replyFor({ outcome: "refuse", cause: "no-policy" }, 4), "connack");
});
