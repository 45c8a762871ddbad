import type { ConnectRequest } from "../broker/index.ts";
import type { AuthorizerContext } from "./invoke.ts";

/** The head of an HTTP request, as far as it can carry credentials. `query` is raw, without its question mark. */
export type HttpCredentials = {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: string;
};

/** What a client says for an authorizer: its name where it names one, and all that the authorizer may be shown. */
export type Credentials = {
  readonly authorizer: string | undefined;
  readonly signature: string | undefined;
  /** The token under the name that the authorizer gives it. */
  readonly tokenOf: (tokenKeyName: string | undefined) => string | undefined;
  readonly context: Omit<AuthorizerContext, "token" | "tokenSignature">;
};

const NAME = "x-amz-customauthorizer-name";
const SIGNATURE = "x-amz-customauthorizer-signature";

/**
 * The credentials of a CONNECT and of the HTTP request that its WebSocket began with, or of an HTTP request alone. The
 * user name holds a query string behind a question mark. AWS IoT Core, "Connecting to AWS IoT Core by using custom
 * authentication"
 */
export function credentialsOf(
  request: Pick<ConnectRequest, "peer"> & Partial<ConnectRequest>,
  http: HttpCredentials | undefined,
): Credentials {
  const { username, password, clientId, peer } = request;
  const at = username?.indexOf("?") ?? -1;
  const inUsername = pairsOf(at < 0 ? "" : (username ?? "").slice(at + 1));
  const inQuery = pairsOf(http?.query ?? "");
  const headers = new Map((http?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]));
  const find = (name: string) => inUsername.get(name) ?? headers.get(name.toLowerCase()) ?? inQuery.get(name);
  const { servername } = peer;
  const shown = username === undefined ? undefined : at < 0 ? username : username.slice(0, at);
  return {
    authorizer: find(NAME),
    signature: find(SIGNATURE),
    tokenOf: (tokenKeyName) => (tokenKeyName === undefined ? undefined : find(tokenKeyName)),
    context: {
      ...(servername !== undefined && { tls: { serverName: servername } }),
      ...(http && { http: { headers: Object.fromEntries(headers), queryString: `?${http.query}` } }),
      ...(clientId !== undefined && {
        mqtt: { ...(shown !== undefined && { username: shown }), ...(password && { password }), clientId },
      }),
    },
  };
}

/** Whether an HTTP request names an authorizer. */
export function namesAuthorizer({ headers, query }: HttpCredentials): boolean {
  return headers.some(([name]) => name.toLowerCase() === NAME) || pairsOf(query).has(NAME);
}

/** Members of a query string, percent-decoded; a plus sign is itself, as base64 needs it. */
function pairsOf(query: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const each of query.split("&")) {
    const at = each.indexOf("=");
    if (at > 0) pairs.set(decoded(each.slice(0, at)), decoded(each.slice(at + 1)));
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What is no percent-encoding is taken as it stands: it will be nobody's name or signature.
    return text;
  }
}
