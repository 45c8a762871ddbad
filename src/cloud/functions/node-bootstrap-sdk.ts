/**
 * The part of a function's process that lets AWS's SDKs be imported and talk to the API: modules are found outside of
 * the function's folder, and HTTP requests to AWS travel over the process's descriptor. The same rules as in
 * `node-bootstrap.ts`: no imports at run time, and nothing is enforced here.
 */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";

/** Asks the API over the descriptor. */
export type AskApi = (operation: string, input: unknown) => Promise<unknown>;

/** What of a request's options decides where it goes. */
type RequestOptions = {
  hostname?: string;
  host?: string;
  path?: string;
  method?: string;
  headers?: unknown;
};

type Answer = { status: number; headers: Record<string, string>; body: string };
type Resolved = { url: string; format?: string | null | undefined; shortCircuit?: boolean | undefined };
type NextResolve = (specifier: string, context?: object) => Resolved;

/** Finds `@aws-sdk/client-iot` and what lies in the layer for functions that do not bring them along. */
export function offerSdk(roots: readonly string[], ask: AskApi): void {
  const { createRequire, registerHooks } = process.getBuiltinModule("node:module");
  const { pathToFileURL } = process.getBuiltinModule("node:url");
  let isRouted = false;
  let isOurs = false;
  const resolve = (specifier: string, context: object, next: NextResolve): Resolved => {
    const isSdk = /^(@aws-sdk\/|@smithy\/|aws-sdk(\/|$))/.test(specifier);
    if (isSdk && !isRouted) {
      isRouted = true;
      routeHttp(ask);
    }
    try {
      return next(specifier, context);
    } catch (error) {
      const { code } = error as { code?: string };
      const isMissing = code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
      if (isOurs || !isMissing || /^[./]|^\w+:/.test(specifier)) throw error;
      isOurs = true;
      try {
        for (const root of roots) {
          try {
            return { url: pathToFileURL(createRequire(root).resolve(specifier)).href, shortCircuit: true };
          } catch {
            // The next root may have it.
          }
        }
      } finally {
        isOurs = false;
      }
      throw missingModule(specifier, error);
    }
  };
  registerHooks({ resolve });
}

/** What to do about version 2 of AWS's SDK is worth a sentence: older samples begin with it. */
export function missingModule(specifier: string, error: unknown): unknown {
  if (!/^aws-sdk(\/|$)/.test(specifier)) return error;
  const message =
    "Error: aws-sdk (version 2 of AWS's SDK) is not part of the runtime. Put it into the function's zip, or start " +
    "with hawser up --function-layer DIRECTORY after npm install --prefix DIRECTORY aws-sdk; @aws-sdk/client-iot " +
    "(version 3) is there without that";
  return Object.assign(new Error(message), { name: "Runtime.ImportModuleError", code: "MODULE_NOT_FOUND", stack: "" });
}

/** Takes requests to AWS, and to the endpoint that the environment names, to the API; others go where they went. */
export function routeHttp(ask: AskApi): void {
  for (const name of ["node:http", "node:https"] as const) {
    const library = process.getBuiltinModule(name);
    const original = library.request;
    const request = (...given: unknown[]): unknown => {
      const [first] = given;
      const isUrl = typeof first === "string" || first instanceof URL;
      const url = isUrl ? new URL(first) : undefined;
      const options = { ...(isUrl ? (given[1] as object) : (first as object)) } as RequestOptions;
      const host = (options.hostname ?? options.host ?? url?.hostname ?? "").split(":")[0] ?? "";
      if (!/^(iot|api)\.[a-z0-9-]+\.(amazonaws\.com|internal)$|^api\.hawser\.internal$/.test(host)) {
        return (original as (...args: unknown[]) => unknown)(...given);
      }
      const path = options.path ?? `${url?.pathname ?? "/"}${url?.search ?? ""}`;
      const listener = given.find((each) => typeof each === "function");
      return requestOver(ask, { method: options.method ?? "GET", path, headers: options.headers }, listener);
    };
    Object.assign(library, { request });
  }
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
}

/** A request as `http.request` gives one: written to, ended, and answered by a `response` event. */
export function requestOver(
  ask: AskApi,
  head: { readonly method: string; readonly path: string; readonly headers: unknown },
  listener: unknown,
): Writable {
  const { Readable, Writable } = process.getBuiltinModule("node:stream");
  const parts: Buffer[] = [];
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries((head.headers ?? {}) as Record<string, unknown>)) {
    headers[name.toLowerCase()] = String(value);
  }
  const request = new Writable({
    write(part: Buffer, _encoding, done) {
      parts.push(part);
      done();
    },
    final(done) {
      done();
      const body = Buffer.concat(parts).toString("base64");
      ask("http", { method: head.method, path: head.path, headers, body }).then(
        (answer) => respond(answer as Answer),
        (error: unknown) => void request.destroy(error as Error),
      );
    },
  });
  const respond = ({ status, headers: answered, body }: Answer): void => {
    const bytes = Buffer.from(body, "base64");
    const facts = { statusCode: status, statusMessage: "", headers: answered, httpVersion: "1.1", complete: true };
    const response = Object.assign(Readable.from(bytes.length > 0 ? [bytes] : []), facts) as unknown as IncomingMessage;
    request.emit("response", response);
  };
  if (typeof listener === "function") request.once("response", listener as () => void);
  const nothing = () => request;
  return Object.assign(request, {
    setHeader: (name: string, value: unknown) => void (headers[name.toLowerCase()] = String(value)),
    getHeader: (name: string) => headers[name.toLowerCase()],
    setTimeout: nothing,
    setNoDelay: nothing,
    setSocketKeepAlive: nothing,
    flushHeaders: nothing,
    abort: () => void request.destroy(),
  });
}
