import assert from "node:assert/strict";
import { test } from "node:test";

import { DecodeError } from "../codec/index.ts";
import { newHierarchy } from "../../test/tls/hierarchy.ts";
import { KnownCertificates } from "./known-certificates.ts";

test("KnownCertificates gives the same object for the same bytes, forgets the oldest, and keeps no buffer of the caller", async () => {
  const hierarchy = await newHierarchy();
  const known = new KnownCertificates();
  const [der] = (await hierarchy.server()).chain;
  assert.ok(der);
  const bytes = der.slice();
  const first = known.read(bytes);
  bytes.fill(0);
  assert.deepEqual(first.der, der);
  assert.equal(known.read(der.slice()), first);
  assert.throws(() => known.read(bytes), DecodeError);
  for (let i = 0; i < 15; i++) known.read((await hierarchy.server()).chain[0] ?? new Uint8Array(0));
  assert.equal(known.read(der), first, "the last to be asked for is the last to go");
  for (let i = 0; i < 16; i++) known.read((await hierarchy.server()).chain[0] ?? new Uint8Array(0));
  assert.notEqual(known.read(der), first);
});
