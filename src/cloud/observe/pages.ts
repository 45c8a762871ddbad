import { utf8Bytes } from "../../codec/index.ts";
import type { ApiResponse, RequestHead } from "../api/index.ts";

/** What the pages show. */
export type PageSources = {
  /** Why no traffic should come here, if so. */
  readonly notReady: () => Promise<string | undefined>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
};

/**
 * The pages for machines that watch a cloud, asked without a signature: `/health` (the process answers), `/ready` (it
 * takes traffic and its disk takes writes) and `/metrics` (from this machine only: they tell how large a fleet is).
 * Undefined for every other request.
 */
export function operatorPage(head: RequestHead, sources: PageSources): Promise<ApiResponse> | undefined {
  const page = PAGES[head.path];
  if (!page || (head.method !== "GET" && head.method !== "HEAD")) return undefined;
  return page(head, sources);
}

type Page = (head: RequestHead, sources: PageSources) => Promise<ApiResponse>;

const PAGES: Readonly<Record<string, Page>> = {
  __proto__: null as never,
  "/health": async () => json(200, { status: "ok" }),
  async "/ready"(_, { notReady }) {
    const reason = await notReady();
    return reason === undefined ? json(200, { status: "ready" }) : json(503, { status: "not ready", reason });
  },
  async "/metrics"({ address }, { metrics }) {
    if (isOfThisMachine(address)) return answer(200, metrics.contentType, await metrics.text());
    const cure = "run the collector on this machine, or let a proxy on it fetch http(s)://127.0.0.1/metrics";
    return json(403, { error: "metrics are for this machine only", cure });
  },
};

function isOfThisMachine(address: string): boolean {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return plain === "::1" || plain.startsWith("127.");
}

function json(status: number, value: object): ApiResponse {
  return answer(status, "application/json", `${JSON.stringify(value)}\n`);
}

function answer(status: number, type: string, text: string): ApiResponse {
  return { status, headers: { "Content-Type": type, "Cache-Control": "no-store" }, body: utf8Bytes(text) };
}
