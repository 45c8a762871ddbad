export { cureFor } from "./cure.ts";
export type { Step } from "./story.ts";
export { renderAnswer } from "./text.ts";
export { why, type Answer, type Finding } from "./why.ts";
