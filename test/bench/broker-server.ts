/** Our broker in a process of its own, so that its CPU time can be told from the load's. Forked by broker.bench.ts. */
import { AWS_PROFILE, Broker, SPEC_PROFILE } from "../../src/cloud/broker/index.ts";
import { listenPlain, listenTls, nodeDefer } from "../../src/cloud/broker/node.ts";
import { openSessionStore } from "../../src/cloud/store/index.ts";
import { openStore } from "../../src/cloud/store/node.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import { Ledger } from "../../src/trace/index.ts";

const ALLOWED = { allowed: true } as const;
const authority = { principalId: "bench", may: () => ALLOWED };

/** How our broker is to run. */
export type ServerOptions = {
  /** Where sessions are kept; without it they are not. */
  readonly directory?: string;
  readonly profile?: "aws" | "spec";
  /** Whether TLS sessions are resumed. */
  readonly resumption?: boolean;
};

type Start = ServerOptions & { readonly key: string; readonly cert: string };

async function serve({ key, cert, directory, profile = "aws", resumption = false }: Start): Promise<void> {
  // A small ring: what it holds is no cost of the connections that it tells of.
  const trace = new Ledger({ clock: nodeClock, capacity: 1024 });
  const broker = new Broker({
    clock: nodeClock,
    entropy: nodeEntropy,
    defer: nodeDefer,
    trace,
    ...(directory === undefined ? {} : { store: await openSessionStore(await openStore({ directory })) }),
    settings: profile === "spec" ? SPEC_PROFILE : AWS_PROFILE,
    gatekeeper: { admit: async () => ({ admit: true, authority }) },
  });
  const common = { broker, host: "127.0.0.1", port: 0, clock: nodeClock, trace };
  const plain = await listenPlain(common);
  const tls = await listenTls({ ...common, key, cert, resumption });
  process.send?.({ plain: plain.port, tls: tls.port });
}

process.once("message", (start: Start) => void serve(start));
process.on("message", (message) => {
  if (message !== "collect") return;
  globalThis.gc?.();
  process.send?.("collected");
});
process.once("disconnect", () => process.exit(0));
