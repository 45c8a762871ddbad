import type { Subscription } from "./session.ts";

/** A shared subscription's parts: the filter that topics are matched with, and the key of its group. */
export type Share = { readonly name: string; readonly filter: string; readonly key: string };

const PREFIX = "$share/";

/** The parts of `$share/name/filter`, or undefined for any other filter. MQTT 5.0, section 4.8.2 */
export function shareOf(filter: string): Share | undefined {
  if (!filter.startsWith(PREFIX)) return undefined;
  const slash = filter.indexOf("/", PREFIX.length);
  const end = slash < 0 ? filter.length : slash;
  return { name: filter.slice(PREFIX.length, end), filter: filter.slice(end + 1), key: filter };
}

/** What is wrong with a share's name, or undefined. MQTT 5.0, section 4.8.2 */
export function shareNameProblem(name: string, maximum: number): string | undefined {
  if (name === "") return "the share has no name";
  if (/[+#]/.test(name)) return "the share's name holds a wildcard";
  return name.length > maximum ? `the share's name has over ${maximum} characters` : undefined;
}

/** The subscriptions that share one filter under one name: each message goes to one of them. MQTT 5.0, section 4.8.2 */
export class SharedGroup {
  #members: Subscription[] = [];
  #last = -1;

  get size(): number {
    return this.#members.length;
  }

  add(subscription: Subscription): void {
    this.#members.push(subscription);
  }

  remove(subscription: Subscription): void {
    const at = this.#members.indexOf(subscription);
    if (at < 0) return;
    this.#members.splice(at, 1);
    if (at <= this.#last) this.#last -= 1;
  }

  /** Whose turn it is: of those that can take a message now, else of the connected ones, else of those that will be back. */
  next(): Subscription | undefined {
    return (
      this.#turn(({ session }) => session.connection?.canSend === true && session.flow.queued === 0) ??
      this.#turn(({ session }) => session.connection !== undefined) ??
      this.#turn(({ session }) => session.isKept)
    );
  }

  #turn(isFit: (member: Subscription) => boolean): Subscription | undefined {
    const { length } = this.#members;
    for (let i = 1; i <= length; i++) {
      const at = (this.#last + i) % length;
      const member = this.#members[at];
      if (!member || !isFit(member)) continue;
      this.#last = at;
      return member;
    }
    return undefined;
  }
}
