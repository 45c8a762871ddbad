import assert from "node:assert/strict";
import { test } from "node:test";

import { PassingClock } from "../../test/host/i2c-bus.ts";
import { newPart } from "../../test/host/part.ts";
import { T1Front } from "../chip/index.ts";
import { HawserError } from "../codec/index.ts";
import { nodeHash } from "../crypto/node.ts";
import { openT1 } from "./index.ts";
import { type I2cBusPackage, openI2c, SE05X_I2C_DEVICE } from "./node-i2c.ts";
import { connectChip } from "./node.ts";
import { Se05x } from "./se05x/index.ts";

function code(expected: string) {
  return (error: unknown) => error instanceof HawserError && error.code === expected;
}

function failure(errno: string): Error {
  return Object.assign(new Error(`the bus says ${errno}`), { code: errno });
}

/** The package's interface over a simulated part, which does not acknowledge every third time. */
function packageOver(front: T1Front, opened: unknown[]): I2cBusPackage {
  let waiting: Uint8Array = new Uint8Array(0);
  let calls = 0;
  const busy = () => {
    if (calls++ % 3 === 0) throw failure("EREMOTEIO");
  };
  return {
    openPromisified: async (bus) => {
      opened.push(bus);
      return {
        async i2cWrite(device, length, bytes) {
          busy();
          assert.deepEqual([device, length], [SE05X_I2C_DEVICE, bytes.length]);
          waiting = front.receive(new Uint8Array(bytes)) ?? waiting;
        },
        async i2cRead(_, length, into) {
          busy();
          if (waiting.length === 0) throw failure("ENXIO");
          const part = waiting.slice(0, length);
          waiting = waiting.slice(length);
          into.set(part);
          return { bytesRead: part.length };
        },
        close: async () => void opened.push("closed"),
      };
    },
  };
}

test("openI2c carries T=1 over the interface of i2c-bus, and asks again where the chip does not acknowledge", async () => {
  const { chip, clock } = await newPart();
  const opened: unknown[] = [];
  const place = await openI2c({ bus: 7, device: SE05X_I2C_DEVICE }, async () => packageOver(new T1Front(chip), opened));
  const device = await Se05x.open(await openT1(place, { clock: new PassingClock() }), { hash: nodeHash, clock });
  assert.equal(device.identity.uniqueId, chip.uniqueId);
  await device.close();
  assert.deepEqual(opened, [7, "closed"]);
});

test("openI2c tells a bus that cannot be opened and other failures from a chip that is at work", async () => {
  const none: I2cBusPackage = { openPromisified: () => Promise.reject(failure("EACCES")) };
  await assert.rejects(
    openI2c({ bus: 1, device: 0x48 }, async () => none),
    code("connection-refused"),
  );
  const broken = async (): Promise<never> => {
    throw failure("EBADF");
  };
  const failing: I2cBusPackage = {
    openPromisified: async () => ({ i2cWrite: broken, i2cRead: broken, close: async () => undefined }),
  };
  const place = await openI2c({ bus: 1, device: 0x48 }, async () => failing);
  await assert.rejects(openT1(place, { clock: new PassingClock() }), { code: "EBADF" });
});

test("connectChip at i2c:BUS says which package is missing, and how to get it", async () => {
  for (const address of ["i2c:1", "i2c:1:48", "i2c:0:0x49"]) {
    await assert.rejects(connectChip(address), code("i2c-absent"));
  }
  for (const address of ["i2c:", "i2c:one", "i2c:1:0x80"])
    await assert.rejects(connectChip(address), code("bad-address"));
});
