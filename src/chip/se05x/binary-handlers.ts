import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import { kindOfContent } from "./contents.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { hexId } from "./objects.ts";
import { refuse } from "./refuse.ts";
import { createObject, refuseAuthentication, replaceContent } from "./writing.ts";

const MAX_FILE = 0x7fff;

/** Files. SE05x command table, tier b */
export function binaryHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeBinary"> {
  return {
    writeBinary(request) {
      refuseAuthentication(request.insFlags);
      const { objectId, offset = 0, length, data = new Uint8Array(0) } = request;
      const former = inside.store.find(objectId);
      if (former && kindOfContent(former.content) !== "binary") throw refuse(0x6985, `${hexId(objectId)} is no file`);
      if (former) inside.demand(objectId, "write");
      const held = former?.content.kind === "binary" ? former.content.bytes : undefined;
      const size = held?.length ?? length ?? 0;
      if (size < 1 || size > MAX_FILE) throw refuse(0x6a80, `a file of ${size} bytes`);
      if (offset + data.length > size) throw refuse(0x6a80, `${data.length} bytes at ${offset} end behind the file`);
      const bytes = held ? held.slice() : new Uint8Array(size);
      bytes.set(data, offset);
      const content = { kind: "binary", bytes } as const;
      if (!former) return createObject(inside, request, content, SE05X_ORIGIN.external);
      return replaceContent(inside, request, former, { content, origin: former.origin });
    },
  };
}
