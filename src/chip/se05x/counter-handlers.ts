import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { concat, Reader } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { createObject, refuseAuthentication, replaceContent } from "./writing.ts";

/** Counters. SE05x command table, tier b */
export function counterHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeCounter"> {
  return {
    writeCounter(request) {
      refuseAuthentication(request.insFlags);
      const { objectId, size, value } = request;
      const former = inside.store.find(objectId);
      if (!former) {
        if (size === undefined || size < 1 || size > 8) throw refuse(0x6a80, "a counter has 1 to 8 bytes");
        if (value !== undefined) throw refuse(0x6a80, "a new counter begins at zero");
        return createObject(inside, request, { kind: "counter", size, value: 0n }, SE05X_ORIGIN.external);
      }
      const { content } = inside.demand(objectId, "write");
      if (content.kind !== "counter" || size !== undefined) throw refuse(0x6985, "no counter to count on");
      if (value && value.length !== content.size && value.length !== 8)
        throw refuse(0x6a80, "a value of another length");
      const next = value ? new Reader(concat(new Uint8Array(8 - value.length), value)).u64() : content.value + 1n;
      // Counting back would bring back what a counter was to rule out.
      if (next <= content.value || next >= 1n << BigInt(8 * content.size)) throw refuse(0x6985, "a counter only grows");
      return replaceContent(inside, request, former, { content: { ...content, value: next }, origin: former.origin });
    },
  };
}
