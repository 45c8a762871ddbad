import { Denied, toHex } from "../../codec/index.ts";
import type { Clock, Hash } from "../../crypto/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import type { TemporaryKey } from "../temporary-keys/index.ts";
import {
  type Authorization,
  type Presigned,
  type RawRequest,
  canonicalRequest,
  equalInConstantTime,
  headerValue,
  isPresigned,
  parseAuthorization,
  parsePresigned,
  sessionTokenOf,
  signatureOf,
  stringToSign,
  withoutMembers,
} from "../operations/index.ts";

/** How far a caller's clock may be from ours. */
const SKEW_MS = 5 * 60_000;

/** Looks up the secret of an access key that may be used now. */
export type AccessKeys = { secretOf(accessKeyId: string): string | undefined };

/** Temporary credentials: good with their session token alone, and worth what their certificate is. */
export type TemporaryAccessKeys = {
  /** Whether an access key id is of this kind. */
  owns(accessKeyId: string): boolean;
  /** Throws `Denied`: `session-token`, `session-expired`. */
  open(accessKeyId: string, sessionToken: string | undefined): TemporaryKey;
};

export type AuthenticationPorts = {
  readonly accessKeys: AccessKeys;
  /** Without it nobody's temporary credentials are known. */
  readonly temporary?: TemporaryAccessKeys | undefined;
  readonly clock: Clock;
  readonly hash: Hash;
  /** The region that callers must sign for. */
  readonly region: string;
};

/** A request whose head is plausible: a known key, signed for here and now. Its signature is not checked yet. */
export type Claim = {
  readonly authorization: Authorization | Presigned;
  readonly secretAccessKey: string;
  /** Present where the credentials are temporary: the caller is a certificate, and no operator. */
  readonly temporary: TemporaryKey | undefined;
  /** YYYYMMDDTHHMMSSZ, as the caller wrote it. */
  readonly time: string;
};

/**
 * Checks everything that can be checked before the body is read, so that a stranger cannot make us read one.
 * `scopes` are the service names that the caller may have signed for, the usual one first.
 *
 * Throws `Denied`: `missing-authentication`, `incomplete-signature`, `unknown-access-key`, `wrong-scope`, `clock-skew`,
 * `session-token`, `session-expired`.
 */
export function checkHead(head: RawRequest, scopes: readonly string[], ports: AuthenticationPorts): Claim {
  const authorization = authorizationOf(head);
  if (authorization === undefined) {
    throw denied(
      "missing-authentication",
      "Missing Authentication Token: need an Authorization header or a presigned URL",
    );
  }
  if ("wrong" in authorization) throw denied("incomplete-signature", authorization.wrong);
  const unsigned = unsignedHeader(head, authorization.signedHeaders);
  if (unsigned !== undefined) throw denied("incomplete-signature", `${unsigned} must be among SignedHeaders`);
  const { secretAccessKey, temporary } = keyOf(authorization, head, ports);
  checkScope(authorization, scopes, ports.region);
  const presigned = "time" in authorization ? authorization : undefined;
  const time = presigned?.time ?? headerValue(head, "x-amz-date") ?? "";
  checkTime(time, { authorization, expiresS: presigned?.expiresS }, ports.clock);
  return { authorization, secretAccessKey, temporary, time };
}

/** An operator's key comes without a session token, a temporary one with it: neither passes for the other. */
function keyOf(
  { accessKeyId }: Authorization,
  head: RawRequest,
  { accessKeys, temporary }: AuthenticationPorts,
): Pick<Claim, "secretAccessKey" | "temporary"> {
  const token = sessionTokenOf(head);
  if (temporary?.owns(accessKeyId)) {
    const key = temporary.open(accessKeyId, token);
    return { secretAccessKey: key.secretAccessKey, temporary: key };
  }
  const secretAccessKey = accessKeys.secretOf(accessKeyId);
  if (secretAccessKey !== undefined && token === undefined) return { secretAccessKey, temporary: undefined };
  const which =
    secretAccessKey === undefined ? `no active access key ${accessKeyId}` : "it is an operator's, without a token";
  throw denied("unknown-access-key", `The security token included in the request is invalid: ${which}`);
}

/**
 * Checks the signature over the request and its body. Throws `Denied`: `body-hash-mismatch`, `signature-mismatch`.
 */
export function checkSignature(claim: Claim, request: RawRequest & { readonly body: Uint8Array }, hash: Hash): void {
  const bodyHash = toHex(hash.digest("sha256", request.body));
  const claimed = headerValue(request, "x-amz-content-sha256");
  if (claimed !== undefined && claimed !== bodyHash) {
    const message = `x-amz-content-sha256 is ${claimed.slice(0, 64)}, the body's hash is ${bodyHash}`;
    throw denied("body-hash-mismatch", message);
  }
  const { authorization, secretAccessKey, time } = claim;
  const signedOver = (query: string) => {
    const canonical = canonicalRequest({ ...request, query }, authorization.signedHeaders, bodyHash);
    return { scope: authorization.scope, time, canonical };
  };
  const isSigned = (query: string) =>
    equalInConstantTime(authorization.signature, signatureOf(hash, secretAccessKey, signedOver(query)));
  const isPresign = "time" in authorization;
  const query = isPresign ? withoutMembers(request.query, ["X-Amz-Signature"]) : request.query;
  if (isSigned(query)) return;
  // The SDKs of AWS IoT append the token to a WebSocket's URL after they have signed it; its own MAC protects it.
  const isWebSocket = isPresign && claim.temporary && authorization.scope.service === "iotdevicegateway";
  if (isWebSocket && isSigned(withoutMembers(query, ["X-Amz-Security-Token"]))) return;
  const signed = signedOver(query);
  throw denied(
    "signature-mismatch",
    "The request signature we calculated does not match the signature you provided. " +
      "Check your AWS Secret Access Key and signing method.\n\n" +
      `The Canonical String for this request should have been\n'${signed.canonical}'\n\n` +
      `The String-to-Sign should have been\n'${stringToSign(hash, signed)}'`,
  );
}

/** What a request's signature claims, from its Authorization header or, without one, from its query; undefined where it has neither. */
export function authorizationOf(head: RawRequest): Authorization | Presigned | { readonly wrong: string } | undefined {
  const header = headerValue(head, "authorization");
  if (header !== undefined) return parseAuthorization(header);
  return isPresigned(head.query) ? parsePresigned(head.query) : undefined;
}

/** What decides over a request must be signed: the host, and every header with which AWS's operations take arguments. */
function unsignedHeader(head: RawRequest, signed: readonly string[]): string | undefined {
  if (!signed.includes("host")) return "host";
  const names = head.headers.map(([name]) => name.toLowerCase());
  const absent = signed.find((name) => !names.includes(name));
  if (absent !== undefined) return `the header that the request lacks, ${absent},`;
  // Proxies add the trace id on the way, after the signature.
  return names.find((name) => /^x-amzn?-/.test(name) && name !== "x-amzn-trace-id" && !signed.includes(name));
}

function checkScope({ scope }: Authorization, scopes: readonly string[], region: string): void {
  if (!scopes.includes(scope.service)) {
    const wanted = scopes.map((each) => `'${each}'`).join(" or ");
    throw denied("wrong-scope", `Credential should be scoped to correct service: ${wanted}, not '${scope.service}'`);
  }
  // Global services are signed for where AWS keeps them, whatever region the caller is set to.
  const isGlobal = ["sts", "iam"].includes(scope.service) && scope.region === "us-east-1";
  if (scope.region === region || isGlobal) return;
  throw denied("wrong-scope", `Credential should be scoped to a valid region: '${region}', not '${scope.region}'`);
}

/** A presigned request is good from its date on, for as long as it says. */
function checkTime(
  time: string,
  {
    authorization: { scope },
    expiresS,
  }: { readonly authorization: Authorization; readonly expiresS: number | undefined },
  clock: Clock,
): void {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(time)?.slice(1).map(Number);
  if (!parts) throw denied("incomplete-signature", "X-Amz-Date must be YYYYMMDDTHHMMSSZ");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (!time.startsWith(`${scope.date}T`)) {
    throw denied(
      "wrong-scope",
      `Date in Credential scope does not match YYYYMMDD from X-Amz-Date: ${scope.date}, ${time}`,
    );
  }
  const now = clock.now();
  const skew = Date.UTC(year, month - 1, day, hour, minute, second) - now;
  if (skew <= SKEW_MS && -skew <= (expiresS === undefined ? SKEW_MS : expiresS * 1000)) return;
  if (skew < 0 && expiresS !== undefined) {
    throw denied("clock-skew", `Signature expired: ${time} is more than its ${expiresS} s before ${compactTime(now)}`);
  }
  const edge = compactTime(now - Math.sign(-skew) * SKEW_MS);
  const message =
    skew < 0
      ? `Signature expired: ${time} is now earlier than ${edge} (${compactTime(now)} - 5 min.)`
      : `Signature not yet current: ${time} is still later than ${edge} (${compactTime(now)} + 5 min.)`;
  throw denied("clock-skew", `${message}; check the clocks of both machines`);
}

function compactTime(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}

function denied(code: CloudErrorCode, message: string): Denied<CloudErrorCode> {
  return new Denied(code, message);
}
