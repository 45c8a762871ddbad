import { REFUSALS, type RefusalCause } from "../../trace/index.ts";
import { answering, OK, operation, query, required, uri, type ResultOf } from "./operation.ts";
import { about, integer, list, map, number, oneOf, record, scalar, string } from "./shape.ts";

const TIME = about("Milliseconds since 1970.", number());
const TEXT = string();
const COUNT = integer({ min: 0 });

const STATUS = record(
  {
    accountId: TEXT,
    region: TEXT,
    startedAt: TIME,
    uptimeS: about("Seconds since it started.", COUNT),
    counts: about(
      "What the registry holds.",
      record({ caCertificates: COUNT, certificates: COUNT, things: COUNT, policies: COUNT }, [
        "caCertificates",
        "certificates",
        "things",
        "policies",
      ]),
    ),
    sessions: about(
      "MQTT sessions whose client is connected, and those that wait for it.",
      record({ connected: COUNT, away: COUNT }, ["connected", "away"]),
    ),
    listeners: about("What this cloud listens for, each with its address.", list(TEXT)),
  },
  ["accountId", "region", "startedAt", "uptimeS", "counts", "sessions", "listeners"],
);

const KEY_STATUS = oneOf("Active", "Inactive");
const ACCESS_KEY = record({ accessKeyId: TEXT, status: KEY_STATUS, createdAt: TIME }, [
  "accessKeyId",
  "status",
  "createdAt",
]);
const ACCESS_KEYS = record({ accessKeys: list(ACCESS_KEY) }, ["accessKeys"]);
const NEW_ACCESS_KEY = record({ accessKeyId: TEXT, secretAccessKey: about("Shown this once.", TEXT) }, [
  "accessKeyId",
  "secretAccessKey",
]);

const LOG_ENTRY = record(
  {
    id: about("Rises from run to run.", COUNT),
    time: TIME,
    requestId: TEXT,
    outcome: oneOf("succeeded", "failed", "timeout", "memory"),
    log: about("The last 64 KB of what it printed.", TEXT),
  },
  ["id", "time", "requestId", "outcome", "log"],
);
const LOG_PAGE = record(
  {
    entries: about("Oldest first.", list(LOG_ENTRY)),
    cursor: about("What to give as `after` to hear of later runs.", COUNT),
  },
  ["entries", "cursor"],
);

const CAUSES = Object.keys(REFUSALS) as RefusalCause[];

const FINDING = record(
  {
    cause: oneOf(...CAUSES),
    explanation: TEXT,
    cure: about("What to do, with ids filled in.", TEXT),
    first: TIME,
    last: TIME,
    times: about("How often it was refused for this reason.", COUNT),
    clientId: TEXT,
    address: TEXT,
    device: TEXT,
    connection: TEXT,
    certificate: TEXT,
    evidence: about("What the code that refused saw.", map(TEXT, scalar)),
    story: about(
      "What is recorded about the same device around and after the refusal, oldest first.",
      list(record({ time: TIME, text: TEXT, times: COUNT }, ["time", "text", "times"])),
    ),
    resolvedAt: about("When the device got in after all, in milliseconds since 1970.", number()),
  },
  ["cause", "explanation", "cure", "first", "last", "times", "clientId", "address", "evidence", "story"],
);
const WHY = record(
  {
    subject: TEXT,
    verdict: oneOf("refused", "resolved", "connected", "unknown"),
    note: TEXT,
    findings: about("Newest first.", list(FINDING)),
  },
  ["verdict", "note", "findings"],
);

const ACCESS_KEY_ID = uri(string({ min: 16, max: 128, pattern: /\w+/ }));

/** Our own operations, under a path that AWS does not use. Times are milliseconds since 1970. */
export const HAWSER_OPERATIONS = {
  Status: answering(STATUS)({
    service: "hawser",
    summary: "How the cloud is: whose it is, since when it runs, and how many of each resource it holds.",
    method: "GET",
    path: "/hawser/v1/status",
    input: {},
    errors: [],
  }),
  Ledger: operation<{ readonly lines: Uint8Array }>()({
    service: "hawser",
    summary: "Trace events as JSON Lines, oldest first: what is kept on disk, then what the ring remembers.",
    method: "GET",
    path: "/hawser/v1/ledger",
    input: {
      kinds: query(about("Kinds of events, separated by commas.", string({ min: 1, max: 512, pattern: /[a-z.,]+/ }))),
      sinceSeq: query(about("Only events with a higher number.", integer({ min: 0 }))),
      limit: query(about("How many of the newest; 1000 unless given.", integer({ min: 1, max: 10_000 }))),
      certificate: query(about("Only events about this certificate id.", string({ min: 1, max: 128 }))),
      device: query(about("Only events about this device.", string({ min: 1, max: 128 }))),
    },
    output: { status: 200, payload: { member: "lines", contentType: "application/jsonl" } },
    errors: [],
  }),
  RootCertificate: operation<{ readonly pem: Uint8Array }>()({
    service: "hawser",
    summary: "The root that devices must trust, PEM: what a device's cafile holds.",
    method: "GET",
    path: "/hawser/v1/root-certificate",
    input: {},
    output: { status: 200, payload: { member: "pem", contentType: "application/x-pem-file" } },
    errors: [],
  }),
  ListAccessKeys: answering(ACCESS_KEYS)({
    service: "hawser",
    summary: "The access keys, without their secrets.",
    method: "GET",
    path: "/hawser/v1/access-keys",
    input: {},
    errors: [],
  }),
  CreateAccessKey: answering(NEW_ACCESS_KEY)({
    service: "hawser",
    summary: "Makes an access key. The answer is the one time that anybody sees the secret.",
    method: "POST",
    path: "/hawser/v1/access-keys",
    input: {},
    errors: ["LimitExceededException"],
  }),
  UpdateAccessKey: operation<void>()({
    service: "hawser",
    summary: "Switches an access key on or off; the last active one stays on.",
    method: "PATCH",
    path: "/hawser/v1/access-keys/{accessKeyId}",
    input: { accessKeyId: ACCESS_KEY_ID, status: required(query(KEY_STATUS)) },
    output: OK,
    errors: ["ResourceNotFoundException", "DeleteConflictException"],
  }),
  DeleteAccessKey: operation<void>()({
    service: "hawser",
    summary: "Deletes an access key; the last active one stays.",
    method: "DELETE",
    path: "/hawser/v1/access-keys/{accessKeyId}",
    input: { accessKeyId: ACCESS_KEY_ID },
    output: OK,
    errors: ["ResourceNotFoundException", "DeleteConflictException"],
  }),
  FunctionLogs: answering(LOG_PAGE)({
    service: "hawser",
    summary: "What the last runs of a function printed: those after the run `after`, else the newest.",
    method: "GET",
    path: "/hawser/v1/functions/{FunctionName}/logs",
    input: {
      FunctionName: uri(string({ min: 1, max: 140 })),
      after: query(integer({ min: 0 })),
      limit: query(integer({ min: 1, max: 100 })),
    },
    errors: ["ResourceNotFoundException"],
  }),
  Why: answering(WHY)({
    service: "hawser",
    summary: "Why something was refused: cause, evidence and cure, joined from the ledger alone.",
    method: "GET",
    path: "/hawser/v1/why",
    input: {
      subject: query(
        about(
          "A device, a certificate id or at least 8 digits of it, a client id or an address; without it, the latest refusal.",
          string({ min: 1, max: 2048 }),
        ),
      ),
    },
    errors: [],
  }),
} as const;

/** How the cloud is: whose it is, since when it runs, and how many of each resource it holds. */
export type StatusResult = ResultOf<(typeof HAWSER_OPERATIONS)["Status"]>;

/** An access key without its secret. */
export type AccessKeyDescription = ResultOf<(typeof HAWSER_OPERATIONS)["ListAccessKeys"]>["accessKeys"][number];

/** Runs of a function, oldest first; `cursor` is what to give as `after` to hear of later ones. */
export type FunctionLogPage = ResultOf<(typeof HAWSER_OPERATIONS)["FunctionLogs"]>;

/** The answer to "why was it refused", as the API gives it. */
export type WhyAnswer = ResultOf<(typeof HAWSER_OPERATIONS)["Why"]>;
