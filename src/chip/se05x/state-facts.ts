import { se05xTypeName } from "../../apdu/se05x/index.ts";
import { hexId, type SecureObject, sizeOf, typeOf } from "./objects.ts";
import { RESTRICTION } from "./settings.ts";
import type { ObjectStore } from "./store.ts";

const RESTRICTION_WORDS = {
  [RESTRICTION.none]: "none",
  [RESTRICTION.newObjects]: "no new objects, for good",
  [RESTRICTION.all]: "no new objects and no changes, for good",
} as const;

/** A chip's state by name, in words: settings and persistent objects, and no contents but counters' values. */
export function stateFacts(store: ObjectStore): Readonly<Record<string, string>> {
  const { isLocked, restriction, platformScpRequired, features, keySets } = store.settings;
  const objects = [...store].filter(({ transient }) => !transient);
  return {
    "transport lock": isLocked ? "locked" : "unlocked",
    restriction: RESTRICTION_WORDS[restriction],
    "platform channel": platformScpRequired ? "required" : "not required",
    "platform keys": [...keySets.keys()].map(String).join(" "),
    features: features.toString(16).padStart(4, "0"),
    "free memory": `${store.free("persistent")} bytes`,
    ...Object.fromEntries(objects.map((object) => [`object ${hexId(object.id)}`, wordsOf(object)])),
  };
}

function wordsOf(object: SecureObject): string {
  const { content, authentication, failedAttempts, version } = object;
  const type = typeOf(object);
  const name = se05xTypeName(type) ?? `type ${type}`;
  const words = [name, `${sizeOf(object)} bytes`];
  if (content.kind === "counter") words.push(`at ${content.value}`);
  if (authentication) words.push("authenticates");
  if (failedAttempts > 0) words.push(`${failedAttempts} failed attempts`);
  if (version > 0) words.push(`version ${version}`);
  return words.join(", ");
}
