import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { concat } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { createObject, refuseAuthentication, replaceContent } from "./writing.ts";

/** Registers: a hash of all that they were extended by. SE05x command table, tier b */
export function registerHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writePcr"> {
  return {
    writePcr(request) {
      refuseAuthentication(request.insFlags);
      const { objectId, initial, data } = request;
      const former = inside.store.find(objectId);
      if (!former) {
        if (!initial || data) throw refuse(0x6a80, "a new register takes its initial value, and nothing else");
        const value = inside.model.hashesRegisterStart ? inside.hash.digest("sha256", initial) : initial.slice();
        return createObject(inside, request, { kind: "pcr", initial: value, value }, SE05X_ORIGIN.external);
      }
      if (initial) throw refuse(0x6985, "a register keeps its initial value");
      // Whoever may delete a register may also set it back. SE05x command table, section 4.5
      const { content } = inside.demand(objectId, data ? "write" : "delete");
      if (content.kind !== "pcr") throw refuse(0x6985, "an object keeps its type");
      const value = data ? inside.hash.digest("sha256", concat(content.value, data)) : content.initial;
      return replaceContent(inside, request, former, { content: { ...content, value }, origin: former.origin });
    },
  };
}
