import { Refused, UsageError } from "../codec/index.ts";
import type { HostErrorCode } from "./errors.ts";
import type { I2cPlace } from "./t1-transport.ts";

/** A chip on a Linux I2C bus: the number of `/dev/i2c-N`, and the chip's address on it. */
export type I2cAddress = { readonly bus: number; readonly device: number };

/** The address that parts of the SE05x family have. NXP UM11225, section 2.1 */
export const SE05X_I2C_DEVICE = 0x48;

/** What is used of the package i2c-bus. */
export type I2cBusPackage = {
  openPromisified(bus: number): Promise<{
    i2cWrite(device: number, length: number, bytes: Buffer): Promise<unknown>;
    i2cRead(device: number, length: number, into: Buffer): Promise<{ readonly bytesRead: number }>;
    close(): Promise<void>;
  }>;
};

/** What the kernel says where a device does not acknowledge. */
const NOT_NOW: readonly unknown[] = ["ENXIO", "EREMOTEIO", "EIO", "ETIMEDOUT", "EAGAIN"];

/**
 * Opens a place on a Linux I2C bus, by the package i2c-bus, which is not installed with this one. Throws `UsageError`
 * `i2c-absent` where it is not there, `Refused` `connection-refused` where the bus cannot be opened.
 */
export async function openI2c(
  { bus, device }: I2cAddress,
  load: () => Promise<I2cBusPackage> = loadPackage,
): Promise<I2cPlace> {
  const i2c = await load();
  const opened = await i2c.openPromisified(bus).catch((cause: unknown) => {
    throw new Refused<HostErrorCode, string>("connection-refused", `/dev/i2c-${bus} cannot be opened`, codeOf(cause), {
      cause,
    });
  });
  return {
    write: async (bytes) =>
      (await unlessBusy(async () => {
        await opened.i2cWrite(device, bytes.length, Buffer.from(bytes));
        return true;
      })) ?? false,
    read: (length) =>
      unlessBusy(async () => {
        const into = Buffer.alloc(length);
        const { bytesRead } = await opened.i2cRead(device, length, into);
        return new Uint8Array(into.subarray(0, bytesRead));
      }),
    close: () => opened.close(),
  };
}

async function loadPackage(): Promise<I2cBusPackage> {
  // Not a literal: the compiler would look for a package that is rightly not there.
  const name: string = "i2c-bus";
  try {
    const loaded = (await import(name)) as { default?: I2cBusPackage } & I2cBusPackage;
    return loaded.default ?? loaded;
  } catch (cause) {
    const message = "the package i2c-bus is not installed: npm install i2c-bus (Linux, with a compiler)";
    throw new UsageError<HostErrorCode>("i2c-absent", message, { cause });
  }
}

async function unlessBusy<T>(attempt: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if (NOT_NOW.includes(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
}
