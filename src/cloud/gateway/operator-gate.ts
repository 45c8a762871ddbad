import type { Trace } from "../../trace/index.ts";
import type { Gatekeeper, Verdict } from "../broker/index.ts";

export type OperatorGateOptions = {
  readonly accessKeyId: string;
  /** Whether the access key may be used now. */
  readonly isActive: (accessKeyId: string) => boolean;
  readonly trace: Trace;
};

/**
 * Decides on the CONNECT of who opened a WebSocket with a request signed by an access key: an operator, with an
 * operator's rights. The rights end with the key, on live connections too.
 */
export function operatorGate({ accessKeyId, isActive, trace }: OperatorGateOptions): Gatekeeper {
  const evidence = { accessKeyId, code: "unknown-access-key", protocol: "websocket" };
  const cause = "api-unknown-key";
  const may = (): Verdict => (isActive(accessKeyId) ? { allowed: true } : { allowed: false, cause, evidence });
  return {
    async admit({ clientId, peer: { address, connection } }) {
      if (isActive(accessKeyId)) return { admit: true, authority: { principalId: accessKeyId, may } };
      const ids = { device: clientId, connection };
      trace.emit("cloud", { kind: "refusal", cause, clientId, address, evidence }, ids);
      return { admit: false, cause, reply: "connack" };
    },
  };
}
