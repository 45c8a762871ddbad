import { utf8Bytes } from "../../codec/index.ts";
import type { Exchange, RequestHead } from "./exchange.ts";
import type { ApiResponse } from "./output.ts";
import { record, string, type Shape } from "./shape.ts";

/** One answer of a page, for its document. */
export type PageAnswer = {
  readonly description: string;
  readonly contentType: string;
  /** What a JSON body is. */
  readonly shape?: Shape<unknown>;
};

/** A page that is asked without a signature: what routes it and what describes it. */
export type PublicPage = {
  readonly summary: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** Path with at most one `{label}`, its last segment; `{label+}` takes all that is left. */
  readonly path: string;
  /** What a POST carries. */
  readonly requestType?: string;
  readonly answers: Readonly<Record<number, PageAnswer>>;
};

const JSON_TYPE = "application/json";
const STATE = record({ status: string() }, ["status"]);
const REASON = record({ status: string(), reason: string() }, ["status", "reason"]);
const REFUSAL = record({ error: string(), cure: string() }, ["error", "cure"]);

const OCSP_ANSWER = {
  description: "An OCSP response, DER; also where it says why there is no answer.",
  contentType: "application/ocsp-response",
};

/** All pages that need no signature, beside those of AWS's own paths. */
export const PUBLIC_PAGES = {
  Health: {
    summary: "Whether the process answers.",
    methods: ["GET"],
    path: "/health",
    answers: { 200: { description: "It does.", contentType: JSON_TYPE, shape: STATE } },
  },
  Ready: {
    summary: "Whether traffic should come here: it is not stopping, and its disk takes writes.",
    methods: ["GET"],
    path: "/ready",
    answers: {
      200: { description: "It should.", contentType: JSON_TYPE, shape: STATE },
      503: { description: "It should not, and why.", contentType: JSON_TYPE, shape: REASON },
    },
  },
  Metrics: {
    summary: "Metrics for Prometheus, for callers of this machine alone: they tell how large a fleet is.",
    methods: ["GET"],
    path: "/metrics",
    answers: {
      200: { description: "The metrics.", contentType: "text/plain; version=0.0.4; charset=utf-8" },
      403: { description: "The caller is on another machine.", contentType: JSON_TYPE, shape: REFUSAL },
    },
  },
  OpenApi: {
    summary: "This document.",
    methods: ["GET"],
    path: "/hawser/v1/openapi.json",
    answers: { 200: { description: "OpenAPI 3.1.", contentType: JSON_TYPE } },
  },
  Ocsp: {
    summary: "OCSP for the certificates that the cloud's own CA issued. RFC 6960.",
    methods: ["POST"],
    path: "/hawser/v1/ocsp",
    requestType: "application/ocsp-request",
    answers: { 200: OCSP_ANSWER },
  },
  OcspByPath: {
    summary: "The same with the request in the path, in base64, so that answers can be cached.",
    methods: ["GET"],
    path: "/hawser/v1/ocsp/{request+}",
    answers: { 200: OCSP_ANSWER },
  },
  RevocationList: {
    summary: "A CRL by the id of its CA: the cloud's own, or a registered CA whose list was uploaded.",
    methods: ["GET"],
    path: "/hawser/v1/crl/{file}",
    answers: {
      200: {
        description: "The list, DER. The file is called CERTIFICATE_ID.crl.",
        contentType: "application/pkix-crl",
      },
      404: { description: "There is none.", contentType: JSON_TYPE, shape: REFUSAL },
    },
  },
  FunctionCode: {
    summary: "The zip of a function, by the link that GetFunction gave less than ten minutes ago.",
    methods: ["GET"],
    path: "/hawser/v1/function-code/{link}",
    answers: {
      200: { description: "The zip as it was uploaded.", contentType: "application/zip" },
      403: { description: "The link is not one of ours, or has expired.", contentType: JSON_TYPE, shape: REFUSAL },
    },
  },
  IssuerCertificate: {
    summary: "The certificate of the CA with which the cloud itself issues device certificates.",
    methods: ["GET"],
    path: "/hawser/v1/issuer.crt",
    answers: { 200: { description: "The certificate, DER.", contentType: "application/pkix-cert" } },
  },
} as const satisfies Readonly<Record<string, PublicPage>>;

export type PageName = keyof typeof PUBLIC_PAGES;

/** What a page's handler is given; `label` is the decoded end of the path where the page has one, else empty. */
export type PageRequest = { readonly head: RequestHead; readonly label: string; readonly body: Uint8Array };

export type PageHandlers = { readonly [Name in PageName]: (request: PageRequest) => Promise<ApiResponse> };

/** What pages are asked with: an OCSP request about many certificates is far smaller. */
const BODY_LIMIT = 64 * 1024;

/** How a request for a page is answered; undefined for every request that is for none. A HEAD is a GET here. */
export function pageExchange(head: RequestHead, handlers: PageHandlers): Exchange | undefined {
  const method = head.method === "HEAD" ? "GET" : head.method;
  for (const [name, page] of Object.entries<PublicPage>(PUBLIC_PAGES)) {
    const label = page.methods.some((each) => each === method) ? labelOf(page, head.path) : undefined;
    if (label === undefined) continue;
    return {
      bodyLimit: BODY_LIMIT,
      complete: (body) => handlers[name as PageName]({ head, label, body }),
      tooLarge: () => jsonPage(413, { error: `the body is larger than ${BODY_LIMIT} bytes`, cure: "ask less at once" }),
    };
  }
  return undefined;
}

/** A page of JSON that no cache keeps. */
export function jsonPage(status: number, value: object): ApiResponse {
  return textPage(status, JSON_TYPE, `${JSON.stringify(value)}\n`);
}

/** A page of text that no cache keeps. */
export function textPage(status: number, contentType: string, text: string): ApiResponse {
  return { status, headers: { "Content-Type": contentType, "Cache-Control": "no-store" }, body: utf8Bytes(text) };
}

/** A page of bytes, with what caches may do with it. */
export function bytesPage(contentType: string, body: Uint8Array, caching: string): ApiResponse {
  return { status: 200, headers: { "Content-Type": contentType, "Cache-Control": caching }, body };
}

/** The end of a path that a page's label takes, decoded; empty where it has none; undefined for other paths. */
function labelOf({ path }: PublicPage, asked: string): string | undefined {
  const at = path.indexOf("{");
  if (at < 0) return asked === path ? "" : undefined;
  const label = asked.slice(at);
  if (!asked.startsWith(path.slice(0, at)) || label === "") return undefined;
  if (!path.endsWith("+}") && label.includes("/")) return undefined;
  try {
    return decodeURIComponent(label);
  } catch {
    return undefined;
  }
}
