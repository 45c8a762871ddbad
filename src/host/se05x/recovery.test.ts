import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryInRam } from "../../chip/index.ts";
import { nodeSe05xCrypto } from "../../chip/node.ts";
import { Se05xChip } from "../../chip/se05x/index.ts";
import { equal, HawserError } from "../../codec/index.ts";
import { SeededEntropy, VirtualClock } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { localTransport, type Transport } from "../index.ts";
import { Se05x } from "./index.ts";

const OLD = new Uint8Array(900).fill(0x30);
const NEW = new Uint8Array(1700).fill(0x31);

/** A part whose power goes away before or after a command, and a host that finds it again later. */
async function world() {
  const memory = new MemoryInRam();
  const [clock, entropy] = [new VirtualClock(), new SeededEntropy(nodeHash, "power")];
  const power = () => Se05xChip.open({ model: "se051", crypto: nodeSe05xCrypto, entropy, clock, memory });
  const connect = async (cut = Number.POSITIVE_INFINITY, isCarriedOut = false) => {
    const part = await power();
    let commands = 0;
    const inner = localTransport(part);
    const transport: Transport = {
      async exchange(command) {
        if (commands++ < cut) return inner.exchange(command);
        if (isCarriedOut && commands === cut + 1) await inner.exchange(command);
        throw new HawserErrorOfPower();
      },
      close: async () => undefined,
    };
    return { device: await Se05x.open(transport, { hash: nodeHash, clock }), commands: () => commands };
  };
  const { device } = await connect();
  await device.writeCertificate(0, OLD);
  const publicKey = await device.generateKeyPair(0);
  return { connect, publicKey };
}

class HawserErrorOfPower extends HawserError {
  constructor() {
    super("connection-lost", "the power is gone");
  }
}

/** Runs `work` with the power cut at each of its commands, before and after it; `check` then sees what is left. */
async function everyCut(
  work: (device: Se05x) => Promise<unknown>,
  check: (device: Se05x, before: Uint8Array) => Promise<void>,
): Promise<number> {
  const whole = await (await world()).connect();
  const first = whole.commands();
  await work(whole.device);
  const last = whole.commands();
  for (let cut = first; cut < last; cut++) {
    for (const isCarriedOut of [false, true]) {
      const { connect, publicKey } = await world();
      const { device } = await connect(cut, isCarriedOut);
      await assert.rejects(work(device), HawserErrorOfPower);
      await check((await connect()).device, publicKey);
    }
  }
  return 2 * (last - first);
}

test("Se05x: a power cut at any command of writing a certificate leaves the old one, none, or the new one, never half", async () => {
  const seen = { old: 0, none: 0, new: 0 };
  const cuts = await everyCut(
    (device) => device.writeCertificate(0, NEW),
    async (device) => {
      const found = await device.readCertificate(0);
      const what = found === undefined ? "none" : equal(found, OLD) ? "old" : equal(found, NEW) ? "new" : undefined;
      seen[what ?? assert.fail(`${found?.length} bytes that nobody wrote`)]++;
      await device.writeCertificate(0, NEW);
      assert.deepEqual(await device.readCertificate(0), NEW);
    },
  );
  assert.ok(cuts >= 12 && seen.old > 0 && seen.none > 0 && seen.new > 0, JSON.stringify({ cuts, ...seen }));
});

test("Se05x: a power cut at any command of making a key leaves the old key, none, or a new one that signs", async () => {
  const cuts = await everyCut(
    (device) => device.generateKeyPair(0),
    async (device, before) => {
      const found = (await device.keySlots()).find(({ slot }) => slot === 0)?.publicKey;
      if (found) assert.equal((await (await device.signer(0)).sign("ecdsa_sha256", OLD)).length > 60, true);
      assert.ok((await device.generateKeyPair(0)).length === before.length);
    },
  );
  assert.ok(cuts >= 8, String(cuts));
});
