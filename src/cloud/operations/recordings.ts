import { answering, body, OK, operation, query, required, uri, type ResultOf } from "./operation.ts";
import { about, boolean, integer, list, number, record, string } from "./shape.ts";

const COUNT = integer({ min: 0 });
const TEXT = string();

const PROPERTIES = record({
  payloadFormatIndicator: integer({ min: 0, max: 1 }),
  messageExpiryIntervalS: COUNT,
  contentType: TEXT,
  responseTopic: TEXT,
  correlationData: about("Base64.", TEXT),
  userProperties: about("Name and value, in the publisher's order.", list(list(TEXT, { min: 2, max: 2 }))),
});

const MESSAGE = record(
  {
    seq: about("Rises by one from message to message of a recording.", COUNT),
    time: about("When the broker accepted it, in milliseconds since 1970.", number()),
    topic: TEXT,
    payload: about("Base64.", TEXT),
    qos: integer({ min: 0, max: 2 }),
    retain: boolean,
    origin: about("`client`, `will`, or the part of the cloud that published it.", TEXT),
    clientId: TEXT,
    principalId: TEXT,
    address: TEXT,
    properties: about("Of MQTT 5, where there are any.", PROPERTIES),
  },
  ["seq", "time", "topic", "payload", "qos", "retain", "origin", "clientId", "principalId"],
);

const PAGE = record(
  {
    messages: about("Oldest first.", list(MESSAGE)),
    missed: about("How many had to go so far because nobody fetched them in time.", COUNT),
  },
  ["messages", "missed"],
);

const ID = uri(string({ min: 1, max: 64, pattern: /[0-9a-f-]+/ }));

/** Our own operations that record live traffic, for `hawser rules record`. */
export const RECORDING_OPERATIONS = {
  StartRecording: answering(record({ recordingId: TEXT }, ["recordingId"]))({
    service: "hawser",
    summary: "Begins to keep what the broker accepts, for whoever fetches it; it ends when nobody does for 30 seconds.",
    method: "POST",
    path: "/hawser/v1/recordings",
    input: {
      topicFilters: required(
        body(
          about(
            "Messages that match any of them; wildcards do not match topics that begin with $.",
            list(string({ min: 1, max: 1024 }), { min: 1, max: 10 }),
          ),
        ),
      ),
    },
    errors: ["LimitExceededException"],
  }),
  FetchRecording: answering(PAGE)({
    service: "hawser",
    summary: "The messages after the one numbered `after`; those up to it are let go.",
    method: "GET",
    path: "/hawser/v1/recordings/{recordingId}",
    input: { recordingId: ID, after: query(COUNT) },
    errors: ["ResourceNotFoundException"],
  }),
  StopRecording: operation<void>()({
    service: "hawser",
    summary: "Ends a recording.",
    method: "DELETE",
    path: "/hawser/v1/recordings/{recordingId}",
    input: { recordingId: ID },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;

/** A page of a recording. */
export type RecordingPage = ResultOf<(typeof RECORDING_OPERATIONS)["FetchRecording"]>;

/** A message that the broker accepted, as a recording has it. */
export type RecordedMessage = RecordingPage["messages"][number];
