/** What tests of text share. */
import fc from "fast-check";

/**
 * Any text without half surrogate pairs, characters of ASCII in many places. Building fast-check's own unit of this kind
 * takes five seconds.
 */
export function anyText(maxLength = 100): fc.Arbitrary<string> {
  const codePoint = fc.oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xffff }), fc.nat({ max: 0x10ffff }));
  const unit = codePoint.map((n) => String.fromCodePoint(n >= 0xd800 && n < 0xe000 ? n - 0x800 : n));
  return fc.string({ unit, maxLength });
}
