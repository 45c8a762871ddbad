import { credentialSeconds } from "../api/index.ts";
import { type RequestHead, headerValue } from "../operations/index.ts";
import type { Admission, Authority, Peer } from "../broker/index.ts";
import { invalidRequest } from "../errors.ts";
import { iotArn, type Registry } from "../registry/index.ts";
import type { TemporaryCredentials, TemporaryKeySeal } from "../temporary-keys/index.ts";

/** What trades a client certificate for temporary credentials, in the order in which it is asked. */
export type CredentialProvider = {
  /** Decides about a connection's certificate. Nothing else counts: credentials must not outlive a token that led to them. */
  readonly authorize: (peer: Peer) => Promise<Admission>;
  /** How long the credentials for a role alias last. Rejects with `NotFound`. */
  readonly seconds: (roleAlias: string) => Promise<number>;
  /** Evidence that a thing is not attached to the certificate; undefined where it is, or where none is named. */
  readonly thingRefusal: (authority: Authority, thingName: string | undefined) => Evidence | undefined;
  readonly issue: (authority: Authority, seconds: number) => TemporaryCredentials;
};

type Evidence = Readonly<Record<string, string>>;

/** The credential provider of a registry, over the gate that decides about certificates. */
export function credentialProvider(
  registry: Registry,
  seal: TemporaryKeySeal,
  authorize: CredentialProvider["authorize"],
): CredentialProvider {
  const { directory, account } = registry;
  return {
    authorize,
    seconds: (roleAlias) => credentialSeconds(registry, roleAlias),
    thingRefusal({ principalId }, thingName) {
      const things = directory.certificate(principalId)?.things ?? [];
      if (thingName === undefined || things.includes(thingName)) return undefined;
      const ids = { certificateId: principalId, certificateArn: iotArn(account, "cert", principalId) };
      return { thing: thingName, attached: things.slice(0, 10).join(", "), ...ids };
    },
    issue: ({ principalId }, seconds) => seal.issue(principalId, seconds),
  };
}

const CREDENTIALS = /^\/role-aliases\/([^/]+)\/credentials$/;
const ROLE_ALIAS = /^[\w=,@-]{1,128}$/;
const THING_NAME = /^[\w:-]{1,128}$/;

/** Whether a request is for the credential provider. AWS IoT Core, "Authorizing direct calls to AWS services" */
export function asksForCredentials({ method, path }: Pick<RequestHead, "method" | "path">): boolean {
  return method === "GET" && CREDENTIALS.test(path);
}

/** What such a request asks for. Throws `UsageError` `invalid-request`. */
export function credentialRequest(head: RequestHead): {
  readonly roleAlias: string;
  readonly thingName: string | undefined;
} {
  const roleAlias = decoded(CREDENTIALS.exec(head.path)?.[1] ?? "");
  if (!ROLE_ALIAS.test(roleAlias)) throw invalidRequest(`roleAlias must match ${ROLE_ALIAS.source}`);
  const thingName = headerValue(head, "x-amzn-iot-thingname");
  if (thingName !== undefined && !THING_NAME.test(thingName)) {
    throw invalidRequest(`x-amzn-iot-thingname must match ${THING_NAME.source}`);
  }
  return { roleAlias, thingName };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
