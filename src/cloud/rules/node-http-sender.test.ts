import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { HawserError, utf8Bytes } from "../../codec/index.ts";
import { nodeClock, nodeHash } from "../../crypto/node.ts";
import { httpSender, httpSigner, isPrivate, urlProblem } from "./node.ts";

async function serving(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
}

function request(url: string) {
  return { url, headers: { "content-type": "application/json" }, body: utf8Bytes("{}") };
}

async function fails(promise: Promise<unknown>, text: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof HawserError && error.code === "http-action", String(error));
    assert.match(error.message, text);
    return true;
  });
}

test("isPrivate knows the addresses that no rule may reach, however they are dressed up", () => {
  const inside =
    "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.168.1.1 " +
    "198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe " +
    "::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2001::1 2002:7f00:1:: fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 2001:db8::1 nonsense";
  for (const address of inside.split(" ")) assert.equal(isPrivate(address), true, address);
  for (const address of "8.8.8.8 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8".split(" ")) {
    assert.equal(isPrivate(address), false, address);
  }
});

test("urlProblem refuses what is not https to a public place", () => {
  const closed = { allowPrivate: false };
  const rows: [url: string, problem: RegExp][] = [
    ["http://example.com/", /not https/],
    ["https://127.1/", /127\.0\.0\.1 is not a public address/],
    ["https://2130706433/", /127\.0\.0\.1 is not/],
    ["https://0x7f.1/", /127\.0\.0\.1 is not/],
    ["https://[::1]/", /::1 is not/],
    ["https://[::ffff:10.0.0.1]/", /is not a public/],
    ["https://localhost/", /this machine/],
    ["https://a.localhost/", /this machine/],
    ["https://u:p@example.com/", /user name/],
    ["file:///etc/passwd", /no https URL/],
    ["nonsense", /no https URL/],
  ];
  for (const [url, problem] of rows) assert.match(urlProblem(url, closed) ?? "", problem, url);
  assert.equal(urlProblem("https://example.com/a", closed), undefined);
  assert.equal(urlProblem("http://127.0.0.1:80/", { allowPrivate: true }), undefined);
});

test("httpSender reaches loopback only where the operator allowed it, also by a name that leads there", async (t) => {
  let asked = 0;
  const url = await serving(t, (_, response) => {
    asked++;
    response.end("ok");
  });
  await fails(httpSender({ allowPrivate: false }).send(request(url), 3000), /not https/);
  const byName = `https://ip6-localhost.:1/`;
  await fails(httpSender({ allowPrivate: false }).send(request(byName), 3000), /no public address|ENOTFOUND|EAI_AGAIN/);
  assert.equal(asked, 0);
  const answer = await httpSender({ allowPrivate: true }).send(request(url), 3000);
  assert.deepEqual(answer, { status: 200, bodyBytes: 2, closes: false });
  assert.equal(asked, 1);
});

test("httpSender posts the body as it is, follows no redirection and reads no endless answer", async (t) => {
  const seen: [string | undefined, string | undefined, string][] = [];
  const url = await serving(t, (incoming, response) => {
    let body = "";
    incoming.on("data", (part: Buffer) => (body += part.toString()));
    incoming.on("end", () => {
      seen.push([incoming.method, incoming.headers["content-type"], body]);
      response.writeHead(302, { Location: "http://127.0.0.1:1/" });
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
        response.once("drain", more);
      };
      more();
    });
  });
  const answer = await httpSender({ allowPrivate: true }).send(request(url), 10_000);
  assert.equal(answer.status, 302);
  assert.ok(answer.bodyBytes > 1024 * 1024);
  assert.deepEqual(seen, [["POST", "application/json", "{}"]]);
});

test("httpSender ends with http-action where nobody answers", async (t) => {
  const url = await serving(t, () => undefined);
  await fails(httpSender({ allowPrivate: true }).send(request(url), 20), /no answer within 20 ms/);
  await fails(httpSender({ allowPrivate: true }).send(request("http://127.0.0.1:1/"), 3000), /ECONNREFUSED/);
});

test("httpSigner adds a signature over the request with the key that was given", async () => {
  const sign = httpSigner({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "s" }, { clock: nodeClock, hash: nodeHash });
  const scope = { region: "eu-central-1", service: "execute-api" };
  const headers = await sign(request("https://api.example/stage/in?x=1"), scope);
  assert.match(
    headers["authorization"] ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/execute-api\//,
  );
  assert.equal(headers["host"], "api.example");
});
