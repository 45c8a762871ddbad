import { fromBase64, toBase64 } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import {
  type ApiResponse,
  OPERATIONS,
  type Operation,
  errorResponseOf,
  findRoute,
  httpFor,
  readInput,
  responseOf,
} from "../operations/index.ts";
import { invalidRequest, notImplemented } from "../errors.ts";
import type { ApiCaller } from "./runtime.ts";

/** A request as an SDK inside a function makes it; `path` holds the query, `body` is base64. */
type Request = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * The same caller, which also takes whole HTTP requests under the operation name `http`: routed, read and answered as by
 * the control plane. Their signatures prove nothing and are not looked at: the descriptor that they come by says whose
 * they are, and `operations` decides what may be called.
 */
export function withHttpCalls(api: ApiCaller, operations: ApiCaller, entropy: Entropy): ApiCaller {
  return async (operation, input, identity) => {
    if (operation !== "http") return api(operation, input, identity);
    const requestId = `function-${entropy.bytes(8).toHex()}`;
    let response: ApiResponse;
    try {
      response = await answer(requestIn(input), requestId, (name, given) => operations(name, given, identity));
    } catch (error) {
      response = errorResponseOf(httpFor(error, "iot"), "iot", requestId);
    }
    const { status, headers, body } = response;
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    return { status, headers: Object.fromEntries(lower) as Record<string, string>, body: toBase64(body) };
  };
}

async function answer(
  { method, path, headers, body }: Request,
  requestId: string,
  call: (name: string, input: unknown) => Promise<unknown>,
): Promise<ApiResponse> {
  const at = path.indexOf("?");
  const [bare, query] = at < 0 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
  const route = findRoute(method, bare, "iot");
  if (route.found !== "operation") {
    throw notImplemented("name" in route ? route.name : `${method} ${bare.slice(0, 128)}`);
  }
  const { name, labels } = route;
  const row: Operation = OPERATIONS[name];
  const head = { method, path: bare, query, headers: Object.entries(headers), address: "" };
  const input = readInput(row, { ...head, body: fromBase64(body), labels });
  return responseOf(row, await call(row.name ?? name, input), requestId);
}

/** The process is untrusted: what it sends is checked before it is used. */
function requestIn(input: unknown): Request {
  const { method, path, headers, body } = (input ?? {}) as Readonly<Record<string, unknown>>;
  const isRecord = typeof headers === "object" && headers !== null && !Array.isArray(headers);
  const isText = isRecord && Object.values(headers).every((value) => typeof value === "string");
  if (typeof method === "string" && typeof path === "string" && typeof body === "string" && isText) {
    return { method, path, headers: headers as Record<string, string>, body };
  }
  throw invalidRequest("the request is no HTTP request");
}
