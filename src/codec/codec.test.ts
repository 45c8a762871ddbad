import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import * as codec from "./index.ts";
import {
  concat,
  decode,
  DecodeError,
  encode,
  fromBase64,
  fromHex,
  opaque,
  parsePem,
  Reader,
  sameBytes,
  struct,
  toBase64,
  toHex,
  toPem,
  vector,
  Writer,
} from "./index.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return error.code;
  }
  return "no error";
}

const bytes = fc.uint8Array({ maxLength: 64 });

const record = struct({
  kind: codec.u8,
  size: codec.u16,
  wide: codec.u24,
  wider: codec.u32,
  widest: codec.u64,
  tag: codec.fixed(3),
  small: opaque(1, { max: 40 }),
  list: vector(2, opaque(1)),
  magic: codec.literal(codec.u8, 0x7e),
});
const recordValue = fc.record(
  {
    kind: fc.integer({ min: 0, max: 0xff }),
    size: fc.integer({ min: 0, max: 0xffff }),
    wide: fc.integer({ min: 0, max: 0xffffff }),
    wider: fc.integer({ min: 0, max: 0xffffffff }),
    widest: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    tag: fc.uint8Array({ minLength: 3, maxLength: 3 }),
    small: fc.uint8Array({ maxLength: 40 }),
    list: fc.array(bytes, { maxLength: 6 }),
    magic: fc.constant(0x7e as const),
  },
  { noNullPrototype: true },
);

test("decode gives back what encode wrote", () => {
  fc.assert(fc.property(recordValue, (value) => assert.deepEqual(decode(record, encode(record, value)), value)));
});

test("decode of every strict prefix throws truncated, and of one byte more throws trailing", () => {
  fc.assert(
    fc.property(recordValue, (value) => {
      const whole = encode(record, value);
      for (let length = 0; length < whole.length; length++) {
        assert.equal(
          codeOf(() => decode(record, whole.subarray(0, length))),
          "truncated",
        );
      }
      assert.equal(
        codeOf(() => decode(record, concat(whole, Uint8Array.of(0)))),
        "trailing",
      );
    }),
    { numRuns: 40 },
  );
});

test("decode of a record with any byte changed gives a value or a DecodeError", () => {
  fc.assert(
    fc.property(recordValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, where, flip) => {
      const changed = encode(record, value);
      const at = where % changed.length;
      changed[at] = (changed[at] ?? 0) ^ flip;
      codeOf(() => decode(record, changed));
    }),
  );
});

test("Reader refuses a length that runs past its end", () => {
  assert.throws(() => new Reader(fromHex("05616263")).prefixed(1, (inner) => inner.rest()), {
    name: "DecodeError",
    code: "truncated",
    at: 1,
    message: "need 5 bytes, have 3 at byte 1",
  });
});

test("Reader says where in the outermost input a nested value was wrong", () => {
  const reader = new Reader(fromHex("aabb0003010203"));
  reader.u16();
  assert.throws(() => reader.prefixed(2, (inner) => inner.prefixed(1, (deep) => deep.u16())), {
    code: "truncated",
    at: 5,
  });
});

test("Reader.sub stops at the end of its region, also inside another, and says where", () => {
  const region = new Reader(fromHex("aa0102030405"), 10).sub(5);
  region.u8();
  const inner = region.sub(2);
  assert.deepEqual([inner.at, inner.remaining, toHex(inner.rest()), region.at], [11, 2, "0102", 13]);
  assert.equal(region.peek(), 3);
  assert.throws(() => region.u24(), { code: "truncated", at: 13, message: "need 3 bytes, have 2 at byte 13" });
  assert.throws(() => region.sub(3), { code: "truncated", at: 13 });
  assert.equal(toHex(region.bytes(2)), "0304");
  assert.throws(() => region.u8(), { code: "truncated", at: 15 });
});

test("Reader requires that the owner of a region empties it", () => {
  assert.throws(() => new Reader(fromHex("03010203")).prefixed(1, (inner) => inner.u8()), { code: "trailing", at: 2 });
});

test("Reader.prefixed checks the specification's bounds before it allocates", () => {
  assert.throws(() => new Reader(fromHex("ffffff")).prefixed(3, (inner) => inner.rest(), { max: 16 }), {
    code: "length",
    at: 0,
  });
  assert.throws(() => new Reader(fromHex("00")).prefixed(1, (inner) => inner.rest(), { min: 1 }), {
    code: "length",
    at: 0,
  });
});

test("Reader.utf8 refuses overlong and broken sequences", () => {
  assert.equal(new Reader(fromHex("c3a9")).utf8(2), "é");
  for (const hex of ["c080", "ff", "e2828c".slice(0, 4), "eda080"]) {
    assert.equal(
      codeOf(() => new Reader(fromHex(hex)).utf8(hex.length / 2)),
      "encoding",
    );
  }
});

test("Writer patches lengths after the callback, at every nesting", () => {
  const written = new Writer(1)
    .u8(1)
    .prefixed(3, (outer) => outer.prefixed(2, (inner) => inner.utf8("hawser")).u8(9))
    .finish();
  assert.equal(toHex(written), "01000009000668617773657209");
});

test("Writer.headed puts heads of one to four bytes before what it has written", () => {
  const head = (length: number) => [0x05, 0x8105, 0x820005, 0x84000005][length % 4] ?? 0;
  for (const [length, expected] of [
    [0, "0105"],
    [1, "01810561"],
    [2, "018200056161"],
    [3, "0184000005616161"],
  ] as const) {
    const written = new Writer(1).u8(1).headed((body) => body.utf8("a".repeat(length)), head);
    assert.equal(toHex(written.u8(9).finish()), `${expected}09`);
  }
  assert.equal(
    codeOf(() =>
      new Writer().headed(
        () => undefined,
        () => 2 ** 32,
      ),
    ),
    "length",
  );
});

test("Writer.take leaves nothing behind, and what it gave does not change", () => {
  const writer = new Writer(8);
  const first = writer.utf8("8 bytes.").take();
  assert.equal(writer.length, 0);
  const second = writer.utf8("others").take();
  assert.deepEqual([first, second], [codec.utf8Bytes("8 bytes."), codec.utf8Bytes("others")]);
});

test("encode gives bytes of their own, also inside another value, after one that failed, and of any length", () => {
  const outer: codec.Codec<Uint8Array> = {
    write: (w, value) =>
      void w
        .u8(1)
        .bytes(encode(opaque(2), value))
        .bytes(encode(opaque(2), value)),
    read: (r) => r.rest(),
  };
  for (const length of [0, 3, 511, 512, 513, 20_000]) {
    const value = new Uint8Array(length).fill(7);
    const [first, second] = [encode(outer, value), encode(outer, value)];
    assert.equal(
      codeOf(() => encode(opaque(1, { max: 1 }), fromHex("0102"))),
      "length",
    );
    encode(outer, new Uint8Array(length).fill(9));
    assert.deepEqual(first, second);
    assert.equal(first.length, 1 + 2 * (2 + length));
    assert.equal(first.at(-1), length === 0 ? 0 : 7);
  }
});

test("Writer refuses what does not fit its field", () => {
  assert.equal(
    codeOf(() => new Writer().u8(256)),
    "length",
  );
  assert.equal(
    codeOf(() => new Writer().u16(-1)),
    "length",
  );
  assert.equal(
    codeOf(() => new Writer().u24(1.5)),
    "length",
  );
  assert.equal(
    codeOf(() => new Writer().u64(-1n)),
    "length",
  );
  assert.equal(
    codeOf(() => new Writer().prefixed(1, (inner) => inner.bytes(new Uint8Array(256)))),
    "length",
  );
});

test("fromHex and toHex are inverse, and fromHex says where text is not hex", () => {
  fc.assert(fc.property(bytes, (value) => assert.deepEqual(fromHex(toHex(value)), value)));
  assert.throws(() => fromHex("00zz"), { code: "encoding", at: 2 });
  assert.throws(() => fromHex("000"), { code: "encoding" });
});

test("fromBase64 and toBase64 are inverse and agree with RFC 4648, section 10", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (value) => assert.deepEqual(fromBase64(toBase64(value)), value)),
  );
  const vectors = [
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ];
  for (const [text = "", base64 = ""] of vectors) {
    assert.equal(toBase64(new TextEncoder().encode(text)), base64);
    assert.equal(new TextDecoder().decode(fromBase64(base64)), text);
  }
});

test("fromBase64 takes exactly the texts that JavaScript's own strict decoder takes, but for white space", () => {
  const native = (text: string): Uint8Array | undefined => {
    try {
      return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    } catch {
      return undefined;
    }
  };
  const texts = fc.string({ unit: fc.constantFrom("A", "B", "/", "=", "+", "9", "-", "é"), maxLength: 12 });
  fc.assert(
    fc.property(texts, (text) => {
      const expected = native(text);
      if (expected) assert.deepEqual(fromBase64(text), expected);
      else
        assert.equal(
          codeOf(() => fromBase64(text)),
          "encoding",
        );
    }),
    { numRuns: 2000 },
  );
});

test("fromBase64 refuses stray bits, bad padding and other alphabets", () => {
  for (const text of ["Zh==", "Zg=", "Zg", "Z-_v", "Zg==Zg==", "===="])
    assert.equal(
      codeOf(() => fromBase64(text)),
      "encoding",
    );
});

test("parsePem gives back what toPem wrote, with text around it, CRLF and a byte-order mark", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 }), (values) => {
      const text = values.map((value) => `subject=CN = x\n${toPem("CERTIFICATE", value)}`).join("\n");
      const expected = values.map((value) => ({ label: "CERTIFICATE", bytes: value }));
      assert.deepEqual(parsePem(text), expected);
      assert.deepEqual(parsePem(`\uFEFF${text.replaceAll("\n", "\r\n")}`), expected);
    }),
  );
});

test("parsePem refuses an unclosed block, a foreign body and legacy encryption headers", () => {
  const good = toPem("X", fromHex("00112233"));
  assert.equal(
    codeOf(() => parsePem(good.replace("END X", "END Y"))),
    "encoding",
  );
  assert.equal(
    codeOf(() => parsePem(good.replace("ABEiMw==", "AB*iMw=="))),
    "encoding",
  );
  assert.equal(
    codeOf(() => parsePem(good.replace("ABEi", "Proc-Type: 4,ENCRYPTED\n\nABEi"))),
    "encoding",
  );
  assert.equal(
    codeOf(() => parsePem("x".repeat(4 * 1024 * 1024 + 1))),
    "length",
  );
});

test("parsePem takes any text without throwing anything but DecodeError", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 400 }),
      (text) => void codeOf(() => parsePem(`-----BEGIN A-----${text}-----END A-----`)),
    ),
  );
});

test("sameBytes is true for the same bytes only", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
      assert.equal(sameBytes(a, b), toHex(a) === toHex(b));
      assert.ok(sameBytes(a, a.slice()));
    }),
  );
});
