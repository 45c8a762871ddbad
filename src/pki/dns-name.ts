/**
 * Whether a text is a host name in the preferred syntax: labels of letters, digits and hyphens, not all numeric at the
 * end (that would be an address). With `wildcard`, the whole left-most of at least three labels may be `*`.
 * RFC 5280, section 4.2.1.6; RFC 9525, section 6.3
 */
export function isDnsName(text: string, { wildcard }: { readonly wildcard: boolean }): boolean {
  const labels = text.split(".");
  const fixed = wildcard && labels[0] === "*" && labels.length >= 3 ? labels.slice(1) : labels;
  return (
    text.length <= 253 &&
    fixed.every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !/^\d+$/.test(fixed.at(-1) ?? "")
  );
}
