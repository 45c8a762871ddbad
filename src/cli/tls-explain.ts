import type { Command } from "commander";

import { printable, type TraceEvent } from "../trace/index.ts";
import { badOption } from "./errors.ts";
import { eventsIn } from "./ledger.ts";
import { examples, outputOf } from "./output.ts";

/** What each handshake message is for, in one sentence. RFC 8446, section 4; RFC 5246, section 7.4 */
const MESSAGES: Readonly<Record<string, string>> = {
  client_hello: "offers versions, suites, groups and signature algorithms, with the client random",
  server_hello: "picks version and suite (or, in TLS 1.3, asks for another hello), with the server random",
  encrypted_extensions: "the server's answers to extensions that the key exchange does not need, now protected",
  certificate: "the sender's certificate, then those above it; empty where a client has none that fits",
  server_key_exchange: "the server's ephemeral key, signed together with both randoms",
  certificate_request: "asks the client for a certificate: which algorithms, which authorities",
  server_hello_done: "the server has said its part",
  client_key_exchange: "the client's ephemeral key, or the name of its pre-shared key",
  certificate_verify: "proves possession of the certificate's key by signing the handshake so far",
  change_cipher_spec: "TLS 1.2: from here on records are protected; TLS 1.3: means nothing, pleases middleboxes",
  finished: "proves that both sides saw the same handshake: a keyed hash over all of it",
  new_session_ticket: "lets the client resume this session later without certificates",
  key_update: "the sender changes its keys",
  hello_request: "asks for a renegotiation, which this client declines",
};

/** `hawser tls explain TRACE`: a recorded handshake, message by message. */
export function registerTlsExplain(tls: Command): void {
  tls
    .command("explain")
    .description("a recorded handshake, message by message")
    .argument("<trace>", "a file that --trace wrote")
    .option("--connection <id>", "only this connection")
    .addHelpText("after", examples("hawser tls explain device.jsonl"))
    .action((path: string, options: { readonly connection?: string }, command: Command) => {
      const output = outputOf(command);
      const events = tlsEvents(path).filter(
        ({ connection }) => options.connection === undefined || connection === options.connection,
      );
      if (events.length === 0) throw badOption(`${path} holds no TLS events`);
      const start = events[0]?.time ?? 0;
      for (const event of events) {
        const explained = explain(event);
        const text = `${(event.time - start).toFixed(1).padStart(9)} ms  ${printable(explained)}`;
        output.line({ ...event, explained }, text);
      }
    });
}

function tlsEvents(path: string): TraceEvent[] {
  return eventsIn(path).filter(({ kind }) => kind.startsWith("tls."));
}

function explain(event: TraceEvent): string {
  switch (event.kind) {
    case "tls.message": {
      const arrow = event.direction === "sent" ? "client -> server" : "client <- server";
      return `${arrow}  ${event.message} (${event.bytes} bytes): ${MESSAGES[event.message] ?? "not known here"}`;
    }
    case "tls.operation":
      return `${event.performer.padEnd(16)}  ${event.operation}, ${event.detail}, ${event.durationMs.toFixed(2)} ms`;
    case "tls.connected": {
      const { protocol, suite, group, servername, alpn } = event;
      const how = [protocol, suite, group, alpn].filter((each) => each !== "").join(", ");
      return `connected         to ${servername}, verified: ${how}`;
    }
    case "tls.alert": {
      const arrow = event.direction === "sent" ? "client -> server" : "client <- server";
      const why = event.code === "" ? "" : ` (${event.code})`;
      return `${arrow}  alert ${event.alert}${event.fatal ? ", fatal" : ""}${why}`;
    }
    default:
      return event.kind;
  }
}
