import type { Queries } from "./port.ts";
import { RowsStatement } from "./rows-statement.ts";
import type { SessionPlan } from "./session-plan.ts";
import type { MqttMessageRow, MqttQueueRow } from "./tables.ts";

/** Rows of one statement; their bound values stay below SQLite's and PostgreSQL's limits. */
const AT_ONCE = 500;

/** Writes a plan, in the order that its rows need. */
export async function carryOut(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const ids of chunks(plan.deletedSessions)) {
    await queries.deleteFrom("mqtt_sessions").where("client_id", "in", ids).execute();
    await queries.deleteFrom("mqtt_subscriptions").where("client_id", "in", ids).execute();
    await queries.deleteFrom("mqtt_queue").where("client_id", "in", ids).execute();
    await queries.deleteFrom("mqtt_received").where("client_id", "in", ids).execute();
  }
  await putSessions(queries, plan);
  await INSERT_MESSAGES.run(queries, plan.messages);
  await PUT_QUEUE.run(queries, plan.queue);
  const left = plan.deletedQueue.flatMap(({ clientId, seqs }) => seqs.map((seq) => ({ client_id: clientId, seq })));
  await DELETE_QUEUED.run(queries, left);
  const gone = plan.deletedMessages.map((id) => ({ id }));
  await DELETE_MESSAGES.run(queries, gone);
  await putReceived(queries, plan);
  await putWills(queries, plan);
  await putRetained(queries, plan);
}

const INSERT_MESSAGES = new RowsStatement<MqttMessageRow>(
  ["id", "topic", "payload", "qos", "retain", "properties", "expires_at"],
  (queries, rows) => queries.insertInto("mqtt_messages").values(rows),
);

const PUT_QUEUE = new RowsStatement<MqttQueueRow>(
  ["client_id", "seq", "message_id", "qos", "packet_id", "is_released", "identifiers"],
  (queries, rows) =>
    queries
      .insertInto("mqtt_queue")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["client_id", "seq"]).doUpdateSet((eb) => ({
          message_id: eb.ref("excluded.message_id"),
          packet_id: eb.ref("excluded.packet_id"),
          is_released: eb.ref("excluded.is_released"),
        })),
      ),
);

const DELETE_QUEUED = new RowsStatement<Pick<MqttQueueRow, "client_id" | "seq">>(
  ["client_id", "seq"],
  (queries, rows) =>
    queries.deleteFrom("mqtt_queue").where((eb) =>
      eb(
        eb.refTuple("client_id", "seq"),
        "in",
        rows.map((row) => eb.tuple(row.client_id, row.seq)),
      ),
    ),
);

const DELETE_MESSAGES = new RowsStatement<Pick<MqttMessageRow, "id">>(["id"], (queries, rows) =>
  queries.deleteFrom("mqtt_messages").where(
    "id",
    "in",
    rows.map(({ id }) => id),
  ),
);

async function putReceived(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.received)) {
    await queries
      .insertInto("mqtt_received")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["client_id", "packet_id"]).doUpdateSet((eb) => ({
          topic: eb.ref("excluded.topic"),
          payload: eb.ref("excluded.payload"),
          qos: eb.ref("excluded.qos"),
          retain: eb.ref("excluded.retain"),
          properties: eb.ref("excluded.properties"),
          expires_at: eb.ref("excluded.expires_at"),
        })),
      )
      .execute();
  }
  for (const { clientId, packetIds } of plan.deletedReceived) {
    for (const some of chunks(packetIds)) {
      const rows = queries.deleteFrom("mqtt_received").where("client_id", "=", clientId);
      await rows.where("packet_id", "in", some).execute();
    }
  }
}

async function putWills(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.wills)) {
    await queries
      .insertInto("mqtt_wills")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("client_id").doUpdateSet((eb) => ({
          topic: eb.ref("excluded.topic"),
          payload: eb.ref("excluded.payload"),
          qos: eb.ref("excluded.qos"),
          retain: eb.ref("excluded.retain"),
          properties: eb.ref("excluded.properties"),
          expires_at: eb.ref("excluded.expires_at"),
          principal_id: eb.ref("excluded.principal_id"),
          expiry_s: eb.ref("excluded.expiry_s"),
          delay_s: eb.ref("excluded.delay_s"),
        })),
      )
      .execute();
  }
  for (const ids of chunks(plan.deletedWills)) {
    await queries.deleteFrom("mqtt_wills").where("client_id", "in", ids).execute();
  }
}

async function putSessions(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.sessions)) {
    await queries
      .insertInto("mqtt_sessions")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("client_id").doUpdateSet((eb) => ({
          principal_id: eb.ref("excluded.principal_id"),
          protocol_version: eb.ref("excluded.protocol_version"),
          expiry_s: eb.ref("excluded.expiry_s"),
          disconnected_at: eb.ref("excluded.disconnected_at"),
        })),
      )
      .execute();
  }
  for (const rows of chunks(plan.subscriptions)) {
    await queries
      .insertInto("mqtt_subscriptions")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["client_id", "filter"]).doUpdateSet((eb) => ({
          qos: eb.ref("excluded.qos"),
          no_local: eb.ref("excluded.no_local"),
          retain_as_published: eb.ref("excluded.retain_as_published"),
          identifier: eb.ref("excluded.identifier"),
        })),
      )
      .execute();
  }
  for (const { clientId, filter } of plan.deletedSubscriptions) {
    await queries
      .deleteFrom("mqtt_subscriptions")
      .where("client_id", "=", clientId)
      .where("filter", "=", filter)
      .execute();
  }
}

async function putRetained(queries: Queries, plan: SessionPlan): Promise<void> {
  for (const rows of chunks(plan.retained)) {
    await queries
      .insertInto("mqtt_retained")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("topic").doUpdateSet((eb) => ({
          payload: eb.ref("excluded.payload"),
          qos: eb.ref("excluded.qos"),
          retain: eb.ref("excluded.retain"),
          properties: eb.ref("excluded.properties"),
          expires_at: eb.ref("excluded.expires_at"),
          modified_at: eb.ref("excluded.modified_at"),
        })),
      )
      .execute();
  }
  for (const topics of chunks(plan.deletedRetained)) {
    await queries.deleteFrom("mqtt_retained").where("topic", "in", topics).execute();
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, i) =>
    items.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  );
}
