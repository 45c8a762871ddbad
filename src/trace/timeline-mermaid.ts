import type { TraceEvent } from "./events.ts";
import { entriesOf, type Entry, type Lane } from "./timeline-entries.ts";
import { selectEvents, type TimelineFilter } from "./timeline-selection.ts";

/** The same story as a Mermaid sequence diagram; a packet that both ends recorded is one arrow. */
export function renderMermaid(events: readonly TraceEvent[], filter: TimelineFilter = {}): string {
  const entries = entriesOf(selectEvents(events, filter));
  const arrows = new Map<string, number>();
  const lines = entries.flatMap((entry) => (isSecondEnd(entry, arrows) ? [] : linesOf(entry)));
  return ["sequenceDiagram", "participant chip", "participant host", "participant cloud", ...lines]
    .map((each, i) => `${i === 0 ? "" : "  "}${each}\n`)
    .join("");
}

/** Whether the other end of this packet was drawn already: host and cloud each record what passes between them. */
function isSecondEnd({ lane, text, passes }: Entry, drawn: Map<string, number>): boolean {
  if (!passes || passes.way === "both") return false;
  const [from, to] = passes.way === "out" ? [lane, passes.to] : [passes.to, lane];
  const key = (end: Lane) => `${from} ${to} ${text} by ${end}`;
  const other = drawn.get(key(passes.to)) ?? 0;
  if (other > 0) drawn.set(key(passes.to), other - 1);
  else drawn.set(key(lane), (drawn.get(key(lane)) ?? 0) + 1);
  return other > 0;
}

function linesOf({ lane, text, passes }: Entry): string[] {
  if (!passes) return [`Note over ${lane}: ${escaped(text)}`];
  if (passes.way === "both") {
    const [command, answer] = lane === "chip" ? [text, ""] : [passes.text, text];
    const asked = `host->>chip: ${escaped(command)}`;
    return answer === "" ? [asked] : [asked, `chip-->>host: ${escaped(answer)}`];
  }
  const [from, to] = passes.way === "out" ? [lane, passes.to] : [passes.to, lane];
  return [`${from}->>${to}: ${escaped(text)}`];
}

/** `#` begins an entity and `;` ends a line in Mermaid; angle brackets would be read as markup. */
function escaped(text: string): string {
  return text.replaceAll(/[#;<>]/g, (character) => `#${character.charCodeAt(0)};`);
}
