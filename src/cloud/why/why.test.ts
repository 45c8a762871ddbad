import assert from "node:assert/strict";
import { test } from "node:test";

import { VirtualClock } from "../../crypto/index.ts";
import {
  Ledger,
  REFUSALS,
  type Correlation,
  type FieldValue,
  type OnboardingStep,
  type RefusalCause,
} from "../../trace/index.ts";
import { cureFor, renderAnswer, why } from "./index.ts";

const CERT = "3f".repeat(32);
const OTHER = "a0".repeat(32);
const CA = "c4".repeat(32);

/** A ledger that is filled one event a second, from 2026-01-01T00:00:00Z on. */
function story() {
  const clock = new VirtualClock();
  const ledger = new Ledger({ clock });
  const next = () => clock.advance(1000);
  return {
    ledger,
    refuse: (
      cause: RefusalCause,
      ids: Correlation,
      more: { clientId?: string; address?: string; evidence?: Record<string, FieldValue> } = {},
    ) => {
      const { clientId = "dev1", address = "192.0.2.7", evidence = {} } = more;
      ledger.emit("cloud", { kind: "refusal", cause, clientId, address, evidence }, ids);
      next();
    },
    onboard: (step: OnboardingStep, ids: Correlation, clientId = "dev1", detail = "") => {
      ledger.emit("cloud", { kind: "onboarding", step, clientId, caCertificate: CA, detail }, ids);
      next();
    },
    run: (outcome: "succeeded" | "failed", ids: Correlation, detail = "") => {
      ledger.emit(
        "cloud",
        { kind: "function.run", function: "activate", request: "r1", outcome, durationMs: 9, detail },
        ids,
      );
      next();
    },
  };
}

const seconds = (n: number) => Date.UTC(2026, 0, 1, 0, 0, n);

test("why joins a refusal by device, certificate id and its beginning, client id, connection and address", () => {
  const { ledger, refuse } = story();
  // The chip's unique id and the certificate id meet in an event of the device's own.
  ledger.emit("host", { kind: "process", what: "started", detail: "" }, { device: "uid-7", certificate: CERT });
  refuse("unknown-ca", { certificate: CERT, connection: "c1" }, { evidence: { issuer: "CN=Maker" } });
  refuse("no-policy", { certificate: OTHER, connection: "c2" }, { clientId: "dev2", address: "192.0.2.8" });
  const arn = `arn:aws:iot:eu-west-1:123456789012:cert/${CERT}`;
  for (const subject of ["uid-7", CERT, CERT.slice(0, 8), CERT.toUpperCase(), arn, "dev1", "c1", "192.0.2.7"]) {
    const { verdict, findings } = why(subject, ledger.events());
    assert.equal(verdict, "refused", subject);
    assert.deepEqual(
      findings.map(({ cause }) => cause),
      ["unknown-ca"],
      subject,
    );
  }
  const [finding] = why("dev1", ledger.events()).findings;
  assert.equal(finding?.explanation, REFUSALS["unknown-ca"].cause);
  assert.deepEqual(finding?.evidence, { issuer: "CN=Maker" });
  for (const subject of [CERT.slice(0, 7), "dev3", "uid-8", ""])
    assert.equal(why(subject, ledger.events()).verdict, "unknown", subject);
});

test("why says unknown once the refusal's event is removed, whatever other events remain", () => {
  const { ledger, refuse, onboard } = story();
  onboard("registered", { certificate: CERT });
  refuse("certificate-pending", { certificate: CERT, connection: "c1" });
  assert.equal(why("dev1", ledger.events()).verdict, "refused");
  const without = ledger.events().filter((event) => event.kind !== "refusal");
  assert.deepEqual(why("dev1", without), {
    subject: "dev1",
    verdict: "unknown",
    note: "It occurs in 1 events, but no refusal of it is recorded.",
    findings: [],
  });
  assert.match(why("dev9", without).note, /^Nothing is recorded about it/);
  assert.deepEqual(why(undefined, without).verdict, "unknown");
});

test("why without a subject explains the very last refusal only", () => {
  const { ledger, refuse } = story();
  refuse("unknown-ca", { certificate: CERT });
  refuse("no-policy", { certificate: OTHER }, { clientId: "dev2" });
  const { findings } = why(undefined, ledger.events());
  assert.deepEqual(
    findings.map(({ cause, clientId }) => [cause, clientId]),
    [["no-policy", "dev2"]],
  );
});

test("why counts repeated refusals once, keeps different ones apart, newest first, and at most as many as asked", () => {
  const { ledger, refuse } = story();
  const ids = { certificate: CERT };
  refuse("no-policy", ids);
  refuse("policy-denies-publish", ids, { evidence: { topic: "a" } });
  refuse("policy-denies-publish", ids, { evidence: { topic: "b" } });
  refuse("no-policy", ids);
  const { findings } = why("dev1", ledger.events());
  assert.deepEqual(
    findings.map(({ cause, times, first, last }) => [cause, times, first, last]),
    [
      ["no-policy", 2, seconds(0), seconds(3)],
      ["policy-denies-publish", 1, seconds(2), seconds(2)],
      ["policy-denies-publish", 1, seconds(1), seconds(1)],
    ],
  );
  assert.equal(why("dev1", ledger.events(), { limit: 1 }).findings.length, 1);
});

test("why tells the story of a first connection: registered, published, dropped, function run, activated, connected", () => {
  const { ledger, refuse, onboard, run } = story();
  const ids = { certificate: CERT, connection: "c1" };
  onboard("registered", ids);
  onboard("event-published", ids);
  refuse("certificate-pending", ids);
  onboard("connection-dropped", ids);
  const stuck = why("dev1", ledger.events());
  assert.equal(stuck.verdict, "refused");
  assert.equal(stuck.findings[0]?.resolvedAt, undefined);
  run("failed", { certificate: CERT }, "TypeError: x");
  run("succeeded", { certificate: CERT });
  onboard("activated", { certificate: CERT }, "");
  onboard("connected", { certificate: CERT, connection: "c2" });
  onboard("connected", { certificate: OTHER, connection: "c3" }, "dev2");
  const { verdict, findings } = why("dev1", ledger.events());
  assert.equal(verdict, "resolved");
  assert.equal(findings[0]?.resolvedAt, seconds(7));
  assert.deepEqual(
    findings[0]?.story.map(({ text }) => text),
    [
      "certificate registered as PENDING_ACTIVATION",
      "registration event published",
      "connection dropped, as always before activation",
      "function activate failed: TypeError: x",
      "function activate succeeded",
      "certificate became ACTIVE",
      "connected",
    ],
  );
});

test("a refusal of one packet is not resolved by connecting again, and a device without refusals is connected", () => {
  const { ledger, refuse, onboard } = story();
  refuse("policy-denies-publish", { certificate: CERT }, { evidence: { topic: "a" } });
  onboard("connected", { certificate: CERT });
  const { verdict, findings } = why("dev1", ledger.events());
  assert.equal(verdict, "refused");
  assert.deepEqual(
    findings[0]?.story.map(({ text }) => text),
    ["connected"],
  );
  onboard("connected", { certificate: OTHER }, "dev2");
  assert.equal(why("dev2", ledger.events()).verdict, "connected");
});

test("an accepting CONNACK says that the device got in, a refusing one does not", () => {
  const { ledger, refuse } = story();
  refuse("keep-alive-expired", { certificate: CERT });
  const connack = (reasonCode: number) =>
    ledger.emit(
      "cloud",
      {
        kind: "mqtt.packet",
        direction: "sent",
        packet: "connack",
        clientId: "dev1",
        topic: "",
        qos: 0,
        bytes: 4,
        reasonCode,
      },
      { certificate: CERT },
    );
  connack(5);
  assert.equal(why("dev1", ledger.events()).verdict, "refused");
  connack(0);
  assert.equal(why("dev1", ledger.events()).verdict, "resolved");
});

test("why does not blame a client for another client that uses the same certificate", () => {
  const { ledger, refuse, onboard } = story();
  onboard("connected", { certificate: CERT, connection: "c1" });
  refuse("policy-denies-connect", { certificate: CERT, connection: "c2" }, { clientId: "dev2" });
  assert.equal(why("dev1", ledger.events()).verdict, "connected");
  assert.equal(why(CERT, ledger.events()).verdict, "refused");
  // A refusal before CONNECT has no client id; the connection tells whose it was.
  refuse("keep-alive-expired", { connection: "c1" }, { clientId: "" });
  assert.deepEqual(
    why("dev1", ledger.events()).findings.map(({ cause }) => cause),
    ["keep-alive-expired"],
  );
});

test("why takes an event once that comes from the ring and from disk, and orders events by time", () => {
  const { ledger, refuse, onboard } = story();
  refuse("no-policy", { certificate: CERT });
  onboard("connected", { certificate: CERT });
  const twice = [...ledger.events().toReversed(), ...ledger.events()];
  const { verdict, findings } = why("dev1", twice);
  assert.equal(verdict, "resolved");
  assert.equal(findings[0]?.times, 1);
});

test("cureFor fills in the ids that the evidence holds, so that the command can be pasted", () => {
  const rows: [cause: RefusalCause, evidence: Record<string, FieldValue>, expected: string][] = [
    [
      "ca-inactive",
      { caCertificateId: CA },
      `aws iot update-ca-certificate --certificate-id ${CA} --new-status ACTIVE`,
    ],
    [
      "certificate-inactive",
      { certificateId: CERT },
      `aws iot update-certificate --certificate-id ${CERT} --new-status ACTIVE`,
    ],
    ["certificate-inactive", {}, REFUSALS["certificate-inactive"].cure],
    [
      "no-policy",
      { certificateArn: "arn:aws:iot:r:1:cert/x" },
      "aws iot attach-policy --policy-name NAME --target arn:aws:iot:r:1:cert/x",
    ],
    [
      "policy-denies-connect",
      { region: "r", account: "1", clientId: "it's; rm -rf ~" },
      String.raw`Allow iot:Connect on arn:aws:iot:r:1:client/'it'\''s; rm -rf ~', or connect with the client id that the policy expects.`,
    ],
    [
      "policy-denies-receive",
      { topic: "a/\u001b[2Jb" },
      String.raw`Allow iot:Receive on arn:aws:iot:REGION:ACCOUNT:topic/'a/\u{1b}[2Jb'.`,
    ],
    ["policy-denies-receive", { topic: "TOPIC/ID" }, "Allow iot:Receive on arn:aws:iot:REGION:ACCOUNT:topic/TOPIC/ID."],
  ];
  for (const [cause, evidence, expected] of rows) assert.equal(cureFor(cause, evidence), expected);
});

test("renderAnswer shows verdict, cause, evidence, cure and story, and no control characters of a peer", () => {
  const { ledger, refuse, onboard } = story();
  const ids = { certificate: CERT };
  refuse("ca-inactive", ids, { clientId: "dev\u001b[1m", evidence: { caCertificateId: "c4c4", issuer: "CN=Maker" } });
  refuse("ca-inactive", ids, { clientId: "dev\u001b[1m", evidence: { caCertificateId: "c4c4", issuer: "CN=Maker" } });
  onboard("connected", ids);
  assert.equal(
    renderAnswer(why(CERT.slice(0, 8), ledger.events())),
    String.raw`3f3f3f3f: resolved. It has connected since its last refusal.

2026-01-01 00:00:01.000Z (2 times since 2026-01-01 00:00:00.000Z)  ca-inactive  client dev\u{1b}[1m  from 192.0.2.7
  why       The CA that issued this certificate is registered but INACTIVE.
  seen      caCertificateId=c4c4
            issuer=CN=Maker
  cure      aws iot update-ca-certificate --certificate-id c4c4 --new-status ACTIVE
  then      2026-01-01 00:00:02.000Z connected
  resolved  2026-01-01 00:00:02.000Z`,
  );
  assert.equal(renderAnswer(why(undefined, [])), "the latest refusal: unknown. No refusal is recorded.");
  assert.deepEqual(JSON.parse(JSON.stringify(why("dev1", []))), why("dev1", []));
});
