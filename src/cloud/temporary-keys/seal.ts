import {
  concat,
  DecodeError,
  Denied,
  fromBase64,
  fromHex,
  sameBytes,
  toBase64,
  toHex,
  utf8Bytes,
} from "../../codec/index.ts";
import type { Clock, Entropy, Hash } from "../../crypto/index.ts";
import type { CloudErrorCode } from "../errors.ts";

/** What a device gets for its certificate, good until `expiresAt` (milliseconds since 1970, on a whole second). */
export type TemporaryCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
};

/** What a session token that is ours stands for. */
export type TemporaryKey = {
  readonly certificateId: string;
  readonly secretAccessKey: string;
  readonly expiresAt: number;
};

export type SealPorts = { readonly clock: Clock; readonly entropy: Entropy; readonly hash: Hash };

/** Another prefix than the operators' keys have: who signs with one of these is known from the first look. */
const PREFIX = "HWST";
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Version, certificate id, expiry in seconds, salt. With the MAC they make 90 bytes: base64 without padding. */
const VERSION = 1;
const EXPIRES_AT = 33;
const SALT_AT = 41;
const PAYLOAD = 58;
const TOKEN = 90;
const TOKEN_CHARACTERS = (TOKEN / 3) * 4;

/**
 * Temporary access keys that nobody keeps: the session token says whose they are and until when, under a MAC; id and
 * secret are derived from it. Whoever has the sealing key can make them, so it stays in the data directory.
 */
export class TemporaryKeySeal {
  readonly #key: Uint8Array;
  readonly #ports: SealPorts;

  /** `key` has 32 bytes. */
  constructor(key: Uint8Array, ports: SealPorts) {
    this.#key = key;
    this.#ports = ports;
  }

  /** Credentials of a certificate, whose id is 64 hex digits. */
  issue(certificateId: string, seconds: number): TemporaryCredentials {
    const { clock, entropy } = this.#ports;
    const expiresS = Math.floor(clock.now() / 1000) + seconds;
    const payload = new Uint8Array(PAYLOAD);
    payload[0] = VERSION;
    payload.set(fromHex(certificateId), 1);
    new DataView(payload.buffer).setBigUint64(EXPIRES_AT, BigInt(expiresS));
    payload.set(entropy.bytes(PAYLOAD - SALT_AT), SALT_AT);
    const sessionToken = toBase64(concat(payload, this.#mac("token", payload)));
    return { ...this.#derived(payload), sessionToken, expiresAt: expiresS * 1000 };
  }

  /** Whether an access key id looks like one of these. */
  owns(accessKeyId: string): boolean {
    return accessKeyId.startsWith(PREFIX);
  }

  /** The key behind an id and its session token. Throws `Denied`: `session-token`, `session-expired`. */
  open(accessKeyId: string, sessionToken: string | undefined): TemporaryKey {
    if (sessionToken === undefined) throw wrongToken(`${accessKeyId} is temporary and came without its session token`);
    const bytes = tokenBytes(sessionToken);
    const payload = bytes?.subarray(0, PAYLOAD);
    if (!bytes || !payload || !sameBytes(bytes.subarray(PAYLOAD), this.#mac("token", payload))) {
      throw wrongToken("the session token is not one of this cloud");
    }
    const { accessKeyId: own, secretAccessKey } = this.#derived(payload);
    if (!sameBytes(utf8Bytes(own), utf8Bytes(accessKeyId))) {
      throw wrongToken(`the session token belongs to another access key than ${accessKeyId}`);
    }
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const expiresAt = Number(view.getBigUint64(EXPIRES_AT)) * 1000;
    if (this.#ports.clock.now() >= expiresAt) {
      const message = `The security token included in the request is expired: since ${isoSecond(expiresAt)}`;
      throw new Denied<CloudErrorCode>("session-expired", message);
    }
    return { certificateId: toHex(payload.subarray(1, EXPIRES_AT)), secretAccessKey, expiresAt };
  }

  #derived(payload: Uint8Array): { readonly accessKeyId: string; readonly secretAccessKey: string } {
    const id = [...this.#mac("id", payload).subarray(0, 16)].map((byte) => BASE32[byte % 32]).join("");
    return { accessKeyId: PREFIX + id, secretAccessKey: toBase64(this.#mac("secret", payload).subarray(0, 30)) };
  }

  /** Purposes have different lengths and none begins another: no two inputs are alike. RFC 2104 */
  #mac(purpose: "token" | "id" | "secret", payload: Uint8Array): Uint8Array {
    return this.#ports.hash.hmac("sha256", this.#key, concat(utf8Bytes(`hawser temporary key ${purpose} `), payload));
  }
}

/** A time in UTC as the credential provider writes it, to the second. */
export function isoSecond(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, "");
}

function tokenBytes(token: string): Uint8Array | undefined {
  if (token.length !== TOKEN_CHARACTERS) return undefined;
  try {
    const bytes = fromBase64(token);
    return bytes.length === TOKEN && bytes[0] === VERSION ? bytes : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function wrongToken(what: string): Denied<CloudErrorCode> {
  return new Denied("session-token", `The security token included in the request is invalid: ${what}`);
}
