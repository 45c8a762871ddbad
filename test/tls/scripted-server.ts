/** A TLS 1.2 server for tests: it plays by the rules, except where a test edits what it says. Never for use. */
import {
  constants,
  createECDH,
  generateKeyPairSync,
  getDiffieHellman,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";

import { type Codec, concat, empty, encode, fromHex, toHex } from "../../src/codec/index.ts";
import type { NamedGroup } from "../../src/crypto/index.ts";
import { nodeAead, nodeHash } from "../../src/crypto/node.ts";
import { ALERT_LEVELS, alertName, type AlertName, ALERTS } from "../../src/tls/alerts.ts";
import { decodeExtensions, encodeExtensions, type RawExtension } from "../../src/tls/extensions.ts";
import { GROUPS } from "../../src/tls/groups.ts";
import { HandshakeJoiner } from "../../src/tls/handshake-joiner.ts";
import { nodeCbc } from "../../src/tls/node-ciphers.ts";
import { KeySchedule12, protection12, pskPremaster, type Randoms } from "../../src/tls/key-schedule12.ts";
import {
  bodyOf,
  certificate12,
  certificateRequest12,
  type CertificateRequest12,
  type ClientHello,
  clientHello,
  clientKeyExchangeDhe,
  clientKeyExchangeEcdhe,
  clientKeyExchangeEcdhePsk,
  clientKeyExchangePsk,
  digitallySigned,
  finished,
  HANDSHAKE_TYPES,
  type HandshakeMessage,
  handshakeMessage,
  pskHint,
  serverDhParams,
  serverEcdhParams,
  serverEcdhePskExchange,
  serverHello,
  type ServerHello,
  serverKeyExchange,
} from "../../src/tls/messages.ts";
import { type RecordProtection, unprotected } from "../../src/tls/protection.ts";
import { CONTENT_TYPES, RecordReader } from "../../src/tls/records.ts";
import { schemeName, type SignatureScheme, SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { type Suite12Name, SUITES_12 } from "../../src/tls/suites.ts";
import { Transcript } from "../../src/tls/transcript.ts";

/** The server's private keys. */
export const keys = {
  ecdsa: generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
const DEFAULT_SCHEME = { ecdsa: "ecdsa_secp256r1_sha256", rsa: "rsa_pkcs1_sha256" } as const;

/** DER SubjectPublicKeyInfo of the server's key of a kind. */
export function serverPublicKey(kind: "ecdsa" | "rsa"): Uint8Array {
  return new Uint8Array(keys[kind].publicKey.export({ format: "der", type: "spki" }));
}

/** The pre-shared key that the server knows. */
export const SCRIPTED_PSK: Uint8Array = fromHex("0f".repeat(16));

export type ScriptedServerOptions = {
  readonly suite?: Suite12Name;
  readonly group?: NamedGroup;
  readonly scheme?: SignatureScheme;
  readonly request?: CertificateRequest12;
  readonly extendedMasterSecret?: boolean;
  readonly alpn?: string;
  readonly encryptThenMac?: boolean;
  /** A prime in the place of the 2048-bit one. */
  readonly dhPrime?: Uint8Array;
  readonly echoesSessionId?: boolean;
  readonly chain?: readonly Uint8Array[];
  /** Edits of what would be said; each gets the honest value. */
  readonly editHello?: (hello: ServerHello) => ServerHello;
  readonly editExtensions?: (extensions: readonly RawExtension[]) => readonly RawExtension[];
  readonly editPublicKey?: (publicKey: Uint8Array) => Uint8Array;
  readonly editSchemeCode?: (code: number) => number;
  readonly editSignature?: (signature: Uint8Array) => Uint8Array;
  readonly editVerifyData?: (verifyData: Uint8Array) => Uint8Array;
  readonly editFlight?: (messages: readonly HandshakeMessage[]) => readonly HandshakeMessage[];
  /** What stands between our last message and the client's view of it, as whole records. */
  readonly editLastFlight?: (records: readonly Uint8Array[]) => readonly Uint8Array[];
};

export class ScriptedServer {
  readonly #options: ScriptedServerOptions;
  readonly #suiteName: Suite12Name;
  readonly #reader = new RecordReader();
  readonly #joiner = new HandshakeJoiner();
  readonly #transcript = new Transcript(nodeHash);
  readonly #schedule: KeySchedule12;
  readonly #ecdh = createECDH("prime256v1");
  readonly #dh = getDiffieHellman("modp14");
  #reads: RecordProtection = unprotected(0x0303);
  #writes: RecordProtection = unprotected(0x0303);
  #toSend: Uint8Array[] = [];
  #randoms: Randoms = { client: new Uint8Array(32), server: fromHex("5e".repeat(32)) };
  #master: Uint8Array = new Uint8Array(0);
  hello: ClientHello | undefined;
  /** The client's certificate chain, once it came. */
  clientChain: readonly Uint8Array[] | undefined;
  clientProof: { readonly scheme: number; readonly content: Uint8Array; readonly signature: Uint8Array } | undefined;
  /** Names of the alerts received, in order. */
  readonly alerts: string[] = [];
  readonly received: Uint8Array[] = [];
  pskIdentity: Uint8Array | undefined;
  isConnected = false;

  constructor(options: ScriptedServerOptions = {}) {
    this.#options = options;
    this.#suiteName = options.suite ?? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    this.#schedule = new KeySchedule12(nodeHash, this.#suite.hash);
    // With static ECDH the certificate's key is the key of the agreement.
    const { d = "" } = keys.ecdsa.privateKey.export({ format: "jwk" });
    const isStatic = this.#suite.keyExchange === "ECDH";
    this.#ecdh.setPrivateKey(isStatic ? Buffer.from(d, "base64url") : fromHex("2a".repeat(32)));
  }

  get #encryptsThenMacs(): boolean {
    return this.#options.encryptThenMac === true;
  }

  get #suite() {
    return SUITES_12[this.#suiteName];
  }

  /** Takes what the client wrote and gives what to write back. */
  receive(bytes: Uint8Array): Uint8Array {
    this.#reader.push(bytes);
    for (let record = this.#reader.next(); record; record = this.#reader.next()) {
      const { type, plaintext } = this.#reads.open(record);
      if (type === CONTENT_TYPES.alert) this.alerts.push(alertName(plaintext[1] ?? -1));
      else if (type === CONTENT_TYPES.application_data) this.received.push(plaintext);
      else if (type === CONTENT_TYPES.change_cipher_spec) this.#protectReads();
      else {
        this.#joiner.push(plaintext);
        for (let message = this.#joiner.next(); message; message = this.#joiner.next()) this.#onMessage(message);
      }
    }
    return this.#take();
  }

  /** A record of any type under the current protection. */
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

  #take(): Uint8Array {
    const bytes = concat(...this.#toSend);
    this.#toSend = [];
    return bytes;
  }

  #onMessage(message: HandshakeMessage): void {
    if (message.type === HANDSHAKE_TYPES.client_hello) return this.#onHello(message);
    if (message.type === HANDSHAKE_TYPES.finished) return this.#onFinished(message);
    if (message.type === HANDSHAKE_TYPES.certificate) this.clientChain = bodyOf(certificate12, message);
    if (message.type === HANDSHAKE_TYPES.certificate_verify) {
      const { scheme, signature } = bodyOf(digitallySigned, message);
      this.clientProof = { scheme, signature, content: this.#transcript.content() };
    }
    this.#transcript.add(message.raw);
    if (message.type === HANDSHAKE_TYPES.client_key_exchange) {
      const premaster = this.#premaster(message);
      this.#master =
        this.#options.extendedMasterSecret === false
          ? this.#schedule.masterSecret(premaster, this.#randoms)
          : this.#schedule.extendedMasterSecret(premaster, this.#transcript.digest());
    }
  }

  #premaster(message: HandshakeMessage): Uint8Array {
    const agree = (point: Uint8Array) => new Uint8Array(this.#ecdh.computeSecret(point));
    switch (this.#suite.keyExchange) {
      case "PSK":
        this.pskIdentity = bodyOf(clientKeyExchangePsk, message);
        return pskPremaster(SCRIPTED_PSK);
      case "ECDHE_PSK": {
        const { identity, publicKey } = bodyOf(clientKeyExchangeEcdhePsk, message);
        this.pskIdentity = identity;
        return pskPremaster(SCRIPTED_PSK, agree(publicKey));
      }
      case "DHE": {
        const secret = new Uint8Array(this.#dh.computeSecret(bodyOf(clientKeyExchangeDhe, message)));
        return secret.subarray(
          Math.max(
            0,
            secret.findIndex((byte) => byte !== 0),
          ),
        );
      }
      default:
        return agree(bodyOf(clientKeyExchangeEcdhe, message));
    }
  }

  #onHello(message: HandshakeMessage): void {
    this.hello = bodyOf(clientHello, message);
    this.#randoms = { ...this.#randoms, client: this.hello.random };
    this.#transcript.add(message.raw);
    this.#transcript.useHash(this.#suite.hash);
    const { editFlight = (messages) => messages } = this.#options;
    const flight = editFlight(this.#flight(this.hello));
    for (const each of flight) {
      this.#transcript.add(each.raw);
      this.#toSend.push(this.message(each));
    }
  }

  #flight(hello: ClientHello): HandshakeMessage[] {
    const { chain = [fromHex("3000")], request } = this.#options;
    const { keyExchange, authentication } = this.#suite;
    return [
      handshakeMessage("server_hello", serverHello, this.#serverHello(hello)),
      ...(authentication === "psk" ? [] : [handshakeMessage("certificate", certificate12, chain)]),
      ...(keyExchange === "ECDH" ? [] : [this.#keyExchange()]),
      ...(request ? [handshakeMessage("certificate_request", certificateRequest12, request)] : []),
      handshakeMessage("server_hello_done", empty, undefined),
    ];
  }

  #serverHello(hello: ClientHello): ServerHello {
    const { alpn, extendedMasterSecret = true } = this.#options;
    const { editHello = (value) => value, editExtensions = (list) => list } = this.#options;
    const offered = decodeExtensions("client_hello", hello.extensions);
    const extensions = encodeExtensions("server_hello", {
      ...(offered.server_name ? { server_name: true as const } : {}),
      ...(extendedMasterSecret ? { extended_master_secret: true as const } : {}),
      ...(this.#encryptsThenMacs ? { encrypt_then_mac: true as const } : {}),
      renegotiation_info: new Uint8Array(0),
      ec_point_formats: [0],
      ...(alpn === undefined
        ? {}
        : { application_layer_protocol_negotiation: [new TextEncoder().encode(alpn)] as const }),
    });
    return editHello({
      legacyVersion: 0x0303,
      random: this.#randoms.server,
      legacySessionId: this.#options.echoesSessionId ? hello.legacySessionId : new Uint8Array(0),
      cipherSuite: this.#suite.code,
      compressionMethod: 0,
      extensions: editExtensions(extensions),
    });
  }

  #keyExchange(): HandshakeMessage {
    const { group = "secp256r1", editPublicKey = (key) => key } = this.#options;
    const { keyExchange } = this.#suite;
    const publicKey = editPublicKey(new Uint8Array(this.#ecdh.getPublicKey()));
    const params = { curveType: 3, namedCurve: GROUPS[group].code, publicKey } as const;
    if (keyExchange === "PSK") return handshakeMessage("server_key_exchange", pskHint, fromHex("68696e74"));
    if (keyExchange === "ECDHE_PSK") {
      const hint = new Uint8Array(0);
      return handshakeMessage("server_key_exchange", serverEcdhePskExchange, { hint, params });
    }
    if (keyExchange === "DHE") return this.#signed(serverDhParams, this.#dhParams(editPublicKey));
    return this.#signed(serverEcdhParams, params);
  }

  #dhParams(editPublicKey: (key: Uint8Array) => Uint8Array) {
    const { dhPrime = new Uint8Array(this.#dh.getPrime()) } = this.#options;
    const generator = new Uint8Array(this.#dh.getGenerator());
    return { prime: dhPrime, generator, publicKey: editPublicKey(new Uint8Array(this.#dh.generateKeys())) };
  }

  #signed<T>(codec: Codec<T>, params: T): HandshakeMessage {
    const kind = this.#suite.authentication === "rsa" ? "rsa" : "ecdsa";
    const { scheme = DEFAULT_SCHEME[kind], editSchemeCode = (code) => code } = this.#options;
    const { editSignature = (bytes) => bytes } = this.#options;
    const raw = encode(codec, params);
    const content = concat(this.#randoms.client, this.#randoms.server, raw);
    const signature = editSignature(signWith(keys[kind].privateKey, scheme, content));
    const signed = { scheme: editSchemeCode(SIGNATURE_SCHEMES[scheme].code), signature };
    return handshakeMessage("server_key_exchange", serverKeyExchange(codec), { params, raw, signed });
  }

  #protection(sender: "client" | "server"): RecordProtection {
    const block = this.#schedule.keyBlock(this.#master, this.#randoms, this.#suite.cipher);
    const encryptThenMac = this.#encryptsThenMacs;
    return protection12({ aead: nodeAead, hash: nodeHash, cbc: nodeCbc }, this.#suite, {
      block,
      sender,
      encryptThenMac,
    });
  }

  #protectReads(): void {
    this.#reads = this.#protection("client");
    this.#reader.maxFragment = this.#reads.maxFragment;
  }

  #onFinished(message: HandshakeMessage): void {
    const expected = this.#schedule.verifyData(this.#master, "client", this.#transcript.digest());
    if (!Buffer.from(expected).equals(message.body)) throw new Error("the client's Finished is wrong");
    this.#transcript.add(message.raw);
    const { editVerifyData = (data) => data, editLastFlight = (records) => records } = this.#options;
    const verifyData = editVerifyData(this.#schedule.verifyData(this.#master, "server", this.#transcript.digest()));
    const changeCipherSpec = this.record("change_cipher_spec", Uint8Array.of(1));
    this.#writes = this.#protection("server");
    const last = this.message(handshakeMessage("finished", finished, verifyData));
    this.#toSend.push(...editLastFlight([changeCipherSpec, last]));
    this.isConnected = true;
  }
}

/** A signature by a key, as a scheme has it. */
export function signWith(key: KeyObject, scheme: SignatureScheme, content: Uint8Array): Uint8Array {
  const { algorithm } = SIGNATURE_SCHEMES[scheme];
  const signatures = SIGNATURES.get(key) ?? new Map<string, Uint8Array>();
  SIGNATURES.set(key, signatures);
  const name = `${algorithm} ${toHex(content)}`;
  const known = signatures.get(name);
  if (known) return known.slice();
  const signature = new Uint8Array(sign(hashName(algorithm), content, { key, ...padding(algorithm) }));
  signatures.set(name, signature);
  return signature.slice();
}

/** Signatures are random; the same content gets the same one, so that two runs can be compared byte for byte. */
const SIGNATURES = new WeakMap<KeyObject, Map<string, Uint8Array>>();

/** Whether a client's proof of possession is good. */
export function checksOut(key: KeyObject, proof: NonNullable<ScriptedServer["clientProof"]>): boolean {
  const scheme = schemeName(proof.scheme);
  if (!scheme) return false;
  const { algorithm } = SIGNATURE_SCHEMES[scheme];
  return verify(hashName(algorithm), proof.content, { key, ...padding(algorithm) }, proof.signature);
}

function hashName(algorithm: string): string {
  return algorithm.slice(algorithm.lastIndexOf("_") + 1);
}

function padding(algorithm: string) {
  if (!algorithm.startsWith("rsa_pss_")) return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
