import type { Command } from "commander";

import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { examples, outputOf } from "./output.ts";

/** `hawser status`, which is also `hawser cloud status`: how a cloud is. */
export function registerStatusCommand(parent: Command): void {
  const path = parent.name() === "cloud" ? "hawser cloud status" : "hawser status";
  withApiOptions(parent.command("status"))
    .description("how the cloud is, and how much is in its registry")
    .addHelpText(
      "after",
      `${examples(`${path} --data ./cloud`, `${path} --data ./cloud --json`)}
For machines that watch, the control plane's address also answers /health, /ready and, on this machine, /metrics.
`,
    )
    .action(async (options: ApiOptions, command: Command) => {
      const { call, facts } = apiAccess(options);
      const status = await call("Status", {});
      const counts = Object.entries(status.counts).map(([name, count]) => `  ${name}: ${count}`);
      const head = `account ${status.accountId} in ${status.region}, up for ${status.uptimeS} s`;
      const where = `  control plane ${options.api ?? facts.api}, MQTT ${facts.mqtt}`;
      const { connected, away } = status.sessions;
      const sessions = `  MQTT sessions: ${connected} connected, ${away} away`;
      const listeners = status.listeners.map((each) => `  listening: ${each}`);
      outputOf(command).line(status, [head, where, ...listeners, sessions, ...counts].join("\n"));
    });
}
