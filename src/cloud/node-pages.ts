import { HawserError } from "../codec/index.ts";
import type { Ledger } from "../trace/index.ts";
import {
  type ApiResponse,
  type Exchange,
  type PageHandlers,
  type RequestHead,
  bytesPage,
  jsonPage,
  openApiText,
  pageExchange,
  textPage,
} from "./operations/index.ts";
import type { ControlPlane } from "./api/index.ts";
import { serveApi, type ApiServer } from "./api/node.ts";
import type { Broker } from "./broker/index.ts";
import type { ServerTls } from "./broker/node.ts";
import type { Functions } from "./functions/index.ts";
import type { Closing } from "./node-closing.ts";
import { operatorPages, readiness } from "./observe/index.ts";
import { openMetrics } from "./observe/node.ts";
import { nextNumber, type Registry } from "./registry/index.ts";
import { revocationPages, type IssuedStatus, type Revocations } from "./revocation/index.ts";
import type { Destinations } from "./rules/index.ts";

export type ApiListener = {
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly broker: Broker;
  readonly plane: ControlPlane;
  readonly destinations: Destinations;
  readonly functions: Pick<Functions, "codeBehind">;
  readonly issued: IssuedStatus;
  readonly revocations: Revocations;
  readonly host: string;
  readonly port: number;
  /** Without it the listener speaks HTTP. */
  readonly tls: ServerTls | undefined;
};

/** The control plane's listener, with the pages that are asked without a signature. */
export async function listenApi(parts: ApiListener, closing: Closing): Promise<ApiServer> {
  const { ledger, plane, host, port, tls } = parts;
  const handlers = pageHandlers(parts, closing);
  const api = await serveApi({
    controlPlane: plane,
    pages: (head) => confirmationPage(head, parts.destinations) ?? pageExchange(head, handlers),
    host,
    port,
    onStranger: (address, evidence) =>
      ledger.emit("cloud", { kind: "refusal", cause: "not-http", clientId: "", address, evidence }),
    ...(tls && { tls }),
  });
  closing.add(() => api.close());
  return api;
}

/** Not ready any more from the moment that everything is being closed. */
function pageHandlers(
  { ledger, registry, broker, functions, issued, revocations }: ApiListener,
  closing: Closing,
): PageHandlers {
  const metrics = openMetrics({
    ledger,
    sessions: () => broker.sessions(),
    retained: () => broker.retained,
    resources: () => registry.directory.counts,
    onPublish: (listener) => broker.onPublish(listener),
  });
  closing.add(() => metrics.close());
  const { clock, store } = registry;
  const notReady = readiness({
    clock,
    isStopping: () => closing.hasBegun,
    // A write that changes nothing would ask nothing of the disk.
    write: () => store.write((queries) => nextNumber(queries, "readiness-asked")),
  });
  const document = openApiText();
  return {
    ...operatorPages({ notReady, metrics }),
    ...revocationPages(issued, revocations),
    async FunctionCode({ label }) {
      const zip = await functions.codeBehind(label);
      if (zip) return bytesPage("application/zip", zip, "no-store");
      const cure = "run aws lambda get-function again and use its Code.Location within ten minutes";
      return jsonPage(403, { error: "the link has expired, or the code behind it has changed", cure });
    },
    OpenApi: async () => textPage(200, "application/json", document),
  };
}

const CONFIRM = "/confirmdestination/";

/**
 * The page that a destination's confirmation leads to, asked without a signature: the token is the proof.
 * Undefined for every other request. AWS IoT API, ConfirmTopicRuleDestination
 */
function confirmationPage(
  head: RequestHead,
  destinations: Pick<Destinations, "confirmTopicRuleDestination">,
): Exchange | undefined {
  const isSigned = head.headers.some(([name]) => name.toLowerCase() === "authorization") || head.query !== "";
  if (head.method !== "GET" || isSigned || !head.path.startsWith(CONFIRM)) return undefined;
  const token = head.path.slice(CONFIRM.length);
  return { bodyLimit: 0, complete: () => confirm(token, destinations), tooLarge: () => jsonPage(413, {}) };
}

async function confirm(
  confirmationToken: string,
  destinations: Pick<Destinations, "confirmTopicRuleDestination">,
): Promise<ApiResponse> {
  try {
    await destinations.confirmTopicRuleDestination({ confirmationToken });
    return jsonPage(200, { status: "ENABLED" });
  } catch (error) {
    if (error instanceof HawserError) return jsonPage(401, { message: error.message });
    throw error;
  }
}
