/**
 * Whether two byte strings are the same, looking at every byte whatever the earlier ones were.
 * JavaScript gives no promise about time; this only avoids the obvious early exit.
 */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
