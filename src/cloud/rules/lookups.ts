import { HawserError } from "../../codec/index.ts";
import { invalidRequest } from "../errors.ts";
import type { RuleCaller } from "./perform.ts";
import type { LookupName } from "./sql-ast.ts";
import type { Value } from "./sql-number.ts";
import { jsonOf } from "./sql-value.ts";

/** Where functions of SQL that ask elsewhere are answered. Rejections have no value and are told in the ledger. */
export type LookUpDoors = {
  /** Runs a function and waits for its answer, where its resource policy lets the rule. */
  readonly askFunction: (caller: RuleCaller, functionArn: string, event: Value) => Promise<Value>;
  /** What DescribeThing or ListThingGroupsForThing says of a thing. */
  readonly registryData: (operation: string, thingName: string) => Promise<Value>;
  /** The shadow document of a thing, the classic one where no name is given. */
  readonly thingShadow: (thingName: string, shadowName: string | undefined) => Promise<Value>;
};

/** How many questions one rule may ask for one message, and how often it is evaluated for their answers. */
export const MAX_LOOKUPS = 16;

/**
 * Questions of one rule about one message. Evaluation is synchronous: what is asked and not answered yet has no value
 * meanwhile, is answered, and the rule is evaluated again until it asks nothing new.
 */
export class LookUps {
  readonly #answers = new Map<string, Value>();
  readonly #asked = new Map<string, { readonly name: LookupName; readonly args: readonly Value[] }>();

  /** Whether nothing waits for an answer. */
  get isComplete(): boolean {
    return this.#asked.size === 0;
  }

  /** Gives the answer, or undefined and notes the question. */
  ask(name: LookupName, args: readonly Value[]): Value {
    const key = keyOf(name, args);
    if (key === undefined || this.#answers.has(key)) return this.#answers.get(key ?? "");
    if (this.#answers.size + this.#asked.size < MAX_LOOKUPS) this.#asked.set(key, { name, args });
    return undefined;
  }

  /** Answers what was asked; `failed` hears of what has no answer. */
  async answer(doors: LookUpDoors, caller: RuleCaller, failed: (why: string) => void): Promise<void> {
    const asked = [...this.#asked];
    this.#asked.clear();
    await Promise.all(
      asked.map(async ([key, { name, args }]) => {
        try {
          this.#answers.set(key, await answerOf(doors, caller, { name, args }));
        } catch (error) {
          this.#answers.set(key, undefined);
          const why = error instanceof HawserError ? `${error.code}: ${error.message}` : String(error);
          failed(`${name} has no value: ${why}`);
        }
      }),
    );
  }
}

/** AWS gives functions that SQL calls this long. AWS IoT SQL reference, aws_lambda */
export const FUNCTION_ANSWER_MS = 2000;

/** What `get_registry_data` may ask, and the member that names what it is asked about. */
const REGISTRY_OPERATIONS = ["DescribeThing", "ListThingGroupsForThing"];

/** What look-ups are answered by: the functions room, the shadows room and the control plane's operations. */
export type LookUpRooms = {
  readonly functions: {
    askFor(caller: RuleCaller, name: string, question: { event: unknown; limitMs: number }): Promise<unknown>;
  };
  readonly shadows: { get(id: { thing: string; name: string }, request: { payload: Uint8Array }): Promise<unknown> };
  readonly call: (operation: string, input: unknown) => Promise<unknown>;
};

/** The doors over the rooms. */
export function ruleLookUps({ functions, shadows, call }: LookUpRooms): LookUpDoors {
  return {
    async askFunction(caller, functionArn, event) {
      return asJson(await functions.askFor(caller, functionArn, { event: event ?? null, limitMs: FUNCTION_ANSWER_MS }));
    },
    async registryData(operation, thingName) {
      if (!REGISTRY_OPERATIONS.includes(operation)) {
        throw invalidRequest(
          `get_registry_data asks ${REGISTRY_OPERATIONS.join(" or ")}, not ${operation.slice(0, 64)}`,
        );
      }
      return asJson(await call(operation, { thingName }));
    },
    async thingShadow(thing, name = "") {
      return asJson(await shadows.get({ thing, name }, { payload: new Uint8Array(0) }));
    },
  };
}

function asJson(value: unknown): Value {
  return JSON.parse(JSON.stringify(value ?? null)) as Value;
}

function answerOf(
  doors: LookUpDoors,
  caller: RuleCaller,
  { name, args }: { readonly name: LookupName; readonly args: readonly Value[] },
): Promise<Value> {
  const [first, second] = args;
  if (typeof first !== "string") return Promise.resolve(undefined);
  if (name === "aws_lambda") return doors.askFunction(caller, first, second);
  if (name === "get_thing_shadow") {
    // The last argument is a role; before it, a shadow may be named.
    const isNamed = args.length === 3;
    return isNamed && typeof second !== "string"
      ? Promise.resolve(undefined)
      : doors.thingShadow(first, isNamed ? (second as string) : undefined);
  }
  return typeof second === "string" ? doors.registryData(first, second) : Promise.resolve(undefined);
}

/** The question as a text; what has no value takes part as null, and what cannot be written is never asked. */
function keyOf(name: LookupName, args: readonly Value[]): string | undefined {
  return jsonOf([name, ...args.map((arg) => arg ?? null)]);
}
