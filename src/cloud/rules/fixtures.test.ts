import type { HttpAnswer, HttpRequest } from "./index.ts";
import type { ActionDoors, HttpDoor } from "./perform.ts";

/** Doors to the outside that remember what went through. */
export class Outside implements Pick<ActionDoors, "http" | "objects"> {
  readonly sent: HttpRequest[] = [];
  readonly written: { readonly path: string; readonly text: string }[] = [];
  readonly enabled = new Set<string>();
  /** What a request is answered. */
  answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer> = () => answered(200);

  readonly http: HttpDoor = {
    sender: {
      send: async (request) => {
        this.sent.push(request);
        return this.answer(request);
      },
    },
    isEnabled: (url) => this.enabled.has(url),
  };

  readonly objects = {
    write: async (bucket: string, key: string, bytes: Uint8Array): Promise<string> => {
      this.written.push({ path: `${bucket}/${key}`, text: new TextDecoder().decode(bytes) });
      return `memory:${bucket}/${key}`;
    },
  };
}

/** An answer without a body. */
export function answered(status: number): HttpAnswer {
  return { status, bodyBytes: 0, closes: false };
}
