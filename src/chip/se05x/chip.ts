import {
  type CommandApdu,
  decodeExtendedCommand,
  decodeLongResponse,
  describeExchange,
  encodeExtendedCommand,
  encodeResponse,
  type Fields,
  hasExtendedLengths,
  type Scp03Session,
  SECURE_CLASS,
  SW_OK,
} from "../../apdu/index.ts";
import { SE05X_AID, SE05X_COMMAND_SET, type Se05xCommandName, type Se05xRequest } from "../../apdu/se05x/index.ts";
import { DecodeError, equal, fromHex, ProtocolError, Refused, toHex } from "../../codec/index.ts";
import type { Entropy } from "../../crypto/index.ts";
import { silentTrace, type Trace } from "../../trace/index.ts";
import { MemoryInRam } from "../memory.ts";
import type { Consequence, NonVolatileMemory, Rehearsable, Wear } from "../ports.ts";
import { NOBODY } from "./access.ts";
import { newBirth } from "./birth.ts";
import { demandAdmitted, demandOneChannel } from "./admission.ts";
import { consequencesOf } from "./consequences.ts";
import { se05xHandlers } from "./handlers.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { type ChipState, decodeImage, encodeImage } from "./image.ts";
import { assumedChannel } from "./channel-handlers.ts";
import { enterImport } from "./import-entry.ts";
import { ENDURANCE_WRITES, newInside, uniqueIdIn } from "./inside.ts";
import { hexId } from "./objects.ts";
import type { Se05xChipOptions } from "./options.ts";
import { refuse } from "./refuse.ts";
import { enterSession } from "./session-entry.ts";
import { freshSettings, RESTRICTION } from "./settings.ts";
import { stateFacts } from "./state-facts.ts";
import { keepTime } from "./timestamp.ts";
import { SE05X_MODELS, type Se05xModelName } from "./variants.ts";

/**
 * A simulated secure element of the SE05x family: it answers command bytes with answer bytes, and keeps its keys.
 *
 * A command that changes something is stored before it is answered; where storing fails, it has not happened.
 */
export class Se05xChip implements Rehearsable {
  readonly model: Se05xModelName;
  readonly readerName: string;
  readonly #inside: Se05xInside;
  readonly #handlers: Se05xHandlers;
  readonly #memory: NonVolatileMemory;
  readonly #options: Se05xChipOptions;
  readonly #trace: Trace;

  private constructor(options: Se05xChipOptions, memory: NonVolatileMemory, state: ChipState) {
    const { model, trace = silentTrace } = options;
    this.model = model;
    this.readerName = SE05X_MODELS[model].name;
    this.#memory = memory;
    this.#options = options;
    this.#trace = trace;
    this.#inside = newInside(options, state, {
      keep: () => this.#store(),
      passOn: (command) => this.#passOn(command),
    });
    this.#handlers = se05xHandlers(this.#inside);
  }

  /**
   * The chip whose state the memory holds, or a new one, born with identifier, keys and certificates. Throws
   * `UsageError` where the memory holds something other than the state of such a chip.
   */
  static async open(options: Se05xChipOptions): Promise<Se05xChip> {
    const { model, crypto, entropy, issuer, memory = new MemoryInRam() } = options;
    const stored = memory.load();
    if (stored) return new Se05xChip(options, memory, decodeImage(model, stored, crypto));
    const objects = await newBirth(SE05X_MODELS[model], { ...crypto, entropy }, issuer);
    const state = { settings: freshSettings(SE05X_MODELS[model]), objects };
    memory.store(encodeImage(model, state));
    return new Se05xChip(options, memory, state);
  }

  /** The chip's unique identifier, 36 hex digits. */
  get uniqueId(): string {
    return toHex(uniqueIdIn(this.#inside.store));
  }

  /** How often each object and the settings were written, as long as they are there. */
  get wear(): readonly Wear[] {
    const { enduranceWrites = ENDURANCE_WRITES } = this.#options;
    const { store } = this.#inside;
    const objects = [...store].map(({ id, writes }) => ({ place: `object ${hexId(id)}`, writes, enduranceWrites }));
    return [{ place: "settings", writes: store.settings.writes, enduranceWrites }, ...objects];
  }

  /** What a command would make impossible; nothing for one that can be taken back, or that is no command. */
  consequencesOf(command: Uint8Array): readonly Consequence[] {
    return consequencesOf(command, this.#inside.store);
  }

  facts(): Readonly<Record<string, string>> {
    return stateFacts(this.#inside.store);
  }

  fork(entropy: Entropy): Se05xChip {
    const memory = new MemoryInRam();
    this.saveTo(memory);
    const { crypto, clock, enduranceWrites = ENDURANCE_WRITES } = this.#options;
    const options = { model: this.model, crypto, entropy, clock, enduranceWrites };
    return new Se05xChip(options, memory, decodeImage(this.model, this.#image(), crypto));
  }

  saveTo(memory: NonVolatileMemory): void {
    memory.store(this.#image());
  }

  /** Throws `UsageError` `state-version` where the memory holds no state of this model. */
  restoreFrom(memory: NonVolatileMemory): void {
    const image = memory.load() ?? new Uint8Array(0);
    const { settings, objects } = decodeImage(this.model, image, this.#options.crypto);
    this.#memory.store(image);
    this.#inside.store.become(settings, objects);
    this.reset();
  }

  /** Clears what does not outlive power and gives the answer to reset. */
  reset(): Uint8Array {
    this.#forget("application");
    this.#inside.time = keepTime(this.#inside.clock.now(), this.#inside.time);
    return ANSWER_TO_RESET.slice();
  }

  /** Answers one command. Never throws: what goes wrong inside answers 6F00 and is told to the trace. */
  exchange(command: Uint8Array): Uint8Array {
    const { clock } = this.#inside;
    const started = this.#trace.isSilent ? 0 : clock.now();
    // A copy: what is stored must not change with the caller's buffer.
    const { seen, answer, channels } = this.#answer(new Uint8Array(command));
    if (!this.#trace.isSilent) {
      const description = describeExchange(SE05X_COMMAND_SET, seen, answer);
      const durationMs = clock.now() - started;
      this.#trace.emit("chip", { kind: "chip.command", ...description, durationMs }, { device: this.uniqueId });
    }
    if (channels.length === 0) return answer;
    const plain = decodeLongResponse(answer);
    return encodeResponse(channels.reduceRight((response, channel) => channel.protectResponse(response), plain));
  }

  exchangeInside(command: Uint8Array): Uint8Array {
    const { platform } = this.#inside;
    const assumed = assumedChannel(this.#inside, command);
    if (!assumed) return this.exchange(command);
    platform.channel = assumed;
    try {
      return this.#answer(new Uint8Array(command), assumed.scp).answer;
    } finally {
      platform.channel = undefined;
    }
  }

  /** `seen` is the command that was carried out, without what carried it; `channels` protect the answer, the last first. */
  #answer(bytes: Uint8Array, assumed?: Scp03Session): Answered {
    const channels: Scp03Session[] = [];
    let seen = bytes;
    try {
      this.#inside.caller = assumed ? { ...NOBODY, secured: true } : NOBODY;
      this.#inside.sessions.current = undefined;
      const outer = this.#openInPlatform(bytes, channels);
      demandOneChannel(outer);
      if (channels.length > 0) seen = encodeExtendedCommand(outer);
      this.#inside.command = outer;
      let recognised = SE05X_COMMAND_SET.recognise(outer);
      demandAdmitted(this.#inside, recognised.key, assumed ?? channels[0]);
      if (recognised.key === "processSession") {
        const { sessionId, command } = recognised.request as { sessionId: Uint8Array; command: Uint8Array };
        seen = command;
        const inner = enterSession(this.#inside, { sessionId: toHex(sessionId), command, channels });
        seen = encodeExtendedCommand(inner);
        this.#inside.command = inner;
        recognised = SE05X_COMMAND_SET.recognise(inner);
        demandAdmitted(this.#inside, recognised.key, assumed ?? channels[0]);
      }
      if (recognised.key === "importExternal") {
        // Its row says what its fields are.
        const inner = enterImport(this.#inside, recognised.request as Se05xRequest<"importExternal">);
        recognised = SE05X_COMMAND_SET.recognise(inner);
        demandAdmitted(this.#inside, recognised.key, assumed ?? channels[0]);
      }
      const { key, row, request } = recognised;
      const answer = SE05X_COMMAND_SET.writeAnswer(row, this.#carryOut(key, request));
      this.#store();
      // The session that deletes all ends with it, and so does its channel: the answer comes bare.
      const lost = key === "deleteAll" ? this.#sessionChannel() : undefined;
      return { seen, answer, channels: lost ? channels.filter((channel) => channel !== lost) : channels };
    } catch (error) {
      this.#inside.store.rollBack();
      const sw = this.#statusWordFor(error);
      return { seen, answer: Uint8Array.of(sw >> 8, sw & 0xff), channels };
    }
  }

  /** The command without the platform's protection. */
  #openInPlatform(bytes: Uint8Array, channels: Scp03Session[]): CommandApdu {
    const { platform } = this.#inside;
    const apdu = decodeExtendedCommand(bytes);
    if (apdu.cla !== SECURE_CLASS || apdu.ins === EXTERNAL_AUTHENTICATE) return apdu;
    const { channel } = platform;
    if (!channel) throw refuse(0x6985, "no secure channel is open");
    // Closed unless the command proves to belong to it: out of step once is out of step for good.
    platform.channel = undefined;
    const opened = channel.scp.openCommand(apdu, hasExtendedLengths(bytes) ? "extended" : "short");
    platform.channel = channel;
    channels.push(channel.scp);
    this.#inside.caller = { authObjectId: 0, secured: channel.scp.isFull };
    return opened;
  }

  #carryOut(key: Se05xCommandName, request: Fields): Fields {
    switch (key) {
      case "select":
        return this.#select(request as { readonly aid: Uint8Array });
      case "selectCardManager":
      case "selectPlatform":
        this.#forget("platform");
        return {};
      case "processSession":
      case "importExternal":
        throw refuse(0x6985, "a session goes into no session");
      default:
        // The request was decoded by the row that the handler is typed from.
        return (this.#handlers[key] as (request: Fields) => Fields)(request);
    }
  }

  #select({ aid }: { readonly aid: Uint8Array }): Fields {
    if (!equal(aid, SE05X_AID)) throw refuse(0x6a82, "there is no such application");
    this.#forget("application");
    const { model, store } = this.#inside;
    const { appletVersion, secureBoxVersion } = model;
    return { appletVersion, features: store.settings.features, secureBoxVersion };
  }

  /** A command to the card manager that came through the application. */
  #passOn(command: Uint8Array): Uint8Array {
    const { platform } = this.#inside;
    const apdu = decodeExtendedCommand(command);
    const { key, row, request } = SE05X_COMMAND_SET.recognise(apdu);
    if (key !== "identify" && key !== "productionData") throw refuse(0x6985, `${key} is not passed on`);
    const { selected } = platform;
    platform.selected = "platform";
    try {
      return encodeResponse({ data: SE05X_COMMAND_SET.writeResponse(row, this.#carryOut(key, request)), sw: SW_OK });
    } finally {
      platform.selected = selected;
    }
  }

  #forget(selected: "application" | "platform"): void {
    const { sessions, platform, store, passing, running } = this.#inside;
    sessions.open.clear();
    running.clear();
    Object.assign(platform, { selected, proposed: undefined, channel: undefined });
    Object.assign(passing, { isUnlocked: false, restriction: RESTRICTION.none });
    this.#inside.tlsRandom = undefined;
    store.forgetTransient();
  }

  #sessionChannel(): Scp03Session | undefined {
    return this.#inside.sessions.current?.channel;
  }

  #store(): void {
    const { store } = this.#inside;
    if (!store.changed) return;
    this.#memory.store(this.#image());
    store.commit();
  }

  #image(): Uint8Array {
    const { store } = this.#inside;
    return encodeImage(this.model, { settings: store.settings, objects: store });
  }

  /** The one place where errors become status words. SE05x coding rules */
  #statusWordFor(error: unknown): number {
    if (error instanceof Refused && typeof error.wire === "number") {
      if (error.wire === WORN_OUT) this.#warn(error.message);
      return error.wire;
    }
    if (error instanceof ProtocolError) {
      // Here P1 and P2 belong to the instruction.
      if (error.code === "wrong-parameters") return 0x6d00;
      if (typeof error.reply === "number") return error.reply;
    }
    if (error instanceof DecodeError) return 0x6700;
    this.#warn(`${this.readerName} failed inside: ${error instanceof Error ? error.message : "unknown reason"}`);
    return 0x6f00;
  }

  #warn(detail: string): void {
    this.#trace.emit("chip", { kind: "process", what: "warning", detail }, { device: this.uniqueId });
  }
}

type Answered = {
  readonly seen: Uint8Array;
  readonly answer: Uint8Array;
  readonly channels: readonly Scp03Session[];
};

/** ISO/IEC 7816-4, section 5.6 */
const WORN_OUT = 0x6581;

/** The one command that comes in the class of a secure channel before there is one. GPC SCP03, section 7.1.2 */
const EXTERNAL_AUTHENTICATE = 0x82;

/** As a real SE050 gave it over its bus; hosts do not look into it. JRCP table */
const ANSWER_TO_RESET = fromHex("00a0000003960403e800fe020b03e80801000000006400000a4a434f5034204154504f");
