import { lookup as resolve, type LookupAddress } from "node:dns";
import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as tlsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";

import { Refused } from "../../codec/index.ts";
import type { RuleErrorCode } from "./errors.ts";
import type { HttpAnswer, HttpRequest, HttpSender } from "./http-delivery.ts";

/** Whether rules may send into this machine's own networks, and without TLS. */
export type HttpReach = { readonly allowPrivate: boolean };

/** Answers are read this far and no further. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Sends over HTTPS to public addresses; to loopback, private and link-local ones, and over plain HTTP, only where the
 * operator allowed it. The address is checked when the connection is made, so a name cannot be one thing when it is
 * looked at and another when it is used. Redirections are answers like any other.
 */
export function httpSender(reach: HttpReach): HttpSender {
  return { send: (request, timeoutMs) => send(request, timeoutMs, reach) };
}

/** What is wrong with a URL that a rule is to send to, as far as its text tells. */
export function urlProblem(text: string, { allowPrivate }: HttpReach): string | undefined {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) return "it is no https URL";
  if (url.username !== "" || url.password !== "") return "it holds a user name or password";
  if (allowPrivate) return undefined;
  if (url.protocol === "http:") return "it is not https";
  const host = bare(url.hostname);
  if (isIP(host) !== 0 && isPrivate(host)) return `${host} is not a public address`;
  if (host === "localhost" || host.endsWith(".localhost")) return `${host} is this machine`;
  return undefined;
}

/** Whether an address belongs to this machine, a private network, or to nobody. IANA special-purpose registries, RFC 6890 */
export function isPrivate(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return SPECIAL.check(address, "ipv4");
  return family !== 6 || SPECIAL.check(address, "ipv6");
}

const SPECIAL = specialAddresses();

function specialAddresses(): BlockList {
  const list = new BlockList();
  const v4 =
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 " +
    "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
  // The last ones carry an IPv4 address inside, which a gateway may unpack.
  const v6 =
    "::/128 ::1/128 64:ff9b:1::/48 100::/64 2001:db8::/32 fc00::/7 fe80::/10 fec0::/10 ff00::/8 " +
    "::/96 64:ff9b::/96 2001::/32 2002::/16";
  for (const [family, ranges] of [["ipv4", v4] as const, ["ipv6", v6] as const]) {
    for (const range of ranges.split(" ")) {
      const [net = "", prefix] = range.split("/");
      list.addSubnet(net, Number(prefix), family);
    }
  }
  return list;
}

async function send(request: HttpRequest, timeoutMs: number, reach: HttpReach): Promise<HttpAnswer> {
  const problem = urlProblem(request.url, reach);
  if (problem !== undefined) throw failed(request.url, problem);
  const url = new URL(request.url);
  const { promise, resolve: done, reject } = Promise.withResolvers<HttpAnswer>();
  const fail = (why: string) => reject(failed(request.url, why));
  const open = url.protocol === "https:" ? tlsRequest : plainRequest;
  const sent = open(url, {
    method: "POST",
    headers: { ...request.headers, "content-length": request.body.length, "user-agent": "hawser" },
    agent: false,
    ...(reach.allowPrivate ? {} : { lookup: publicOnly }),
  });
  const timer = setTimeout(() => {
    fail(`no answer within ${Math.ceil(timeoutMs)} ms`);
    sent.destroy();
  }, timeoutMs);
  sent.on("error", (error: Error) => fail(error.message));
  sent.on("response", (response: IncomingMessage) => read(response, done, fail));
  sent.end(request.body);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    sent.destroy();
  }
}

function read(response: IncomingMessage, done: (answer: HttpAnswer) => void, fail: (why: string) => void): void {
  let bodyBytes = 0;
  const status = response.statusCode ?? 0;
  // `agent: false` asks the server to close: only an older protocol closes by itself.
  const closes = response.httpVersion === "1.0";
  const end = (): void => done({ status, bodyBytes, closes });
  response.on("data", (part: Uint8Array) => {
    bodyBytes += part.length;
    if (bodyBytes > MAX_ANSWER_BYTES) end();
  });
  response.on("end", end);
  response.on("error", (error: Error) => fail(error.message));
}

/** Resolves a name and keeps its public addresses only. */
const publicOnly: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, "", 0);
    const allowed = addresses.filter(({ address }) => !isPrivate(address));
    const [first] = allowed;
    if (!first) return callback(failed(hostname, "it resolves to no public address"), "", 0);
    if (options.all === true) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};

function bare(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function failed(url: string, why: string): Refused<RuleErrorCode, string> {
  const place = URL.parse(url)?.origin ?? url;
  return new Refused("http-action", `${place}: ${why}`, why);
}
