/** One line, without its end: its number from 1 on, and whether it is what one that was too long goes on with. */
export type ReadLine = { readonly text: string; readonly number: number; readonly isTail: boolean };

/** The longest line with its line feed; what is longer goes on as a line of its own. A71CH Configure tool */
const MAX_LINE = 1023;

const LINE_FEED = 0x0a;

/**
 * Lines as the C library's fgets gives them to the original tool: they end with a line feed, or after 1023 bytes, and hold
 * nothing behind a zero byte. Text counts in UTF-8. C17, section 7.21.7.2
 */
export async function* linesIn(
  chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): AsyncGenerator<ReadLine> {
  let [bytes, number, isTail] = [new Uint8Array(0), 1, false];
  for await (const chunk of chunks) {
    bytes = joined(bytes, typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    for (let end = lineEnd(bytes); end !== undefined; end = lineEnd(bytes)) {
      yield { text: textOf(bytes.subarray(0, end)), number, isTail };
      isTail = bytes[end - 1] !== LINE_FEED;
      if (!isTail) number++;
      bytes = bytes.subarray(end);
    }
  }
  if (bytes.length > 0) yield { text: textOf(bytes), number, isTail };
}

/** Where the first line ends, if it does. */
function lineEnd(bytes: Uint8Array): number | undefined {
  const at = bytes.subarray(0, MAX_LINE).indexOf(LINE_FEED);
  if (at !== -1) return at + 1;
  return bytes.length >= MAX_LINE ? MAX_LINE : undefined;
}

function textOf(line: Uint8Array): string {
  const [text = ""] = new TextDecoder().decode(line).replace(/\n$/, "").split("\0");
  return text;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
