import type { OnboardingStep, TraceEvent } from "../../trace/index.ts";

/** Something that is recorded about a device, as often as it happened in a row. */
export type Step = { readonly time: number; readonly text: string; readonly times: number };

const STEPS: Readonly<Record<OnboardingStep, string>> = {
  registered: "certificate registered as PENDING_ACTIVATION",
  "event-published": "registration event published",
  "connection-dropped": "connection dropped, as always before activation",
  activated: "certificate became ACTIVE",
  deactivated: "certificate left ACTIVE",
  "policy-attached": "policy attached",
  "thing-created": "thing created",
  provisioned: "provisioned by a template",
  "provisioning-failed": "provisioning template failed",
  connected: "connected",
  "session-closed": "session closed by the server",
};

/** The onboarding steps and function runs among events, in their order; what repeats in a row is one step. */
export function storyOf(events: readonly TraceEvent[]): Step[] {
  const steps: Step[] = [];
  for (const event of events) {
    const text = textOf(event);
    if (text === undefined) continue;
    const last = steps.at(-1);
    const { times, since: time } = event.repeated ?? { times: 1, since: event.time };
    if (last?.text === text) steps[steps.length - 1] = { ...last, times: last.times + times };
    else steps.push({ time, text, times });
  }
  return steps;
}

function textOf(event: TraceEvent): string | undefined {
  if (event.kind === "onboarding") return STEPS[event.step] + (event.detail === "" ? "" : `: ${event.detail}`);
  if (event.kind !== "function.run") return undefined;
  return `function ${event.function} ${event.outcome}${event.detail === "" ? "" : `: ${event.detail}`}`;
}
