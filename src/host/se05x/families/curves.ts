import { CURVE_LIST_LENGTH, EC_DOMAINS, type EcDomain } from "../../../apdu/se05x/index.ts";
import { fromHex, Refused, UsageError } from "../../../codec/index.ts";
import type { HostErrorCode } from "../../errors.ts";
import type { Se05xSender } from "./sender.ts";

const LISTED = 0x02;
/** @table Parameters by their bit on the wire, in the order in which NXP's host library sets them. SE05x command table, tier b */
const PARAMETERS: readonly (readonly [number, "a" | "b" | "g" | "n" | "p"])[] = [
  [0x01, "a"],
  [0x02, "b"],
  [0x04, "g"],
  [0x08, "n"],
  [0x10, "p"],
];

/** The curves that keys of a chip can be on; most have to be made first, of their parameters. SE05x command table, tier b */
export class Se05xCurves {
  readonly #sender: Se05xSender;

  constructor(sender: Se05xSender) {
    this.#sender = sender;
  }

  /** The identifiers of prime curves that keys can be on now. */
  async list(): Promise<readonly number[]> {
    const { curves } = await this.#sender.send("readCurveList", {});
    return Array.from({ length: CURVE_LIST_LENGTH }, (_, i) => i + 1).filter((id) => curves[id - 1] === LISTED);
  }

  /** The identifier of a key's curve. */
  async ofKey(objectId: number): Promise<number> {
    return (await this.#sender.send("curveOfKey", { objectId })).curve;
  }

  /** Makes a prime curve of its published parameters. Throws `UsageError` `bad-argument` for other curves, which are not made. */
  async create(curve: number): Promise<void> {
    const domain = EC_DOMAINS.get(curve);
    if (!domain) {
      throw new UsageError<HostErrorCode>("bad-argument", `curve 0x${curve.toString(16)} is not made of parameters`);
    }
    await this.#begin(curve);
    for (const [parameter, name] of PARAMETERS) {
      await this.#sender.send("setCurveParameter", { curve, parameter, value: bytesOf(domain, name) });
    }
  }

  /** Makes a prime curve where the chip does not list it yet; others are there or are not. */
  async ensure(curve: number): Promise<void> {
    if (EC_DOMAINS.has(curve) && !(await this.list()).includes(curve)) await this.create(curve);
  }

  /** Throws `Refused` while there are keys on it. */
  async delete(curve: number): Promise<void> {
    await this.#sender.send("deleteCurve", { curve });
  }

  /** A curve that was begun and never finished is begun anew. */
  async #begin(curve: number): Promise<void> {
    try {
      await this.#sender.send("createCurve", { curve });
    } catch (error) {
      if (!(error instanceof Refused) || error.wire !== 0x6985) throw error;
      await this.delete(curve);
      await this.#sender.send("createCurve", { curve });
    }
  }
}

/** Numbers are as long as the field, and the order as long as it is. */
function bytesOf(domain: EcDomain, name: "a" | "b" | "g" | "n" | "p"): Uint8Array {
  const digits = name === "a" || name === "b" ? domain[name].padStart(domain.p.length, "0") : domain[name];
  return fromHex(digits.length % 2 === 0 ? digits : `0${digits}`);
}
