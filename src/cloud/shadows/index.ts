export { deltaOf, type ShadowDocument } from "./document.ts";
export { SHADOW_ORIGIN, ShadowTopics, type ShadowTopicsPorts } from "./shadow-topics.ts";
export { Shadows, type ShadowId, type ShadowPorts } from "./shadows.ts";
