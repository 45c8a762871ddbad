/** The broker over a directory, in a process that can be killed. Forked by broker-crash.test.ts with the directory and a window. */
import { Broker, openGatekeeper, SPEC_PROFILE } from "../../src/cloud/broker/index.ts";
import { listenPlain, nodeDefer } from "../../src/cloud/broker/node.ts";
import { openSessionStore } from "../../src/cloud/store/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import { Ledger } from "../../src/trace/index.ts";

async function serve(directory: string, inFlight: number): Promise<void> {
  const trace = new Ledger({ clock: nodeClock });
  const store = await openSessionStore(await openStore({ directory }));
  const ports = { clock: nodeClock, entropy: nodeEntropy, defer: nodeDefer, trace, store };
  const settings = { ...SPEC_PROFILE, limits: { ...SPEC_PROFILE.limits, inFlight } };
  const broker = new Broker({ ...ports, gatekeeper: openGatekeeper, settings });
  broker.publishLeftWills();
  const { port } = await listenPlain({ broker, host: "127.0.0.1", port: 0, clock: nodeClock, trace });
  process.send?.(port);
}

process.once("disconnect", () => process.exit(0));
await serve(process.argv[2] ?? "", Number(process.argv[3]));
