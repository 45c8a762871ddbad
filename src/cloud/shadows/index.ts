export { deltaOf, type ShadowDocument } from "./document.ts";
export { SHADOW_ORIGIN, ShadowTopics, type ShadowTopicsPorts } from "./shadow-topics.ts";
export { Shadows, type ShadowId, type ShadowPorts, type ShadowRequest } from "./shadows.ts";
