/** A network of addresses: its first address as a number, and how many bits of it count. */
export type AddressRange = { readonly width: 32 | 128; readonly value: bigint; readonly prefix: number };

/** Reads `192.0.2.0/24`, `2001:db8::/32` or a single address; undefined where the text is none. RFC 4291, section 2.3 */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = "", length, ...more] = text.split("/");
  const parsed = parseAddress(address);
  if (!parsed || more.length > 0) return undefined;
  if (length === undefined) return { ...parsed, prefix: parsed.width };
  if (!/^\d{1,3}$/.test(length) || Number(length) > parsed.width) return undefined;
  return { ...parsed, prefix: Number(length) };
}

/** Whether an address lies in a range; an address that is none lies in no range. */
export function addressIsIn(address: string, range: AddressRange): boolean {
  const parsed = parseAddress(address);
  if (!parsed || parsed.width !== range.width) return false;
  const ignored = BigInt(range.width - range.prefix);
  return parsed.value >> ignored === range.value >> ignored;
}

type Address = { readonly width: 32 | 128; readonly value: bigint };

/** Dual-stack sockets report IPv4 peers as `::ffff:192.0.2.1`; those count as IPv4. RFC 4291, section 2.5.5.2 */
const MAPPED = 0xffffn;

function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED ? { width: 32, value: value & 0xffffffffn } : { width: 128, value };
}

function parseIpv4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return { width: 32, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => groupsOf(half, { isLast: i === halves.length - 1 }));
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The 16-bit groups of one side of a `::`; a dotted IPv4 address at the very end makes two. */
function groupsOf(text: string, { isLast }: { isLast: boolean }): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const dotted = isLast && last.includes(".") ? parseIpv4(last) : undefined;
  if (dotted) parts.splice(-1, 1, (dotted.value >> 16n).toString(16), (dotted.value & 0xffffn).toString(16));
  if (!parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  return parts.map((part) => Number.parseInt(part, 16));
}
