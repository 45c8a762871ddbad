import { SE05X_ORIGIN } from "../../apdu/se05x/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { refuse } from "./refuse.ts";
import { Secret } from "./secrets.ts";
import { createObject, isAuthentication } from "./writing.ts";

/** User identifiers. SE05x command table, tier b */
export function userIdHandlers(inside: Se05xInside): Pick<Se05xHandlers, "writeUserId"> {
  return {
    writeUserId(request) {
      if (inside.store.find(request.objectId)) throw refuse(0x6986, "a user identifier is written once");
      if (!isAuthentication(request.insFlags)) throw refuse(0x6a80, "a user identifier is an authentication object");
      const content = { kind: "userId", secret: new Secret(request.value) } as const;
      return createObject(inside, request, content, SE05X_ORIGIN.external);
    },
  };
}
