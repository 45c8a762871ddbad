/** A text with wildcards and variables, as it stands in a policy: literal pieces and variable names in turn. */
export type Template = readonly ({ readonly text: string } | { readonly variable: string })[];

/** What is known about a connection: each key of the policy language with its values, most keys with one. */
export type PolicyContext = ReadonlyMap<string, readonly string[]>;

/** Splits a text of a policy into literal pieces and `${variables}`; an unclosed `${` is literal text. */
export function parseTemplate(text: string): Template {
  const pieces: ({ text: string } | { variable: string })[] = [];
  let from = 0;
  for (let open = text.indexOf("${"); open >= 0; open = text.indexOf("${", from)) {
    const close = text.indexOf("}", open);
    if (close < 0) break;
    if (open > from) pieces.push({ text: text.slice(from, open) });
    const name = text.slice(open + 2, close);
    pieces.push(/^[*?$]$/.test(name) ? { text: `${ESCAPE}${name}` } : { variable: name });
    from = close + 1;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from) });
  return pieces;
}

/**
 * A value with one of these would change what the pattern matches, so it is never put into one:
 * a client that calls itself `*` must not be allowed `topic/*`.
 */
const UNSAFE = /[*?+#$\0]/;

/** A longer value is not put into a pattern. AWS IoT Core, "X.509 certificate policy variable limitations" */
const MAX_VALUE_CHARACTERS = 1024;

/**
 * Stands in a pattern before a character that is no wildcard: `${*}`, `${?}` and `${$}` are these characters themselves.
 * No topic, filter or client id holds it. MQTT 5.0, section 1.5.4
 */
const ESCAPE = "\0";

/**
 * The pattern that a template becomes for one connection, or undefined where a variable has no value, several, or one
 * that is unsafe: such a text matches nothing. In the result only the policy's own `*` and `?` are wildcards.
 */
export function bindTemplate(template: Template, context: PolicyContext): string | undefined {
  let pattern = "";
  for (const piece of template) {
    if ("text" in piece) {
      pattern += piece.text;
      continue;
    }
    const values = context.get(piece.variable);
    const value = values?.length === 1 ? values[0] : undefined;
    if (value === undefined || value.length > MAX_VALUE_CHARACTERS || UNSAFE.test(value)) return undefined;
    pattern += value;
  }
  return pattern;
}

/** A bound text in an operator without wildcards: what stands in it, with no marks of what is no wildcard. */
export function literalText(bound: string): string {
  return bound.replaceAll(ESCAPE, "");
}

const STAR = 0x2a;
const QUESTION = 0x3f;

/**
 * Whether `pattern` covers the whole of `text`: `*` stands for any characters, `/` among them, `?` for one character.
 *
 * Only the last star is ever tried again, for an earlier one can never do better: at most one comparison for each pair
 * of a pattern character and a text character, whatever a hostile policy or topic says.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let afterStar = -1;
  let retryAt = 0;
  while (t < text.length) {
    let wanted = p < pattern.length ? pattern.charCodeAt(p) : -1;
    const escaped = wanted === 0;
    if (escaped) wanted = pattern.charCodeAt(p + 1);
    if (wanted === STAR && !escaped) {
      afterStar = ++p;
      retryAt = t;
      if (p === pattern.length) return true;
    } else if (wanted === QUESTION && !escaped) {
      p++;
      t += characterLength(text, t);
    } else if (wanted === text.charCodeAt(t)) {
      p += escaped ? 2 : 1;
      t++;
    } else if (afterStar >= 0) {
      p = afterStar;
      retryAt += characterLength(text, retryAt);
      t = retryAt;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}

/** 2 where a surrogate pair begins, else 1: `?` stands for a character, not for half of one. */
function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
