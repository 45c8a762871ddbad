import { type PageHandlers, jsonPage, textPage } from "../operations/index.ts";

/** What the pages show. */
export type PageSources = {
  /** Why no traffic should come here, if so. */
  readonly notReady: () => Promise<string | undefined>;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
};

/**
 * The pages for machines that watch a cloud, asked without a signature: `/health` (the process answers), `/ready` (it
 * takes traffic and its disk takes writes) and `/metrics` (from this machine only: they tell how large a fleet is).
 */
export function operatorPages({ notReady, metrics }: PageSources): Pick<PageHandlers, "Health" | "Ready" | "Metrics"> {
  return {
    Health: async () => jsonPage(200, { status: "ok" }),
    async Ready() {
      const reason = await notReady();
      return reason === undefined ? jsonPage(200, { status: "ready" }) : jsonPage(503, { status: "not ready", reason });
    },
    async Metrics({ head }) {
      if (isOfThisMachine(head.address)) return textPage(200, metrics.contentType, await metrics.text());
      const cure = "run the collector on this machine, or let a proxy on it fetch http(s)://127.0.0.1/metrics";
      return jsonPage(403, { error: "metrics are for this machine only", cure });
    },
  };
}

function isOfThisMachine(address: string): boolean {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return plain === "::1" || plain.startsWith("127.");
}
