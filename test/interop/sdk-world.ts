/** AWS's SDK for JavaScript 3 in front of a cloud of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import * as iot from "@aws-sdk/client-iot";
import * as data from "@aws-sdk/client-iot-data-plane";
import * as lambda from "@aws-sdk/client-lambda";

import { startCloud } from "../../src/cloud/node.ts";
import type { Input, SdkStep } from "./sdk-steps.ts";

const REGION = "eu-central-1";

/** What a client gives. */
export type Sent = Record<string, unknown> & { readonly $metadata: { readonly attempts?: number } };
type Client = { send(command: unknown): Promise<Sent>; destroy(): void };
type Module = Readonly<Record<string, unknown>>;
/** Which client. */
export type Kind = SdkStep["client"];

/** What each client's package exports. */
export const MODULES: Readonly<Record<Kind, Module>> = { iot, data, lambda };
/** The services of the clients, by our names. */
export const SERVICES: Readonly<Record<Kind, string>> = { iot: "iot", data: "iot-data", lambda: "lambda" };

export type Send = (kind: Kind, name: string, input: Input) => Promise<Sent>;

/** A whole cloud, and AWS's three clients pointed at it. */
export async function sdkWorld(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-sdk-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const account = { region: REGION, accountId: "123456789012" };
  const cloud = await startCloud({
    directory: join(directory, "data"),
    ...listen,
    ...account,
    httpActions: { allowPrivate: true },
  });
  t.after(() => cloud.close());
  mkdirSync(join(directory, "data/objects/bulk"), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "data/objects/bulk/list.json"), '{"Name":"bulk-1"}\n');
  const settings = { endpoint: cloud.api, region: REGION, credentials: cloud.accessKey };
  const clients: Readonly<Record<Kind, Client>> = {
    iot: new iot.IoTClient(settings),
    data: new data.IoTDataPlaneClient(settings),
    lambda: new lambda.LambdaClient(settings),
  };
  t.after(() => Object.values(clients).forEach((client) => client.destroy()));
  const send: Send = (kind, name, input) => {
    const Command = MODULES[kind][`${name}Command`] as new (input: Input) => object;
    return clients[kind].send(new Command(input));
  };
  return { cloud, clients, send };
}
