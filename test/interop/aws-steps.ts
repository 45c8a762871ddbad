/** Commands of the AWS CLI as data: what to type, what to keep of the answer, what refusal to expect. */
export type Step = {
  readonly args: readonly string[];
  readonly save?: Readonly<Record<string, string>>;
  readonly refused?: string;
  /** An operation that an older CLI lacks, and then the step is left out. */
  readonly since?: string;
};

/** A line at its spaces. */
export const words = (line: string): string[] => line.split(" ");

/** A command that must succeed; `save` names members of its answer for later steps. */
export const ok = (line: string, save: NonNullable<Step["save"]> = {}): Step => ({ args: words(line), save });

/** A command that must be refused with an error of this name. */
export const no = (refused: string, line: string): Step => ({ args: words(line), refused });
