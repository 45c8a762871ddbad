import { type Json, UsageError } from "../../codec/index.ts";
import { invalidRequest, type CloudErrorCode } from "../errors.ts";
import type { AccountLimits } from "../registry/index.ts";
import { isObject, type JsonObject, type StateChange } from "./document.ts";

/** What an update says. `state` also stands in its answer as it was asked. */
export type UpdateRequest = {
  readonly state: StateChange;
  readonly version: number | undefined;
  readonly clientToken: string | undefined;
};

/** AWS IoT Core, "Device Shadow service documents", clientToken */
const CLIENT_TOKEN_BYTES = 64;

/** Bounds of one shadow. AWS IoT Core quotas, Device Shadow service */
export type ShadowLimits = Pick<
  AccountLimits,
  "shadowBytes" | "shadowDepth" | "shadowRequests" | "shadowRequestsPerSecond"
>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a request state document. Throws `UsageError` `invalid-request`, `shadow-encoding` or `body-too-large`, whose
 * messages are AWS's. AWS IoT Core, "Device Shadow error messages"
 */
export function readUpdate(payload: Uint8Array, { shadowBytes, shadowDepth }: ShadowLimits): UpdateRequest {
  if (payload.length > shadowBytes) throw tooLarge();
  const request = jsonOf(payload);
  if (!isObject(request)) throw invalidRequest("Invalid JSON");
  const clientToken = tokenIn(request);
  const { state, version } = request;
  if (!Object.hasOwn(request, "state") || state === undefined) throw invalidRequest("Missing required node: state");
  if (version !== undefined && version !== null && !(Number.isSafeInteger(version) && Number(version) >= 0)) {
    throw invalidRequest("Invalid version");
  }
  return {
    state: changeIn(state, shadowDepth),
    version: typeof version === "number" ? version : undefined,
    clientToken,
  };
}

/** The client token of a request that may say nothing else. Throws as `readUpdate` does. */
export function readToken(payload: Uint8Array, { shadowBytes }: ShadowLimits): string | undefined {
  if (payload.length > shadowBytes) throw tooLarge();
  if (payload.length === 0) return undefined;
  const request = jsonOf(payload);
  if (!isObject(request)) throw invalidRequest("Invalid JSON");
  return tokenIn(request);
}

/** The client token of a request that is refused, if it can be made out. */
export function tokenOfRefused(payload: Uint8Array, limits: ShadowLimits): string | undefined {
  try {
    return readToken(payload, limits);
  } catch {
    // What is wrong with the request is told already.
    return undefined;
  }
}

/** Throws where a shadow's state is larger than it may be; its metadata does not count. */
export function checkSize(state: Json, { shadowBytes }: ShadowLimits): void {
  if (new TextEncoder().encode(JSON.stringify(state)).length > shadowBytes) throw tooLarge();
}

function jsonOf(payload: Uint8Array): Json {
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch (cause) {
    const message = "Unsupported documented encoding; supported encoding is UTF-8";
    throw new UsageError<CloudErrorCode>("shadow-encoding", message, { cause });
  }
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw invalidRequest("Invalid JSON", { cause });
  }
}

function tokenIn({ clientToken }: JsonObject): string | undefined {
  if (clientToken === undefined || clientToken === null) return undefined;
  if (typeof clientToken !== "string") throw invalidRequest("Invalid clientToken");
  if (new TextEncoder().encode(clientToken).length > CLIENT_TOKEN_BYTES) throw invalidRequest("Invalid clientToken");
  return clientToken;
}

function changeIn(state: Json, most: number): StateChange {
  if (state === null) return null;
  if (!isObject(state)) throw invalidRequest("State node must be an object");
  for (const [name, half] of Object.entries(state)) {
    if (name !== "desired" && name !== "reported")
      throw invalidRequest(`State contains an invalid node: '${name.slice(0, 64)}'`);
    if (half === null) continue;
    if (!isObject(half)) throw invalidRequest(`${name === "desired" ? "Desired" : "Reported"} node must be an object`);
    checkLevels(half, { levels: most, most });
  }
  return state;
}

/** Bounds the depth before anything else looks inside. Lists hold no null: it would delete an element, which has no name. */
function checkLevels(
  value: Json,
  { levels, most }: { readonly levels: number; readonly most: number },
  isInList = false,
): void {
  if (value === null && isInList) throw invalidRequest("State contains an invalid node: null in a list");
  if (typeof value !== "object" || value === null) return;
  if (levels === 0 && Object.keys(value).length > 0)
    throw invalidRequest(`JSON contains too many levels of nesting; maximum is ${most}`);
  const inList = isInList || Array.isArray(value);
  for (const each of Object.values(value)) checkLevels(each, { levels: levels - 1, most }, inList);
}

function tooLarge(): UsageError<CloudErrorCode> {
  return new UsageError("body-too-large", "The payload exceeds the maximum size allowed");
}
