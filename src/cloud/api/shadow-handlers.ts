import { type HandlersOf, type SHADOW_OPERATIONS, pageRequestOf, tokenPage } from "../operations/index.ts";
import { type Json, utf8Bytes } from "../../codec/index.ts";
import type { Shadows } from "../shadows/index.ts";

const NOTHING = new Uint8Array(0);

/** Device shadows in AWS's words. */
export function shadowHandlers(shadows: Shadows): HandlersOf<keyof typeof SHADOW_OPERATIONS> {
  const idOf = ({ thingName, shadowName = "" }: { readonly thingName: string; readonly shadowName?: string }) => {
    return { thing: thingName, name: shadowName };
  };
  return {
    GetThingShadow: async (input, asker) => answer(await shadows.get(idOf(input), { ...asker, payload: NOTHING })),
    UpdateThingShadow: async (input, asker) =>
      answer(await shadows.update(idOf(input), { ...asker, payload: input.payload })),
    DeleteThingShadow: async (input, asker) =>
      answer(await shadows.delete(idOf(input), { ...asker, payload: NOTHING })),
    async ListNamedShadowsForThing({ thingName, nextToken, pageSize: maxResults }) {
      const request = pageRequestOf({
        ...(nextToken !== undefined && { nextToken }),
        ...(maxResults !== undefined && { maxResults }),
      });
      const { timestamp, ...page } = await shadows.names(thingName, request);
      return { ...tokenPage("results", page, (name) => name), timestamp };
    },
  };
}

function answer(document: Json): { readonly payload: Uint8Array } {
  return { payload: utf8Bytes(JSON.stringify(document)) };
}
