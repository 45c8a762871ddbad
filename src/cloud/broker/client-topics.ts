import { violation } from "./errors.ts";
import { REASON } from "./reason-codes.ts";

const NO_BYTES = new Uint8Array(0);

/** The topics that one client names: its aliases, and its last one, which is usually the next one too. */
export class ClientTopics {
  /** Absent until the client sets one. */
  #aliases: Map<number, string> | undefined;
  #lastBytes = NO_BYTES;
  #last = "";

  /** A topic name that was checked before, if it is the same as the last one. */
  same(bytes: Uint8Array, from: number, to: number): string | undefined {
    const last = this.#lastBytes;
    if (to - from !== last.length || last.length === 0) return undefined;
    for (let i = 0; i < last.length; i++) if (last[i] !== bytes[from + i]) return undefined;
    return this.#last;
  }

  remember(bytes: Uint8Array, topic: string): void {
    this.#lastBytes = new Uint8Array(bytes);
    this.#last = topic;
  }

  /** Sets or uses a topic alias. MQTT 5.0, section 3.3.2.3.4 */
  alias(alias: number, topic: string, maximum: number): string {
    if (alias === 0 || alias > maximum) {
      throw violation(`topic alias is ${alias}, at most ${maximum}`, REASON.topicAliasInvalid);
    }
    if (topic !== "") (this.#aliases ??= new Map()).set(alias, topic);
    const known = this.#aliases?.get(alias);
    if (known === undefined) throw violation(`topic alias ${alias} was never set`);
    return known;
  }
}
