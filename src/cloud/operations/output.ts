import { utf8Bytes } from "../../codec/index.ts";
import type { HttpError } from "./http-for.ts";
import type { Operation, ServiceName } from "./operation.ts";
import { jsonBytes } from "./input.ts";

/** A response as the HTTP server writes it. */
export type ApiResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

const JSON_TYPE = "application/json";

/** A result as the table says that it travels. An operation without a result answers with an empty body. */
export function responseOf({ output }: Operation, result: unknown, requestId: string): ApiResponse {
  const members = new Map(Object.entries((result ?? {}) as Record<string, unknown>));
  const take = (name: string): unknown => {
    const value = members.get(name);
    members.delete(name);
    return value;
  };
  const headers: Record<string, string> = { "x-amzn-RequestId": requestId };
  const status = output.statusMember === undefined ? output.status : (take(output.statusMember) as number);
  for (const [name, wire] of Object.entries(output.headers ?? {})) {
    const value = take(name);
    if (typeof value === "string") headers[wire] = value;
  }
  if (output.payload) {
    const body = (take(output.payload.member) as Uint8Array | undefined) ?? new Uint8Array(0);
    return { status, headers: { ...headers, "Content-Type": output.payload.contentType }, body };
  }
  if (result === undefined) return { status, headers, body: new Uint8Array(0) };
  const isWhole = output.statusMember === undefined && output.headers === undefined;
  const body = jsonBytes(isWhole ? result : Object.fromEntries(members));
  return { status, headers: { ...headers, "Content-Type": JSON_TYPE }, body };
}

/** AWS's error envelope: the name in a header, the message in the body; Lambda's has its own members besides. */
export function errorResponseOf(error: HttpError, service: ServiceName, requestId: string): ApiResponse {
  const { status, type, message, cure, members } = error;
  const lambda = service === "lambda" ? { Type: status < 500 ? "User" : "Service", Message: message } : {};
  const headers = { "x-amzn-RequestId": requestId, "x-amzn-ErrorType": type, "Content-Type": JSON_TYPE };
  return { status, headers, body: utf8Bytes(JSON.stringify({ message, ...lambda, ...members, cure })) };
}
