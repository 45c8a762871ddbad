import { nodeHash } from "../crypto/node.ts";
import type { ControlPlane } from "./api/index.ts";
import type { CustomGate } from "./authorizers/index.ts";
import type { Broker, Gatekeeper } from "./broker/index.ts";
import type { Listening, ServerTls } from "./broker/node.ts";
import { DomainGate, type Domains } from "./domains/index.ts";
import { listenGateway } from "./gateway/node.ts";
import type { OpenDevicePlane } from "./node-device-plane.ts";
import type { Registry } from "./registry/index.ts";

export type HttpsOptions = OpenDevicePlane & {
  readonly registry: Registry;
  readonly broker: Broker;
  readonly custom: CustomGate;
  readonly plane: ControlPlane;
  readonly domains: Domains;
  readonly host: string;
  readonly tls: ServerTls;
};

/** Listens on each of the ports for what AWS puts on 443 and 8443. Rejects where one is taken, with none left open. */
export async function listenHttps(options: HttpsOptions, ports: readonly number[]): Promise<readonly Listening[]> {
  const { registry, broker, custom, domains, plane, devicePlane, temporary, certificateCalls, host, tls } = options;
  const { clock, trace, accessKeys, account } = registry;
  const authentication = { accessKeys, temporary: certificateCalls, clock, hash: nodeHash, region: account.region };
  const guarded = (next: Gatekeeper) => new DomainGate({ domains, trace, next });
  const common = {
    controlPlane: plane,
    devicePlane,
    custom,
    guarded,
    authentication,
    temporary,
    broker,
    host,
    clock,
    trace,
    ...tls,
  };
  const open: Listening[] = [];
  try {
    for (const port of ports) open.push(await listenGateway({ ...common, port }));
    return open;
  } catch (error) {
    for (const each of open) await each.close();
    throw error;
  }
}
