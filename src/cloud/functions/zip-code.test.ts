import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { zipSync, type Zippable } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";
import { CODE_LIMITS, unzipCode } from "./zip-code.ts";

function zipped(files: Record<string, string>, level: 0 | 6 = 6): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, utf8Bytes(text)])), { level });
}

function refused(zip: Uint8Array, why: RegExp): void {
  assert.throws(() => unzipCode(zip), { name: "UsageError", code: "function-code", message: why });
}

/** Offset of the first central directory header. */
function directoryAt(zip: Uint8Array): number {
  return new DataView(zip.buffer, zip.byteOffset).getUint32(zip.length - 22 + 16, true);
}

function patched(zip: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = zip.slice();
  copy.set(bytes, at);
  return copy;
}

test("unzipCode gives the files of a zip, stored and deflated, without its folders", () => {
  for (const level of [0, 6] as const) {
    const files = unzipCode(
      zipped({ "index.js": "code ".repeat(100), "lib/": "", "lib/a.txt": "", "lib/ü.txt": "x" }, level),
    );
    const texts = [...files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]);
    assert.deepEqual(texts, [
      ["index.js", "code ".repeat(100)],
      ["lib/a.txt", ""],
      ["lib/ü.txt", "x"],
    ]);
  }
});

test("unzipCode reads what Info-ZIP 3.0 wrote, with its extra fields", () => {
  // printf 'exports.handler = async () => 1\n' > index.js && zip - index.js | base64 (Info-ZIP 3.0 of Debian 12)
  const base64 =
    "UEsDBBQACAAIAO1jdV0AAAAAAAAAACAAAAAIABwAaW5kZXguanNVVAkAAx2PAWsdjwFrdXgLAAEEAAAAAAQAAAAAS60oyC8qKdbLSMxLyUktUr" +
    "BVSCyuzEtW0NBUsLVTMOQCAFBLBwhF63vUIgAAACAAAABQSwECHgMUAAgACADtY3VdRet71CIAAAAgAAAACAAYAAAAAAABAAAApIEAAAAAaW5k" +
    "ZXguanNVVAUAAx2PAWt1eAsAAQQAAAAABAAAAABQSwUGAAAAAAEAAQBOAAAAdAAAAAAA";
  const files = unzipCode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  assert.equal(new TextDecoder().decode(files.get("index.js")), "exports.handler = async () => 1\n");
});

test("unzipCode refuses paths that leave the folder", () => {
  for (const path of ["../a", "a/../../b", "/etc/x", "a//b", "./a", "a\\b", "C:x", "a\u0000b", "..", "a/.."]) {
    refused(zipped({ [path]: "x" }), /leaves its folder/);
  }
  refused(zipped({ ["d/".repeat(200) + "x"]: "x" }), /too long/);
  refused(zipped({ "../": "" }), /leaves its folder/);
});

test("unzipCode refuses links and devices", () => {
  const link: Zippable = { "index.js": [utf8Bytes("/etc/passwd"), { os: 3, attrs: (0o120777 << 16) >>> 0 }] };
  refused(zipSync(link), /link or a device/);
  const plain: Zippable = { "index.js": [utf8Bytes("x"), { os: 3, attrs: (0o100644 << 16) >>> 0 }] };
  assert.equal(unzipCode(zipSync(plain)).size, 1);
});

test("unzipCode refuses too many entries, and more bytes than the limit before it inflates any", () => {
  const many = Object.fromEntries(Array.from({ length: CODE_LIMITS.files + 1 }, (_, i) => [`f${i}`, ""]));
  refused(zipped(many), /501 entries, at most 500/);
  const zip = zipped({ "index.js": "x" });
  const at = directoryAt(zip) + 24;
  refused(patched(zip, at, 0, 0, 0, 0x40), /unzips to 1073741824 bytes/);
  refused(new Uint8Array(CODE_LIMITS.zippedBytes + 1), /at most 52428800/);
});

test("unzipCode stops at a file that inflates to more than it says", () => {
  const zip = zipped({ "index.js": "\0".repeat(5_000_000) });
  refused(patched(zip, directoryAt(zip) + 24, 10, 0, 0, 0), /larger than it says/);
});

test("unzipCode refuses damage: checksum, sizes, offsets, methods, encryption, ZIP64, a path twice", () => {
  const zip = zipped({ "index.js": "exports.handler = 1; exports.other = 2;" });
  const at = directoryAt(zip);
  refused(patched(zip, at + 16, 1, 2, 3, 4), /damaged/);
  refused(patched(zip, at + 24, 5, 0, 0, 0), /damaged|larger/);
  refused(patched(zip, at + 20, 255, 0, 0, 0), /cut short/);
  refused(patched(zip, at + 42, 99, 0, 0, 0), /damaged/);
  refused(patched(zip, at + 10, 12), /unknown method 12/);
  refused(patched(zip, at + 8, 1), /encrypted/);
  refused(patched(zip, at + 24, 255, 255, 255, 255), /ZIP64/);
  refused(patched(zip, at, 0), /damaged directory/);
  refused(patched(zip, zip.length - 22 + 16, 255, 255), /damaged directory/);
  refused(patched(zip, at + 46, 0xff), /not UTF-8/);
  const twice = zipped({ "index.js": "1", "index.jt": "2" });
  const last = twice.lastIndexOf("t".charCodeAt(0));
  refused(patched(twice, last, "s".charCodeAt(0)), /one path twice/);
  refused(zipped({ a: "x", "a/b": "y" }), /both as a file and as a folder/);
  refused(zipped({}), /holds no file/);
  refused(utf8Bytes("this is no zip file at all, not even nearly"), /not a zip file/);
});

test("unzipCode gives files or UsageError for every cut and every changed byte", () => {
  const zip = zipped({ "index.js": "exports.handler = async () => 1", "lib/b.js": "2".repeat(50) });
  const survives = (bytes: Uint8Array) => {
    try {
      unzipCode(bytes);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "function-code");
    }
  };
  for (let length = 0; length < zip.length; length++) survives(zip.subarray(0, length));
  fc.assert(
    fc.property(fc.nat(zip.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) =>
      survives(patched(zip, at, byte)),
    ),
    { numRuns: 500 },
  );
});
