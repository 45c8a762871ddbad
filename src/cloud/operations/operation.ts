import type { Shape, ShapeValue } from "./shape.ts";

/** Which of AWS's services an operation belongs to, or `hawser` for our own. */
export type ServiceName = "iot" | "iot-data" | "iot-jobs-data" | "lambda" | "hawser";

/** Where a parameter travels. `payload` is the whole body, raw bytes or bare JSON. */
export type Place = "uri" | "query" | "header" | "body" | "payload";

/** One input of an operation. `wire` is its name on the wire where that differs. */
export type Parameter<T = unknown, Required extends boolean = boolean> = {
  readonly place: Place;
  readonly wire?: string;
  readonly shape: Shape<T>;
  readonly required: Required;
  /** A list whose elements are query members of one name. */
  readonly repeated?: true;
};

type Parameters = Readonly<Record<string, Parameter>>;

/** One operation of the control plane: everything that the server, the client and the documentation know about it. */
export type Operation<P extends Parameters = Parameters, O = unknown> = {
  readonly service: ServiceName;
  /** The name that AWS gives it, where the key in the table had to differ. */
  readonly name?: string;
  /** What it does, in a sentence; our own operations have one each, for their document. */
  readonly summary?: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path with `{label}` segments; a label is the parameter's wire name. `{label+}` at the end takes all that is left. */
  readonly path: string;
  readonly input: P;
  readonly output: Output;
  /** Errors beside InvalidRequest, Unauthorized, Throttling, InternalFailure and those of the front door. */
  readonly errors: readonly string[];
  /** Never present: carries the result's type. */
  readonly [RESULT]?: O;
};

declare const RESULT: unique symbol;

/** How a result becomes a response. All members that are not named here are the JSON body. */
export type Output = {
  /** The status of success, unless a member of the result is the status itself. */
  readonly status: number;
  readonly statusMember?: string;
  /** Members that travel as response headers, each with its wire name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A member that is the whole body as bytes; `contentType` says what they are. */
  readonly payload?: { readonly member: string; readonly contentType: string };
  /** What the JSON body is, where the row's result type was made from it. */
  readonly shape?: Shape<unknown>;
};

type RequiredKeys<P extends Parameters> = { [K in keyof P]: P[K]["required"] extends true ? K : never }[keyof P];

/** The input of an operation as its handler sees it. */
export type InputOf<Op> =
  Op extends Operation<infer P>
    ? { readonly [K in RequiredKeys<P>]: ShapeValue<P[K]["shape"]> } & {
        readonly [K in Exclude<keyof P, RequiredKeys<P>>]?: ShapeValue<P[K]["shape"]>;
      }
    : never;

/** A label of the path. Always required. */
export function uri<T>(shape: Shape<T>, wire?: string): Parameter<T, true> {
  return { place: "uri", shape, required: true, ...named(wire) };
}

/** A member of the query string. */
export function query<T>(shape: Shape<T>, wire?: string): Parameter<T, false> {
  return { place: "query", shape, required: false, ...named(wire) };
}

/** A list in the query string: a member for each element. */
export function queryList<T>(shape: Shape<T>, wire: string): Parameter<T, false> {
  return { place: "query", shape, required: false, wire, repeated: true };
}

/** A request header; the wire name is lower-case. */
export function header<T>(wire: string, shape: Shape<T>): Parameter<T, false> {
  return { place: "header", shape, required: false, wire };
}

/** A member of the JSON body. */
export function body<T>(shape: Shape<T>, wire?: string): Parameter<T, false> {
  return { place: "body", shape, required: false, ...named(wire) };
}

/** The whole body. A `document` shape reads it as JSON, `bytes` takes it as it came. */
export function payload<T>(shape: Shape<T>): Parameter<T, false> {
  return { place: "payload", shape, required: false };
}

/** The same parameter, which the caller must give. */
export function required<T>(parameter: Parameter<T, false>): Parameter<T, true> {
  return { ...parameter, required: true };
}

/** 200 with all members in a JSON body. */
export const OK: Output = { status: 200 };

/** The type of an operation's result, carried by its row. */
export type ResultOf<Op> = Op extends Operation<Parameters, infer O> ? O : never;

/** A row of the table, typed by its parameters and by the result that its handler returns. */
export function operation<O>() {
  return <const P extends Parameters>(row: Operation<P, O>): Operation<P, O> => row;
}

/** A row whose result is a JSON body of a shape, from which its type is taken and its documentation written. */
export function answering<O>(shape: Shape<O>) {
  return <const P extends Parameters>(row: Omit<Operation<P, O>, "output">): Operation<P, O> => {
    return { ...row, output: { ...OK, shape } };
  };
}

function named(wire: string | undefined): { wire?: string } {
  return wire === undefined ? {} : { wire };
}
