import { finished, handshakeMessage } from "../messages.ts";
import { protect12 } from "../protection-elsewhere.ts";
import type { Handshake, State } from "../state.ts";
import type { Negotiation12 } from "./negotiation.ts";
import { Derivations } from "./secrets.ts";
import type { Agreed } from "./trust.ts";

/** ChangeCipherSpec and Finished end a flight of ours. RFC 5246, sections 7.1 and 7.4.9 */
export function sendFinished(
  handshake: Handshake,
  negotiation: Negotiation12,
  { master, block }: Agreed,
  next: () => State,
): State {
  const { config, wire, transcript } = handshake;
  const { suite, encryptThenMac } = negotiation;
  return new Derivations(handshake, negotiation, master).verifyData("client", (verifyData) => {
    wire.sendChangeCipherSpec();
    wire.protectWrites(protect12(config, suite, { block, sender: "client", encryptThenMac }));
    const message = handshakeMessage("finished", finished, verifyData);
    transcript.add(message.raw);
    wire.sendMessage(message);
    wire.endFlight();
    return next();
  });
}
