import { DecodeError, Reader, Writer, type Codec } from "../codec/index.ts";
import { callName, type CallName, CALLS, type RequestOf, type ResponseOf } from "./calls.ts";
import { valuesCodec } from "./signatures.ts";

/** A request whose head was read: its arguments are read by whoever carries the call out. */
export type Request = { readonly name: CallName; readonly body: Reader };

/** An answer as a client reads it: the call's values, or the return value that says why there are none. */
export type Answer<Name extends CallName> =
  | { readonly ok: true; readonly values: ResponseOf<Name> }
  | { readonly ok: false; readonly ckr: number };

const ERROR_ID = 0;

/** The number that opens a request's body. p11-kit RPC, frame */
export function requestId(body: Uint8Array): number {
  return new Reader(body).u32();
}

/**
 * Reads the head of a request: call number and signature, which must be the call's own to the letter. Throws
 * `DecodeError` where it is not, and where there is no such call.
 */
export function openRequest(body: Uint8Array): Request {
  const reader = new Reader(body);
  const at = reader.at;
  const id = reader.u32();
  const name = callName(id);
  if (name === undefined) throw new DecodeError("value", `call ${id} does not exist`, at);
  readSignature(reader, CALLS[name].request);
  return { name, body: reader };
}

/** The arguments of a request, all of its bytes. `clientVersion` is what the client announced. */
export function readArguments<Name extends CallName>(name: Name, body: Reader, clientVersion: number): RequestOf<Name> {
  const values = codecOf(name, "request", clientVersion).read(body);
  body.end();
  return values as RequestOf<Name>;
}

/** A request's body, as a client writes it. */
export function encodeRequest<Name extends CallName>(
  name: Name,
  values: RequestOf<Name>,
  clientVersion: number,
): Uint8Array {
  return encodeBody(CALLS[name].id, CALLS[name].request, (writer) =>
    codecOf(name, "request", clientVersion).write(writer, values),
  );
}

/** An answer's body: the call's number, the signature of its answer, the values. */
export function encodeResponse<Name extends CallName>(
  name: Name,
  values: ResponseOf<Name>,
  clientVersion: number,
): Uint8Array {
  return encodeBody(CALLS[name].id, CALLS[name].response, (writer) =>
    codecOf(name, "response", clientVersion).write(writer, values),
  );
}

/** The body that says that a call did not succeed; `ckr` is not 0. */
export function encodeError(ckr: number): Uint8Array {
  if (ckr === 0) throw new DecodeError("value", "an error cannot say CKR_OK", 0);
  return encodeBody(ERROR_ID, "u", (writer) => void writer.u64(BigInt(ckr)));
}

/** An answer to a call, as a client reads it. Throws `DecodeError`. */
export function readAnswer<Name extends CallName>(name: Name, body: Uint8Array, clientVersion: number): Answer<Name> {
  const reader = new Reader(body);
  const at = reader.at;
  const id = reader.u32();
  if (id === ERROR_ID) {
    readSignature(reader, "u");
    const ckr = Number(reader.u64());
    reader.end();
    return { ok: false, ckr };
  }
  if (id !== CALLS[name].id) throw new DecodeError("value", `an answer to call ${id}`, at);
  readSignature(reader, CALLS[name].response);
  const values = codecOf(name, "response", clientVersion).read(reader) as ResponseOf<Name>;
  reader.end();
  return { ok: true, values };
}

function encodeBody(id: number, signature: string, values: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(BODY_BYTES).u32(id).bytes(signatureBytes(signature));
  values(writer);
  return writer.finish();
}

/** Room for the body of most answers, a signature's among them. */
const BODY_BYTES = 96;

function readSignature(reader: Reader, expected: string): void {
  const at = reader.at;
  for (const byte of signatureBytes(expected)) {
    if (reader.u8() !== byte) throw new DecodeError("value", `a signature that is not '${expected}'`, at);
  }
}

/** Signatures behind their lengths, as they cross the wire: each is needed again and again. */
const signatures = new Map<string, Uint8Array>();

function signatureBytes(signature: string): Uint8Array {
  const known = signatures.get(signature);
  if (known) return known;
  const made = new Writer().prefixed(4, (inner) => void inner.utf8(signature)).finish();
  signatures.set(signature, made);
  return made;
}

type Sides = { readonly request: Map<CallName, Codec<unknown>>; readonly response: Map<CallName, Codec<unknown>> };

/** By protocol version: only mechanisms differ between those. */
const codecs: Sides[] = [];

/** Built when first needed: a program makes some thirty of the calls. */
function codecOf(name: CallName, side: keyof Sides, clientVersion: number): Codec<unknown> {
  const known = (codecs[clientVersion] ??= { request: new Map(), response: new Map() })[side];
  const found = known.get(name);
  if (found) return found;
  const made = valuesCodec<string>(CALLS[name][side], CALLS[name].widths, clientVersion) as Codec<unknown>;
  known.set(name, made);
  return made;
}
