import { utf8Bytes } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import type { HttpError } from "./http-for.ts";
import type { ApiResponse } from "./output.ts";

/** What a member of an XML answer may be. */
export type XmlValue = string | number | { readonly [name: string]: XmlValue | undefined };

/** The members of a form, as AWS's query protocol sends its requests. Throws `UsageError` `invalid-request`. */
export function readForm(body: Uint8Array): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw invalidRequest("the body is not UTF-8", { cause });
  }
  for (const pair of text.split("&").filter(Boolean)) {
    const at = pair.indexOf("=");
    const name = decoded(at < 0 ? pair : pair.slice(0, at));
    if (found.has(name)) throw invalidRequest(`form member ${name.slice(0, 64)} is given twice`);
    found.set(name, decoded(at < 0 ? "" : pair.slice(at + 1)));
  }
  return found;
}

/** An answer of the query protocol: ACTIONResponse around ACTIONResult. */
export function xmlResponse(
  { action, namespace }: { readonly action: string; readonly namespace: string },
  result: { readonly [name: string]: XmlValue | undefined } | undefined,
  requestId: string,
): ApiResponse {
  const members = result === undefined ? "" : `<${action}Result>${xmlOf(result)}</${action}Result>`;
  const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
  return xml(200, requestId, `<${action}Response xmlns="${namespace}">${members}${metadata}</${action}Response>`);
}

/** An error of the query protocol. Its codes lack the word Exception that the other protocols add. */
export function xmlError(error: HttpError, requestId: string): ApiResponse {
  const { status, message, cure } = error;
  const Type = status < 500 ? "Sender" : "Receiver";
  const Code = QUERY_CODES[error.type] ?? error.type.replace(/Exception$/, "");
  const body = xmlOf({ Error: { Type, Code, Message: message, Cure: cure }, RequestId: requestId });
  return xml(status, requestId, `<ErrorResponse>${body}</ErrorResponse>`);
}

const QUERY_CODES: Readonly<Record<string, string>> = {
  InvalidSignatureException: "SignatureDoesNotMatch",
  UnrecognizedClientException: "InvalidClientTokenId",
  InvalidRequestException: "ValidationError",
  ResourceNotFoundException: "NoSuchEntity",
  ResourceAlreadyExistsException: "EntityAlreadyExists",
};

function xml(status: number, requestId: string, text: string): ApiResponse {
  return { status, headers: { "x-amzn-RequestId": requestId, "Content-Type": "text/xml" }, body: utf8Bytes(text) };
}

function xmlOf(members: { readonly [name: string]: XmlValue | undefined }): string {
  return Object.entries(members)
    .map(([name, value]) => (value === undefined ? "" : `<${name}>${textOf(value)}</${name}>`))
    .join("");
}

function textOf(value: XmlValue): string {
  if (typeof value === "object") return xmlOf(value);
  // What XML 1.0 cannot hold at all would make the whole answer unreadable.
  const allowed = String(value).replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
  return allowed.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw invalidRequest(`${JSON.stringify(text.slice(0, 64))} is not percent-encoded UTF-8`, { cause });
  }
}
