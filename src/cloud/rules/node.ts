import { SignatureV4 } from "@smithy/signature-v4";

import type { Clock, Hash } from "../../crypto/index.ts";
import { sha256Of } from "../api/client.ts";
import type { HttpDoor } from "./perform.ts";

export { httpSender, isPrivate, urlProblem, type HttpReach } from "./node-http-sender.ts";

/** An access key with which HTTP actions sign: not the cloud's own, since whoever is sent a signature might use it. */
export type SigningKey = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Signs requests of HTTP actions. AWS Signature Version 4 */
export function httpSigner(
  credentials: SigningKey,
  { clock, hash }: { readonly clock: Clock; readonly hash: Hash },
): NonNullable<HttpDoor["sign"]> {
  return async ({ url, headers, body }, scope) => {
    const { protocol, hostname, host, pathname, searchParams } = new URL(url);
    const signer = new SignatureV4({ credentials, ...scope, sha256: sha256Of(hash) });
    const query = Object.fromEntries(searchParams);
    const request = { method: "POST", protocol, hostname, path: pathname, query, headers: { ...headers, host }, body };
    const signed = await signer.sign(request, { signingDate: new Date(clock.now()) });
    return signed.headers;
  };
}
