import type { RefusalCause } from "../../trace/index.ts";
import type { ClientFault } from "./errors.ts";

/** Methods that begin an HTTP request. RFC 9110, section 9.3 */
const HTTP = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|PATCH|PRI) /;

/**
 * Which refusal a client's fault stands for. Where the connection's first bytes are those of TLS or HTTP, that explains
 * more than which rule of MQTT they break. `opening` is undefined after CONNECT.
 */
export function causeOfFault(fault: ClientFault, opening: Uint8Array | undefined): RefusalCause {
  // A handshake record of any version. RFC 8446, section 5.1
  if (opening?.[0] === 0x16 && opening[1] === 0x03) return "tls-on-plain-port";
  if (opening && HTTP.test(String.fromCharCode(...opening.subarray(0, 8)))) return "http-on-mqtt-port";
  return fault.code === "mqtt-over-limit" ? "mqtt-limit" : "mqtt-malformed";
}
