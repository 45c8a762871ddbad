export { FileJournal } from "./node-journal.ts";
export { newKeyPair } from "./node-key-pairs.ts";
