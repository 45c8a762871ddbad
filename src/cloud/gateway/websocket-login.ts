import { Denied } from "../../codec/index.ts";
import { type AuthenticationPorts, type Claim, checkHead, checkSignature } from "../api/index.ts";
import type { RequestHead } from "../operations/index.ts";
import type { CloudErrorCode } from "../errors.ts";

/** The service that a WebSocket's URL is signed for, and the one that the SDKs sign data-plane calls for. */
const SCOPES = ["iotdevicegateway", "iotdata"] as const;

const NOTHING = new Uint8Array(0);

/** Where MQTT is offered over WebSocket. */
export const WEBSOCKET_PATH = "/mqtt";

/**
 * The claim, its signature checked, that signed the request to open a WebSocket. AWS IoT Core, "MQTT over the WebSocket protocol".
 * Throws `Denied` as `checkHead` and `checkSignature` do, and for another path.
 */
export function websocketLogin(head: RequestHead, ports: AuthenticationPorts): Claim {
  if (head.path !== WEBSOCKET_PATH) {
    throw new Denied<CloudErrorCode>("missing-authentication", `MQTT over WebSocket is at ${WEBSOCKET_PATH}`);
  }
  const claim = checkHead(head, SCOPES, ports);
  checkSignature(claim, { ...head, body: NOTHING }, ports.hash);
  return claim;
}

/** The subprotocol of a client's list that is answered; undefined where none is known. MQTT 5.0, section 6 */
export function subprotocolOf(offered: Iterable<string>): string | undefined {
  const names = [...offered];
  return ["mqtt", "mqttv3.1"].find((name) => names.includes(name));
}
