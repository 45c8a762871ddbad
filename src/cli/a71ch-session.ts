import { A71CH_AID, A71CH_VARIANTS, type A71chVariant } from "../apdu/a71ch/index.ts";
import { HawserError, Refused, toHex } from "../codec/index.ts";
import { nodeClock } from "../crypto/node.ts";
import { A71chSession, type ObjectAccess } from "../host/a71ch/index.ts";
import { connectChip } from "../host/node.ts";
import { silentTrace } from "../trace/index.ts";
import { toolError } from "./a71ch-errors.ts";
import type { Output } from "./output.ts";

/** Where the tool goes when no address was given, unless the environment says otherwise. */
const DEFAULT_ADDRESS = "127.0.0.1:8050";

export type ToolSessionOptions = {
  /** As typed, or undefined. */
  readonly address: string | undefined;
  /** `RJCT_SERVER_ADDR`, which the OpenSSL engine of this chip reads too. */
  readonly environmentAddress: string | undefined;
  readonly output: Output;
};

/** The tool's connection to a chip: opened by the first command that needs it, and whether a secure channel is open. */
export class ToolSession {
  readonly output: Output;
  readonly #address: string;
  readonly #isImplicit: boolean;
  #open:
    | { readonly session: A71chSession; readonly bare: A71chSession; readonly close: () => Promise<void> }
    | undefined;
  /** Whether the tool itself opened one before the first command; the original then forgets the address. */
  #hasStarted = false;
  /** Whether commands go into a secure channel, and whether the chip has forgotten it. */
  #channel: "none" | "open" | "forgotten" = "none";

  constructor({ address, environmentAddress, output }: ToolSessionOptions) {
    this.output = output;
    this.#address = address ?? (environmentAddress || DEFAULT_ADDRESS);
    this.#isImplicit = address === undefined;
  }

  /** The commands' way to the chip. Throws `tool-not-connected`, and `tool-channel-forgotten` where nothing would be understood. */
  get chip(): A71chSession {
    const { session } = this.#connection;
    if (this.#channel !== "forgotten") return session;
    throw toolError("tool-channel-forgotten", "the chip does not know the secure channel any more");
  }

  /** The way to the chip for what goes out in the clear, also while a secure channel is open. Throws `tool-not-connected`. */
  get inTheClear(): A71chSession {
    return this.#connection.bare;
  }

  /** The session in which a secure channel is opened. Throws `tool-not-connected`. */
  get forChannel(): A71chSession {
    return this.#connection.session;
  }

  get #connection() {
    if (!this.#open) throw toolError("tool-not-connected", "there is no connection to the chip");
    return this.#open;
  }

  get isJrcp2(): boolean {
    return this.#address.startsWith("jrcp2:");
  }

  get hasChannel(): boolean {
    return this.#channel !== "none";
  }

  get isChannelForgotten(): boolean {
    return this.#channel === "forgotten";
  }

  /** Notes that a secure channel was opened. */
  channelOpened(): void {
    this.#channel = "open";
  }

  /** Goes on in the clear. */
  clearChannel(): void {
    this.#channel = "none";
    this.#open?.session.secure(undefined);
  }

  /** Notes that the chip knows no secure channel: as in the original tool, an open one stays on this side until it is cleared. */
  channelForgotten(): void {
    if (this.hasChannel) this.#channel = "forgotten";
    else this.clearChannel();
  }

  /** Connects before the first command. Throws `tool-unreachable`. */
  async start(): Promise<void> {
    this.#hasStarted = true;
    await this.#connect();
  }

  /**
   * Connects anew, for `connect open`. Throws `tool-connected` and `tool-no-reopen` where `start` did already,
   * `tool-no-reopen` over JRCP v2, and `tool-not-opened`.
   */
  async reopen(): Promise<void> {
    if (this.#open && this.#hasStarted) {
      throw toolError("tool-connected", `the connection to ${this.#address} is open`);
    }
    if (this.#hasStarted) throw toolError("tool-no-reopen", "the session did not begin with nc");
    if (this.isJrcp2) throw toolError("tool-no-reopen", `${this.#address} is not opened by hand`);
    try {
      await this.#connect();
    } catch (cause) {
      if (!(cause instanceof HawserError)) throw cause;
      throw toolError("tool-not-opened", cause.message, { cause: cause.cause });
    }
  }

  /** Selects the application and says which chip this is. Throws `tool-unreachable`. */
  async #connect(): Promise<void> {
    await this.close();
    try {
      const transport = await connectChip(this.#address);
      const session = new A71chSession(transport, nodeClock, silentTrace);
      const bare = new A71chSession(transport, nodeClock, silentTrace);
      this.#open = { session, bare, close: () => transport.close() };
      await session.send("selectCardManager", {});
      const { appletVersion, secureBoxVersion } = await session.send("select", { aid: A71CH_AID });
      const [applet, box] = [appletVersion, secureBoxVersion].map((version) => `0x${hex16(version)}`);
      this.output.line(
        { event: "connected", address: this.#address, appletVersion: applet, secureBoxVersion: box },
        `A71CH at ${this.#address}: applet version ${applet}, SecureBox version ${box}`,
      );
      if (this.#isImplicit) await this.#tellWhichChip(session);
    } catch (cause) {
      await this.close();
      if (!(cause instanceof HawserError)) throw cause;
      throw toolError("tool-unreachable", `no A71CH at ${this.#address}`, { cause });
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    // The original keeps its end of the channel over a new connection.
    if (this.hasChannel) this.#channel = "forgotten";
    await open?.close();
  }

  /** The chip's storage objects. Throws `tool-not-connected`. */
  async objects(): Promise<ObjectAccess> {
    return { session: this.chip, variant: await this.variant() };
  }

  /** Which capacity the chip has; the smaller one where it says something else. */
  async variant(): Promise<A71chVariant> {
    const { storageBytes } = await this.chip.send("readModuleInfo", {});
    return storageBytes === A71CH_VARIANTS.B.storageBytes ? "B" : "A";
  }

  /** Nobody named the chip, so whoever typed the command should see which one it goes to. */
  async #tellWhichChip(session: A71chSession): Promise<void> {
    const uniqueId = await session.send("readUniqueId", {}).then(
      (answer) => toHex(answer.uniqueId),
      (error: unknown) => {
        if (error instanceof Refused) return "whose unique id is protected";
        throw error;
      },
    );
    this.output.warn(`no ip:port given, so this goes to the A71CH ${uniqueId} at ${this.#address}`);
  }
}

/** A number of 16 bits as four hex digits. */
export function hex16(value: number): string {
  return value.toString(16).padStart(4, "0");
}
