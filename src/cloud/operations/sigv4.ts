import { sameBytes, toHex, utf8Bytes } from "../../codec/index.ts";
import type { Hash } from "../../crypto/index.ts";

/**
 * AWS Signature Version 4 as a verifier needs it: the canonical form of a request as it came, and the signature over it.
 * "AWS General Reference, Signature Version 4 signing process"
 */

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Date (YYYYMMDD), region and service that a signature is good for. */
export type CredentialScope = { readonly date: string; readonly region: string; readonly service: string };

/** The parts of an Authorization header. Header names are lower-case and in order. */
export type Authorization = {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
};

/** A request as it stood on the wire: nothing decoded, nothing normalised, headers in order with their repetitions. */
export type RawRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
};

const FIELDS = /^AWS4-HMAC-SHA256 +(.*)$/;
const CREDENTIAL = /^([\w-]{1,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([A-Za-z0-9-]{1,64})\/aws4_request$/;
const MAX_SIGNED_HEADERS = 64;

/** Reads an Authorization header, or says what is wrong with it. */
export function parseAuthorization(header: string): Authorization | { readonly wrong: string } {
  const fields = FIELDS.exec(header)?.[1];
  if (fields === undefined) return { wrong: `Authorization must begin with ${ALGORITHM}` };
  const values = new Map(fields.split(",").map((field) => splitAt(field.trim(), "=")));
  const credential = CREDENTIAL.exec(values.get("Credential") ?? "");
  if (!credential) return { wrong: "Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request" };
  const signature = values.get("Signature") ?? "";
  if (!/^[0-9a-f]{64}$/.test(signature)) return { wrong: "Signature must be 64 lower-case hex digits" };
  const signedHeaders = (values.get("SignedHeaders") ?? "").split(";");
  if (signedHeaders.length > MAX_SIGNED_HEADERS || !signedHeaders.every(isRising)) {
    return { wrong: "SignedHeaders must be lower-case names in order, separated by semicolons" };
  }
  const [, accessKeyId = "", date = "", region = "", service = ""] = credential;
  return { accessKeyId, scope: { date, region, service }, signedHeaders, signature };
}

/** A signature that travels in the query: how long it is good, and the time that it was made. */
export type Presigned = Authorization & { readonly time: string; readonly expiresS: number };

/** The query members that make a request a presigned one. */
export const PRESIGNED_MEMBERS: readonly string[] = [
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Date",
  "X-Amz-Expires",
  "X-Amz-SignedHeaders",
  "X-Amz-Signature",
  "X-Amz-Security-Token",
];

/** Seven days. */
const MAX_EXPIRES_S = 604_800;

const WEBSOCKET_EXPIRES_S = 300;

/** A presigned query without some members: the signature does not sign itself. */
export function withoutMembers(query: string, names: readonly string[]): string {
  return query
    .split("&")
    .filter((pair) => !names.includes(percentDecode(splitAt(pair, "=")[0])))
    .join("&");
}

/** The session token that came with a request: where its signature is. */
export function sessionTokenOf(request: Pick<RawRequest, "headers" | "query">): string | undefined {
  const inHeader = headerValue(request, "x-amz-security-token");
  return inHeader ?? queryPairs(request.query).find(([name]) => name === "X-Amz-Security-Token")?.[1];
}

/** Whether a query holds a signature. */
export function isPresigned(query: string): boolean {
  return queryPairs(query).some(([name]) => name === "X-Amz-Signature");
}

/** Reads the signature in a query, or says what is wrong with it. */
export function parsePresigned(query: string): Presigned | { readonly wrong: string } {
  const pairs = queryPairs(query);
  const twice = PRESIGNED_MEMBERS.find((name) => pairs.filter(([each]) => each === name).length > 1);
  if (twice !== undefined) return { wrong: `${twice} is given twice` };
  const values = new Map(pairs);
  const of = (name: string) => values.get(`X-Amz-${name}`) ?? "";
  if (of("Algorithm") !== ALGORITHM) return { wrong: `X-Amz-Algorithm must be ${ALGORITHM}` };
  // The URL of a WebSocket need not say how long it is good for: it is used at once.
  const isWebSocket = of("Credential").split("/")[3] === "iotdevicegateway";
  const given = isWebSocket && !values.has("X-Amz-Expires") ? String(WEBSOCKET_EXPIRES_S) : of("Expires");
  const expiresS = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (expiresS < 1 || expiresS > MAX_EXPIRES_S) {
    return { wrong: `X-Amz-Expires must be a number of seconds from 1 to ${MAX_EXPIRES_S}` };
  }
  const fields = `Credential=${of("Credential")}, SignedHeaders=${of("SignedHeaders")}, Signature=${of("Signature")}`;
  const parsed = parseAuthorization(`${ALGORITHM} ${fields}`);
  return "wrong" in parsed ? parsed : { ...parsed, time: of("Date"), expiresS };
}

/** Each name a token, and strictly after the one before it: the order is part of what is signed. */
function isRising(name: string, i: number, names: readonly string[]): boolean {
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && (i === 0 || (names[i - 1] ?? "") < name);
}

/**
 * The canonical request over exactly the given headers. The path is encoded once more as it stands, dots and slashes
 * untouched: what is routed is what was signed.
 */
export function canonicalRequest(request: RawRequest, signedHeaders: readonly string[], bodyHash: string): string {
  const headers = signedHeaders.map((name) => `${name}:${headerValue(request, name) ?? ""}\n`).join("");
  const path = request.path.split("/").map(percentEncode).join("/");
  const query = canonicalQuery(request.query);
  return `${request.method}\n${path}\n${query}\n${headers}\n${signedHeaders.join(";")}\n${bodyHash}`;
}

/** What the signing key signs. `time` is YYYYMMDDTHHMMSSZ. */
export function stringToSign(hash: Hash, { scope, time, canonical }: ToSign): string {
  const digest = toHex(hash.digest("sha256", utf8Bytes(canonical)));
  return `${ALGORITHM}\n${time}\n${scope.date}/${scope.region}/${scope.service}/aws4_request\n${digest}`;
}

export type ToSign = { readonly scope: CredentialScope; readonly time: string; readonly canonical: string };

/** The signature, 64 hex digits. */
export function signatureOf(hash: Hash, secretAccessKey: string, { scope, time, canonical }: ToSign): string {
  const mac = (key: Uint8Array, text: string) => hash.hmac("sha256", key, utf8Bytes(text));
  const dateKey = mac(utf8Bytes(`AWS4${secretAccessKey}`), scope.date);
  const signingKey = mac(mac(mac(dateKey, scope.region), scope.service), "aws4_request");
  return toHex(mac(signingKey, stringToSign(hash, { scope, time, canonical })));
}

/** All values of a header, trimmed, inner runs of spaces made one, joined by commas; undefined where there is none. */
export function headerValue(request: Pick<RawRequest, "headers">, name: string): string | undefined {
  const values = request.headers.filter(([each]) => each.toLowerCase() === name);
  if (values.length === 0) return undefined;
  return values.map(([, value]) => value.trim().replace(/ +/g, " ")).join(",");
}

/** Whether two texts are the same, in a time that tells nothing about where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  return sameBytes(utf8Bytes(a), utf8Bytes(b));
}

/** Names and values in the one canonical encoding, sorted by code point. */
function canonicalQuery(query: string): string {
  return queryPairs(query)
    .map((pair) => pair.map(percentEncode) as [string, string])
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function queryPairs(query: string): [string, string][] {
  if (query === "") return [];
  return query.split("&").map((pair) => splitAt(pair, "=").map(percentDecode) as [string, string]);
}

/** Everything but the unreserved characters of RFC 3986, section 2.3, as UTF-8 in upper-case hex. */
function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Percent-decoded text; a text that does not decode stands for itself, as it does where it is routed. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
