import type { ErrorTable } from "../codec/index.ts";

/** The codes of `agent`. */
export const AGENT_ERRORS = {
  "gave-up": {
    cause: "The cloud did not accept the device within the allowed number of attempts; the last failure is named.",
    cure: "Ask the cloud: hawser why CLIENT_ID. A device that stays PENDING_ACTIVATION needs the activation function (hawser cloud install-jitr).",
  },
} as const satisfies ErrorTable;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;
