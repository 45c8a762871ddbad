import type { RefusalCause } from "../../trace/index.ts";
import type { AuthorityAction } from "../broker/index.ts";

type Row = { readonly kind: string; readonly cause: RefusalCause; readonly evidence: string };

const ON_THING = { kind: "thing", cause: "policy-denies-request", evidence: "thing" } as const;

const ON_TOPIC = { kind: "topic", cause: "policy-denies-request", evidence: "topic" } as const;

/** What an action is called in ARNs, in refusals and in their evidence. */
export const POLICY_ACTIONS: Readonly<Record<AuthorityAction | "iot:Connect", Row>> = {
  "iot:Connect": { kind: "client", cause: "policy-denies-connect", evidence: "clientId" },
  "iot:Publish": { kind: "topic", cause: "policy-denies-publish", evidence: "topic" },
  "iot:Receive": { kind: "topic", cause: "policy-denies-receive", evidence: "topic" },
  "iot:Subscribe": { kind: "topicfilter", cause: "policy-denies-subscribe", evidence: "filter" },
  "iot:RetainPublish": { kind: "topic", cause: "policy-denies-retain", evidence: "topic" },
  "iot:GetThingShadow": ON_THING,
  "iot:UpdateThingShadow": ON_THING,
  "iot:DeleteThingShadow": ON_THING,
  "iot:ListNamedShadowsForThing": ON_THING,
  "iot:GetPendingJobExecutions": ON_THING,
  "iot:StartNextPendingJobExecution": ON_THING,
  "iot:DescribeJobExecution": ON_THING,
  "iot:UpdateJobExecution": ON_THING,
  "iot:GetRetainedMessage": ON_TOPIC,
  "iot:ListRetainedMessages": ON_TOPIC,
  "iot:AssumeRoleWithCertificate": { kind: "rolealias", cause: "policy-denies-credentials", evidence: "roleAlias" },
};
