import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { generate } from "mqtt-packet";

import { type BenchOptions, type BenchRow, median } from "./bench-row.ts";
import { serverIdentity, startMosquitto, startOurs, type Target } from "./broker.bench.ts";

const AT_ONCE = 8;
const ROUNDS = 3;

/** Connects from TCP to CONNACK and back, each alone on its socket: full handshakes, and resumed TLS sessions. */
export async function run({ long, progress }: BenchOptions): Promise<BenchRow[]> {
  const count = long ? 2000 : 250;
  const folder = mkdtempSync(join(tmpdir(), "connects-bench-"));
  const ours = await startOurs(serverIdentity(folder), { resumption: true });
  const theirs = await startMosquitto(folder);
  try {
    const rows: BenchRow[] = [];
    for (const resumes of [false, true]) {
      progress(`  ${resumes ? "resumed" : "full"} handshakes`);
      // Code that is not compiled yet takes several times as long.
      await perSecond(ours, count, resumes);
      const rates: [number, number][] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const mine = await perSecond(ours, count, resumes);
        rates.push([mine, theirs ? await perSecond(theirs, count, resumes) : Number.NaN]);
      }
      const mine = median(rates.map(([rate]) => rate));
      const peer = theirs && median(rates.map(([, rate]) => rate));
      rows.push({
        name: `connects, ${resumes ? "TLS session resumed" : "full handshake"}`,
        ours: mine,
        peer,
        ratio: peer && mine / peer,
        unit: "/s",
        note: `TLS 1.3, P-256, no client certificate, ${AT_ONCE} at once, client in one process beside it`,
      });
    }
    return rows;
  } finally {
    ours.stop();
    theirs?.stop();
    rmSync(folder, { recursive: true });
  }
}

async function perSecond(target: Target, count: number, resumes: boolean): Promise<number> {
  const session = resumes ? await sessionOf(target) : undefined;
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const reused = await connectOnce(target, session);
      if (reused !== resumes) throw new Error(`a session was ${reused ? "" : "not "}resumed`);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (count * 1000) / (performance.now() - start);
}

const CONNECT = generate({ cmd: "connect", clientId: "", clean: true, keepalive: 60, protocolVersion: 4 });

/** Connects, waits for CONNACK and says goodbye; whether the TLS session was resumed. */
async function connectOnce(target: Target, session: Buffer | undefined): Promise<boolean> {
  const socket = connect({
    host: "127.0.0.1",
    port: target.tls,
    rejectUnauthorized: false,
    ...(session && { session }),
  });
  socket.setNoDelay(true);
  socket.write(CONNECT);
  const [connack] = (await once(socket, "data")) as [Uint8Array];
  if (connack[3] !== 0) throw new Error(`CONNACK ${connack[3]}`);
  const isReused = socket.isSessionReused();
  socket.end(generate({ cmd: "disconnect" }));
  socket.resume();
  await once(socket, "close");
  return isReused;
}

async function sessionOf(target: Target): Promise<Buffer> {
  const socket = connect({ host: "127.0.0.1", port: target.tls, rejectUnauthorized: false });
  socket.write(CONNECT);
  socket.resume();
  const [session] = (await once(socket, "session")) as [Buffer];
  socket.destroy();
  return session;
}
