/** A TLS 1.2 client for tests of the server: it plays by the rules, except where a test edits what it says. Never for use. */
import { createECDH } from "node:crypto";

import { concat, fromHex } from "../../src/codec/index.ts";
import { nodeAead, nodeHash } from "../../src/crypto/node.ts";
import { encodeExtensions, type ExtensionsOf } from "../../src/tls/extensions.ts";
import { HandshakeJoiner } from "../../src/tls/handshake-joiner.ts";
import { KeySchedule12, protection12, type Randoms } from "../../src/tls/key-schedule12.ts";
import {
  bodyOf,
  certificate12,
  certificateRequest12,
  type ClientHello,
  clientHello,
  clientKeyExchangeEcdhe,
  digitallySigned,
  finished,
  HANDSHAKE_TYPES,
  type HandshakeMessage,
  handshakeMessage,
  messageName,
  serverEcdhParams,
  serverHello,
  type ServerHello,
  serverKeyExchange,
} from "../../src/tls/messages.ts";
import { nodeCbc } from "../../src/tls/node-ciphers.ts";
import { type RecordProtection, unprotected } from "../../src/tls/protection.ts";
import { CONTENT_TYPES, RecordReader } from "../../src/tls/records.ts";
import { SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { type Suite12Name, SUITES_12 } from "../../src/tls/suites.ts";
import { Transcript } from "../../src/tls/transcript.ts";
import { clientKey, SERVER_KEY, STAND_IN_CHAIN } from "./run-server.ts";
import { signWith } from "./scripted-server.ts";

export type ScriptedClientOptions = {
  readonly suite?: Suite12Name;
  readonly extensions?: ExtensionsOf<"client_hello">;
  readonly sessionId?: Uint8Array;
  /** The chain that answers a request. */
  readonly chain?: readonly Uint8Array[];
  readonly schemeCode?: number;
  /** Edits of what would be said; each gets the honest value. */
  readonly editHello?: (hello: ClientHello) => ClientHello;
  readonly editPublicKey?: (publicKey: Uint8Array) => Uint8Array;
  readonly editSignature?: (signature: Uint8Array) => Uint8Array;
  readonly editFlight?: (messages: readonly HandshakeMessage[]) => readonly HandshakeMessage[];
  /** Of the whole records of the second flight: messages, change_cipher_spec, Finished. */
  readonly editRecords?: (records: readonly Uint8Array[]) => readonly Uint8Array[];
  readonly editVerifyData?: (verifyData: Uint8Array) => Uint8Array;
};

const EXTENSIONS: ExtensionsOf<"client_hello"> = {
  supported_groups: [0x0017],
  signature_algorithms: [0x0403],
  ec_point_formats: [0],
  extended_master_secret: true,
  encrypt_then_mac: true,
  renegotiation_info: new Uint8Array(0),
};

/** The master secret of a session, to come back with. */
export type ScriptedSession = { readonly id: Uint8Array; readonly master: Uint8Array };

export class ScriptedClient {
  readonly #options: ScriptedClientOptions;
  readonly #resumed: ScriptedSession | undefined;
  readonly #reader = new RecordReader();
  readonly #joiner = new HandshakeJoiner();
  readonly #transcript = new Transcript(nodeHash);
  readonly #ecdh = createECDH("prime256v1");
  #writes: RecordProtection = unprotected(0x0301);
  #reads: RecordProtection = unprotected(0x0303);
  #randoms: Randoms = { client: fromHex("c1".repeat(32)), server: new Uint8Array(32) };
  #master: Uint8Array = new Uint8Array(0);
  #serverPoint: Uint8Array = SERVER_KEY.slice(-65);
  #isRequested = false;
  hello: ServerHello | undefined;
  /** Names of the messages received, in order. */
  readonly received: string[] = [];
  readonly alerts: number[] = [];
  readonly data: Uint8Array[] = [];
  isConnected = false;

  constructor(options: ScriptedClientOptions = {}, resumed?: ScriptedSession) {
    this.#options = options;
    this.#resumed = resumed;
    this.#ecdh.setPrivateKey(fromHex("2b".repeat(32)));
    if (resumed) this.#master = resumed.master;
  }

  get #suite() {
    return SUITES_12[this.#options.suite ?? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];
  }

  get session(): ScriptedSession {
    return { id: this.hello?.legacySessionId ?? new Uint8Array(0), master: this.#master };
  }

  /** The first flight. */
  start(): Uint8Array {
    const { editHello = (hello) => hello, extensions = {}, sessionId } = this.#options;
    const hello = editHello({
      legacyVersion: 0x0303,
      random: this.#randoms.client,
      legacySessionId: this.#resumed?.id ?? sessionId ?? new Uint8Array(0),
      cipherSuites: [this.#suite.code],
      compressionMethods: [0],
      extensions: encodeExtensions("client_hello", { ...EXTENSIONS, ...extensions }),
    });
    const message = handshakeMessage("client_hello", clientHello, hello);
    this.#transcript.add(message.raw);
    return this.record("handshake", message.raw);
  }

  /** Takes what the server wrote and gives what to write back. */
  receive(bytes: Uint8Array): Uint8Array {
    this.#reader.push(bytes);
    const answers: Uint8Array[] = [];
    for (let record = this.#reader.next(); record; record = this.#reader.next()) {
      const { type, plaintext } = this.#reads.open(record);
      if (type === CONTENT_TYPES.alert) this.alerts.push(plaintext[1] ?? -1);
      else if (type === CONTENT_TYPES.application_data) this.data.push(plaintext);
      else if (type === CONTENT_TYPES.change_cipher_spec) this.#reads = this.#protection("server");
      else {
        this.#joiner.push(plaintext);
        for (let message = this.#joiner.next(); message; message = this.#joiner.next()) {
          answers.push(this.#onMessage(message));
        }
      }
    }
    return concat(...answers);
  }

  /** A record of any type under the current protection. */
  record(type: keyof typeof CONTENT_TYPES, content: Uint8Array): Uint8Array {
    return this.#writes.seal(CONTENT_TYPES[type], content);
  }

  #onMessage(message: HandshakeMessage): Uint8Array {
    this.received.push(messageName(message.type));
    if (message.type === HANDSHAKE_TYPES.finished) return this.#onFinished(message);
    this.#transcript.add(message.raw);
    switch (message.type) {
      case HANDSHAKE_TYPES.server_hello:
        this.hello = bodyOf(serverHello, message);
        this.#randoms = { ...this.#randoms, server: this.hello.random };
        this.#transcript.useHash(this.#suite.hash);
        this.#writes = unprotected(0x0303);
        break;
      case HANDSHAKE_TYPES.server_key_exchange:
        this.#serverPoint = bodyOf(serverKeyExchange(serverEcdhParams), message).params.publicKey;
        break;
      case HANDSHAKE_TYPES.certificate_request:
        bodyOf(certificateRequest12, message);
        this.#isRequested = true;
        break;
      case HANDSHAKE_TYPES.server_hello_done:
        return this.#secondFlight();
      default:
    }
    return new Uint8Array(0);
  }

  #secondFlight(): Uint8Array {
    const { chain = STAND_IN_CHAIN, editPublicKey = (key) => key, editFlight = (messages) => messages } = this.#options;
    const publicKey = editPublicKey(new Uint8Array(this.#ecdh.getPublicKey()));
    const said: HandshakeMessage[] = [];
    const say = (message: HandshakeMessage) => {
      this.#transcript.add(message.raw);
      said.push(message);
    };
    if (this.#isRequested) say(handshakeMessage("certificate", certificate12, chain));
    say(handshakeMessage("client_key_exchange", clientKeyExchangeEcdhe, publicKey));
    this.#deriveMaster();
    if (this.#isRequested && chain.length > 0) say(this.#certificateVerify());
    const { editRecords = (records) => records } = this.#options;
    const records = editFlight(said).map((message) => this.record("handshake", message.raw));
    return concat(...editRecords([...records, ...this.#last()]));
  }

  #certificateVerify(): HandshakeMessage {
    const { editSignature = (signature) => signature, schemeCode } = this.#options;
    const scheme = "ecdsa_secp256r1_sha256";
    const signature = editSignature(signWith(clientKey, scheme, this.#transcript.content()));
    const value = { scheme: schemeCode ?? SIGNATURE_SCHEMES[scheme].code, signature };
    return handshakeMessage("certificate_verify", digitallySigned, value);
  }

  #deriveMaster(): void {
    const premaster = new Uint8Array(this.#ecdh.computeSecret(this.#serverPoint));
    const extended = this.hello?.extensions.some(({ type }) => type === 0x0017) === true;
    this.#master = extended
      ? this.#schedule.extendedMasterSecret(premaster, this.#transcript.digest())
      : this.#schedule.masterSecret(premaster, this.#randoms);
  }

  get #schedule(): KeySchedule12 {
    return new KeySchedule12(nodeHash, this.#suite.hash);
  }

  /** change_cipher_spec and Finished. */
  #last(): Uint8Array[] {
    const { editVerifyData = (data) => data } = this.#options;
    const verifyData = editVerifyData(this.#schedule.verifyData(this.#master, "client", this.#transcript.digest()));
    const message = handshakeMessage("finished", finished, verifyData);
    this.#transcript.add(message.raw);
    const changeCipherSpec = this.record("change_cipher_spec", Uint8Array.of(1));
    this.#writes = this.#protection("client");
    return [changeCipherSpec, this.record("handshake", message.raw)];
  }

  #onFinished(message: HandshakeMessage): Uint8Array {
    const expected = this.#schedule.verifyData(this.#master, "server", this.#transcript.digest());
    if (!Buffer.from(expected).equals(message.body)) throw new Error("the server's Finished is wrong");
    this.#transcript.add(message.raw);
    this.isConnected = true;
    // In a resumption it is now our turn.
    return this.#resumed && !this.received.includes("server_hello_done") ? concat(...this.#last()) : new Uint8Array(0);
  }

  #protection(sender: "client" | "server"): RecordProtection {
    const block = this.#schedule.keyBlock(this.#master, this.#randoms, this.#suite.cipher);
    const encryptThenMac = this.hello?.extensions.some(({ type }) => type === 0x0016) === true;
    const ciphers = { aead: nodeAead, hash: nodeHash, cbc: nodeCbc };
    return protection12(ciphers, this.#suite, { block, sender, encryptThenMac });
  }
}

/** A handshake message of any type and body. */
export function rawMessage(type: keyof typeof HANDSHAKE_TYPES, body: Uint8Array = new Uint8Array(0)): HandshakeMessage {
  return handshakeMessage(type, { write: (w) => void w.bytes(body), read: (r) => r.rest() }, body);
}
