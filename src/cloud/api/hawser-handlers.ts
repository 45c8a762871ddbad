import { utf8Bytes } from "../../codec/index.ts";
import type { EventFilter, TraceEvent } from "../../trace/index.ts";
import { invalidRequest } from "../errors.ts";
import type { Registry } from "../registry/index.ts";
import type { ENDPOINT_OPERATIONS, HAWSER_OPERATIONS, HandlersOf, StatusResult, Why } from "../operations/index.ts";

/** Reads back what happened: matching events, oldest first, at most `limit` of the newest. */
export type LedgerReader = { events(filter: EventFilter, limit: number): Promise<readonly TraceEvent[]> };

type Names = Exclude<keyof typeof HAWSER_OPERATIONS, "FunctionLogs"> | keyof typeof ENDPOINT_OPERATIONS;

const DEFAULT_EVENTS = 1000;

/** What AWS has no word for, and the endpoint, which is a fact about this server. */
export function hawserHandlers(services: {
  readonly registry: Registry;
  readonly why: Why;
  readonly ledger: LedgerReader;
  readonly dataEndpoint: string;
  readonly rootCertificate: string;
  readonly traffic: () => Pick<StatusResult, "sessions" | "listeners">;
}): HandlersOf<Names> {
  const { registry, why, ledger, dataEndpoint, rootCertificate, traffic } = services;
  const { account, accessKeys, clock, directory } = registry;
  const startedAt = Math.floor(clock.now());
  return {
    async Status() {
      const uptimeS = Math.floor((clock.now() - startedAt) / 1000);
      const { id: accountId, region } = account;
      return { accountId, region, startedAt, uptimeS, counts: directory.counts, ...traffic() };
    },
    async Ledger({ kinds, limit = DEFAULT_EVENTS, ...filter }) {
      const events = await ledger.events({ ...filter, ...(kinds === undefined ? {} : kindsOf(kinds)) }, limit);
      return { lines: utf8Bytes(events.map((event) => `${JSON.stringify(event)}\n`).join("")) };
    },
    RootCertificate: async () => ({ pem: utf8Bytes(rootCertificate) }),
    ListAccessKeys: async () => ({ accessKeys: await accessKeys.list() }),
    CreateAccessKey: () => accessKeys.create(),
    UpdateAccessKey: ({ accessKeyId, status }) => accessKeys.setStatus(accessKeyId, status),
    DeleteAccessKey: ({ accessKeyId }) => accessKeys.delete(accessKeyId),
    Why: ({ subject }) => why.explain(subject),
    async DescribeEndpoint({ endpointType = "iot:Data-ATS" }) {
      if (ENDPOINT_TYPES.includes(endpointType)) return { endpointAddress: dataEndpoint };
      const types = ENDPOINT_TYPES.join(" or ");
      throw invalidRequest(`endpointType must be ${types}, not ${JSON.stringify(endpointType)}`);
    },
  };
}

/** One host for all of them, the retired ones too, which older tutorials still ask for. AWS IoT API, DescribeEndpoint */
const ENDPOINT_TYPES: readonly string[] = ["iot:Data-ATS", "iot:CredentialProvider", "iot:Data", "iot:Jobs"];

/** Every kind of event; the type check keeps it whole. */
const KINDS: Readonly<Record<TraceEvent["kind"], true>> = {
  "chip.command": true,
  "bus.exchange": true,
  "tls.message": true,
  "tls.operation": true,
  "tls.connected": true,
  "tls.alert": true,
  "pkcs11.call": true,
  "pki.issued": true,
  "pki.refused": true,
  "mqtt.packet": true,
  onboarding: true,
  refusal: true,
  "function.run": true,
  "rule.record": true,
  "rule.failed": true,
  "api.call": true,
  process: true,
};

function kindsOf(text: string): Pick<EventFilter, "kinds"> {
  const known = Object.keys(KINDS);
  const kinds = text.split(",");
  const stranger = kinds.find((kind) => !known.includes(kind));
  if (stranger === undefined) return { kinds: kinds as TraceEvent["kind"][] };
  throw invalidRequest(`kinds must be of ${known.join(", ")}, not ${JSON.stringify(stranger)}`);
}
