import { sql, type CreateTableBuilder, type Kysely } from "kysely";

/** One step of the schema's history; `up` runs once, inside a transaction. */
export type Migration = { readonly name: string; readonly up: (db: Kysely<unknown>) => Promise<void> };

/** The one type name on which SQLite and PostgreSQL differ. */
const BYTES = sql`blob`;

/** The schema's history: a store is at version n when the first n have run. Landed steps are never edited. */
export const MIGRATIONS: readonly Migration[] = [
  { name: "registry, rules, functions, ledger", up: createFirstTables },
  { name: "broker sessions and retained messages", up: createBrokerTables },
  { name: "roles", up: createRoles },
  { name: "function logs", up: createFunctionLogs },
  { name: "named resources, thing groups, tags", up: createFleetTables },
  { name: "QoS 2, packet identifiers and wills", up: addExactlyOnce },
  { name: "shadows", up: createShadows },
  { name: "jobs", up: createJobs },
  { name: "function versions and aliases", up: createFunctionVersions },
  { name: "serial numbers of what the cloud's own CA issued", up: createSerials },
  { name: "when messages were retained", up: addRetentionTime },
];

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  const text = "text";
  const create = db.schema;
  await create
    .createTable("settings")
    .addColumn("name", text, (c) => c.primaryKey())
    .addColumn("value", text, (c) => c.notNull())
    .execute();
  await create
    .createTable("access_keys")
    .addColumn("access_key_id", text, (c) => c.primaryKey())
    .addColumn("secret_access_key", text, (c) => c.notNull())
    .addColumn("status", text, (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await createCertificateTables(db);
  await createThingTables(db);
  await createPolicyTables(db);
  await createFunctionTables(db);
  await create
    .createTable("ledger_events")
    .addColumn("seq", "bigint", (c) => c.primaryKey())
    .addColumn("time", "double precision", (c) => c.notNull())
    .addColumn("kind", text, (c) => c.notNull())
    .addColumn("cause", text)
    .addColumn("device", text)
    .addColumn("connection", text)
    .addColumn("certificate", text)
    .addColumn("event", text, (c) => c.notNull())
    .execute();
  await create.createIndex("ledger_events_kind").on("ledger_events").columns(["kind", "cause", "seq"]).execute();
  await create.createIndex("ledger_events_certificate").on("ledger_events").columns(["certificate", "seq"]).execute();
  await create.createIndex("ledger_events_device").on("ledger_events").columns(["device", "seq"]).execute();
}

async function createCertificateTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("ca_certificates")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("pem", "text", (c) => c.notNull())
    .addColumn("subject", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("auto_registration", "text", (c) => c.notNull())
    .addColumn("mode", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("generation_id", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("ca_certificates_subject").on("ca_certificates").columns(["subject"]).execute();
  await db.schema.createIndex("ca_certificates_page").on("ca_certificates").columns(["created_at", "id"]).execute();
  await db.schema
    .createTable("certificates")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("pem", "text", (c) => c.notNull())
    .addColumn("ca_id", "text")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("mode", "text", (c) => c.notNull())
    .addColumn("born_revoked", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("generation_id", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("certificates_page").on("certificates").columns(["created_at", "id"]).execute();
  await db.schema
    .createIndex("certificates_ca_page")
    .on("certificates")
    .columns(["ca_id", "created_at", "id"])
    .execute();
}

async function createThingTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("things")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("id", "text", (c) => c.notNull())
    .addColumn("attributes", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("thing_principals")
    .addColumn("thing", "text", (c) => c.notNull())
    .addColumn("principal", "text", (c) => c.notNull())
    .addColumn("type", "text", (c) => c.notNull())
    .addColumn("attached_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("thing_principals_pk", ["thing", "principal"])
    .execute();
  await db.schema
    .createIndex("thing_principals_principal")
    .on("thing_principals")
    .columns(["principal", "thing"])
    .execute();
}

async function createPolicyTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("policies")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("default_version", "integer", (c) => c.notNull())
    .addColumn("next_version", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addColumn("generation_id", "text", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("policies_page").on("policies").columns(["created_at", "name"]).execute();
  await db.schema
    .createTable("policy_versions")
    .addColumn("policy", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("document", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("policy_versions_pk", ["policy", "version"])
    .execute();
  await db.schema
    .createTable("policy_attachments")
    .addColumn("policy", "text", (c) => c.notNull())
    .addColumn("target", "text", (c) => c.notNull())
    .addColumn("attached_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("policy_attachments_pk", ["policy", "target"])
    .execute();
  await db.schema
    .createIndex("policy_attachments_target")
    .on("policy_attachments")
    .columns(["target", "policy"])
    .execute();
}

async function createFunctionTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("topic_rules")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("payload", "text", (c) => c.notNull())
    .addColumn("disabled", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("functions")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("configuration", "text", (c) => c.notNull())
    .addColumn("code", BYTES, (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("function_permissions")
    .addColumn("function", "text", (c) => c.notNull())
    .addColumn("statement_id", "text", (c) => c.notNull())
    .addColumn("statement", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("function_permissions_pk", ["function", "statement_id"])
    .execute();
}

async function createBrokerTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("mqtt_sessions")
    .addColumn("client_id", "text", (c) => c.primaryKey())
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("protocol_version", "integer", (c) => c.notNull())
    .addColumn("expiry_s", "bigint", (c) => c.notNull())
    .addColumn("disconnected_at", "double precision")
    .execute();
  await db.schema
    .createTable("mqtt_subscriptions")
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("filter", "text", (c) => c.notNull())
    .addColumn("qos", "integer", (c) => c.notNull())
    .addColumn("no_local", "integer", (c) => c.notNull())
    .addColumn("retain_as_published", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("mqtt_subscriptions_pk", ["client_id", "filter"])
    .execute();
  await db.schema
    .createTable("mqtt_queue")
    .addColumn("client_id", "text", (c) => c.notNull())
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("message_id", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("mqtt_queue_pk", ["client_id", "seq"])
    .execute();
  for (const table of ["mqtt_messages", "mqtt_retained"]) {
    const made = db.schema
      .createTable(table)
      .addColumn("topic", "text", (c) => (table === "mqtt_retained" ? c.primaryKey() : c.notNull()))
      .addColumn("payload", BYTES, (c) => c.notNull())
      .addColumn("qos", "integer", (c) => c.notNull())
      .addColumn("retain", "integer", (c) => c.notNull())
      .addColumn("properties", "text", (c) => c.notNull())
      .addColumn("expires_at", "double precision");
    await (table === "mqtt_messages" ? made.addColumn("id", "bigint", (c) => c.primaryKey()) : made).execute();
  }
}

async function createRoles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("roles")
    .addColumn("name", "text", (c) => c.primaryKey())
    .addColumn("path", "text", (c) => c.notNull())
    .addColumn("id", "text", (c) => c.notNull())
    .addColumn("trust_policy", "text", (c) => c.notNull())
    .addColumn("description", "text", (c) => c.notNull())
    .addColumn("max_session_s", "integer", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .execute();
}

async function createFunctionLogs(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("function_logs")
    .addColumn("id", "bigint", (c) => c.primaryKey())
    .addColumn("function", "text", (c) => c.notNull())
    .addColumn("request", "text", (c) => c.notNull())
    .addColumn("time", "bigint", (c) => c.notNull())
    .addColumn("outcome", "text", (c) => c.notNull())
    .addColumn("log", BYTES, (c) => c.notNull())
    .addColumn("size", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("function_logs_function").on("function_logs").columns(["function", "id"]).execute();
}

async function createFunctionVersions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("function_versions")
    .addColumn("function", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("configuration", "text", (c) => c.notNull())
    .addColumn("code", BYTES, (c) => c.notNull())
    .addPrimaryKeyConstraint("function_versions_pk", ["function", "version"])
    .execute();
  await db.schema
    .createTable("function_aliases")
    .addColumn("function", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("configuration", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("function_aliases_pk", ["function", "name"])
    .execute();
}

async function createFleetTables(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("resources")
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("body", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("modified_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("resources_pk", ["kind", "name"])
    .execute();
  await schema.createIndex("resources_page").on("resources").columns(["kind", "created_at", "name"]).execute();
  await schema
    .createTable("tags")
    .addColumn("arn", "text", (c) => c.notNull())
    .addColumn("key", "text", (c) => c.notNull())
    .addColumn("value", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("tags_pk", ["arn", "key"])
    .execute();
  await schema
    .createTable("thing_group_members")
    .addColumn("thing_group", "text", (c) => c.notNull())
    .addColumn("thing", "text", (c) => c.notNull())
    .addColumn("added_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("thing_group_members_pk", ["thing_group", "thing"])
    .execute();
  await schema
    .createIndex("thing_group_members_thing")
    .on("thing_group_members")
    .columns(["thing", "thing_group"])
    .execute();
  await schema.alterTable("things").addColumn("type", "text").execute();
  await schema.alterTable("things").addColumn("billing_group", "text").execute();
  await schema.createIndex("things_type").on("things").columns(["type", "name"]).execute();
  await schema.createIndex("things_billing_group").on("things").columns(["billing_group", "name"]).execute();
}

async function addExactlyOnce(db: Kysely<unknown>): Promise<void> {
  const alter = db.schema;
  await alter.alterTable("mqtt_subscriptions").addColumn("identifier", "bigint").execute();
  await alter
    .alterTable("mqtt_queue")
    .addColumn("qos", "integer", (c) => c.notNull().defaultTo(1))
    .execute();
  await alter.alterTable("mqtt_queue").addColumn("packet_id", "integer").execute();
  await alter
    .alterTable("mqtt_queue")
    .addColumn("is_released", "integer", (c) => c.notNull().defaultTo(0))
    .execute();
  await alter
    .alterTable("mqtt_queue")
    .addColumn("identifiers", "text", (c) => c.notNull().defaultTo("[]"))
    .execute();
  const received = withMessage(alter.createTable("mqtt_received").addColumn("client_id", "text", (c) => c.notNull()));
  await received
    .addColumn("packet_id", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("mqtt_received_pk", ["client_id", "packet_id"])
    .execute();
  const wills = withMessage(alter.createTable("mqtt_wills").addColumn("client_id", "text", (c) => c.primaryKey()));
  await wills
    .addColumn("principal_id", "text", (c) => c.notNull())
    .addColumn("expiry_s", "bigint")
    .addColumn("delay_s", "bigint", (c) => c.notNull())
    .execute();
}

async function createShadows(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("shadows")
    .addColumn("thing", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("version", "bigint", (c) => c.notNull())
    .addColumn("document", "text")
    .addPrimaryKeyConstraint("shadows_pk", ["thing", "name"])
    .execute();
}

async function createJobs({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable("jobs")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("due_at", "bigint")
    .addColumn("body", "text", (c) => c.notNull())
    .execute();
  await schema
    .createTable("job_executions")
    .addColumn("job", "text", (c) => c.notNull())
    .addColumn("thing", "text", (c) => c.notNull())
    .addColumn("number", "integer", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("queued_at", "bigint", (c) => c.notNull())
    .addColumn("due_at", "bigint")
    .addColumn("body", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("job_executions_pk", ["job", "thing", "number"])
    .execute();
  await schema.createIndex("jobs_due").on("jobs").columns(["due_at"]).execute();
  const executions = (name: string) => schema.createIndex(`job_executions_${name}`).on("job_executions");
  await executions("thing").columns(["thing", "status"]).execute();
  await executions("status").columns(["job", "status"]).execute();
  await executions("due").columns(["due_at"]).execute();
}

async function createSerials({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable("certificates").addColumn("serial", "text").execute();
  await schema
    .createIndex("certificates_serial")
    .on("certificates")
    .columns(["serial"])
    .where(sql.ref("serial"), "is not", null)
    .execute();
  await schema
    .createTable("withdrawn_serials")
    .addColumn("serial", "text", (c) => c.primaryKey())
    .addColumn("certificate", "text", (c) => c.notNull())
    .addColumn("not_after", "bigint", (c) => c.notNull())
    .addColumn("time", "bigint", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .execute();
}

async function addRetentionTime({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable("mqtt_retained").addColumn("modified_at", "double precision").execute();
}

function withMessage<T extends string, C extends string>(table: CreateTableBuilder<T, C>) {
  return table
    .addColumn("topic", "text", (c) => c.notNull())
    .addColumn("payload", BYTES, (c) => c.notNull())
    .addColumn("qos", "integer", (c) => c.notNull())
    .addColumn("retain", "integer", (c) => c.notNull())
    .addColumn("properties", "text", (c) => c.notNull())
    .addColumn("expires_at", "double precision");
}
