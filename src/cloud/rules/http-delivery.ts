import type { Clock } from "../../crypto/index.ts";

/** One POST as it goes out. */
export type HttpRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** What came back: its body was read and thrown away. */
export type HttpAnswer = {
  readonly status: number;
  readonly bodyBytes: number;
  /** Whether the server ends the connection after this. */
  readonly closes: boolean;
};

/** Sends requests to the outside. Rejects with `Refused` `http-action` for whatever gives no answer. */
export interface HttpSender {
  send(request: HttpRequest, timeoutMs: number): Promise<HttpAnswer>;
}

/** How many attempts there are, and the largest answer after which there is another one. */
const ATTEMPTS = { most: 3, answerBytes: 16_384 } as const;

/**
 * Sends until an answer of 200 to 299, for `timeoutMs` in all: undefined, or why not. Another attempt follows only upon 429 and 500 to 599,
 * while there is time. Throws what the sender throws. AWS IoT Core, "HTTP action retry logic"
 */
export async function deliver(
  request: HttpRequest,
  { sender, clock, timeoutMs }: { readonly sender: HttpSender; readonly clock: Clock; readonly timeoutMs: number },
): Promise<string | undefined> {
  const end = clock.now() + timeoutMs;
  let refused = "";
  for (let attempt = 1; attempt <= ATTEMPTS.most && clock.now() < end; attempt++) {
    const { status, bodyBytes, closes } = await sender.send(request, end - clock.now());
    if (status >= 200 && status <= 299) return undefined;
    refused = `${originOf(request.url)} answered ${status}, attempt ${attempt}`;
    const mayRepeat = status === 429 || (status >= 500 && status <= 599);
    if (!mayRepeat || closes || bodyBytes > ATTEMPTS.answerBytes) break;
  }
  return refused;
}

/** Paths and queries may hold what a message said. */
function originOf(url: string): string {
  return URL.parse(url)?.origin ?? "the URL";
}
