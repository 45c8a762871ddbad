import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { InvalidArgumentError } from "commander";

import type { ApiResponse, Exchange, RequestHead } from "../cloud/operations/index.ts";
import { answerRequest, HTTP_LIMITS } from "../cloud/api/node.ts";
import { ocspFailure, ocspRequestInPath } from "../pki/ocsp/index.ts";
import { withCa, type CaOptions } from "./ca-directory.ts";
import { badOption } from "./errors.ts";
import { aborted, interruptible } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { traceFile } from "./trace-file.ts";

export type OcspOptions = Omit<CaOptions, "caDir"> & {
  readonly dir: string;
  readonly request?: string;
  readonly out?: string;
  readonly listen?: ListenAddress;
  readonly minutes: number;
  readonly trace?: string;
};

/** Where to listen. */
export type ListenAddress = { readonly host: string; readonly port: number };

type Answer = (request: Uint8Array) => Promise<Uint8Array>;

/** `hawser ca ocsp`: what an issuer says of its certificates to those who ask, in a file or over HTTP. */
export async function answerForCa(options: OcspOptions, output: Output): Promise<void> {
  const { request, out, listen, minutes } = options;
  const isFile = request !== undefined && out !== undefined && listen === undefined;
  if (!isFile && (listen === undefined || request !== undefined || out !== undefined)) {
    throw badOption("either --request with --out, or --listen is needed");
  }
  const { trace, close } = traceFile(options.trace);
  try {
    await withCa({ ...options, caDir: options.dir }, trace, async ({ authority, issuer: { label } }) => {
      const answer = await authority.ocspResponder(label, minutes * 60_000);
      if (listen !== undefined) return serve(answer, { ...listen, label }, output);
      if (request === undefined || out === undefined) return;
      writeFileSync(out, await answer(new Uint8Array(readFileSync(request))));
      output.line({ event: "ocsp", ca: label, file: out }, `${label} answered: ${out}`);
    });
  } finally {
    close();
  }
}

/** HOST:PORT, or :PORT and PORT for loopback. Throws `InvalidArgumentError`. */
export function listenOption(text: string): ListenAddress {
  const match = /^(?:(.*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? Number.NaN);
  if (!match || !(port <= 65_535)) throw new InvalidArgumentError("It is HOST:PORT, such as 127.0.0.1:8889.");
  return { host: (match[1] ?? "").replace(/^\[(.*)\]$/, "$1") || "127.0.0.1", port };
}

async function serve(
  answer: Answer,
  { host, port, label }: ListenAddress & { readonly label: string },
  output: Output,
): Promise<void> {
  await interruptible(async (signal) => {
    const server = createServer(HTTP_LIMITS, (request, response) => {
      void answerRequest((head) => exchangeFor(head, { answer, output }), request, response).catch(() =>
        response.destroy(),
      );
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, host, resolve);
    await promise;
    const { port: taken } = server.address() as AddressInfo;
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${taken}`;
    output.line({ event: "listening", ca: label, url }, `listening: OCSP of ${label} on ${url}`);
    await aborted(signal);
    server.close();
    server.closeAllConnections();
    output.line({ event: "stopped" }, "stopped");
  });
}

const REQUEST_LIMIT = 64 * 1024;

/** A POST has the request as its body, a GET as its path, in base64. RFC 6960, appendix A.1 */
function exchangeFor(
  { method, path }: RequestHead,
  { answer, output }: { readonly answer: Answer; readonly output: Output },
): Exchange {
  const reply = (body: Uint8Array): ApiResponse => {
    return { status: 200, headers: { "Content-Type": "application/ocsp-response", "Cache-Control": "no-store" }, body };
  };
  const malformed = () => reply(ocspFailure("malformedRequest"));
  const told = async (request: Uint8Array) => {
    try {
      return reply(await answer(request));
    } catch (error) {
      // Such as a chip with the CA's key that went away. RFC 6960, section 2.3
      output.warn(`no answer could be signed: ${error instanceof Error ? error.message : String(error)}`);
      return reply(ocspFailure("tryLater"));
    }
  };
  if (method === "POST") return { bodyLimit: REQUEST_LIMIT, complete: told, tooLarge: malformed };
  const request = method === "GET" ? ocspRequestInPath(path.replace(/^\/+/, "")) : undefined;
  if (!request) return { answer: malformed() };
  return { bodyLimit: 0, complete: () => told(request), tooLarge: malformed };
}
