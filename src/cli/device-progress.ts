import type { DeviceProgress } from "../agent/node.ts";
import { HawserError } from "../codec/index.ts";
import type { Output } from "./output.ts";

/** Tells what a device goes through while it connects, in the words of the cloud's certificate states. */
export function deviceProgress(
  output: Output,
  { clientId, cloud }: { readonly clientId: string; readonly cloud: string },
): (progress: DeviceProgress) => void {
  return (progress) => {
    switch (progress.step) {
      case "connecting":
        return output.line(
          { event: "connecting", clientId, cloud, attempt: progress.attempt, connection: progress.connection },
          `connecting to ${cloud} as ${clientId}, attempt ${progress.attempt}`,
        );
      case "refused":
        return output.line(
          { event: "refused", attempt: progress.attempt, dropped: progress.dropped, ...describe(progress.error) },
          progress.dropped ? `dropped: ${DROPPED}` : `failed: ${describe(progress.error).message}`,
        );
      case "waiting":
        return output.line(
          { event: "waiting", delayMs: Math.round(progress.delayMs) },
          `trying again in ${Math.round(progress.delayMs)} ms`,
        );
      case "connected":
        return output.line(
          { event: "connected", clientId, attempt: progress.attempt, connection: progress.connection },
          `connected: the cloud accepted ${clientId}, so its certificate is ACTIVE`,
        );
      case "lost":
        return output.line(
          { event: "lost", ...describe(progress.error) },
          `connection lost: ${describe(progress.error).message}`,
        );
    }
  };
}

/** All that a device can know: over MQTT 3.1.1 the cloud says no by closing. */
const DROPPED =
  "TLS succeeded, but the cloud does not accept the device yet; on a first connection it is now PENDING_ACTIVATION";

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof HawserError) return { code: error.code, message: error.message };
  return { code: "internal", message: String(error) };
}
