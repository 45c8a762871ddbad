import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { concat, decode, DecodeError, encode, fromHex, Reader, toHex, type Codec } from "../codec/index.ts";
import { attribute, type Attribute, attributeQueries, attributes } from "./attributes.ts";
import { attributeKind, attributeTypesOf } from "./attribute-kinds.ts";
import { type CallName, CALLS } from "./calls.ts";
import { CryptokiError } from "./errors.ts";
import { encodeFrame, FRAME_LIMITS, FrameParser } from "./frames.ts";
import { type Mechanism, mechanismCodec } from "./mechanisms.ts";
import { encodeRequest, encodeResponse, openRequest, readAnswer, readArguments } from "./messages.ts";
import { NO_PARAMETER_MECHANISMS, NO_PARAMETER_SINCE_0_24 } from "./no-parameter-mechanisms.ts";
import { byteRoom, bytes, numbers, spaceString, ulong, zeroString } from "./values.ts";

const RUNS = { numRuns: 60 };
const NAMES = Object.keys(CALLS) as CallName[];

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const u32 = fc.integer({ min: 0, max: 0xffff_fffe });
const blob = fc.uint8Array({ maxLength: 40 });

/** Values by the mark of a signature. */
const MARKS: Readonly<Record<string, (version: number) => fc.Arbitrary<unknown>>> = {
  ay: () =>
    fc.oneof(
      blob,
      u32.map((needed) => ({ needed })),
    ),
  au: () =>
    fc.oneof(
      fc.array(u64, { maxLength: 5 }),
      u32.map((needed) => ({ needed })),
    ),
  aA: () => fc.array(attributeValues(2), { maxLength: 4 }),
  fy: () => fc.option(u32, { nil: undefined }),
  fu: () => fc.option(u32, { nil: undefined }),
  fA: () =>
    fc.array(fc.record({ type: plainType, room: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }) })),
  y: () => fc.integer({ min: 0, max: 255 }),
  u: () => u64,
  v: () => fc.record({ major: fc.integer({ min: 0, max: 255 }), minor: fc.integer({ min: 0, max: 255 }) }),
  s: () => fc.stringMatching(/^[!-~]{0,16}$/),
  z: () => fc.option(fc.string(), { nil: undefined }),
  M: mechanismValues,
  P: () => fc.constantFrom("none", "unchanged"),
};

const plainType = fc.constantFrom(0x00, 0x01, 0x03, 0x102, 0x110, 0x172, 0xcf53_4301);

function attributeValues(depth: number): fc.Arbitrary<Attribute> {
  const value = (types: readonly number[], values: fc.Arbitrary<unknown>) =>
    fc.record({ type: fc.constantFrom(...types), state: fc.constant("value"), value: values });
  const nested =
    depth > 0 ? [value(attributeTypesOf("attributes"), fc.array(attributeValues(depth - 1), { maxLength: 2 }))] : [];
  return fc.oneof(
    value(attributeTypesOf("byte"), fc.integer({ min: 0, max: 255 })),
    value(attributeTypesOf("ulong"), u64),
    value(attributeTypesOf("date"), fc.constantFrom(new Uint8Array(0), new Uint8Array(8).fill(0x30))),
    value(attributeTypesOf("mechanisms"), fc.array(u64, { maxLength: 3 })),
    value([0x03, 0x11, 0x172, 0x8000_0001], blob),
    ...nested,
    fc.record({ type: u32, state: fc.constant("absent") }),
    fc.record({ type: fc.constantFrom(0x03, 0x102), state: fc.constant("length"), length: u32 }),
  ) as fc.Arbitrary<Attribute>;
}

function mechanismValues(version: number): fc.Arbitrary<Mechanism> {
  const none = fc.constantFrom(...NO_PARAMETER_MECHANISMS).map((type) => ({ type, parameter: { kind: "none" } }));
  const pss = fc.record({ kind: fc.constant("pss"), hash: u64, mgf: u64, saltLength: u64 });
  const data = fc.option(blob, { nil: undefined });
  const oaep = fc.record({ kind: fc.constant("oaep"), hash: u64, mgf: u64, source: u64, data });
  const ecdh1 = fc.record({ kind: fc.constant("ecdh1"), kdf: u64, shared: data, publicData: data });
  const iv = fc.record({ kind: fc.constant("bytes"), bytes: blob });
  const absent = version >= 2 ? [fc.constant({ type: 0x0d, parameter: { kind: "none" } })] : [];
  return fc.oneof(
    none,
    pss.map((parameter) => ({ type: 0x0d, parameter })),
    oaep.map((parameter) => ({ type: 0x09, parameter })),
    ecdh1.map((parameter) => ({ type: 0x1050, parameter })),
    iv.map((parameter) => ({ type: 0x1082, parameter })),
    fc.constant("null"),
    ...absent,
  ) as fc.Arbitrary<Mechanism>;
}

/** A call with values for one side of it, in the encoding of a client's version. */
function messages(side: "request" | "response") {
  return fc.constantFrom(...NAMES).chain((name) =>
    fc.constantFrom(0, 1, 2).chain((version) => {
      const marks = CALLS[name][side].match(/[af]?[a-zA-Z]/g) ?? [];
      const values = fc.tuple(...marks.map((mark) => MARKS[mark]?.(version) ?? fc.constant(undefined)));
      return fc.record({ name: fc.constant(name), version: fc.constant(version), values });
    }),
  );
}

test("every call's request and answer come back as they were written, for clients of versions 0, 1 and 2", () => {
  fc.assert(
    fc.property(messages("request"), ({ name, version, values }) => {
      const body = encodeRequest(name, values as never, version);
      const request = openRequest(body);
      assert.equal(request.name, name);
      assert.deepEqual([...readArguments(name, request.body, version)], structuredClone(values));
    }),
    { numRuns: 400 },
  );
  fc.assert(
    fc.property(messages("response"), ({ name, version, values }) => {
      const answer = readAnswer(name, encodeResponse(name, values as never, version), version);
      assert.ok(answer.ok);
      assert.deepEqual([...answer.values], structuredClone(values));
    }),
    { numRuns: 400 },
  );
});

test("a request that is cut anywhere, or one byte longer, throws DecodeError", () => {
  fc.assert(
    fc.property(messages("request"), fc.nat(), ({ name, version, values }, cut) => {
      const body = encodeRequest(name, values as never, version);
      const read = (bytes: Uint8Array) => readArguments(name, openRequest(bytes).body, version);
      assert.throws(() => read(body.subarray(0, cut % body.length)), DecodeError);
      assert.throws(() => read(concat(body, Uint8Array.of(0))), { name: "DecodeError", code: "trailing" });
    }),
    RUNS,
  );
});

test("a request with any byte changed gives values or a DecodeError, or refuses its mechanism", () => {
  fc.assert(
    fc.property(
      messages("request"),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      ({ name, version, values }, at, bits) => {
        const body = encodeRequest(name, values as never, version);
        body[at % body.length] = (body[at % body.length] ?? 0) ^ bits;
        try {
          const request = openRequest(body);
          readArguments(request.name, request.body, version);
        } catch (error) {
          assert.ok(error instanceof DecodeError || error instanceof CryptokiError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("any bytes at all give values or a DecodeError, at once", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...NAMES),
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(0, 1, 2),
      (name, noise, version) => {
        try {
          readArguments(name, new Reader(noise), version);
        } catch (error) {
          assert.ok(error instanceof DecodeError || error instanceof CryptokiError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("FrameParser gives the same frames however the stream is cut", () => {
  const frames = fc.array(fc.record({ serial: fc.integer({ min: 1, max: 0xffff_ffff }), body: blob }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 })), (expected, cuts) => {
      const stream = concat(...expected.map((each) => encodeFrame(each)));
      const parser = new FrameParser();
      const found = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % (cuts.length || 1)] ?? 7;
        parser.push(stream.subarray(at, at + size));
        at += size;
        for (let frame = parser.next(); frame; frame = parser.next()) found.push(frame);
      }
      assert.deepEqual(found, structuredClone(expected));
      assert.equal(parser.pendingBytes, 0);
    }),
    RUNS,
  );
});

test("FrameParser skips a client's options and refuses lengths beyond its bounds before they arrive", () => {
  const parser = new FrameParser();
  parser.push(fromHex("00000010 00000006 00000002 636c69656e74 abcd".replaceAll(" ", "")));
  assert.deepEqual(parser.next(), { serial: 0x10, body: fromHex("abcd") });
  const header = (options: number, body: number) => {
    const refusing = new FrameParser();
    refusing.push(encode({ write: (w) => void w.u32(1).u32(options).u32(body), read: () => 0 }, 0));
    return () => refusing.next();
  };
  assert.equal(header(FRAME_LIMITS.maxOptions, FRAME_LIMITS.maxBody)(), undefined);
  assert.throws(header(FRAME_LIMITS.maxOptions + 1, 0), { code: "length" });
  assert.throws(header(0, FRAME_LIMITS.maxBody + 1), { code: "length" });
  assert.throws(header(0, 0xffff_ffff), { code: "length" });
  const zero = new FrameParser();
  zero.push(new Uint8Array(12));
  assert.throws(() => zero.next(), { code: "value" });
});

test("counts, depths and lengths are bounded before anything is made of them", () => {
  const refuse = (codec: Codec<unknown>, hex: string, code: string) =>
    assert.throws(() => decode(codec, fromHex(hex)), { name: "DecodeError", code }, hex);
  refuse(numbers, "01ffffffff", "length");
  refuse(numbers, "0100001000", "truncated");
  refuse(attributes, "ffffffff", "length");
  refuse(attributes, "00000100", "truncated");
  for (const version of [0, 1, 2]) refuse(attributeQueries(version), "00000101", "length");
  refuse(bytes, "017fffffff", "truncated");
  refuse(bytes, "02", "value");
  refuse(spaceString(4), "00000005", "length");
  // CVE-2026-13757 in another implementation: templates in templates without end.
  const level = "00000001 40000211 01 00000018".replaceAll(" ", "");
  refuse(attributes, level.repeat(12), "depth");
  for (const version of [1, 2]) {
    refuse(attributeQueries(version), "00000001 40000211 00000018".replaceAll(" ", "").repeat(12), "depth");
  }
});

test("an attribute's length is that of the value in memory, not of its form on the wire", () => {
  const id = { type: 0x102, state: "value", value: new Uint8Array(32).fill(7) } as const;
  assert.equal(toHex(encode(attribute, id)).slice(0, 26), "00000102 01 00000020 00000020".replaceAll(" ", ""));
  assert.throws(() => decode(attribute, fromHex("00000102 01 00000021 00000001 07".replaceAll(" ", ""))), {
    code: "length",
  });
  assert.equal(toHex(encode(attribute, { type: 3, state: "length", length: 2 })), "000000030100000002ffffffff");
  assert.throws(() => encode(attribute, { type: 3, state: "value", value: 1n }), { code: "value" });
  assert.throws(() => decode(attribute, fromHex("00000110 01 00000003 00000003 303030".replaceAll(" ", ""))), {
    code: "length",
  });
  assert.equal(attributeKind(0x172), "bytes", "CKA_DESTROYABLE is not in p11-kit's list");
});

test("a mechanism is written as the client's version writes it", () => {
  const ecdsa: Mechanism = { type: 0x1041, parameter: { kind: "none" } };
  const derive: Mechanism = {
    type: 0x1050,
    parameter: { kind: "ecdh1", kdf: 1n, shared: undefined, publicData: fromHex("0400") },
  };
  const hex = (version: number, mechanism: Mechanism) => toHex(encode(mechanismCodec(version), mechanism));
  assert.equal(hex(0, ecdsa), "00001041ffffffff");
  assert.equal(hex(1, ecdsa), "00001041ffffffff");
  assert.equal(hex(2, ecdsa), "00001041");
  // The head of C_DeriveKey2 as a 0.26.4 client sent it.
  assert.equal(hex(2, derive), "00001050 01 0000000000000001 ffffffff 00000002 0400".replaceAll(" ", ""));
  assert.equal(hex(2, { type: 0x0d, parameter: { kind: "none" } }), "0000000d00");
  assert.equal(hex(2, "null"), "ffffffff");
  assert.throws(() => decode(mechanismCodec(0), fromHex("0000dddd00000000")), { code: "mechanism-invalid" });
  assert.equal(NO_PARAMETER_SINCE_0_24.length, 89);
  assert.equal(NO_PARAMETER_MECHANISMS.size, 124);
});

test("single values have the bytes of the wire", () => {
  const hex = <T>(codec: Codec<T>, value: T) => toHex(encode(codec, value));
  assert.equal(hex(ulong, 0xffff_ffff_ffff_ffffn), "ffffffffffffffff");
  assert.equal(hex(bytes, { needed: 64 }), "0000000040");
  assert.equal(hex(numbers, [17n]), "01000000010000000000000011");
  assert.equal(hex(byteRoom, undefined), "00000000");
  assert.equal(hex(byteRoom, 0), "ffffffff");
  assert.equal(hex(zeroString, undefined), "ffffffff");
  assert.equal(hex(spaceString(4), "é~!"), "00000004c3a97e21");
  assert.equal(hex(spaceString(4), "abcé"), "0000000461626320", "a character is not cut in two");
});
