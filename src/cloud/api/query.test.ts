import assert from "node:assert/strict";
import { test } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";

import { utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { sha256Of } from "./client.ts";
import { deliver, newApi, type Api } from "./fixtures.test.ts";
import { anyText } from "../operations/fixtures.test.ts";
import { readForm, xmlResponse } from "../operations/index.ts";

type Form = Readonly<Record<string, string>>;

async function post(api: Api, service: string, form: Form | string, region = "us-east-1") {
  const body = utf8Bytes(typeof form === "string" ? form : new URLSearchParams(form).toString());
  const signer = new SignatureV4({
    credentials: api.client.credentials,
    region,
    service,
    sha256: sha256Of(nodeHash),
  });
  const contentType = "application/x-www-form-urlencoded; charset=utf-8";
  const { headers } = await signer.sign(
    {
      method: "POST",
      protocol: "https:",
      hostname: "localhost",
      path: "/",
      query: {},
      headers: { host: "localhost", "content-type": contentType },
      body,
    },
    { signingDate: new Date(api.clock.now()) },
  );
  const answer = await deliver(api.plane, { method: "POST", url: "https://localhost/", headers, body });
  return { status: answer.status, type: answer.headers["content-type"], text: new TextDecoder().decode(answer.body) };
}

const WHO = { Action: "GetCallerIdentity", Version: "2011-06-15" };
const TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}';
const IAM = { Version: "2010-05-08", RoleName: "jitr" };

test("GetCallerIdentity names the account in XML, signed for our region or for AWS's global one", async (t) => {
  const api = await newApi(t);
  const { id } = api.registry.account;
  for (const region of ["eu-central-1", "us-east-1"]) {
    const { status, type, text } = await post(api, "sts", WHO, region);
    assert.deepEqual([status, type], [200, "text/xml"]);
    const result = `<Arn>arn:aws:iam::${id}:root</Arn><UserId>${id}</UserId><Account>${id}</Account>`;
    assert.ok(text.includes(`<GetCallerIdentityResult>${result}</GetCallerIdentityResult>`), text);
    assert.match(text, /<RequestId>[0-9a-f-]{36}<\/RequestId>/);
  }
  assert.match((await post(api, "sts", WHO, "us-west-2")).text, /<Code>SignatureDoesNotMatch<\/Code>/);
});

test("a role is made, shown with its trust policy encoded as IAM encodes it, and deleted", async (t) => {
  const api = await newApi(t);
  const create = { ...IAM, Action: "CreateRole", AssumeRolePolicyDocument: TRUST, Path: "/service/" };
  const made = await post(api, "iam", create);
  assert.match(made.text, /<Arn>arn:aws:iam::\d{12}:role\/service\/jitr<\/Arn>/);
  assert.ok(made.text.includes(`<AssumeRolePolicyDocument>${encodeURIComponent(TRUST)}<`));
  const shown = await post(api, "iam", { ...IAM, Action: "GetRole" });
  assert.equal(shown.text.match(/<Role>.*<\/Role>/)?.[0], made.text.match(/<Role>.*<\/Role>/)?.[0]);
  assert.match((await post(api, "iam", create)).text, /<Code>EntityAlreadyExists<\/Code>/);
  assert.equal((await post(api, "iam", { ...IAM, Action: "DeleteRole" })).status, 200);
  const gone = await post(api, "iam", { ...IAM, Action: "GetRole" });
  assert.equal(gone.status, 404);
  assert.match(gone.text, /<Code>NoSuchEntity<\/Code><Message>Role jitr not found.<\/Message>/);
  assert.equal((await post(api, "iam", { ...IAM, Action: "DeleteRole" })).status, 404);
});

test("the query protocol refuses unknown actions, versions, members, and forms that are none, in XML", async (t) => {
  const api = await newApi(t);
  const create = { ...IAM, Action: "CreateRole" };
  const cases: [string, Form | string, number, RegExp][] = [
    ["sts", { ...WHO, Action: "AssumeRole" }, 501, /<Code>NotImplemented<.*sts:AssumeRole is not available/],
    ["sts", { ...WHO, Action: "toString" }, 501, /<Code>NotImplemented</],
    ["sts", { Action: "GetCallerIdentity" }, 400, /<Code>ValidationError<.*Version must be 2011-06-15, not null/],
    ["sts", { ...WHO, Extra: "<&>" }, 501, /form member Extra is not available/],
    ["sts", "Action=%ff", 400, /is not percent-encoded UTF-8/],
    ["sts", "Action=a&Action=b", 400, /form member Action is given twice/],
    ["iam", create, 400, /AssumeRolePolicyDocument is required/],
    ["iam", { ...create, AssumeRolePolicyDocument: "<nope>" }, 400, /is not JSON: .*&#60;nope&#62;/],
    ["iam", { ...create, AssumeRolePolicyDocument: "[]" }, 400, /must be a JSON object with a Statement/],
    ["iam", { ...IAM, Action: "GetRole", RoleName: "a/b" }, 400, /'RoleName' failed to satisfy/],
    ["iam", { Version: IAM.Version, Action: "GetRole" }, 400, /RoleName is required/],
  ];
  for (const [service, form, status, message] of cases) {
    const answer = await post(api, service, form);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, message);
    assert.match(answer.text, /^<ErrorResponse><Error><Type>(Sender|Receiver)<\/Type>/);
  }
});

test("any text in an XML answer leaves it well-formed, and any form is read or refused", () => {
  const decoder = new TextDecoder();
  fc.assert(
    fc.property(anyText(40), (text) => {
      const { body } = xmlResponse({ action: "A", namespace: "n" }, { M: text }, "r");
      const inner = decoder.decode(body).match(/<M>([^]*)<\/M>/)?.[1] ?? "";
      assert.ok(!/[<>"]|&(?!#\d+;)/.test(inner));
    }),
    { numRuns: 200 },
  );
  const form = readForm(utf8Bytes("a=1+2&b=%2B&c"));
  assert.deepEqual(
    [...form],
    [
      ["a", "1 2"],
      ["b", "+"],
      ["c", ""],
    ],
  );
  assert.throws(() => readForm(Uint8Array.of(0x61, 0xff)), {
    code: "invalid-request",
    message: "the body is not UTF-8",
  });
});
