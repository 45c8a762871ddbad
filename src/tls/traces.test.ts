/** The example handshakes of RFC 8448, replayed through the engine: what it writes is compared byte for byte. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { concat, fromHex, toHex } from "../codec/index.ts";
import { nodeAead, nodeHash, nodeVerifier } from "../crypto/node.ts";
import { parseCertificate } from "../pki/index.ts";
import type { SentHello } from "./client-hello.ts";
import { ExpectServerHello } from "./client-start.ts";
import { decodeExtensions } from "./extensions.ts";
import { groupName } from "./groups.ts";
import { type Answer, clientConfig, Connection, type Input, type Output, type Session } from "./index.ts";
import { bodyOf, certificate13, clientHello, digitallySigned } from "./messages.ts";
import { schemeName, SIGNATURE_SCHEMES } from "./signature-schemes.ts";
import type { Handshake } from "./state.ts";

const PATH = join(import.meta.dirname, "../../../shared/vectors/rfc8448.txt");

/** One step of a trace: who does what, and the named byte strings that it shows. */
type Step = { readonly actor: string; readonly action: string; readonly fields: Record<string, Uint8Array> };

/** The steps of a section of the RFC, with the page breaks taken out. */
function stepsOf(section: number): Step[] {
  const text = readFileSync(PATH, "utf8")
    .replaceAll("\f", "")
    .replaceAll(/\n{2,}(?:Thomson|RFC 8448)[^\n]*/g, "\n")
    .replaceAll(/\n{3,}/g, "\n\n");
  const body = text.split(/\n\d\. {2}/)[section] ?? "";
  return body
    .split(/\n {3}(?=\{)/)
    .slice(1)
    .map((part) => {
      const [, actor = "", action = ""] = /^\{(\w+)\} {2}([^\n]*)/.exec(part) ?? [];
      const fields: Record<string, Uint8Array> = {};
      for (const [, name = "", length, hex = ""] of part.matchAll(
        / {6}([\w ]+) \((\d+) octets\):((?:\s+[0-9a-f]{2}\b)+)/g,
      )) {
        fields[name] = fromHex(hex.replaceAll(/\s/g, "")).subarray(0, Number(length));
      }
      return { actor, action, fields };
    });
}

/** A trace's steps, found by what they say. */
class TraceOfRfc {
  readonly steps: readonly Step[];

  constructor(section: number) {
    this.steps = stepsOf(section);
  }

  records(actor: string, kind: string): Uint8Array[] {
    return this.steps.flatMap((step) => {
      const record = step.fields["complete record"];
      return step.actor === actor && step.action.startsWith(`send ${kind}`) && record ? [record] : [];
    });
  }

  field(action: string, name: string, last = false): Uint8Array {
    const found = this.steps.filter((step) => step.action.startsWith(action) && step.fields[name]);
    return (last ? found.at(-1) : found[0])?.fields[name] ?? assert.fail(`${action}: ${name}`);
  }
}

function message(raw: Uint8Array) {
  return { type: raw[0] ?? 0, body: raw.subarray(4), raw };
}

/** Starts a connection as if it had said the trace's (last) hello. */
function replay(trace: TraceOfRfc, retried: boolean): (handshake: Handshake) => ExpectServerHello {
  return (handshake) => {
    const hellos = trace.steps.filter(({ action }) => action.startsWith("construct a ClientHello"));
    const raws = hellos.map(({ fields }) => fields.ClientHello ?? assert.fail());
    const raw = raws.at(-1) ?? assert.fail();
    const hello = bodyOf(clientHello, message(raw));
    const [share] = decodeExtensions("client_hello", hello.extensions).key_share ?? [];
    const group = groupName(share?.group ?? 0) ?? assert.fail("group of the share");
    const sent: SentHello = {
      message: message(raw),
      random: hello.random,
      sessionId: hello.legacySessionId,
      share: { group, publicKey: share?.keyExchange ?? assert.fail() },
      psks: [],
      offered: new Set(hello.extensions.map(({ type }) => type)),
    };
    if (retried) {
      handshake.transcript.add(raws[0] ?? assert.fail());
      handshake.transcript.replaceByHash("sha256");
      handshake.transcript.add(trace.field("construct a ServerHello", "ServerHello"));
    }
    handshake.transcript.add(raw);
    return new ExpectServerHello(handshake, sent, retried ? 0x1301 : undefined);
  };
}

class Replay {
  readonly written: Uint8Array[] = [];
  readonly outputs: Output[] = [];
  readonly #trace: TraceOfRfc;
  readonly #connection: Connection;

  constructor(trace: TraceOfRfc, { retried = false } = {}) {
    this.#trace = trace;
    this.#connection = new Connection(
      clientConfig({
        servername: "server",
        hash: nodeHash,
        aead: nodeAead,
        wantsSessions: true,
        identities: this.#identities(),
      }),
      replay(trace, retried),
    );
  }

  async input(input: Input): Promise<void> {
    for (const output of this.#connection.step(input)) {
      this.outputs.push(output);
      if (output.do === "fail") throw output.error;
      if (output.do === "write") this.written.push(output.bytes);
      const answer = await this.#answer(output);
      if (answer) await this.input(answer);
    }
  }

  async #answer(output: Output): Promise<Answer | undefined> {
    switch (output.do) {
      case "agree":
        return { on: "agreed", secret: this.#trace.field('extract secret "handshake"', "IKM").slice() };
      case "verify-chain":
        return { on: "chain-verified", publicKey: parseCertificate(output.chain[0] ?? assert.fail()).publicKey.der };
      case "verify":
        return { on: "verified", valid: await nodeVerifier.verify(output) };
      case "sign": {
        const verify = this.#clientMessage("CertificateVerify") ?? assert.fail();
        const { scheme, signature } = bodyOf(digitallySigned, message(verify));
        const { algorithm } = SIGNATURE_SCHEMES[schemeName(scheme) ?? assert.fail()];
        assert.equal(output.algorithm, algorithm);
        // The recorded signature verifies over what the engine asks to have signed.
        const [chain] = this.#identities();
        const check = { publicKey: chain?.publicKey ?? assert.fail(), algorithm, content: output.content, signature };
        assert.equal(await nodeVerifier.verify(check), true, algorithm);
        return { on: "signed", signature };
      }
      default:
        return undefined;
    }
  }

  #clientMessage(name: string): Uint8Array | undefined {
    return this.#trace.steps.find(({ actor, fields }) => actor === "client" && fields[name])?.fields[name];
  }

  #identities() {
    const raw = this.#clientMessage("Certificate");
    if (!raw) return [];
    const chain = bodyOf(certificate13, message(raw)).entries.map(({ certificate }) => certificate);
    const leaf = parseCertificate(chain[0] ?? assert.fail());
    const verify = bodyOf(digitallySigned, message(this.#clientMessage("CertificateVerify") ?? assert.fail()));
    const { algorithm } = SIGNATURE_SCHEMES[schemeName(verify.scheme) ?? assert.fail()];
    const issuers = chain.map((der) => parseCertificate(der).issuer.der);
    return [{ chain, issuers, publicKey: leaf.publicKey.der, algorithms: [algorithm] }];
  }
}

const CASES = [
  { section: 3, what: "Simple 1-RTT Handshake" },
  { section: 5, what: "HelloRetryRequest", retried: true },
  { section: 6, what: "Client Authentication" },
  { section: 7, what: "Compatibility Mode" },
] as const;

for (const { section, what, ...options } of CASES) {
  test(`RFC 8448 section ${section} (${what}) is replayed byte for byte`, async (t) => {
    if (!existsSync(PATH)) return t.skip("the RFC's text is not at hand");
    const trace = new TraceOfRfc(section);
    const run = new Replay(trace, options);
    await run.input({ on: "start" });
    const fromServer = [...trace.records("server", "handshake"), ...trace.records("server", "change_cipher_spec")];
    assert.ok(fromServer.length >= 2);
    const skipped = "retried" in options ? 1 : 0;
    // Section 7's change_cipher_spec stands between the hello and the rest; anywhere there will do.
    for (const bytes of trace.records("server", "handshake").slice(skipped, skipped + 2)) {
      await run.input({ on: "bytes", bytes });
    }
    const expected = trace.records("client", "handshake").slice(skipped + 1);
    const spec = section === 7 ? trace.records("client", "change_cipher_spec") : [];
    assert.equal(toHex(concat(...run.written)), toHex(concat(...spec, ...expected)));
    run.written.length = 0;
    const [ticket] = trace.records("server", "handshake").slice(skipped + 2);
    if (ticket) await run.input({ on: "bytes", bytes: ticket });
    const [data] = trace.records("client", "application_data");
    if (data) {
      await run.input({ on: "send", data: trace.field("send application_data", "payload") });
      assert.equal(toHex(run.written.pop() ?? assert.fail()), toHex(data));
      await run.input({ on: "bytes", bytes: trace.records("server", "application_data")[0] ?? assert.fail() });
    }
    await run.input({ on: "close" });
    assert.equal(
      toHex(run.written.pop() ?? assert.fail()),
      toHex(trace.records("client", "alert")[0] ?? assert.fail()),
    );
    await run.input({ on: "bytes", bytes: trace.records("server", "alert")[0] ?? assert.fail() });
    assert.ok(run.outputs.some((output) => output.do === "end"));
  });
}

test("RFC 8448 section 3: the ticket's key is the one that the trace shows", async (t) => {
  if (!existsSync(PATH)) return t.skip("the RFC's text is not at hand");
  const trace = new TraceOfRfc(3);
  const run = new Replay(trace);
  await run.input({ on: "start" });
  for (const bytes of trace.records("server", "handshake")) await run.input({ on: "bytes", bytes });
  const sessions = run.outputs.flatMap((output): Session[] => (output.do === "session" ? [output.session] : []));
  const [session] = sessions;
  assert.ok(session?.version === "TLSv1.3");
  assert.equal(toHex(session.psk), toHex(trace.field("generate resumption secret", "expanded")));
});
