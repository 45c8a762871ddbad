import { UsageError } from "../../codec/index.ts";
import { invalidRequest, notImplemented, type CloudErrorCode } from "../errors.ts";
import { ABSENT_OPERATIONS } from "./absent.ts";
import type { Operation, ServiceName } from "./operation.ts";
import { isQueryService, type QueryService } from "./query-operations.ts";
import { OPERATIONS, type OperationName } from "./operations.ts";

/** What a path leads to: an operation of ours, one that AWS has and we do not, or nothing known. */
export type Route =
  | { readonly found: "operation"; readonly name: OperationName; readonly labels: Readonly<Record<string, string>> }
  /** A form for a service of the query protocol; its body names the operation. */
  | { readonly found: "query"; readonly service: QueryService }
  | { readonly found: "absent"; readonly name: string; readonly service: string }
  /** `why` is set for a path that cannot be read, and for one of the data plane's that has other methods. */
  | { readonly found: "nothing"; readonly why?: "unreadable" | "method" };

type Target = { readonly service: string; readonly name: string; readonly operation?: OperationName };

/** One segment of the paths that begin alike. Literal segments are asked before the label. */
type Node = {
  readonly literals: Map<string, Node>;
  label?: Node;
  /** What a label takes that goes on to the path's end, slashes and all. */
  rest?: Node;
  /** What ends here, by method. Several services may use one path; the signature's scope tells them apart. */
  readonly targets: Map<string, Target[]>;
};

/** The service names that callers sign for, by the service that they mean; the usual one first. */
export const SCOPES: Readonly<Record<ServiceName | QueryService, readonly string[]>> = {
  // AWS CLI 2.9 and the AWS SDK for JavaScript 2 sign IoT calls as execute-api, newer ones as iot.
  iot: ["iot", "execute-api"],
  lambda: ["lambda"],
  hawser: ["hawser", "iot", "execute-api"],
  "iot-data": ["iotdata", "iotdevicegateway"],
  "iot-jobs-data": ["iot-jobs-data"],
  sts: ["sts"],
  iam: ["iam"],
};

/** Every service name that is accepted where no operation says which. */
export const ALL_SCOPES: readonly string[] = [...new Set([...Object.values(SCOPES).flat(), "IoTSecuredTunneling"])];

const ROOT = buildTree();

/**
 * Finds what a request asks for. The path is split as it stands and each segment decoded after that, so that an encoded
 * slash is part of a name and a dot segment leads nowhere. `scope` is the service that the caller signed for.
 */
export function findRoute(method: string, path: string, scope: string | undefined): Route {
  if (method === "POST" && path === "/" && isQueryService(scope)) return { found: "query", service: scope };
  const segments = decodedSegments(path);
  if (!segments) return { found: "nothing", why: "unreadable" };
  const end = endOf(segments, method);
  const targets = end?.node.targets.get(method) ?? [];
  const chosen = targets.find(({ service }) => scopesOf(service).includes(scope ?? "")) ?? targets[0];
  if (!chosen) return isOfDataPlane(segments) ? { found: "nothing", why: "method" } : { found: "nothing" };
  if (!chosen.operation) return { found: "absent", name: chosen.name, service: chosen.service };
  const names = labelNames(OPERATIONS[chosen.operation]);
  const labels = Object.fromEntries(names.map((name, i) => [name, end?.values[i] ?? ""]));
  return { found: "operation", name: chosen.operation, labels };
}

function endOf(segments: readonly string[], method: string): End | undefined {
  return walk(ROOT, segments, method) ?? walk(ROOT, withoutLastSlash(segments), method);
}

/** Whether a path leads somewhere in the data plane by any method. */
function isOfDataPlane(segments: readonly string[]): boolean {
  return ["GET", "POST", "DELETE"].some((method) =>
    endOf(segments, method)
      ?.node.targets.get(method)
      ?.some(({ service }) => service === "iot-data"),
  );
}

/** What a request is told that leads nowhere; `title` names what it asked for. AWS IoT data plane API, Publish, errors */
export function leadsNowhere(route: Exclude<Route, { found: "operation" | "query" }>, title: string): Error {
  if (route.found === "absent" || route.why === undefined) return notImplemented(title);
  if (route.why === "unreadable") return invalidRequest(`${title}: the path has a segment that cannot be read`);
  return new UsageError<CloudErrorCode>("method-not-allowed", `${title}: this path is there for other methods`);
}

/** The service names under which a service's operations may be signed. */
export function scopesOf(service: string): readonly string[] {
  return (SCOPES as Readonly<Record<string, readonly string[]>>)[service] ?? ALL_SCOPES;
}

/** Raw path segments, percent-decoded one by one; undefined for a path that does not decode or that has dot segments. */
function decodedSegments(path: string): string[] | undefined {
  if (!path.startsWith("/")) return undefined;
  const raw = path.slice(1).split("/");
  if (raw.some((segment) => segment === "." || segment === "..")) return undefined;
  try {
    return raw.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Older service models end some paths in a slash: AWS CLI 2.9 asks GET /2015-03-31/functions/. One is borne, not two. */
function withoutLastSlash(segments: readonly string[]): readonly string[] {
  return segments.length > 1 && segments.at(-1) === "" ? segments.slice(0, -1) : segments;
}

type End = { readonly node: Node; readonly values: readonly string[] };

/** Where the segments from `at` on lead for this method: a literal that ends in nothing gives way to a label. */
function walk(node: Node, segments: readonly string[], method: string, at = 0): End | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.targets.has(method) ? { node, values: [] } : undefined;
  const literal = node.literals.get(segment);
  const found = literal && walk(literal, segments, method, at + 1);
  if (found) return found;
  // An empty segment is no name: `//` leads nowhere.
  if (node.rest && segments.slice(at).join("") !== "")
    return { node: node.rest, values: [segments.slice(at).join("/")] };
  if (!node.label || segment === "") return undefined;
  const beyond = walk(node.label, segments, method, at + 1);
  return beyond && { node: beyond.node, values: [segment, ...beyond.values] };
}

function buildTree(): Node {
  const root = newNode();
  for (const [operation, { service, method, path, name }] of Object.entries<Operation>(OPERATIONS)) {
    place(root, path, method, { service, name: name ?? operation, operation: operation as OperationName });
  }
  for (const [service, rows] of Object.entries(ABSENT_OPERATIONS)) {
    for (const [name, method, path] of rows) place(root, path, method, { service, name });
  }
  return root;
}

function place(root: Node, path: string, method: string, target: Target): void {
  let node = root;
  // Models differ in whether a path ends in a slash, and so do callers: here none does.
  for (const segment of path.slice(1).replace(/\/$/, "").split("/")) {
    if (segment.endsWith("+}")) node = node.rest ??= newNode();
    else if (isLabel(segment)) node = node.label ??= newNode();
    else {
      const next = node.literals.get(segment) ?? newNode();
      node.literals.set(segment, next);
      node = next;
    }
  }
  node.targets.set(method, [...(node.targets.get(method) ?? []), target]);
}

function newNode(): Node {
  return { literals: new Map(), targets: new Map() };
}

function isLabel(segment: string): boolean {
  return segment.startsWith("{");
}

function labelNames({ path }: Operation): string[] {
  return path
    .slice(1)
    .split("/")
    .filter(isLabel)
    .map((segment) => segment.replace(/^\{(\w+)\+?\}$/, "$1"));
}
