/**
 * The rows of the store. Times are milliseconds since 1970 as whole numbers, truth values 0 or 1, JSON is text: what
 * SQLite and PostgreSQL both hold without loss.
 */
export type Tables = {
  settings: SettingRow;
  access_keys: AccessKeyRow;
  roles: RoleRow;
  ca_certificates: CaCertificateRow;
  certificates: CertificateRow;
  withdrawn_serials: WithdrawnSerialRow;
  things: ThingRow;
  thing_principals: ThingPrincipalRow;
  policies: PolicyRow;
  policy_versions: PolicyVersionRow;
  policy_attachments: PolicyAttachmentRow;
  resources: ResourceRow;
  tags: TagRow;
  thing_group_members: ThingGroupMemberRow;
  shadows: ShadowRow;
  jobs: JobRow;
  job_executions: JobExecutionRow;
  topic_rules: TopicRuleRow;
  functions: FunctionRow;
  function_logs: FunctionLogRow;
  function_permissions: FunctionPermissionRow;
  function_versions: FunctionVersionRow;
  function_aliases: FunctionAliasRow;
  ledger_events: LedgerEventRow;
  mqtt_sessions: MqttSessionRow;
  mqtt_subscriptions: MqttSubscriptionRow;
  mqtt_messages: MqttMessageRow;
  mqtt_queue: MqttQueueRow;
  mqtt_retained: MqttRetainedRow;
  mqtt_received: MqttReceivedRow;
  mqtt_wills: MqttWillRow;
};

/** One value by name: account id, region, registration code. */
export type SettingRow = { name: string; value: string };

export type AccessKeyRow = {
  access_key_id: string;
  secret_access_key: string;
  status: "Active" | "Inactive";
  created_at: number;
};

/** A role by name; `trust_policy` is JSON as it was given. */
export type RoleRow = {
  name: string;
  path: string;
  id: string;
  trust_policy: string;
  description: string;
  max_session_s: number;
  created_at: number;
};

/** A registered CA. `id` is the lower-case hex SHA-256 of its DER. */
export type CaCertificateRow = {
  id: string;
  pem: string;
  /** The subject's canonical form: equal for equal names. */
  subject: string;
  status: "ACTIVE" | "INACTIVE";
  auto_registration: "ENABLE" | "DISABLE";
  mode: "DEFAULT" | "SNI_ONLY";
  created_at: number;
  modified_at: number;
  /** Counts changes; AWS calls it customerVersion. */
  version: number;
  generation_id: string;
};

/** A device certificate. `id` is the lower-case hex SHA-256 of its DER. */
export type CertificateRow = {
  id: string;
  pem: string;
  ca_id: string | null;
  status: "ACTIVE" | "INACTIVE" | "REVOKED" | "PENDING_ACTIVATION" | "PENDING_TRANSFER";
  mode: "DEFAULT" | "SNI_ONLY";
  /** 1 where it came as REVOKED: such a certificate can never be activated. */
  born_revoked: 0 | 1;
  created_at: number;
  modified_at: number;
  version: number;
  generation_id: string;
  /** Its serial number in lower-case hex, where the cloud's own CA issued it. */
  serial: string | null;
};

/** A serial number of the cloud's own CA that is not good any more, until `not_after`; it outlives its certificate's row. */
export type WithdrawnSerialRow = {
  serial: string;
  certificate: string;
  not_after: number;
  time: number;
  reason: string;
};

export type ThingRow = {
  name: string;
  id: string;
  /** JSON object of texts. */
  attributes: string;
  version: number;
  created_at: number;
  type: string | null;
  billing_group: string | null;
};

/** `principal` is a certificate id. */
export type ThingPrincipalRow = {
  thing: string;
  principal: string;
  type: "EXCLUSIVE_THING" | "NON_EXCLUSIVE_THING";
  attached_at: number;
};

export type PolicyRow = {
  name: string;
  default_version: number;
  /** The version that the next CreatePolicyVersion gets: numbers are never given twice. */
  next_version: number;
  created_at: number;
  modified_at: number;
  generation_id: string;
};

export type PolicyVersionRow = { policy: string; version: number; document: string; created_at: number };

/** `target` is a certificate id, or thinggroup/NAME. */
export type PolicyAttachmentRow = { policy: string; target: string; attached_at: number };

/** A small thing with a name that is read whole: its kind says who owns `body`, a JSON object. */
export type ResourceRow = { kind: string; name: string; body: string; created_at: number; modified_at: number };

export type TagRow = { arn: string; key: string; value: string };

export type ThingGroupMemberRow = { thing_group: string; thing: string; added_at: number };

/**
 * A device shadow; `name` is empty for the classic one. `document` is JSON, null once it was deleted: its version goes on
 * from there.
 */
export type ShadowRow = { thing: string; name: string; version: number; document: string | null };

/** `body` is JSON that the jobs room owns; `due_at` when the job is to be looked at again. */
export type JobRow = { id: string; status: string; created_at: number; due_at: number | null; body: string };

/** One thing's turn at a job; PENDING until it is rolled out. `due_at` is when it times out, `body` JSON. */
export type JobExecutionRow = {
  job: string;
  thing: string;
  number: number;
  status: string;
  queued_at: number;
  due_at: number | null;
  body: string;
};

/** `payload` is the rule's JSON as it was given. */
export type TopicRuleRow = { name: string; payload: string; disabled: 0 | 1; created_at: number };

/** `configuration` is JSON that the functions room owns; `code` its zip. */
export type FunctionRow = {
  name: string;
  configuration: string;
  code: Uint8Array;
  created_at: number;
  modified_at: number;
};

/** A function as it was published: its record as JSON, and the zip of that time. */
export type FunctionVersionRow = { function: string; version: number; configuration: string; code: Uint8Array };

/** A name for a version of a function; its record as JSON. */
export type FunctionAliasRow = { function: string; name: string; configuration: string };

/** A statement of a resource policy as JSON. `function` is the function's name, or `NAME:QUALIFIER` of a version or alias. */
export type FunctionPermissionRow = { function: string; statement_id: string; statement: string; created_at: number };

/** One durable trace event; the ids stand beside its JSON so that they can be asked for. */
/** One run of a function; `size` is what it counts for in the bound of its function. */
export type FunctionLogRow = {
  id: number;
  function: string;
  request: string;
  time: number;
  outcome: string;
  log: Uint8Array;
  size: number;
};

export type LedgerEventRow = {
  seq: number;
  time: number;
  kind: string;
  /** A refusal's cause. */
  cause: string | null;
  device: string | null;
  connection: string | null;
  certificate: string | null;
  event: string;
};

/** A persistent session of the broker. `disconnected_at` is null while it is connected. */
export type MqttSessionRow = {
  client_id: string;
  principal_id: string;
  protocol_version: number;
  expiry_s: number;
  disconnected_at: number | null;
};

export type MqttSubscriptionRow = {
  client_id: string;
  filter: string;
  qos: number;
  no_local: 0 | 1;
  retain_as_published: 0 | 1;
  identifier: number | null;
};

/** A message that waits in one or more queues, once. `properties` is JSON with bytes in base64. */
export type MqttMessageRow = MqttMessageColumns & { id: number };

/** The place of a message in the queue of a session, and how far it is on its way. `identifiers` is a JSON array. */
export type MqttQueueRow = {
  client_id: string;
  seq: number;
  message_id: number;
  qos: number;
  packet_id: number | null;
  is_released: 0 | 1;
  identifiers: string;
};

/** A QoS 2 message that its publisher has not released. */
export type MqttReceivedRow = MqttMessageColumns & { client_id: string; packet_id: number };

/** The will of a client. */
export type MqttWillRow = MqttMessageColumns & {
  client_id: string;
  principal_id: string;
  expiry_s: number | null;
  delay_s: number;
};

/** The retained message of a topic, and since when it is that; rows of older versions do not say. */
export type MqttRetainedRow = MqttMessageColumns & { modified_at: number | null };

/** A message in whichever table. */
export type MqttMessageColumns = {
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: 0 | 1;
  properties: string;
  expires_at: number | null;
};
