/** A broker on real sockets for tests against programs that nobody here wrote; everything is stopped at the test's end. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawn, type ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { Broker, type ConnectRequest } from "../../src/cloud/broker/index.ts";
import { listenPlain, listenTls, nodeDefer } from "../../src/cloud/broker/node.ts";
import type { Clock } from "../../src/crypto/index.ts";
import { nodeClock, nodeEntropy } from "../../src/crypto/node.ts";
import { certificateToPem } from "../../src/pki/index.ts";
import { Ledger, type TraceEvent } from "../../src/trace/index.ts";
import { chainPem, keyPem, newHierarchy } from "../tls/hierarchy.ts";

export type BrokerWorld = Awaited<ReturnType<typeof brokerWorld>>;

/** Starts the broker with a plain and a TLS listener, and writes the certificates to files. */
export async function brokerWorld(t: TestContext, options: { readonly clock?: Clock } = {}) {
  const clock = options.clock ?? nodeClock;
  const trace = new Ledger({ clock: nodeClock });
  const requests: ConnectRequest[] = [];
  const own: (readonly Uint8Array[])[] = [];
  const broker = new Broker({
    clock,
    entropy: nodeEntropy,
    defer: nodeDefer,
    trace,
    gatekeeper: {
      admit: async (request) => {
        const { peer } = request;
        own.push(peer.certificates);
        requests.push({ ...request, peer: { ...peer, certificates: peer.chain?.() ?? peer.certificates } });
        if (request.username === "stranger") return { admit: false, cause: "no-policy", reply: "connack" };
        return { admit: true, authority: { principalId: "p", may: () => ({ allowed: true }) } };
      },
    },
  });
  const hierarchy = await newHierarchy("Broker");
  const [server, device] = [await hierarchy.server(), await hierarchy.device()];
  const common = { broker, host: "127.0.0.1", port: 0, clock, trace };
  const plain = await listenPlain(common);
  const tls = await listenTls({ ...common, key: keyPem(server.key), cert: chainPem(server.chain) });
  const folder = mkdtempSync(join(tmpdir(), "broker-"));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const closeListeners = async () => {
    await Promise.all([plain.close(), tls.close()]);
  };
  t.after(async () => {
    await broker.stop();
    await closeListeners();
    rmSync(folder, { recursive: true });
  });
  return {
    broker,
    trace,
    requests,
    own,
    hierarchy,
    device,
    plain: plain.port,
    tls: tls.port,
    files: {
      ca: file("ca.pem", certificateToPem(hierarchy.root.certificate)),
      cert: file("device.pem", chainPem(device.chain)),
      key: file("device.key", keyPem(device.key)),
    },
    /** Ends both listeners, as a cloud does that stops. */
    closeListeners,
    refusals: () => trace.events({ kinds: ["refusal"] }).filter((event) => event.kind === "refusal"),
    /** Resolves with the first event that matches, past or to come. */
    event: (matches: (event: TraceEvent) => boolean) => {
      const known = trace.events().find(matches);
      return known ? Promise.resolve(known) : nextEvent(trace, matches);
    },
    /** Resolves with the next event that matches. */
    nextEvent: (matches: (event: TraceEvent) => boolean) => nextEvent(trace, matches),
  };
}

function nextEvent(trace: Ledger, matches: (event: TraceEvent) => boolean): Promise<TraceEvent> {
  return new Promise((resolve) => {
    const end = trace.subscribe((event) => {
      if (!matches(event)) return;
      end();
      resolve(event);
    });
  });
}

/** A program that runs; `output` is what it wrote to standard output and error so far. */
export class Running {
  output = "";
  readonly child: ChildProcess;
  readonly #ended: Promise<number>;

  constructor(t: TestContext, program: string, args: readonly string[], options: { readonly input?: string } = {}) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#ended = once(this.child, "close").then(([code]) => (code as number | null) ?? -1);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.child.stdin?.on("error", () => undefined);
    if (options.input !== undefined) this.child.stdin?.end(options.input);
    t.after(async () => {
      this.child.kill("SIGKILL");
      await this.#ended;
    });
  }

  /** Its exit status. */
  ended(): Promise<number> {
    return this.#ended;
  }
}
