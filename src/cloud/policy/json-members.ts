/** The first member name that occurs twice in one object of a JSON text, if any. `text` must be valid JSON. */
export function repeatedMember(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (const [token, colon] of nameOrBracket(text)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (colon) {
      // `"\u0041"` and `"A"` name the same member.
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
  }
  return undefined;
}

/** Every bracket, and every string with whether a colon follows: in valid JSON that makes it a member's name. */
function* nameOrBracket(text: string): Generator<[token: string, colon: boolean]> {
  for (const match of text.matchAll(/[{}[\]]|"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
    const colon = match[1] !== undefined;
    yield [colon ? match[0].slice(0, match[0].lastIndexOf('"') + 1) : match[0], colon];
  }
}
