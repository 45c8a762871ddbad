/** A TLS 1.3 server for tests: it plays by the rules, except where a test edits what it says. Never for use. */
import { createECDH, type ECDH } from "node:crypto";

import { concat, fromHex } from "../../src/codec/index.ts";
import type { NamedGroup } from "../../src/crypto/index.ts";
import { nodeAead, nodeHash } from "../../src/crypto/node.ts";
import { ALERT_LEVELS, alertName, type AlertName, ALERTS } from "../../src/tls/alerts.ts";
import { decodeExtensions, encodeExtensions, type ExtensionsOf, type RawExtension } from "../../src/tls/extensions.ts";
import { GROUPS } from "../../src/tls/groups.ts";
import { HandshakeJoiner } from "../../src/tls/handshake-joiner.ts";
import { KeySchedule13, signedContent13, type TrafficSecrets } from "../../src/tls/key-schedule13.ts";
import {
  bodyOf,
  certificate13,
  certificateRequest13,
  type ClientHello,
  clientHello,
  digitallySigned,
  encryptedExtensions,
  finished,
  HANDSHAKE_TYPES,
  type HandshakeMessage,
  handshakeMessage,
  type HandshakeType,
  keyUpdate,
  serverHello,
  type ServerHello,
} from "../../src/tls/messages.ts";
import { Aead13Protection, type RecordProtection, unprotected } from "../../src/tls/protection.ts";
import { CONTENT_TYPES, encodeRecord, RecordReader } from "../../src/tls/records.ts";
import { type SignatureScheme, SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { type Suite13Name, SUITES_13 } from "../../src/tls/suites.ts";
import { Transcript } from "../../src/tls/transcript.ts";
import { keys, signWith } from "./scripted-server.ts";

const RETRY_RANDOM = fromHex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
const CHANGE_CIPHER_SPEC = encodeRecord({ type: 20, version: 0x0303, fragment: Uint8Array.of(1) });

export type ScriptedServer13Options = {
  readonly suite?: Suite13Name;
  readonly group?: NamedGroup;
  readonly key?: "ecdsa" | "rsa";
  readonly scheme?: SignatureScheme;
  readonly chain?: readonly Uint8Array[];
  /** Asks for another hello first. */
  readonly retry?: ExtensionsOf<"hello_retry_request">;
  readonly request?: ExtensionsOf<"certificate_request">;
  readonly encrypted?: ExtensionsOf<"encrypted_extensions">;
  readonly changeCipherSpecs?: number;
  /** Edits of what would be said; each gets the honest value. */
  readonly editHello?: (hello: ServerHello) => ServerHello;
  readonly editRetry?: (hello: ServerHello) => ServerHello;
  readonly editExtensions?: (message: HandshakeType, extensions: readonly RawExtension[]) => readonly RawExtension[];
  readonly editPublicKey?: (publicKey: Uint8Array) => Uint8Array;
  readonly editSchemeCode?: (code: number) => number;
  readonly editSignature?: (signature: Uint8Array) => Uint8Array;
  readonly editVerifyData?: (verifyData: Uint8Array) => Uint8Array;
  /** Edits the list of messages behind the hello; an edited message is hashed as it is sent. */
  readonly editMessage?: (message: HandshakeMessage, name: string) => readonly HandshakeMessage[];
  readonly editFlight?: (flight: Uint8Array) => Uint8Array;
  readonly context?: Uint8Array;
  /** Says that this pre-shared key is used, and uses `psk`. */
  readonly selectsPsk?: number;
  readonly psk?: Uint8Array;
  readonly withoutCertificate?: boolean;
};

export class ScriptedServer13 {
  readonly #options: ScriptedServer13Options;
  readonly #reader = new RecordReader();
  readonly #joiner = new HandshakeJoiner();
  readonly #transcript = new Transcript(nodeHash);
  readonly #schedule: KeySchedule13;
  #reads: RecordProtection = unprotected(0x0303);
  #writes: RecordProtection = unprotected(0x0303);
  #toSend: Uint8Array[] = [];
  #handshake: TrafficSecrets | undefined;
  #application: TrafficSecrets | undefined;
  /** The hellos as they came. */
  readonly hellos: ClientHello[] = [];
  readonly messages: string[] = [];
  readonly alerts: string[] = [];
  readonly received: Uint8Array[] = [];
  clientChain: readonly Uint8Array[] | undefined;
  clientProof: { readonly scheme: number; readonly content: Uint8Array; readonly signature: Uint8Array } | undefined;
  isConnected = false;

  constructor(options: ScriptedServer13Options = {}) {
    this.#options = options;
    this.#schedule = new KeySchedule13(nodeHash, this.#suite.hash);
    this.#reader.version = "any";
  }

  get #suite() {
    return SUITES_13[this.#options.suite ?? "TLS_AES_128_GCM_SHA256"];
  }

  receive(bytes: Uint8Array): Uint8Array {
    this.#reader.push(bytes);
    for (let record = this.#reader.next(); record; record = this.#reader.next()) {
      // A client that dislikes our hello has no keys yet to tell us so under protection.
      const protection = record.type === CONTENT_TYPES.alert ? unprotected(0x0303) : this.#reads;
      const { type, plaintext } = protection.open(record);
      if (type === CONTENT_TYPES.alert) this.alerts.push(alertName(plaintext[1] ?? -1));
      else if (type === CONTENT_TYPES.application_data) this.received.push(plaintext);
      else if (type === CONTENT_TYPES.handshake) {
        this.#joiner.push(plaintext);
        for (let message = this.#joiner.next(); message; message = this.#joiner.next()) this.#onMessage(message);
      }
    }
    const answer = concat(...this.#toSend);
    this.#toSend = [];
    return answer;
  }

  record(type: keyof typeof CONTENT_TYPES, content: Uint8Array): Uint8Array {
    return this.#writes.seal(CONTENT_TYPES[type], content);
  }

  data(content: Uint8Array): Uint8Array {
    return this.record("application_data", content);
  }

  alert(name: AlertName, level: keyof typeof ALERT_LEVELS = "fatal"): Uint8Array {
    return this.record("alert", Uint8Array.of(ALERT_LEVELS[level], ALERTS[name]));
  }

  message(message: HandshakeMessage): Uint8Array {
    return this.record("handshake", message.raw);
  }

  /** A KeyUpdate, after which this side uses its next keys. */
  updateKeys(request: number): Uint8Array {
    const bytes = this.message(handshakeMessage("key_update", keyUpdate, request));
    const { client, server } = this.#secrets();
    this.#application = { client, server: this.#schedule.nextTrafficSecret(server) };
    this.#writes = this.#protection(this.#application.server);
    return bytes;
  }

  #secrets(): TrafficSecrets {
    if (!this.#application) throw new Error("no application keys yet");
    return this.#application;
  }

  #protection(secret: Uint8Array): Aead13Protection {
    return new Aead13Protection(nodeAead, this.#suite.aead, this.#schedule.directionKeys(secret, this.#suite.aead));
  }

  #onMessage(message: HandshakeMessage): void {
    const names = Object.entries(HANDSHAKE_TYPES);
    this.messages.push(names.find(([, code]) => code === message.type)?.[0] ?? "?");
    if (message.type === HANDSHAKE_TYPES.client_hello) return this.#onHello(message);
    if (message.type === HANDSHAKE_TYPES.finished) return this.#onFinished(message);
    if (message.type === HANDSHAKE_TYPES.key_update) return this.#onKeyUpdate(message);
    if (message.type === HANDSHAKE_TYPES.certificate) {
      this.clientChain = bodyOf(certificate13, message).entries.map(({ certificate }) => certificate);
    }
    if (message.type === HANDSHAKE_TYPES.certificate_verify) {
      const content = signedContent13("client", this.#transcript.digest());
      this.clientProof = { ...bodyOf(digitallySigned, message), content };
    }
    this.#transcript.add(message.raw);
  }

  #onKeyUpdate(message: HandshakeMessage): void {
    const requested = bodyOf(keyUpdate, message) === 1;
    const { client, server } = this.#secrets();
    this.#application = { server, client: this.#schedule.nextTrafficSecret(client) };
    this.#reads = this.#protection(this.#application.client);
    if (requested) this.#toSend.push(this.updateKeys(0));
  }

  #onHello(message: HandshakeMessage): void {
    const hello = bodyOf(clientHello, message);
    this.hellos.push(hello);
    this.#transcript.add(message.raw);
    if (this.#options.retry && this.hellos.length === 1) return this.#sendRetry(hello);
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(fromHex("2a".repeat(32)));
    const answer = this.#serverHello(hello, ecdh);
    this.#transcript.add(answer.raw);
    this.#transcript.useHash(this.#suite.hash);
    const share = decodeExtensions("client_hello", hello.extensions).key_share?.[0]?.keyExchange;
    const { changeCipherSpecs = 1, editFlight = (flight) => flight } = this.#options;
    this.#toSend.push(this.message(answer));
    for (let i = 0; i < changeCipherSpecs; i++) this.#toSend.push(CHANGE_CIPHER_SPEC);
    // Where the client's share is on another group than ours nothing behind the hello can be read anyway.
    if (share?.length === 65) this.#toSend.push(editFlight(this.#protectedFlight(ecdh, share)));
  }

  #sendRetry(hello: ClientHello): void {
    const { retry = {}, editRetry = (value) => value } = this.#options;
    const message = handshakeMessage(
      "server_hello",
      serverHello,
      editRetry({
        legacyVersion: 0x0303,
        random: RETRY_RANDOM,
        legacySessionId: hello.legacySessionId,
        cipherSuite: this.#suite.code,
        compressionMethod: 0,
        extensions: encodeExtensions("hello_retry_request", { supported_versions: 0x0304, ...retry }),
      }),
    );
    this.#transcript.replaceByHash(this.#suite.hash);
    this.#transcript.add(message.raw);
    this.#toSend.push(this.message(message), CHANGE_CIPHER_SPEC);
  }

  #serverHello(hello: ClientHello, ecdh: ECDH): HandshakeMessage {
    const { group = "secp256r1", editPublicKey = (key) => key, editHello = (value) => value } = this.#options;
    const keyExchange = editPublicKey(new Uint8Array(ecdh.getPublicKey()));
    const extensions = encodeExtensions("server_hello_13", {
      supported_versions: 0x0304,
      key_share: { group: GROUPS[group].code, keyExchange },
      ...(this.#options.selectsPsk === undefined ? {} : { pre_shared_key: this.#options.selectsPsk }),
    });
    return handshakeMessage(
      "server_hello",
      serverHello,
      editHello({
        legacyVersion: 0x0303,
        random: fromHex("5e".repeat(32)),
        legacySessionId: hello.legacySessionId,
        cipherSuite: this.#suite.code,
        compressionMethod: 0,
        extensions: this.#edited("server_hello", extensions),
      }),
    );
  }

  #edited(message: HandshakeType, extensions: readonly RawExtension[]): readonly RawExtension[] {
    return this.#options.editExtensions?.(message, extensions) ?? extensions;
  }

  #protectedFlight(ecdh: ECDH, share: Uint8Array): Uint8Array {
    const schedule = this.#schedule;
    const secret = schedule.handshakeSecret(
      schedule.earlySecret(this.#options.psk),
      new Uint8Array(ecdh.computeSecret(share)),
    );
    this.#handshake = schedule.trafficSecrets(secret, "hs", this.#transcript.digest());
    this.#reads = this.#protection(this.#handshake.client);
    this.#writes = this.#protection(this.#handshake.server);
    const { encrypted = {}, request, chain = [fromHex("3000")], context = new Uint8Array(0) } = this.#options;
    const extensions = this.#edited("encrypted_extensions", encodeExtensions("encrypted_extensions", encrypted));
    const entries = chain.map((certificate) => ({ certificate, extensions: this.#edited("certificate", []) }));
    this.#say(handshakeMessage("encrypted_extensions", encryptedExtensions, extensions));
    if (request) {
      const asked = this.#edited("certificate_request", encodeExtensions("certificate_request", request));
      this.#say(handshakeMessage("certificate_request", certificateRequest13, { context, extensions: asked }));
    }
    if (!this.#options.withoutCertificate) {
      const own = request ? new Uint8Array(0) : context;
      this.#say(handshakeMessage("certificate", certificate13, { context: own, entries }));
      this.#say(this.#certificateVerify());
    }
    const { editVerifyData = (data) => data } = this.#options;
    const verifyData = schedule.verifyData(this.#handshake.server, this.#transcript.digest());
    this.#say(handshakeMessage("finished", finished, editVerifyData(verifyData)));
    this.#application = schedule.trafficSecrets(schedule.masterSecret(secret), "ap", this.#transcript.digest());
    const flight = concat(...this.#said);
    this.#writes = this.#protection(this.#application.server);
    return flight;
  }

  #said: Uint8Array[] = [];

  #say(message: HandshakeMessage): void {
    const name = Object.entries(HANDSHAKE_TYPES).find(([, code]) => code === message.type)?.[0] ?? "?";
    const { editMessage = (each) => [each] } = this.#options;
    for (const each of editMessage(message, name)) {
      this.#said.push(this.message(each));
      this.#transcript.add(each.raw);
    }
  }

  #certificateVerify(): HandshakeMessage {
    const { key = "ecdsa", editSchemeCode = (code) => code, editSignature = (bytes) => bytes } = this.#options;
    const { scheme = key === "ecdsa" ? "ecdsa_secp256r1_sha256" : "rsa_pss_rsae_sha256" } = this.#options;
    const content = signedContent13("server", this.#transcript.digest());
    const signature = editSignature(signWith(keys[key].privateKey, scheme, content));
    const code = editSchemeCode(SIGNATURE_SCHEMES[scheme].code);
    return handshakeMessage("certificate_verify", digitallySigned, { scheme: code, signature });
  }

  #onFinished(message: HandshakeMessage): void {
    if (!this.#handshake) throw new Error("finished before hello");
    const expected = this.#schedule.verifyData(this.#handshake.client, this.#transcript.digest());
    if (!Buffer.from(expected).equals(message.body)) throw new Error("the client's Finished is wrong");
    this.#transcript.add(message.raw);
    this.#reads = this.#protection(this.#secrets().client);
    this.isConnected = true;
  }
}
