export { EVENT_TYPES, EventSwitches, type EventType } from "./switches.ts";
export { publishRegistryEvents } from "./publisher.ts";
