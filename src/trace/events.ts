import type { Performer } from "../crypto/index.ts";
import type { RefusalCause } from "./refusals.ts";

/** In whose lane an event belongs. */
export type Actor = "chip" | "host" | "cloud" | "pki";

/** Ids by which events of one story find each other. */
export type Correlation = {
  /** A device: its chip's unique id, or its client id where no chip is known. */
  readonly device?: string;
  /** One transport connection, as the side that emits the event names it. */
  readonly connection?: string;
  /** Lower-case hex SHA-256 of a certificate's DER. */
  readonly certificate?: string;
};

/** A field of a command as a reader may see it: a number, a text, or bytes in hex. Never key material. */
export type FieldValue = number | string | boolean;

/** Which step of a TLS handshake somebody performed. */
export type TlsOperation =
  | "client-random"
  | "server-random"
  | "key-share"
  | "key-agreement"
  | "verify-chain"
  | "verify-server-signature"
  | "verify-client-signature"
  | "client-signature"
  | "server-signature"
  | "master-secret"
  | "traffic-keys"
  | "record-seal"
  | "record-open";

/** What can happen, one variant a kind. Times are in milliseconds, sizes in bytes. */
export type EventBody =
  /** A command that a chip carried out. `command` and `response` are hex, or "redacted" where they carry a key. */
  | {
      readonly kind: "chip.command";
      readonly name: string;
      readonly fields: Readonly<Record<string, FieldValue>>;
      readonly statusWord: number;
      readonly durationMs: number;
      readonly command: string;
      readonly response: string;
    }
  /** A command as the host saw it on the bus. */
  | {
      readonly kind: "bus.exchange";
      readonly name: string;
      readonly statusWord: number;
      readonly durationMs: number;
      readonly sentBytes: number;
      readonly receivedBytes: number;
      readonly command: string;
      readonly response: string;
    }
  | {
      readonly kind: "tls.message";
      readonly direction: "sent" | "received";
      readonly message: string;
      readonly bytes: number;
    }
  | {
      readonly kind: "tls.operation";
      readonly operation: TlsOperation;
      readonly performer: Performer;
      readonly durationMs: number;
      readonly detail: string;
    }
  | {
      readonly kind: "tls.connected";
      readonly protocol: string;
      readonly suite: string;
      readonly group: string;
      readonly servername: string;
      readonly alpn: string;
    }
  | {
      readonly kind: "tls.alert";
      readonly direction: "sent" | "received";
      readonly alert: string;
      readonly fatal: boolean;
      readonly code: string;
    }
  /** A call of an ordinary program on its token, and the PKCS #11 return value that answered it. */
  | {
      readonly kind: "pkcs11.call";
      readonly call: string;
      readonly result: string;
      readonly durationMs: number;
      readonly detail: string;
    }
  | {
      readonly kind: "pki.issued";
      readonly what: "certificate" | "crl" | "csr";
      readonly subject: string;
      readonly serial: string;
      readonly performer: Performer;
    }
  | { readonly kind: "pki.refused"; readonly what: string; readonly code: string; readonly message: string }
  | {
      readonly kind: "mqtt.packet";
      readonly direction: "sent" | "received";
      readonly packet: string;
      readonly clientId: string;
      readonly topic: string;
      readonly qos: number;
      readonly bytes: number;
      readonly reasonCode: number;
    }
  | {
      readonly kind: "onboarding";
      readonly step: OnboardingStep;
      readonly clientId: string;
      readonly caCertificate: string;
      readonly detail: string;
    }
  /** A request that was refused, with the evidence that the refusing code saw. `address` is the peer's. */
  | {
      readonly kind: "refusal";
      readonly cause: RefusalCause;
      readonly clientId: string;
      readonly address: string;
      readonly evidence: Readonly<Record<string, FieldValue>>;
    }
  | {
      readonly kind: "function.run";
      readonly function: string;
      readonly request: string;
      readonly outcome: "succeeded" | "failed" | "timeout" | "memory";
      readonly durationMs: number;
      readonly detail: string;
    }
  /** What a rule's action wrote down: a line for a log group, or the value of a metric. */
  | {
      readonly kind: "rule.record";
      readonly rule: string;
      readonly what: "log" | "metric";
      readonly name: string;
      readonly value: string;
      readonly unit: string;
    }
  /** What a rule's action could not do: for this message, or because the cloud keeps the action and does not perform it. */
  | {
      readonly kind: "rule.failed";
      readonly rule: string;
      /** As CreateTopicRule calls it. */
      readonly action: string;
      /** What it was to act upon, as the rule has it. */
      readonly resource: string;
      readonly code: "action-failed" | "action-absent";
      readonly detail: string;
    }
  | {
      readonly kind: "api.call";
      readonly operation: string;
      readonly status: number;
      readonly code: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: "process";
      readonly what: "started" | "stopped" | "listening" | "warning";
      readonly detail: string;
    };

/** Steps of a device's onboarding, in their usual order. */
export type OnboardingStep =
  | "registered"
  | "event-published"
  | "connection-dropped"
  | "activated"
  | "deactivated"
  | "policy-attached"
  | "thing-created"
  | "provisioned"
  | "provisioning-failed"
  | "connected"
  | "session-closed";

/** How often something happened that is kept once: `times` since `since`, the last time at the event's own `time`. */
export type Repeated = { readonly times: number; readonly since: number };

/** One thing that happened: when, where, to whom, and what. `seq` is unique and rising within one ledger. */
export type TraceEvent = {
  readonly seq: number;
  readonly time: number;
  readonly actor: Actor;
  /** Only where a store counted instead of keeping each; `seq` is then that of the first. */
  readonly repeated?: Repeated;
} & Correlation &
  EventBody;

/** The kinds that are kept on disk; all others live in the ring only. */
export const DURABLE_KINDS = ["refusal", "onboarding"] as const satisfies readonly EventBody["kind"][];

/** Whether an event outlives the process. */
export function isDurable(event: TraceEvent): boolean {
  return (DURABLE_KINDS as readonly string[]).includes(event.kind);
}
