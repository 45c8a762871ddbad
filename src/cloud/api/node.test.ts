import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { test, type TestContext } from "node:test";

import { capture, newApi, type Api } from "./fixtures.test.ts";
import { nodeSend } from "./node-client.ts";
import { callOperation as callOver } from "./client.ts";
import { serveApi, type ApiServer } from "./node.ts";

async function served(t: TestContext, api: Api): Promise<ApiServer> {
  const server = await serveApi({ controlPlane: api.plane });
  t.after(() => server.close(0));
  return server;
}

/** Sends raw text and gives everything that comes back until the server closes. */
async function exchange(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  const socket: Socket = connect(port, "127.0.0.1");
  for (const part of parts) socket.write(part);
  let text = "";
  socket.on("data", (data) => (text += data.toString("latin1")));
  socket.on("error", () => undefined);
  await once(socket, "close");
  return text;
}

test("serveApi serves the typed client, many calls on one port", async (t) => {
  const api = await newApi(t);
  const { url } = await served(t, api);
  const target = { ...api.client, endpoint: url, send: nodeSend() };
  const { registrationCode } = await callOver(target, "GetRegistrationCode", {});
  assert.match(registrationCode, /^[0-9a-f]{64}$/);
  await Promise.all(Array.from({ length: 20 }, (_, i) => callOver(target, "CreateThing", { thingName: `t${i}` })));
  assert.equal(api.registry.directory.counts.things, 20);
});

test("serveApi refuses a stranger's body without reading it, and closes", async (t) => {
  const api = await newApi(t);
  const { port } = await served(t, api);
  const head = "POST /policies/P HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
  const answer = await exchange(port, head);
  assert.match(answer, /^HTTP\/1\.1 403 /);
  assert.match(answer, /x-amzn-ErrorType: MissingAuthenticationTokenException/);
  assert.match(answer, /Connection: close/);
});

test("serveApi refuses a body that is declared, or grows, beyond its limit", async (t) => {
  const api = await newApi(t);
  const { url, port } = await served(t, api);
  const request = await capture({ ...api, client: { ...api.client, endpoint: url } }, "CreatePolicy", {
    policyName: "P",
    policyDocument: "{}",
  });
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST /policies/P HTTP/1.1\r\n${lines.join("")}`;
  assert.match(await exchange(port, `${head}Content-Length: 1048577\r\n\r\n`), /^HTTP\/1\.1 413 /);
  const chunk = `100000\r\n${"x".repeat(0x100000)}\r\n`;
  const grown = await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n`, chunk, chunk);
  assert.match(grown, /^HTTP\/1\.1 413 /);
});

test("serveApi says 100 Continue only to a request whose head is good", async (t) => {
  const api = await newApi(t);
  const { url, port } = await served(t, api);
  const request = await capture({ ...api, client: { ...api.client, endpoint: url } }, "CreatePolicy", {
    policyName: "P",
    policyDocument: "{}",
  });
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const rest = `Content-Length: ${request.body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  const good = await exchange(port, `POST /policies/P HTTP/1.1\r\n${lines.join("")}${rest}`, request.body);
  assert.match(good, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  const bad = await exchange(port, `POST /policies/P HTTP/1.1\r\nHost: x\r\n${rest}`);
  assert.match(bad, /^HTTP\/1\.1 403 /);
});

test("serveApi answers requests that are not HTTP with 400, and other paths as they stand", async (t) => {
  const api = await newApi(t);
  const { port } = await served(t, api);
  assert.match(await exchange(port, "\x16\x03\x01\x00\x05hello\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const absolute = "GET http://example.com/things/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  assert.match(await exchange(port, absolute), /^HTTP\/1\.1 403 /);
  const smuggled =
    "POST /things/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  assert.match(await exchange(port, smuggled), /^HTTP\/1\.1 400 /);
});

test("ApiServer.close lets a request in progress finish and takes no more", async (t) => {
  const api = await newApi(t, {
    why: {
      async explain() {
        closing = server.close(60_000);
        return { verdict: "unknown", note: "late", findings: [] };
      },
    },
  });
  let closing: Promise<void> | undefined;
  const server = await served(t, api);
  const target = { ...api.client, endpoint: server.url, send: nodeSend() };
  assert.equal((await callOver(target, "Why", {})).note, "late");
  await closing;
  await assert.rejects(callOver(target, "Why", {}), { name: "Refused", code: "unreachable", wire: "ECONNREFUSED" });
});

test("the client tells a stranger's answer from the control plane's: not-our-api", async (t) => {
  const api = await newApi(t);
  const send = async () => ({ status: 404, headers: {}, body: new TextEncoder().encode("<html>") });
  await assert.rejects(callOver({ ...api.client, send }, "Status", {}), {
    name: "ProtocolError",
    code: "not-our-api",
    reply: 404,
  });
  const nameless = async () => ({ status: 500, headers: {}, body: new TextEncoder().encode("{}") });
  await assert.rejects(callOver({ ...api.client, send: nameless }, "Status", {}), {
    type: "HTTP 500",
    message: "Status: HTTP 500: no message",
  });
});
