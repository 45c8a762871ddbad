import { OK, operation, payload, query, required, uri } from "./operation.ts";
import { blob, integer, string } from "./shape.ts";

/** A shadow's names, one page, and the time in seconds. */
export type NamedShadows = {
  readonly results: readonly string[];
  readonly nextToken?: string;
  readonly timestamp: number;
};

const THING_NAME = uri(string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ }));
const SHADOW = {
  thingName: THING_NAME,
  /** Absent for the classic shadow. */
  shadowName: query(string({ min: 1, max: 64, pattern: /[$a-zA-Z0-9:_-]+/ }), "name"),
};
const DOCUMENT = { status: 200, payload: { member: "payload", contentType: "application/json" } } as const;

/** @table Device shadows over HTTP. Paths and places from the service model (botocore 1.43.11, iot-data). */
export const SHADOW_OPERATIONS = {
  GetThingShadow: operation<{ readonly payload: Uint8Array }>()({
    service: "iot-data",
    method: "GET",
    path: "/things/{thingName}/shadow",
    input: SHADOW,
    output: DOCUMENT,
    errors: ["ResourceNotFoundException", "UnsupportedDocumentEncodingException", "ThrottlingException"],
  }),
  UpdateThingShadow: operation<{ readonly payload: Uint8Array }>()({
    service: "iot-data",
    method: "POST",
    path: "/things/{thingName}/shadow",
    input: { ...SHADOW, payload: required(payload(blob)) },
    output: DOCUMENT,
    errors: [
      "ConflictException",
      "RequestEntityTooLargeException",
      "UnsupportedDocumentEncodingException",
      "ThrottlingException",
    ],
  }),
  DeleteThingShadow: operation<{ readonly payload: Uint8Array }>()({
    service: "iot-data",
    method: "DELETE",
    path: "/things/{thingName}/shadow",
    input: SHADOW,
    output: DOCUMENT,
    errors: ["ResourceNotFoundException", "UnsupportedDocumentEncodingException", "ThrottlingException"],
  }),
  ListNamedShadowsForThing: operation<NamedShadows>()({
    service: "iot-data",
    method: "GET",
    path: "/api/things/shadow/ListNamedShadowsForThing/{thingName}",
    input: {
      thingName: THING_NAME,
      nextToken: query(string({ max: 2048 })),
      pageSize: query(integer({ min: 1, max: 100 })),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
} as const;
