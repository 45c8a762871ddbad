/** AWS's SDK for JavaScript 3: every action that it knows, its pages one by one, and its model against our tables. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { ABSENT_OPERATIONS, OPERATIONS, type Operation, type Place } from "../../src/cloud/operations/index.ts";
import type { Input } from "./sdk-steps.ts";
import { MODULES, sdkWorld, SERVICES, type Kind, type Sent } from "./sdk-world.ts";

/** An operation in the SDK's schema: its kind (9), namespace, name, traits, and functions for input and output. */
type SdkOperation = readonly [9, string, string, Traits, () => SdkStructure, () => SdkStructure];
/** A structure: its kind (3), namespace, name, traits, member names and member schemas. */
type SdkStructure = readonly [kind: unknown, string, string, unknown, readonly string[], readonly unknown[]];
type Traits = { readonly http: readonly [method: string, path: string, status: number] };

type Action = { readonly kind: Kind; readonly name: string; readonly operation: SdkOperation };

const KINDS: readonly Kind[] = ["iot", "data", "lambda"];

/** Every action that the clients know, by their own commands. */
const ACTIONS: readonly Action[] = KINDS.flatMap((kind) =>
  Object.keys(MODULES[kind])
    .filter((name) => name.endsWith("Command") && name !== "$Command")
    .map((command) => {
      const name = command.slice(0, -"Command".length);
      return { kind, name, operation: MODULES[kind][`${name}$`] as SdkOperation };
    }),
);

/** Our rows, by service and AWS's name. */
const ROWS = new Map(
  Object.entries<Operation>(OPERATIONS).map(([key, row]) => [`${row.service} ${row.name ?? key}`, row]),
);

const offered = ({ kind, name }: Action): Operation | undefined => ROWS.get(`${SERVICES[kind]} ${name}`);

/** What a path alone does not tell apart: its query does. */
const SAME_PATH: Readonly<Record<string, string>> = {
  GetLayerVersionByArn: "ListLayers",
  ListProvisionedConcurrencyConfigs: "GetProvisionedConcurrencyConfig",
};

test("F-33 every action that AWS's SDK knows and this version has not is refused once, by its name, with a typed error", async (t) => {
  const { send } = await sdkWorld(t);
  const absent = ACTIONS.filter((action) => !offered(action));
  const wrong: string[] = [];
  for (const { kind, name, operation } of absent) {
    const labels = [...operation[3].http[1].matchAll(/\{(\w+)\+?\}/g)].map(([, label = ""]) => [label, "x1"]);
    try {
      await send(kind, name, Object.fromEntries(labels) as Input);
      wrong.push(`${name} was answered`);
    } catch (error) {
      const { name: type, message, $metadata } = error as Error & Sent;
      const { attempts, httpStatusCode } = $metadata as { attempts?: number; httpStatusCode?: number };
      const isRight = type === "NotImplementedException" && attempts === 1 && httpStatusCode === 501;
      if (!isRight || !message.startsWith(`${SAME_PATH[name] ?? name} is not available`))
        wrong.push(`${name}: ${type} ${message}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(absent.length > 90 && ACTIONS.length - absent.length > 170, `${absent.length} of ${ACTIONS.length}`);
  const named = (kind: Kind) =>
    ABSENT_OPERATIONS[SERVICES[kind] as "iot" | "iot-data" | "lambda"].map(([name]) => name);
  assert.deepEqual(
    absent.filter(({ kind, name }) => !named(kind).includes(name)).map(({ name }) => name),
    ["GetLayerVersionByArn"],
  );
});

test("every row of the tables has the method, the path, the members and the places of the SDK's own model", () => {
  const wrong: string[] = [];
  for (const action of ACTIONS) {
    const row = offered(action);
    if (!row) continue;
    const [method, path] = action.operation[3].http;
    const [ours, theirs] = [routeOf(row.method, row.path), routeOf(method, path)];
    if (ours !== theirs) wrong.push(`${action.name}: ${ours}, not ${theirs}`);
    const members = Object.entries(row.input).map(([name, { place, wire }]) => placed(place, wire ?? name));
    const modelled = membersOf(action.operation);
    for (const each of modelled) if (!members.includes(each)) wrong.push(`${action.name} lacks ${each}`);
    for (const each of members) if (!modelled.includes(each)) wrong.push(`${action.name} has ${each}`);
  }
  assert.deepEqual(wrong, []);
});

/** A route without the names of its labels, which never travel. */
function routeOf(method: string, path: string): string {
  return `${method} ${path.replace(/\/$/, "").replace(/\{\w+\+?\}/g, "{}")}`;
}

function placed(place: Place, name: string): string {
  return place === "uri" || place === "payload" ? place : `${place} ${name}`;
}

/** Where each member of an operation's input travels, and its name there. */
function membersOf([, , , , input]: SdkOperation): readonly string[] {
  const [, , , , names, schemas] = input();
  return names.map((name, i) => {
    const schema = schemas[i];
    const traits = Array.isArray(schema) ? (schema as readonly unknown[])[1] : 0;
    const [place, wire] = placeOf(traits);
    return placed(place, wire ?? name);
  });
}

/** Traits are bits (1: in the path, 16: the whole body) or an object that names a query member or a header. */
function placeOf(traits: unknown): readonly [place: Place, wire: string | undefined] {
  if (typeof traits === "number")
    return [(traits & 1) !== 0 ? "uri" : (traits & 16) !== 0 ? "payload" : "body", undefined];
  const { httpQuery, httpHeader, httpPayload, jsonName } = traits as Record<string, string | undefined>;
  if (httpQuery !== undefined) return ["query", httpQuery];
  if (httpHeader !== undefined) return ["header", httpHeader.toLowerCase()];
  return [httpPayload === undefined ? "body" : "payload", jsonName];
}
