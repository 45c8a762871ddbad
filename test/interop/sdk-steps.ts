/** What a walk through AWS's SDK for JavaScript 3 is made of: calls in order, and what each must give. */

export type Given = Record<string, string>;
export type Input = Readonly<Record<string, unknown>>;

export type SdkStep = {
  readonly client: "iot" | "data" | "lambda";
  readonly name: string;
  readonly input: Input | ((given: Given) => Input);
  /** The members of the parsed output, all of them. */
  readonly gives?: readonly string[];
  /** Members to keep, by the names that later steps know them under. */
  readonly keep?: Readonly<Record<string, string>>;
  /** The SDK's class of the refusal. */
  readonly refused?: string;
};

type Asked = Pick<SdkStep, "name" | "input">;
type Name = string;

/** A call to the IoT client that succeeds. `gives` are names with spaces between. */
export function ok(
  name: Name,
  input: SdkStep["input"],
  gives = "",
  keep: Readonly<Record<string, string>> = {},
): SdkStep {
  return { client: "iot", name, input, gives: words(gives), keep };
}

/** A call to the IoT client that is refused. */
export function no(refused: string, name: Name, input: SdkStep["input"]): SdkStep {
  return { client: "iot", name, input, refused };
}

/** The same steps with another client. */
export function through(client: SdkStep["client"], steps: readonly SdkStep[]): readonly SdkStep[] {
  return steps.map((step) => ({ ...step, client }));
}

/** Each of the operations is refused alike. */
export function all(refused: string, asked: readonly Asked[]): readonly SdkStep[] {
  return asked.map(({ name, input }) => no(refused, name, input));
}

/** An operation for `all`. */
export function call(name: Name, input: SdkStep["input"]): Asked {
  return { name, input };
}

function words(text: string): readonly string[] {
  return text === "" ? [] : text.split(" ");
}
