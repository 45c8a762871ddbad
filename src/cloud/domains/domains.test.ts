import assert from "node:assert/strict";
import { test } from "node:test";

import type { Admission, ConnectRequest, Peer } from "../broker/index.ts";
import { newWorld } from "../registry/fixtures.test.ts";
import { DomainGate, Domains, TLS_13_POLICY } from "./index.ts";

const NEXT: Admission = { admit: false, cause: "unknown-ca", reply: "close" };

test("DomainGate refuses what a server name's configuration forbids, and asks the next about all others", async (t) => {
  const { registry, ledger } = await newWorld(t);
  const domains = await Domains.open(registry);
  await domains.create("off", { domainName: "off.example" });
  await domains.update("off", { status: "DISABLED" });
  await domains.create("new", { domainName: "new.example", securityPolicy: TLS_13_POLICY });
  await domains.create("old", { domainName: "old.example" });
  const gate = new DomainGate({ domains, trace: ledger, next: { admit: async () => NEXT } });
  const causeFor = async (servername: string | undefined, tlsVersion = "TLSv1.2") => {
    const peer: Peer = { connection: "c", address: "192.0.2.7", certificates: [], servername, tlsVersion };
    const request: ConnectRequest = { clientId: "d", protocolVersion: 5, cleanStart: true, keepAliveS: 0, peer };
    const admission = await gate.admit(request);
    return admission.admit ? "admitted" : admission.cause;
  };
  assert.equal(await causeFor("Off.Example"), "domain-disabled");
  assert.equal(await causeFor("new.example"), "domain-tls-policy");
  assert.equal(await causeFor("new.example", "TLSv1.3"), "unknown-ca");
  for (const name of ["old.example", "elsewhere.example", undefined]) assert.equal(await causeFor(name), "unknown-ca");
  const refusals = ledger.events({ kinds: ["refusal"] });
  assert.deepEqual(
    refusals.map((event) => event.kind === "refusal" && [event.cause, event.evidence["domainConfiguration"]]),
    [
      ["domain-disabled", "off"],
      ["domain-tls-policy", "new"],
    ],
  );
  await domains.update("off", { status: "ENABLED" });
  assert.equal(await causeFor("off.example"), "unknown-ca");
  // What was set is so after a restart.
  await domains.update("off", { status: "DISABLED" });
  assert.equal((await Domains.open(registry)).forServerName("off.example")?.body.status, "DISABLED");
});
