import { OK, operation, query, required, uri } from "./operation.ts";
import type { FunctionLogPage } from "./services.ts";
import { integer, oneOf, string, type Json } from "./shape.ts";

/** How the cloud is: whose it is, since when it runs, and how many of each resource it holds. */
export type StatusResult = {
  readonly accountId: string;
  readonly region: string;
  readonly startedAt: number;
  readonly uptimeS: number;
  readonly counts: Readonly<Record<"caCertificates" | "certificates" | "things" | "policies", number>>;
  /** MQTT sessions whose client is connected, and those that wait for it. */
  readonly sessions: { readonly connected: number; readonly away: number };
  /** What this cloud listens for, each with its address. */
  readonly listeners: readonly string[];
};

/** An access key without its secret. */
export type AccessKeyDescription = {
  readonly accessKeyId: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: number;
};

const ACCESS_KEY_ID = uri(string({ min: 16, max: 128, pattern: /\w+/ }));

/** Our own operations, under a path that AWS does not use. Times are milliseconds since 1970. */
export const HAWSER_OPERATIONS = {
  Status: operation<StatusResult>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/status",
    input: {},
    output: OK,
    errors: [],
  }),
  /** Trace events as JSON Lines, oldest first: what is kept on disk, then what the ring remembers. */
  Ledger: operation<{ readonly lines: Uint8Array }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/ledger",
    input: {
      /** Kinds of events, separated by commas. */
      kinds: query(string({ min: 1, max: 512, pattern: /[a-z.,]+/ })),
      sinceSeq: query(integer({ min: 0 })),
      limit: query(integer({ min: 1, max: 10_000 })),
      certificate: query(string({ min: 1, max: 128 })),
      device: query(string({ min: 1, max: 128 })),
    },
    output: { status: 200, payload: { member: "lines", contentType: "application/jsonl" } },
    errors: [],
  }),
  /** The root that devices must trust, PEM: what a device's cafile holds. */
  RootCertificate: operation<{ readonly pem: Uint8Array }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/root-certificate",
    input: {},
    output: { status: 200, payload: { member: "pem", contentType: "application/x-pem-file" } },
    errors: [],
  }),
  ListAccessKeys: operation<{ readonly accessKeys: readonly AccessKeyDescription[] }>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/access-keys",
    input: {},
    output: OK,
    errors: [],
  }),
  /** The answer is the one time that anybody sees the secret. */
  CreateAccessKey: operation<{ readonly accessKeyId: string; readonly secretAccessKey: string }>()({
    service: "hawser",
    method: "POST",
    path: "/hawser/v1/access-keys",
    input: {},
    output: OK,
    errors: ["LimitExceededException"],
  }),
  UpdateAccessKey: operation<void>()({
    service: "hawser",
    method: "PATCH",
    path: "/hawser/v1/access-keys/{accessKeyId}",
    input: { accessKeyId: ACCESS_KEY_ID, status: required(query(oneOf("Active", "Inactive"))) },
    output: OK,
    errors: ["ResourceNotFoundException", "DeleteConflictException"],
  }),
  DeleteAccessKey: operation<void>()({
    service: "hawser",
    method: "DELETE",
    path: "/hawser/v1/access-keys/{accessKeyId}",
    input: { accessKeyId: ACCESS_KEY_ID },
    output: OK,
    errors: ["ResourceNotFoundException", "DeleteConflictException"],
  }),
  /** What the last runs of a function printed: those after the run `after`, else the newest. */
  FunctionLogs: operation<FunctionLogPage>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/functions/{FunctionName}/logs",
    input: {
      FunctionName: uri(string({ min: 1, max: 140 })),
      after: query(integer({ min: 0 })),
      limit: query(integer({ min: 1, max: 100 })),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  Why: operation<Json>()({
    service: "hawser",
    method: "GET",
    path: "/hawser/v1/why",
    input: { subject: query(string({ min: 1, max: 2048 })) },
    output: OK,
    errors: [],
  }),
} as const;
