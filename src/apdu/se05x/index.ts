export * from "./algorithms.ts";
export { SE05X_AID } from "./card-rows.ts";
export {
  SE05X_COMMAND_SET,
  SE05X_COMMANDS,
  type Se05xCommandName,
  type Se05xCommands,
  type Se05xRequest,
  type Se05xResponse,
} from "./commands.ts";
export { policyEntries, RIGHT, type PolicyEntry, type Right } from "./policy.ts";
