import { STATUS_OF_TYPE } from "./http-for.ts";
import type { Operation, Parameter } from "./operation.ts";
import { DEVICE_REGISTRY_OPERATIONS } from "./device-registries.ts";
import { HAWSER_OPERATIONS } from "./hawser.ts";
import { RECORDING_OPERATIONS } from "./recordings.ts";
import { REVOCATION_OPERATIONS } from "./revocation.ts";
import { PUBLIC_PAGES, type PublicPage } from "./public-pages.ts";
import { blob, record, string } from "./shape.ts";
import type { Json } from "../../codec/index.ts";

/**
 * Our own extensions as an OpenAPI 3.1 document, made from the tables that route and validate them. Operations that are
 * AWS's are not in it: AWS describes those. OpenAPI 3.1.0
 */
export function openApiDocument(): Json {
  const paths = new Map<string, Record<string, Json>>();
  const place = (path: string, method: string, described: Json) =>
    paths.set(path, { ...paths.get(path), [method.toLowerCase()]: described });
  for (const [tag, operations] of Object.entries(SECTIONS)) {
    for (const [name, row] of Object.entries<Operation>(operations))
      place(row.path, row.method, { tags: [tag], ...operationOf(name, row) });
  }
  for (const [name, page] of Object.entries<PublicPage>(PUBLIC_PAGES)) {
    for (const method of page.methods) place(page.path.replace("+}", "}"), method, pageOf(name, page, method));
  }
  return {
    openapi: "3.1.0",
    info: INFO,
    servers: [{ url: "/", description: "The control plane: `api` in what `hawser up --json` prints." }],
    tags: [...Object.keys(SECTIONS), PAGES].map((name) => ({ name })),
    security: [{ sigv4: [] }],
    paths: Object.fromEntries(paths),
    components: { securitySchemes: { sigv4: SIGV4 }, schemas: { Refusal: REFUSAL.schema }, responses: refusals() },
  };
}

/** The document as it is served, printed and kept beside the documentation. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;
}

const SECTIONS = {
  Operating: HAWSER_OPERATIONS,
  Revocation: REVOCATION_OPERATIONS,
  Recordings: RECORDING_OPERATIONS,
  "Device registries": DEVICE_REGISTRY_OPERATIONS,
} as const;
const PAGES = "Pages";

const INFO = {
  title: "Hawser's own extensions",
  version: "1",
  summary: "What Hawser's cloud offers besides the operations of AWS IoT.",
  description:
    "Operations are signed with AWS Signature Version 4 for the service `hawser` (`iot` and `execute-api` are taken too) " +
    "and the region that `hawser up` prints. Times are milliseconds since 1970. Pages need no signature.",
  license: { name: "MIT", identifier: "MIT" },
};

const SIGV4 = {
  type: "apiKey",
  name: "Authorization",
  in: "header",
  description: "AWS Signature Version 4, in the header or presigned in the query.",
  "x-amazon-apigateway-authtype": "awsSigv4",
};

const REFUSAL = record({ message: string(), cure: string() }, ["message"]);

/** What the front door and the reading of input can answer to any operation. */
const ALWAYS = [
  "InvalidRequestException",
  "MissingAuthenticationTokenException",
  "IncompleteSignatureException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "RequestEntityTooLargeException",
  "InternalFailureException",
];

function operationOf(name: string, row: Operation): Record<string, Json> {
  const inputs = Object.entries<Parameter>(row.input);
  const at = (place: Parameter["place"]) => inputs.filter(([, each]) => each.place === place);
  const parameters = [...at("uri"), ...at("query"), ...at("header")].map(([key, parameter]) =>
    parameterOf(key, parameter),
  );
  const requestBody = bodyOf(at("body"), at("payload")[0]?.[1]);
  return {
    operationId: row.name ?? name,
    summary: row.summary ?? name,
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: { ...successOf(row), ...refusalsOf(row) },
  };
}

function parameterOf(key: string, { place, wire = key, shape, required }: Parameter): Json {
  const { description, ...schema } = shape.schema;
  const where = place === "uri" ? "path" : place;
  return { name: wire, in: where, required, ...(description !== undefined && { description }), schema };
}

function bodyOf(members: readonly [string, Parameter][], payload: Parameter | undefined): Json | undefined {
  if (payload) {
    const content: Json =
      payload.shape === blob
        ? { "application/octet-stream": {} }
        : { "application/json": { schema: payload.shape.schema } };
    return { required: payload.required, content };
  }
  if (members.length === 0) return undefined;
  const needed = members.filter(([, each]) => each.required).map(([key, { wire = key }]) => wire);
  const shapes = Object.fromEntries(members.map(([key, { wire = key, shape }]) => [wire, shape]));
  return {
    required: needed.length > 0,
    content: { "application/json": { schema: record(shapes, needed).schema } },
  };
}

function successOf({ output }: Operation): Record<string, Json> {
  const description = "Done.";
  if (output.payload) return { [output.status]: { description, content: { [output.payload.contentType]: {} } } };
  if (!output.shape) return { [output.status]: { description: "Done; the body is empty." } };
  const content = { "application/json": { schema: output.shape.schema } };
  return { [output.status]: { description, content } };
}

/** One response for each status, shared by all operations with the same errors of that status. */
function refusalsOf({ errors }: Operation): Record<string, Json> {
  const refs = typesByStatus(errors).map(([status, types]) => [
    status,
    { $ref: `#/components/responses/${types.join(".")}` },
  ]);
  return Object.fromEntries(refs) as Record<string, Json>;
}

/** All those responses, under the names of their errors. */
function refusals(): Record<string, Json> {
  const described = (types: readonly string[]): Json => ({
    description: `${types.join(", ")}.`,
    headers: { "x-amzn-ErrorType": { description: "Which of them.", schema: { type: "string", enum: types } } },
    content: { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } },
  });
  const rows = Object.values(SECTIONS).flatMap((section) => Object.values<Operation>(section));
  const all = rows.flatMap(({ errors }) => typesByStatus(errors).map(([, types]) => types));
  return Object.fromEntries(all.map((types) => [types.join("."), described(types)]));
}

function typesByStatus(errors: readonly string[]): [number, string[]][] {
  const byStatus = new Map<number, string[]>();
  for (const type of [...ALWAYS, ...errors]) {
    const status = STATUS_OF_TYPE.get(type) ?? 500;
    byStatus.set(status, [...(byStatus.get(status) ?? []), type]);
  }
  return [...byStatus];
}

function pageOf(name: string, { summary, path, requestType, answers }: PublicPage, method: string): Json {
  const label = /\{(\w+)\+?\}/.exec(path)?.[1];
  const parameters =
    label === undefined ? [] : [{ name: label, in: "path", required: true, schema: { type: "string" } }];
  const hasBody = method === "POST" && requestType !== undefined;
  const responses = Object.entries(answers).map(([status, { description, contentType, shape }]) => {
    return [status, { description, content: { [contentType]: shape ? { schema: shape.schema } : {} } }] as const;
  });
  return {
    tags: [PAGES],
    operationId: name,
    summary,
    security: [],
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && { requestBody: { required: true, content: { [requestType]: {} } } }),
    responses: Object.fromEntries(responses),
  };
}
