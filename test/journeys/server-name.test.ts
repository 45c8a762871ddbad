import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:tls";
import { test } from "node:test";

import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";
import { A71chChip } from "../../src/chip/a71ch/index.ts";
import { nodeChipCrypto } from "../../src/chip/node.ts";
import { nodeClock, nodeEntropy, nodeHash } from "../../src/crypto/node.ts";
import { why } from "../../src/cloud/why/index.ts";
import { A71ch } from "../../src/host/a71ch/index.ts";
import { localTransport } from "../../src/host/index.ts";
import { parseCertificate } from "../../src/pki/index.ts";
import { Ledger } from "../../src/trace/index.ts";
import { chipStream, DEFAULT_PERFORMERS } from "../../src/agent/node.ts";

test("chipStream writes server-name-mismatch where the server's name is not the one asked for, and why explains it", async (t) => {
  const hierarchy = await newHierarchy();
  const holder = await hierarchy.server();
  const server = createServer({
    key: keyPem(holder.key),
    cert: chainPem(holder.chain),
    requestCert: true,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  const chip = new A71chChip({ crypto: nodeChipCrypto, entropy: nodeEntropy, clock: nodeClock });
  const element = await A71ch.open(localTransport(chip), { hash: nodeHash, clock: nodeClock });
  const publicKey = await element.generateKeyPair(0);
  const chain = (await hierarchy.deviceFor(publicKey)).map((der) => parseCertificate(der));
  const open = chipStream({
    host: "127.0.0.1",
    port,
    servername: "elsewhere.example",
    ca: [hierarchy.root.certificate.der],
    identity: { signer: await element.signer(0), chain },
    element,
    performers: DEFAULT_PERFORMERS,
    agreementSlot: 3,
    clock: nodeClock,
  });
  const trace = new Ledger({ clock: nodeClock });
  await assert.rejects(open({ signal: new AbortController().signal, trace }), { code: "certificate-refused" });

  const answer = why(undefined, trace.events());
  assert.equal(answer.findings[0]?.cause, "server-name-mismatch");
  assert.equal(answer.findings[0]?.evidence["servername"], "elsewhere.example");
  const withoutIt = trace.events().filter(({ kind }) => kind !== "refusal");
  assert.equal(why(undefined, withoutIt).verdict, "unknown");
});
