import assert from "node:assert/strict";
import { test } from "node:test";

import { zipSync } from "fflate";

import { utf8Bytes } from "../../codec/index.ts";
import { LINK_MS } from "./code-link.ts";
import { BASIC, open, ZIP } from "./service-fixtures.test.ts";

const NEWER = zipSync({ "index.js": [utf8Bytes("exports.handler = async () => 2"), { mtime: "2000-01-01" }] });

test("GetFunction gives a link to the zip, byte for byte, of the function and of each version", async (t) => {
  const { functions, clock } = await open(t, undefined, { controlPlane: () => "https://cloud.example:9443" });
  await functions.createFunction({ ...BASIC, Publish: true });
  // The clock of a machine counts parts of a millisecond, too.
  clock.advance(0.25);
  const linkOf = async (Qualifier?: string) => {
    const { Code } = await functions.getFunction({ FunctionName: "f", ...(Qualifier !== undefined && { Qualifier }) });
    assert.ok(Code.Location.startsWith("https://cloud.example:9443/hawser/v1/function-code/f."), Code.Location);
    return Code.Location.split("/").at(-1) ?? "";
  };
  const [latest, first] = [await linkOf(), await linkOf("1")];
  assert.deepEqual(await functions.codeBehind(latest), ZIP);
  assert.deepEqual(await functions.codeBehind(first), ZIP);
  await functions.updateFunctionCode({ FunctionName: "f", ZipFile: NEWER });
  assert.equal(await functions.codeBehind(latest), undefined, "made for other code");
  assert.deepEqual(await functions.codeBehind(first), ZIP);
  assert.deepEqual(await functions.codeBehind(await linkOf()), NEWER);
  clock.advance(LINK_MS - 0.5);
  assert.deepEqual(await functions.codeBehind(first), ZIP);
  clock.advance(1);
  assert.equal(await functions.codeBehind(first), undefined, "expired");
  const fresh = await linkOf();
  await functions.deleteFunction({ FunctionName: "f" });
  assert.equal(await functions.codeBehind(fresh), undefined, "deleted");
});

test("a link to code that was changed by one character leads nowhere", async (t) => {
  const { functions } = await open(t);
  await functions.createFunction(BASIC);
  const link = (await functions.getFunction({ FunctionName: "f" })).Code.Location.split("/").at(-1) ?? "";
  assert.deepEqual(await functions.codeBehind(link), ZIP);
  for (let at = 0; at < link.length; at++) {
    const changed = `${link.slice(0, at)}${link[at] === "1" ? "2" : "1"}${link.slice(at + 1)}`;
    assert.equal(await functions.codeBehind(changed), undefined, changed);
  }
  assert.equal(await functions.codeBehind(`${link}.zip`), undefined);
  assert.equal(await functions.codeBehind(""), undefined);
});
