/**
 * A shim for BoringSSL's protocol tests (bogo), client side, over the public engine.
 *
 * Exit status 0: the connection went as the flags say; 1: it did not, with `:code:` on standard error;
 * 89: the flags ask for something that is not implemented.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

import { type HawserError, utf8Bytes } from "../../src/codec/index.ts";
import type { EphemeralKey, NamedGroup } from "../../src/crypto/index.ts";
import {
  nodeAead,
  nodeEntropy,
  nodeHash,
  nodeKeyAgreement,
  nodeSigner,
  nodeVerifier,
  privateKeyFromPem,
} from "../../src/crypto/node.ts";
import { certificatesFromPem, parseCertificate } from "../../src/pki/index.ts";
import {
  type Answer,
  clientConfig,
  type ClientConfig,
  Connection,
  type ConnectionFacts,
  type Effect,
  type Input,
  type Output,
  type Session,
} from "../../src/tls/index.ts";
import { GROUPS, groupName } from "../../src/tls/groups.ts";
import { nodeCbc, nodeDh } from "../../src/tls/node-ciphers.ts";
import { schemeName } from "../../src/tls/signature-schemes.ts";
import { parseFlags, type ShimOptions } from "./flags.ts";

const UNIMPLEMENTED = 89;
const VERSION_CODES = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const;

async function main(options: ShimOptions): Promise<void> {
  let session: Session | undefined;
  for (let round = 0; round <= options.resumeCount; round++) {
    const run = new ShimConnection(options, configOf(options, session));
    const error = await run.done;
    if (error) end(1, `:${error.code}: ${error.message}`);
    checkExpectations(options, run.facts);
    session = run.session ?? session;
  }
  process.exit(0);
}

function end(status: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}

function configOf(options: ShimOptions, session: Session | undefined): ClientConfig {
  const { minVersion, maxVersion, hostName, alpn, psk, pskIdentity } = options;
  const versions = (["TLSv1.3", "TLSv1.2"] as const).filter((each) => {
    return VERSION_CODES[each] >= minVersion && VERSION_CODES[each] <= maxVersion;
  });
  const groups = options.groups.map(groupName);
  const schemes = options.signatureSchemes.map(schemeName);
  if (versions.length === 0 || groups.includes(undefined) || schemes.includes(undefined)) {
    end(UNIMPLEMENTED, ":unimplemented: version, group or signature algorithm");
  }
  const { certificateFile, keyFile } = options;
  const chain = certificateFile === undefined ? [] : certificatesFromPem(readFileSync(certificateFile, "utf8"));
  const signer = keyFile === undefined ? undefined : nodeSigner(privateKeyFromPem(readFileSync(keyFile, "utf8")));
  return clientConfig({
    servername: hostName,
    hash: nodeHash,
    aead: nodeAead,
    cbc: nodeCbc,
    legacy: true,
    versions,
    alpn,
    wantsSessions: true,
    ...(groups.length > 0 ? { groups: groups.filter((each) => each !== undefined) } : {}),
    ...(schemes.length > 0 ? { schemes: schemes.filter((each) => each !== undefined) } : {}),
    ...(session ? { session: { session, ageMs: 0 } } : {}),
    ...(psk === undefined ? {} : { psk: { identity: utf8Bytes(pskIdentity), key: utf8Bytes(psk), hash: "sha256" } }),
    identities:
      signer && chain.length > 0
        ? [{ ...signer, chain: chain.map(({ der }) => der), issuers: chain.map(({ issuer }) => issuer.der) }]
        : [],
  });
}

/** One connection to the runner: the handshake, then every byte back with all its bits flipped. */
class ShimConnection {
  readonly done: Promise<HawserError | undefined>;
  facts: ConnectionFacts | undefined;
  session: Session | undefined;
  readonly #options: ShimOptions;
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #finish: (error?: HawserError) => void;
  #ephemeral: EphemeralKey | undefined;
  #error: HawserError | undefined;

  constructor(options: ShimOptions, config: ClientConfig) {
    const { promise, resolve } = Promise.withResolvers<HawserError | undefined>();
    this.done = promise;
    this.#finish = resolve;
    this.#options = options;
    this.#connection = new Connection(config);
    this.#socket = connect({ host: options.host, port: options.port, allowHalfOpen: true, noDelay: true });
    this.#socket.once("connect", () => {
      const id = Buffer.alloc(8);
      id.writeBigUInt64LE(options.shimId);
      this.#socket.write(id);
      this.#step({ on: "start" });
    });
    this.#socket.on("data", (bytes: Buffer) => this.#step({ on: "bytes", bytes: new Uint8Array(bytes) }));
    this.#socket.once("end", () => this.#onEnd());
    this.#socket.on("error", () => this.#onEnd());
  }

  #onEnd(): void {
    // The runner often just closes; only where the flags say so is its goodbye needed.
    if (this.facts && !this.#options.checkCloseNotify) return this.#finish();
    this.#step({ on: "end" });
    this.#finish(this.#error);
  }

  #step(input: Input): void {
    for (const output of this.#connection.step(input)) this.#handle(output);
  }

  #handle(output: Output): void {
    switch (output.do) {
      case "write":
        this.#socket.write(output.bytes);
        return;
      case "connected":
        return this.#onConnected(output.facts);
      case "deliver":
        return this.#step({ on: "send", data: output.data.map((byte) => byte ^ 0xff) });
      case "session":
        this.session = output.session;
        return;
      case "shutdown":
        this.#socket.end();
        return;
      case "fail":
        this.#error = output.error;
        this.#socket.end(() => this.#finish(output.error));
        return;
      case "end":
      case "trace":
      case "key-log":
        return;
      default:
        void this.#perform(output).then((answer) => this.#step(answer));
    }
  }

  #onConnected(facts: ConnectionFacts): void {
    this.facts = facts;
    if (this.#options.sendsKeyUpdate) this.#step({ on: "update-keys" });
    if (this.#options.shimWritesFirst) this.#step({ on: "send", data: utf8Bytes("hello") });
    if (this.#options.shimShutsDown) this.#step({ on: "close" });
  }

  async #perform(effect: Effect): Promise<Answer> {
    try {
      return await this.#answer(effect);
    } catch (error) {
      return { on: "failed", error };
    }
  }

  async #answer(effect: Effect): Promise<Answer> {
    switch (effect.do) {
      case "random":
        return { on: "random", bytes: nodeEntropy.bytes(effect.length) };
      case "generate":
        this.#ephemeral = await nodeKeyAgreement.generate(effect.group);
        return { on: "generated", publicKey: this.#ephemeral.publicKey };
      case "agree":
        return { on: "agreed", secret: await (this.#ephemeral ?? end(1, ":no-key:")).agree(effect.peerKey) };
      case "agree-dh":
        return { on: "dh-agreed", ...(await nodeDh.agree(effect)) };
      case "verify-chain":
        // The runner's certificates are self-signed; its tests are about the protocol.
        return {
          on: "chain-verified",
          publicKey: parseCertificate(effect.chain[0] ?? end(1, ":chain:")).publicKey.der,
        };
      case "verify":
        return { on: "verified", valid: await nodeVerifier.verify(effect) };
      case "sign": {
        const signer = nodeSigner(privateKeyFromPem(readFileSync(this.#options.keyFile ?? "", "utf8")));
        return { on: "signed", signature: await signer.sign(effect.algorithm, effect.content) };
      }
      default:
        return end(UNIMPLEMENTED, `:unimplemented: ${effect.do}`);
    }
  }
}

function checkExpectations({ expects }: ShimOptions, facts: ConnectionFacts | undefined): void {
  if (!facts) end(1, ":no-connection:");
  const group: NamedGroup | undefined = facts.group;
  const seen: Readonly<Record<string, string | undefined>> = {
    version: String(VERSION_CODES[facts.protocol]),
    alpn: facts.alpn ?? "",
    curve: group && String(GROUPS[group].code),
    ems: facts.extendedMasterSecret ? "1" : "0",
    resumed: facts.resumed ? "1" : "0",
  };
  for (const { what, value } of expects) {
    if (what in seen && seen[what] !== value) end(1, `:expectation: ${what} is ${seen[what]}, not ${value}`);
  }
}

const parsed = parseFlags(process.argv.slice(2));
if ("unimplemented" in parsed) end(UNIMPLEMENTED, `:unimplemented: ${parsed.unimplemented}`);
else await main(parsed);
