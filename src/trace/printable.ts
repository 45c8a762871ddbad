/** A text with control and formatting characters written as escapes, so that a peer's text cannot steer a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === "\n" ? String.raw`\n` : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
