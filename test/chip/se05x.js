import assert from "node:assert/strict";
import {
  decodeExtendedCommand,
  decodeLongResponse,
  encodeExtendedCommand,
  Scp03Session,
} from "../../src/apdu/index.js";
import { nodeBlockCipher } from "../../src/apdu/node.js";
import { SE05X_COMMAND_SET } from "../../src/apdu/se05x/index.js";
import { nodeSe05xCrypto } from "../../src/chip/node.js";
import { Se05xChip } from "../../src/chip/se05x/index.js";
import { fromHex } from "../../src/codec/index.js";
import { SeededEntropy, VirtualClock } from "../../src/crypto/index.js";
import { nodeHash } from "../../src/crypto/node.js";
/** NXP's published keys of the platform's secure channel for applet 7.2 (AN12436). */
export const APPLET_72_KEYS = {
  enc: fromHex("d2db63e7a0a5aed72a6460c4dfdcaf64"),
  mac: fromHex("738d5b798ed241b0b24768514bfba95b"),
  dek: fromHex("6702dac30942b2c85e7f47b42ced4e7f"),
};
/** The same for the SE050 development kit. */
export const DEVELOPMENT_KIT_KEYS = {
  enc: fromHex("35c256458958a34f6136155f8209d6cd"),
  mac: fromHex("af177d5dbdf7c0d5c10a05b9f1607f78"),
  dek: fromHex("a1bc8438bf77935b361a4425fe79fa29"),
};
/** A seeded chip, its clock, and the way to it. */
export async function newSe05x(options = {}) {
  const { model = "se051", memory, seed = "se05x" } = options;
  const clock = new VirtualClock();
  const chip = await Se05xChip.open({
    model,
    crypto: nodeSe05xCrypto,
    entropy: new SeededEntropy(nodeHash, seed),
    clock,
    ...(memory ? { memory } : {}),
  });
  return { chip, clock, host: new Host((command) => chip.exchange(command)) };
}
/** A host as tests need it: typed commands over an exchange, and the channels and sessions that wrap it. */
export class Host {
  exchange;
  constructor(exchange) {
    this.exchange = exchange;
  }
  raw(command) {
    return decodeLongResponse(this.exchange(typeof command === "string" ? fromHex(command) : command));
  }
  /** The answer of a command that must be carried out. */
  send(key, request) {
    const { data, sw } = this.raw(bytesOf(key, request));
    assert.equal(sw.toString(16), "9000", key);
    return SE05X_COMMAND_SET.readResponse(key, data);
  }
  /** The status word of a command, in hex. */
  sw(key, request) {
    return this.raw(bytesOf(key, request)).sw.toString(16);
  }
  /** Whatever goes through the result goes into this session. */
  inSession(sessionId) {
    return new Host((command) => this.exchange(bytesOf("processSession", { sessionId, command })));
  }
  /** A channel by static keys: the platform's, or in a session of an AES key its own. Asserts the chip's proof. */
  openChannel(keys, options) {
    const { keyVersion, level = 0x33, ...rest } = options;
    const hostChallenge = fromHex("1122334455667788");
    const answer = this.send("initializeUpdate", { keyVersion, hostChallenge });
    const challenges = { host: hostChallenge, card: answer.cardChallenge };
    const scp = new Scp03Session(nodeBlockCipher, keys, challenges, { extendedLengths: true, ...rest });
    assert.deepEqual(answer.cardCryptogram, scp.cardCryptogram);
    const mac = scp.authenticationMac(scp.hostCryptogram, level);
    this.send("externalAuthenticate", { level, hostCryptogram: scp.hostCryptogram, mac });
    scp.useLevel(level);
    return this.through(scp);
  }
  /** Whatever goes through the result goes into this channel; refusals come back bare. */
  through(scp) {
    return new Host((command) => {
      const secured = scp.protectCommand(decodeExtendedCommand(command));
      const answer = scp.openResponse(decodeLongResponse(this.exchange(encodeExtendedCommand(secured))));
      return Uint8Array.of(...answer.data, answer.sw >> 8, answer.sw & 0xff);
    });
  }
}
/** Bytes of a command of the table. */
export function bytesOf(key, request) {
  return encodeExtendedCommand(SE05X_COMMAND_SET.build(key, request));
}
