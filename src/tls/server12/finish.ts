import { KeySchedule12, protection12 } from "../key-schedule12.ts";
import { bodyOf, finished, handshakeMessage, type HandshakeMessage } from "../messages.ts";
import { FinishedVerified } from "../proofs.ts";
import { State } from "../state.ts";
import { SUITES_12 } from "../suites.ts";
import { ConnectedServer } from "./connected.ts";
import { type Hellos, randomsOf } from "./hellos.ts";
import type { ServerHandshake } from "./server-config.ts";
import type { Settled } from "./trust.ts";

type Sender = "client" | "server";

/** The records of one side under the keys of this handshake. RFC 5246, section 6.3 */
function protectionOf({ config }: ServerHandshake, hellos: Hellos, master: Uint8Array, sender: Sender) {
  const suite = SUITES_12[hellos.suiteName];
  const block = new KeySchedule12(config.hash, suite.hash).keyBlock(master, randomsOf(hellos), suite.cipher);
  return protection12(config, suite, { block, sender, encryptThenMac: hellos.encryptThenMac });
}

/** One side's proof over the transcript as it stands. RFC 5246, section 7.4.9 */
function verifyData({ config, transcript }: ServerHandshake, hellos: Hellos, master: Uint8Array, sender: Sender) {
  const schedule = new KeySchedule12(config.hash, SUITES_12[hellos.suiteName].hash);
  return schedule.verifyData(master, sender, transcript.digest());
}

/** ChangeCipherSpec and Finished end a flight of the server's. RFC 5246, sections 7.1 and 7.4.9 */
export function sayFinished(handshake: ServerHandshake, hellos: Hellos, master: Uint8Array): void {
  const { wire, transcript } = handshake;
  wire.sendChangeCipherSpec();
  wire.protectWrites(protectionOf(handshake, hellos, master, "server"));
  const message = handshakeMessage("finished", finished, verifyData(handshake, hellos, master, "server"));
  transcript.add(message.raw);
  wire.sendMessage(message);
  wire.endFlight();
}

/** RFC 5246, section 7.1 */
export class ExpectChangeCipherSpec extends State<ServerHandshake> {
  readonly name = "change_cipher_spec";
  readonly #hellos: Hellos;
  readonly #settled: Settled;

  constructor(handshake: ServerHandshake, hellos: Hellos, settled: Settled) {
    super(handshake);
    this.#hellos = hellos;
    this.#settled = settled;
  }

  override onChangeCipherSpec(): State<ServerHandshake> {
    const { wire } = this.handshake;
    wire.protectReads(protectionOf(this.handshake, this.#hellos, this.#settled.master, "client"));
    return new ExpectFinished(this.handshake, this.#hellos, this.#settled);
  }
}

/** RFC 5246, section 7.4.9 */
class ExpectFinished extends State<ServerHandshake> {
  readonly name = "finished";
  readonly #hellos: Hellos;
  readonly #settled: Settled;

  constructor(handshake: ServerHandshake, hellos: Hellos, settled: Settled) {
    super(handshake);
    this.#hellos = hellos;
    this.#settled = settled;
  }

  override onMessage(message: HandshakeMessage): State<ServerHandshake> {
    this.expect(message, "finished");
    const { master, trust } = this.#settled;
    const expected = verifyData(this.handshake, this.#hellos, master, "client");
    const proof = FinishedVerified.check(expected, bodyOf(finished, message));
    this.handshake.transcript.add(message.raw);
    // In a resumption the server has ended first. RFC 5246, section 7.3
    if (!("resumed" in trust)) sayFinished(this.handshake, this.#hellos, master);
    return new ConnectedServer(this.handshake, this.#hellos, this.#settled, proof);
  }
}
