import type { OperationInput, OperationName, OperationResult } from "./operations.ts";

/** Who asks, as far as an operation may want to know: the connection that the request came by. */
export type Asker = { readonly connection?: string };

/** What carries out one operation: input checked against the table, result as the table's type says. */
export type Handler<Name extends OperationName> = (
  input: OperationInput<Name>,
  asker?: Asker,
) => Promise<OperationResult<Name>>;

/** A handler for every operation of the table, or none where this server does not offer it. */
export type Handlers = { readonly [Name in OperationName]: Handler<Name> | undefined };

/** The handlers of some operations, none of them missing. */
export type HandlersOf<Name extends OperationName> = { readonly [N in Name]: Handler<N> };
