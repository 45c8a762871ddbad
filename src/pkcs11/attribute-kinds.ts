/** How an attribute's value crosses the wire. */
export type AttributeKind = "byte" | "ulong" | "bytes" | "date" | "mechanisms" | "attributes";

/**
 * The attribute types whose values are not byte arrays. Both ends must agree on every one: CKA_DESTROYABLE (0x172) is
 * a CK_BBOOL to programs and a byte array here. p11-kit 0.24.1, map_attribute_to_value_type
 */
const KINDS: Readonly<Record<Exclude<AttributeKind, "bytes">, readonly number[]>> = {
  byte: [
    0x01, 0x02, 0x86, 0x103, 0x104, 0x105, 0x106, 0x107, 0x108, 0x109, 0x10a, 0x10b, 0x10c, 0x162, 0x163, 0x164, 0x165,
    0x170, 0x171, 0x200, 0x202, 0x210, 0x301, 0x302, 0x405,
  ],
  ulong: [
    0x00, 0x80, 0x87, 0x88, 0x100, 0x121, 0x133, 0x134, 0x160, 0x161, 0x166, 0x201, 0x300, 0x400, 0x401, 0x402, 0x403,
    0x404, 0x406, 0x500,
  ],
  date: [0x110, 0x111],
  mechanisms: [0x4000_0600],
  attributes: [0x4000_0211, 0x4000_0212, 0x4000_0213],
};

const KIND_OF: ReadonlyMap<number, AttributeKind> = new Map(
  Object.entries(KINDS).flatMap(([kind, types]) => types.map((type) => [type, kind as AttributeKind] as const)),
);

/** The kind of an attribute type; types that are not known, vendors' among them, are byte arrays. */
export function attributeKind(type: number): AttributeKind {
  return KIND_OF.get(type) ?? "bytes";
}

/** The types of a kind, for tests that go through all of them. */
export function attributeTypesOf(kind: Exclude<AttributeKind, "bytes">): readonly number[] {
  return KINDS[kind];
}
