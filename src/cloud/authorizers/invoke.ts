import { DecodeError, Denied, fromBase64, HawserError, parsePem, toBase64, utf8Bytes } from "../../codec/index.ts";
import type { RefusalCause } from "../../trace/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import { checkPolicyLength, parsePolicyDocument } from "../policy/index.ts";
import { iotArn, uuid, type Registry } from "../registry/index.ts";
import type { AskFunction } from "../templates/index.ts";
import type { Authorizer } from "./authorizers.ts";

/** What a client shows besides its token. */
export type AuthorizerContext = {
  readonly token?: string | undefined;
  /** Base64 of the token's signature. */
  readonly tokenSignature?: string | undefined;
  readonly tls?: { readonly serverName?: string } | undefined;
  readonly http?: { readonly headers?: Readonly<Record<string, string>>; readonly queryString?: string } | undefined;
  readonly mqtt?:
    | { readonly username?: string; readonly password?: Uint8Array; readonly clientId?: string }
    | undefined;
};

/** What an authorizer's function says of a client. */
export type Authorization = {
  readonly isAuthenticated: boolean;
  readonly principalId: string;
  readonly policyDocuments: readonly string[];
  readonly disconnectAfterInSeconds: number;
  readonly refreshAfterInSeconds: number;
};

/** A client that an authorizer does not let in, with the cause that the ledger keeps. */
export class AuthorizerRefusal extends Denied<CloudErrorCode> {
  readonly refusal: Extract<RefusalCause, "authorizer-signature" | "authorizer-denied" | "authorizer-failed">;

  constructor(refusal: AuthorizerRefusal["refusal"], message: string) {
    super("authorizer-response", message);
    this.refusal = refusal;
  }
}

/** How long an authorizer's function may take. AWS IoT Core, "Custom authentication" */
const LIMIT_MS = 5000;
const MAX_DOCUMENTS = 10;

/**
 * Asks an authorizer about a client: its token's signature first, then its function, whose answer is checked. Throws
 * `AuthorizerRefusal` `authorizer-response`, and what `ask` throws. AWS IoT Core, "Custom authentication"
 */
export async function askAuthorizer(
  registry: Registry,
  ask: AskFunction,
  { authorizer, context }: { readonly authorizer: Authorizer; readonly context: AuthorizerContext },
): Promise<Authorization> {
  const { account, entropy } = registry;
  const { name, body } = authorizer;
  const signatureVerified = await isSigned(registry, authorizer, context);
  if (!body.signingDisabled && !signatureVerified)
    throw new AuthorizerRefusal("authorizer-signature", `authorizer ${name}: the token's signature is wrong`);
  const { token, tls, http, mqtt } = context;
  const given = {
    ...(tls && { tls }),
    ...(http && { http }),
    ...(mqtt && { mqtt: { ...mqtt, ...(mqtt.password && { password: toBase64(mqtt.password) }) } }),
  };
  const event = {
    ...(token !== undefined && { token }),
    signatureVerified,
    protocols: Object.keys(given),
    protocolData: given,
    connectionMetadata: { id: uuid(entropy) },
  };
  const caller = {
    service: "iot.amazonaws.com",
    sourceArn: iotArn(account, "authorizer", name),
    sourceAccount: account.id,
  };
  const answer = await ask(caller, body.functionArn, { event, limitMs: LIMIT_MS });
  return authorizationIn(registry, name, answer);
}

async function isSigned(
  { verifier }: Registry,
  { body }: Authorizer,
  { token, tokenSignature }: AuthorizerContext,
): Promise<boolean> {
  if (body.signingDisabled || token === undefined || tokenSignature === undefined) return false;
  let signature: Uint8Array;
  try {
    signature = fromBase64(tokenSignature);
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
  for (const pem of Object.values(body.publicKeys)) {
    const [block] = parsePem(pem);
    if (!block) continue;
    const check = {
      publicKey: block.bytes,
      algorithm: "rsa_pkcs1_sha256" as const,
      content: utf8Bytes(token),
      signature,
    };
    try {
      if (await verifier.verify(check)) return true;
    } catch (error) {
      // A key of another kind signs nothing here.
      if (!(error instanceof HawserError)) throw error;
    }
  }
  return false;
}

function authorizationIn({ limits }: Registry, name: string, answer: unknown): Authorization {
  if (typeof answer !== "object" || answer === null) throw wrongAnswer(`authorizer ${name} answered no object`);
  const found = answer as Partial<Record<keyof Authorization, unknown>>;
  if (typeof found.isAuthenticated !== "boolean")
    throw wrongAnswer(`authorizer ${name}: isAuthenticated must be true or false`);
  if (!found.isAuthenticated) {
    throw new AuthorizerRefusal("authorizer-denied", `authorizer ${name} did not authenticate the client`);
  }
  const { principalId, policyDocuments } = found;
  if (typeof principalId !== "string" || !/^[a-zA-Z0-9]{1,128}$/.test(principalId)) {
    throw wrongAnswer(`authorizer ${name}: principalId must be 1 to 128 letters and digits`);
  }
  if (!Array.isArray(policyDocuments) || policyDocuments.length === 0 || policyDocuments.length > MAX_DOCUMENTS) {
    throw wrongAnswer(`authorizer ${name}: policyDocuments must be a list of 1 to ${MAX_DOCUMENTS}`);
  }
  return {
    isAuthenticated: true,
    principalId,
    policyDocuments: policyDocuments.map((each: unknown) => documentIn(name, each, limits.policyCharacters)),
    disconnectAfterInSeconds: secondsIn(name, "disconnectAfterInSeconds", found.disconnectAfterInSeconds),
    refreshAfterInSeconds: secondsIn(name, "refreshAfterInSeconds", found.refreshAfterInSeconds),
  };
}

function documentIn(name: string, value: unknown, most: number): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  try {
    checkPolicyLength(text, most);
    parsePolicyDocument(text);
    return text;
  } catch (error) {
    if (!(error instanceof HawserError)) throw error;
    throw wrongAnswer(`authorizer ${name}: policyDocuments: ${error.message}`);
  }
}

function secondsIn(name: string, member: string, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 300 && value <= 86_400) return value;
  throw wrongAnswer(`authorizer ${name}: ${member} must be 300 to 86400`);
}

function wrongAnswer(message: string): AuthorizerRefusal {
  return new AuthorizerRefusal("authorizer-failed", message);
}
